from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.errors import (
    ConnectionLost,
    MalformedEvent,
    NoAudio,
    StreamPlayError,
    TimedOut,
    TooLarge,
    Truncated,
)
from streamplay.network.body import Body, Moments
from streamplay.network.timeouts import Timeouts
from streamplay.stream.wire import Audio, Done, Ignored, WireEvent, reader_for
from tests.support.rawserver import DONE, delta, event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from streamplay.network.async_connection import Piece

SSE = "text/event-stream"


class Scripted:
    """An exchange whose body is a list; an exception in it is raised."""

    def __init__(self, *pieces: bytes | Exception, hangs: bool = False) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.taken = 0
        self.arrived = 0.0
        self.closed = False
        self._pieces = pieces
        self._hangs = hangs

    def gather(self, seconds: float) -> None:
        raise AssertionError("a body does not ask for it")

    def hurry(self) -> bool:
        return False

    async def pieces(self) -> AsyncGenerator[list[Piece], None]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            self.taken += 1
            self.arrived += 1.0
            yield [(self.arrived, piece)]
        if self._hangs:
            await asyncio.sleep(3600)

    async def aclose(self) -> None:
        self.closed = True


async def read(body: Body, kind: str = SSE) -> tuple[list[WireEvent], StreamPlayError | None]:
    """Read a body to its end or its fault."""
    events: list[WireEvent] = []
    keep = events.extend
    try:
        await body.first()
        async for batch in body.batches(reader_for(kind)):
            keep(batch)
    except StreamPlayError as error:
        return events, error
    return events, None


def body_of(*pieces: bytes | Exception, hangs: bool = False, bound: int | None = None) -> Body:
    return Body(Scripted(*pieces, hangs=hangs), Timeouts(), 0.05 if hangs else 10.0, bound=bound)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut `data` at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if b > a]


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_a_body_cut_anywhere_gives_the_same_events(places: list[int]) -> None:
    whole = delta(b"\x01\x02") + event({"type": "other"}) + delta(b"\x03" * 100) + DONE

    async def main() -> None:
        body = body_of(*cut(whole, places))
        events, error = await read(body)
        assert events == [Audio(b"\x01\x02"), Ignored("other"), Audio(b"\x03" * 100), Done()]
        assert error is None
        assert body.bytes == len(whole)
        await body.aclose()

    asyncio.run(main())


@given(
    st.lists(st.sampled_from((40, 3000, 12_000, 13_000, 20_000, 60_000)), min_size=1, max_size=40),
    st.lists(st.integers(0, 1 << 21), max_size=4),
)
def test_large_and_small_events_in_long_pieces_come_once(
    sizes: list[int], places: list[int]
) -> None:
    """Where events become large, more is read in one turn, and nothing of it twice."""
    audio = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    pieces = cut(b"".join(delta(part) for part in audio) + DONE, places)
    events, fault = asyncio.run(read(body_of(*pieces)))
    assert fault is None
    assert [event.data for event in events if isinstance(event, Audio)] == audio


@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(0, 10_000), max_size=8))
def test_raw_bytes_cut_anywhere_are_the_same_bytes(data: bytes, places: list[int]) -> None:
    async def main() -> None:
        events, error = await read(body_of(*cut(data, places)), "audio/pcm")
        assert error is None
        assert events[-1] == Done()
        assert b"".join(each.data for each in events if isinstance(each, Audio)) == data

    asyncio.run(main())


@pytest.mark.parametrize("kind", [SSE, "audio/pcm"])
def test_an_empty_body_is_no_speech(kind: str) -> None:
    events, error = asyncio.run(read(body_of(), kind))
    assert events == []
    assert isinstance(error, NoAudio)


def test_what_came_before_a_fault_is_given_before_it() -> None:
    lost = ConnectionLost("reset")
    events, error = asyncio.run(read(body_of(delta(b"\x01\x02"), lost)))
    assert (events, error) == ([Audio(b"\x01\x02")], lost)
    events, error = asyncio.run(read(body_of(delta(b"\x01\x02") + b"data: {\n\n" + DONE)))
    assert events == [Audio(b"\x01\x02")]
    assert isinstance(error, MalformedEvent)


def test_a_body_that_ends_without_its_mark_is_truncated() -> None:
    events, error = asyncio.run(read(body_of(delta(b"\x01\x02"))))
    assert events == [Audio(b"\x01\x02")]
    assert isinstance(error, Truncated)


def test_events_after_the_mark_are_counted_and_not_given() -> None:
    async def main() -> None:
        body = body_of(delta(b"\x01\x02") + DONE + delta(b"\x03\x04") + event({}))
        assert await read(body) == ([Audio(b"\x01\x02"), Done()], None)
        assert body.late == 2

    asyncio.run(main())


def test_the_tail_after_the_mark_is_read_so_that_the_connection_can_serve_again() -> None:
    async def main() -> None:
        exchange = Scripted(delta(b"\x01\x02"), DONE, b": tail\n\n", b": more\n\n")
        body = Body(exchange, Timeouts(), 1)
        await read(body)
        assert exchange.taken == 2
        await body.aclose()
        assert exchange.taken == 4
        assert exchange.closed

    asyncio.run(main())


@pytest.mark.parametrize("tail", [[ConnectionLost("reset")], [b"x" * 70_000, b"never taken"]])
def test_a_tail_that_breaks_or_does_not_end_is_let_be(tail: list[bytes | Exception]) -> None:
    async def main() -> None:
        exchange = Scripted(DONE, *tail, hangs=True)
        body = Body(exchange, Timeouts(), 1)
        await read(body)
        await body.aclose()
        assert exchange.taken < 3
        assert exchange.closed

    asyncio.run(main())


