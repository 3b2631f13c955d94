"""The twelve faults over real sockets: always a typed error or completeness.

Each fault strikes at 175 places of a stream of 50 kB, 2100 requests in all. What
is heard is always the beginning of what was said, and all of it where no error
tells otherwise.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from streamplay import errors
from streamplay.network import retry
from streamplay.network.client import SpeechClient
from streamplay.request import SpeechRequest
from streamplay.stream.wire import Audio
from tests.support.rawserver import DONE, chunk, chunked, delta, event, head, running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.rawserver import Connection

    Fault = Callable[[Connection, int], Awaitable[None]]
    Outcome = tuple[bytes, errors.StreamPlayError | None]

pytestmark = pytest.mark.no_cover

PLACES = 175
PIECES = [random.Random(n).randbytes(1300 + n) for n in range(28)]
EVENTS = [delta(piece) for piece in PIECES]
AUDIO = b"".join(PIECES)
BODY = b"".join(EVENTS) + DONE
SSE = {"Content-Type": "text/event-stream"}

# A test asks for a fault at a place by the text that it wants to hear.
FAULTS: dict[str, tuple[Fault, tuple[type[errors.StreamPlayError], ...]]] = {}

CUT = (errors.Truncated, errors.ConnectionLost)


def fault(*kinds: type[errors.StreamPlayError]) -> Callable[[Fault], Fault]:
    """Register a fault, and the errors that it may give."""

    def register(strike: Fault) -> Fault:
        FAULTS[strike.__name__] = (strike, kinds)
        return strike

    return register


@fault(*CUT)
async def end_between_chunks(connection: Connection, place: int) -> None:
    middle = place // 2
    await connection.send(chunked([BODY[:middle] or b"\n", BODY[middle:place] or b"\n"], end=False))
    connection.close()


@fault(*CUT)
async def end_inside_a_chunk(connection: Connection, place: int) -> None:
    announced = b"%x\r\n" % len(BODY)
    await connection.send(chunked([], end=False), announced, BODY[:place])
    connection.close()


@fault(*CUT)
async def reset(connection: Connection, place: int) -> None:
    await connection.send(chunked([BODY[:place] or b"\n"], end=False))
    await asyncio.sleep(0.001)
    connection.reset()


@fault(errors.Truncated)
async def clean_end_without_the_mark(connection: Connection, place: int) -> None:
    await connection.send(chunked([BODY[: min(place, len(BODY) - len(DONE))] or b"\n"]))


@fault()
async def data_after_the_mark(connection: Connection, place: int) -> None:
    rubbish = random.Random(place).randbytes(50) + BODY[: place // 8]
    await connection.send(chunked([BODY, rubbish]))


@fault(errors.RemoteError)
async def an_error_event(connection: Connection, place: int) -> None:
    await connection.send(chunked(inserted(event({"error": {"message": "down"}}), place)))


@fault(errors.MalformedEvent)
async def malformed_json(connection: Connection, place: int) -> None:
    await connection.send(chunked(inserted(b'data: {"b64": "AAAA"\n\n', place)))


@fault(errors.MalformedEvent)
async def bad_base64(connection: Connection, place: int) -> None:
    bad = ["AAA", "A===", "AA*A", "A", "ÄÄÄÄ"][place % 5]
    await connection.send(chunked(inserted(event({"b64": bad}), place)))


@fault(errors.TimedOut)
async def a_freeze(connection: Connection, place: int) -> None:
    await connection.send(chunked([BODY[:place] or b"\n"], end=False))
    await connection.gone()


@fault(errors.MalformedEvent, errors.Truncated, errors.RemoteError)
async def binary_rubbish(connection: Connection, place: int) -> None:
    rubbish = random.Random(place).randbytes(40)
    await connection.send(chunked([BODY[:place] + rubbish + BODY[place:]]))


@fault(errors.Truncated)
async def broken_chunked_framing(connection: Connection, place: int) -> None:
    await connection.send(chunked([BODY[:place] or b"\n"], end=False), b"zz\r\n", chunk(b"x"))
    connection.close()


@fault(*CUT)
async def a_short_content_length(connection: Connection, place: int) -> None:
    # Shorter than the body, or the body shorter than it.
    told = place if place % 2 else len(BODY)
    await connection.send(head(200, SSE | {"Content-Length": str(told)}), BODY[:place])
    connection.close()


def inserted(strange: bytes, place: int) -> list[bytes]:
    """Return the stream with a strange event in it, at one of its events."""
    at = place % len(EVENTS)
    return [b"".join(EVENTS[:at]) or b"\n", strange, b"".join(EVENTS[at:]) + DONE]


async def serve(connection: Connection) -> None:
    while True:
        asked = await connection.request()
        name, place = asked.json["input"].split()
        await FAULTS[name][0](connection, int(place))


async def hear(client: SpeechClient, name: str, place: int) -> Outcome:
    heard = b""
    try:
        async with client.open(SpeechRequest(input=f"{name} {place}")) as response:
            async for each in response.events():
                heard += each.data if isinstance(each, Audio) else b""
    except errors.StreamPlayError as error:
        return heard, error
    return heard, None


def strike(name: str, places: list[int]) -> list[Outcome]:
    """Let one fault strike at all places, many requests beside each other."""

    async def main() -> list[Outcome]:
        # Only the freeze waits for it to run out.
        limit = 0.1 if name == "a_freeze" else 30.0
        async with (
            asyncio.timeout(60),
            running(serve) as server,
            SpeechClient(base_url=server.base_url, timeout=limit) as client,
        ):
            return await asyncio.gather(*(hear(client, name, place) for place in places))

    return asyncio.run(main())


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_told_and_what_came_before_it_is_kept(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.0)
    places = sorted(random.Random(name).sample(range(len(BODY)), PLACES))
    for place, (heard, error) in zip(places, strike(name, places), strict=True):
        assert AUDIO.startswith(heard), (name, place)
        if error is None:
            assert heard == AUDIO, (name, place)
        else:
            assert isinstance(error, FAULTS[name][1]), (name, place, error)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_in_the_middle_is_an_error_and_one_after_the_end_is_none(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.0)
    (heard, error), *_ = strike(name, [len(BODY) // 2 + 1])
    assert (error is None) == (name == "data_after_the_mark")
    if name in ("an_error_event", "malformed_json", "bad_base64"):
        at = (len(BODY) // 2 + 1) % len(EVENTS)
        assert heard == b"".join(PIECES[:at])


def test_there_are_twelve() -> None:
    assert len(FAULTS) == 12
    assert len(FAULTS) * PLACES >= 2000
    assert len(BODY) > 50_000
