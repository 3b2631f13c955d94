"""One server's speech API, as the player and the benchmark use it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from streamplay import errors
from streamplay.models import Voice
from streamplay.network.api import SpeechApi
from streamplay.network.failures import ErrorBody
from streamplay.request import SpeechRequest
from streamplay.stream.wire import Words
from tests.support.rawserver import (
    DONE,
    answer,
    chunked,
    delta,
    event,
    refuse,
    replies,
    running,
    speech,
    unused_port,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.rawserver import Connection, RawServer, Script

    Use = Callable[[SpeechApi, RawServer], Awaitable[Any]]

REQUEST = SpeechRequest(input="Hello")
KEY = "tgp-secret-0123456789"
NAMES = answer(b'{"voices": ["eve", {"name": "adam"}]}', kind="application/json")


async def hang_up(connection: Connection) -> None:
    connection.close()


NO_LIST = refuse(404, {"detail": "Not Found"})


def with_client(use: Use, *answers: bytes | Script, **options: Any) -> Any:
    """Run `use` with a client of a server that gives these answers."""

    async def main() -> Any:
        async with asyncio.timeout(20), running(replies(*answers)) as server:
            options.setdefault("base_url", server.base_url)
            async with SpeechApi(**options) as client:
                return await use(client, server)

    return asyncio.run(main())


def test_a_warm_connection_is_used_by_the_next_request() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        await client.warm()
        async with client.open(REQUEST) as response:
            assert response.moments.connected is None
        assert [request.method for request in server.requests] == ["POST"]
        assert server.connections == 1

    with_client(use, speech(b"\x01\x02"), api_key=KEY)


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:{port}/v1", "https://127.0.0.1:{port}/v1", "http://nobody.invalid"],
)
def test_warming_never_raises(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SpeechApi(base_url=base_url.format(port=unused_port()))
    asyncio.run(client.warm())
    monkeypatch.setenv("ALL_PROXY", "nonsense://nowhere")
    asyncio.run(SpeechApi(base_url="http://nobody.invalid").warm())


def test_warming_waits_for_nobody_long() -> None:
    async def never(connection: Connection) -> None:
        await connection.gone()

    async def use(client: SpeechApi, _: RawServer) -> None:
        await client.warm()

    with_client(use, never, timeout=0.05)


# Lists


@pytest.mark.parametrize("nothing", [NO_LIST, answer(b"<html>", kind="text/html"), answer(b"[]")])
def test_voices_are_looked_for_where_imitators_of_openai_have_them(nothing: bytes) -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        assert await client.voices() == [Voice("eve", "eve", None), Voice("adam", "adam", None)]
        targets = [request.target for request in server.requests]
        assert targets == ["/v1/voices", "/v1/audio/voices"]

    with_client(use, nothing, NAMES)


def test_where_no_place_lists_voices_the_first_says_so() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        with pytest.raises(errors.ModelNotFound, match="first"):
            await client.voices()

    with_client(use, refuse(404, {"detail": "first"}), refuse(404, {"detail": "second"}))


def test_a_server_that_knows_no_key_is_not_asked_at_another_place() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        with pytest.raises(errors.NotAuthorized):
            await client.voices()
        assert len(server.requests) == 1

    with_client(use, refuse(401, {"error": "no"}))


# Shapes


def test_what_one_client_has_learned_of_a_server_the_others_know() -> None:
    wants_wav = refuse(400, {"error": {"message": "response_format must be one of [wav]"}})

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            assert response.attempts == 3
            assert response.reshaped
        for other in (client.beside(), SpeechApi(base_url=server.base_url)):
            async with other, other.open(REQUEST) as response:
                assert response.attempts == 1
        formats = [request.json["response_format"] for request in server.requests]
        assert formats == ["raw", "pcm", "wav", "wav", "wav"]

    told: list[str] = []
    with_client(use, wants_wav, wants_wav, speech(b"\x01\x02" * 99), notify=told.append)
    assert told == ["the server wants OpenAI's shape of request (--api openai), as wav"]


def test_a_500_at_once_is_tried_in_another_shape_and_then_for_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamplay.network.retry._FIRST_WAIT", 0.01)

    async def use(client: SpeechApi, server: RawServer) -> list[str]:
        with pytest.raises(errors.ServerFailed, match="overloaded"):
            await client.open(REQUEST).__aenter__()
        return [request.json["response_format"] for request in server.requests]

    failed = refuse(500, {"error": "overloaded"})
    assert with_client(use, failed) == ["raw", "pcm", "raw", "raw", "raw"]
    no = refuse(400, {"error": "no"})
    assert with_client(use, failed, no, no, no, failed) == [
        "raw",
        "pcm",
        "wav",
        "mp3",
        "raw",
        "raw",
    ]


def test_six_requests_are_enough() -> None:
    async def use(client: SpeechApi, server: RawServer) -> int:
        with pytest.raises(errors.BadRequest):
            await client.open(REQUEST).__aenter__()
        return len(server.requests)

    fields = ("stream", "stream_format", "sample_rate")
    no = [refuse(422, {"detail": [{"loc": ["body", name], "msg": "no"}]}) for name in fields]
    assert with_client(use, refuse(400, {"error": "no"}), *no, refuse(400, {"error": "no"})) == 6


def test_togethers_own_hosts_are_asked_in_one_shape() -> None:
    client = SpeechApi(base_url="https://api.together.ai/v1", api_key=KEY)
    chosen = client.choice(REQUEST)
    assert not chosen.after_refusal(422, ErrorBody("no"), 0.0)
    assert not chosen.after_refusal(500, ErrorBody("no"), 0.0)


@pytest.mark.parametrize("refused", [False, True])
def test_the_rate_that_was_asked_for_is_expected_where_it_was_asked_for(refused: bool) -> None:
    request = SpeechRequest(input="Hello", model="m", voice="v", sample_rate=16000)
    no_rate = refuse(422, {"detail": [{"loc": ["body", "sample_rate"], "msg": "not permitted"}]})

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(request) as response:
            assert response.format.samplerate == (24000 if refused else 16000)
            assert response.source == "request"
        assert ("sample_rate" in server.requests[-1].json) is not refused

    answers = [no_rate] * refused + [speech(b"\x01\x02" * 99)]
    with_client(use, *answers, api="openai")


# Our own parallelism


@pytest.mark.parametrize("busy", [*(refuse(status, {}) for status in (409, 429, 503)), hang_up])
def test_a_server_that_is_busy_with_us_is_asked_when_that_has_ended(busy: bytes | Script) -> None:
    waited: list[str] = []

    async def others() -> bool:
        waited.append("waited")
        return True

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST, others=others) as response:
            assert response.attempts == 2
        assert waited == ["waited"]

    told: list[str] = []
    with_client(use, busy, speech(b"\x01\x02" * 99), notify=told.append)
    assert told == []  # no attempt was wasted, and no time


def test_a_server_that_is_busy_with_others_is_asked_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamplay.network.retry._FIRST_WAIT", 0.01)

    async def others() -> bool:
        return False

    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST, others=others) as response:
            assert response.attempts == 2

    told: list[str] = []
    with_client(use, refuse(503, {}), speech(b"\x01\x02" * 99), notify=told.append)
    assert "attempt 2 of 4" in told[0]


# Texts that are longer than the server takes

TOO_LONG = refuse(
    422, {"detail": [{"loc": ["body", "input"], "msg": "should have at most 60 characters"}]}
)
LONG = "This is the first sentence of three. And here is the second. The third ends it."


def test_a_text_that_is_too_long_is_asked_for_in_parts_and_the_limit_is_kept() -> None:
    words = {"type": "conversation.item.word_timestamps", "words": ["so"]}
    timed = event({**words, "start_seconds": [0.1], "end_seconds": [0.2]})
    spoken = answer(timed + delta(b"\x01\x02" * 2400) + DONE)

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(SpeechRequest(input=LONG)) as response:
            came = [item async for item in response.chunks()]
        assert sum(len(item.frames) for item in came if not isinstance(item, Words)) == 4800
        starts = [item.starts for item in came if isinstance(item, Words)]
        assert starts == [(0.1,), (pytest.approx(0.2),)]
        assert (response.attempts, response.counts.audio, response.counts.words) == (3, 2, 2)
        texts = [request.json["input"] for request in server.requests]
        assert texts == [LONG, LONG[:60].strip(), LONG[60:].strip()]
        async with client.open(SpeechRequest(input=LONG)) as response:
            assert len([item async for item in response.chunks()]) == 4
        assert response.attempts == 2

    told: list[str] = []
    with_client(use, TOO_LONG, spoken, notify=told.append)
    assert told == ["the server takes 60 characters at a time: asking for parts"]


def test_a_part_that_breaks_off_may_be_asked_for_again_from_the_first() -> None:
    spoken = speech(b"\x01\x02" * 2400)

    async def cut(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x01\x02" * 2400)], end=False))
        await asyncio.sleep(0.05)
        connection.reset()

    async def use(client: SpeechApi, _: RawServer) -> None:
        client.learned.longest = 60
        async with client.open(SpeechRequest(input=LONG)) as response:
            error: errors.StreamPlayError | None = None
            try:
                async for _item in response.chunks():
                    pass
            except errors.StreamPlayError as caught:
                error = caught
            assert error is not None
            assert await response.try_again(error)
            came = [item async for item in response.chunks()]
            assert sum(len(item.frames) for item in came if not isinstance(item, Words)) == 4800

    with_client(use, spoken, cut, spoken, spoken)