def test_a_server_that_keeps_the_body_open_after_the_mark_is_not_waited_for() -> None:
    async def main() -> None:
        exchange = Scripted(DONE, hangs=True)
        body = Body(exchange, Timeouts(), 3600)
        await read(body)
        async with asyncio.timeout(10):
            await body.aclose()
        assert exchange.closed

    asyncio.run(main())


def test_a_body_left_in_the_middle_is_closed_and_not_read_on() -> None:
    async def main() -> None:
        exchange = Scripted(delta(b"\x01\x02"), delta(b"\x03\x04"), DONE)
        body = Body(exchange, Timeouts(), 1)
        await body.first()
        batches = body.batches(reader_for(SSE))
        assert await anext(batches) == [Audio(b"\x01\x02")]
        await batches.aclose()
        await body.aclose()
        assert (exchange.taken, exchange.closed) == (1, True)

    asyncio.run(main())


def test_a_file_is_taken_up_to_its_bound() -> None:
    events, error = asyncio.run(read(body_of(b"x" * 60, b"x" * 40, bound=100), "audio/wav"))
    assert error is None
    assert len(events) == 3
    events, error = asyncio.run(read(body_of(b"x" * 60, b"x" * 41, bound=100), "audio/wav"))
    assert isinstance(error, TooLarge)
    assert events == [Audio(b"x" * 60)]


def test_the_start_of_an_error_is_enough_however_it_ends() -> None:
    async def start(body: Body) -> bytes:
        await body.first()
        return await body.start(10)

    assert asyncio.run(start(body_of())) == b""
    assert asyncio.run(start(body_of(b"abc", b"def"))) == b"abcdef"
    assert asyncio.run(start(body_of(*[b"abc"] * 9))) == b"abcabcabca"
    assert asyncio.run(start(body_of(b"abc", ConnectionLost("reset")))) == b"abc"
    assert asyncio.run(start(body_of(b"abc", hangs=True))) == b"abc"


def test_a_whole_body_is_read_within_its_bound() -> None:
    async def whole(body: Body) -> bytes:
        await body.first()
        return await body.whole()

    assert asyncio.run(whole(body_of())) == b""
    assert asyncio.run(whole(body_of(b"abc", b"def", bound=6))) == b"abcdef"
    with pytest.raises(TooLarge):
        asyncio.run(whole(body_of(b"abc", b"def", bound=5)))


def test_moments_of_a_failed_attempt_are_forgotten_but_not_when_it_was_begun() -> None:
    moments = Moments(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    moments.restart()
    assert moments == Moments(1.0)


class Endless(Scripted):
    """An exchange whose body never ends: `pace` seconds lie between two pieces."""

    def __init__(self, *pieces: bytes, pace: float = 0.0) -> None:
        super().__init__(*pieces)
        self._pace = pace

    async def pieces(self) -> AsyncGenerator[list[Piece], None]:
        while True:
            self.taken += 1
            yield [(0.0, bytes(self._pieces[min(self.taken, len(self._pieces)) - 1]))]
            if self._pace:
                await asyncio.sleep(self._pace)


NO_WORDS: dict[str, list[str]] = {"words": [], "start_seconds": [], "end_seconds": []}
NOTHING = {
    "comments": b": ping\n\n",
    "ignored": event({"type": "other"}),
    "empty": delta(b""),
    "words": event({"type": "conversation.item.word_timestamps", **NO_WORDS}),
    "unfinished": b"data: ",
}


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("before", [(), (delta(b"\x01\x02"),)])
@pytest.mark.parametrize("pace", [0.0, 0.01])
def test_whatever_comes_without_audio_is_a_time_out(
    nothing: str, before: tuple[bytes, ...], pace: float
) -> None:
    async def main() -> None:
        exchange = Endless(*before, NOTHING[nothing], pace=pace)
        events, error = await read(Body(exchange, Timeouts(), 0.1))
        assert isinstance(error, TimedOut)
        assert error.waiting_for in ("audio", "chunk")  # the latter where the machine is busy
        assert sum(isinstance(each, Audio) and bool(each.data) for each in events) == len(before)

    asyncio.run(main())


def test_the_first_audio_may_take_longer_than_the_next() -> None:
    async def main() -> None:
        exchange = Endless(b": ping\n\n")
        _, error = await read(Body(exchange, Timeouts(), 0.02, audio_limit=0.1))
        assert isinstance(error, TimedOut)
        assert error.seconds == 0.1

    asyncio.run(main())


def test_a_consumer_that_is_slow_uses_up_no_time() -> None:
    async def main() -> None:
        body = Body(
            Scripted(*[event({"type": "other"})] * 9, delta(b"\x01\x02"), DONE), Timeouts(), 0.1
        )
        await body.first()
        async for _ in body.batches(reader_for(SSE)):
            await asyncio.sleep(0.03)

    asyncio.run(main())


def test_a_flood_lets_the_loop_have_its_turns_and_the_deadline_ends_it() -> None:
    async def main() -> None:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(turn())
        patience = Timeouts(0.1)
        patience.start()
        exchange = Endless(delta(b"\x01\x02") * 5000)
        _, error = await read(Body(exchange, patience, 10.0))
        assert isinstance(error, TimedOut)
        assert error.waiting_for == "deadline"
        assert turns > exchange.taken > 0
        other.cancel()

    asyncio.run(main())
