"""Attempts, time limits and events, over real sockets."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import errors
from streamplay.audio import AudioFormat
from streamplay.network import retry
from streamplay.network.api import SpeechApi
from streamplay.request import SpeechRequest
from streamplay.stream.decoder import Chunk
from streamplay.stream.wire import Audio, Done, Ignored, WireEvent, Words
from tests.support.rawserver import (
    DONE,
    answer,
    chunk,
    chunked,
    delta,
    event,
    head,
    refuse,
    replies,
    running,
    speech,
    unused_port,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamplay.network.response import SpeechResponse
    from tests.support.rawserver import Connection, RawServer, Script

    Use = Callable[[SpeechApi, RawServer], Awaitable[Any]]

REQUEST = SpeechRequest(input="Hello")
KEY = "tgp-secret-0123456789"
SPEECH = speech(b"\x01\x02", b"\x03\x04")
BUSY = refuse(503, {"error": {"message": "overloaded"}}, retry_after_ms="1")


def with_client(use: Use, *answers: bytes | Script, **options: Any) -> Any:
    """Run `use` with a client of a server that gives these answers."""

    async def main() -> Any:
        async with (
            asyncio.timeout(20),
            running(replies(*answers)) as server,
            SpeechApi(base_url=server.base_url, api_key=KEY, **options) as client,
        ):
            return await use(client, server)

    return asyncio.run(main())


async def collect(response: SpeechResponse) -> list[WireEvent]:
    return [each async for each in response.events()]


async def decode(client: SpeechApi, _: RawServer) -> str:
    async with client.open(REQUEST) as response:
        async for _item in response.chunks():
            pass
        return response.warning


async def listen(client: SpeechApi, _: RawServer) -> list[WireEvent]:
    async with client.open(REQUEST) as response:
        return await collect(response)


def failure(*answers: bytes | Script, **options: Any) -> errors.StreamPlayError:
    """Return how a request to a server that gives these answers fails."""
    with pytest.raises(errors.StreamPlayError) as caught:
        with_client(listen, *answers, **options)
    return caught.value


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the waits between attempts be short."""
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.001)


async def drop(connection: Connection) -> None:
    connection.reset()


def test_events_come_in_order_and_end_with_the_mark() -> None:
    body = (
        event({"type": "hello"})
        + event(
            {
                "type": "conversation.item.word_timestamps",
                "words": ["a"],
                "start_seconds": [0],
                "end_seconds": [1],
            }
        )
        + delta(b"")
        + delta(b"\x01\x02")
        + delta(b"\x03\x04")
        + DONE
    )

    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            assert await collect(response) == [
                Ignored("hello"),
                Words(("a",), (0.0,), (1.0,)),
                Audio(b""),
                Audio(b"\x01\x02"),
                Audio(b"\x03\x04"),
                Done(),
            ]
            assert (response.attempts, response.ignored) == (1, 1)
            assert response.body_bytes == len(body)
            assert response.content_type == "text/event-stream; charset=utf-8"

    with_client(use, answer(body, kind="text/event-stream; charset=utf-8"))


def test_entering_returns_with_the_first_audio_and_not_with_the_whole() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            more.set()
            assert await collect(response) == [Audio(b"\x01\x02"), Done()]

    more = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x01\x02")], end=False))
        await more.wait()
        await connection.send(chunk(DONE), chunk(b""))

    with_client(use, script)


def test_events_without_end_and_without_audio_are_handed_out_all_the_same() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            events = response.events()
            assert [await anext(events) for _ in range(3000)] == [Ignored("x")] * 3000

    async def endless(connection: Connection) -> None:
        await connection.send(chunked([], end=False))
        for _ in range(3100):
            await connection.send(chunk(event({"type": "x"})))
        await connection.gone()

    with_client(use, endless)


def test_the_voice_that_really_speaks_is_told_safely() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            assert response.voice == "eSpeak en"
        async with client.open(REQUEST) as response:
            assert response.voice is None

    body = delta(b"\x01\x02") + DONE
    with_client(use, answer(body, x_streamplay_voice="eSpeak \x1b[31men"), answer(body))


def test_moments_are_in_order_also_when_it_fails() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        times = []
        for _ in range(2):
            response = client.open(REQUEST)
            with pytest.raises(errors.BadRequest):
                await response.__aenter__()
            moments = response.moments
            times.append((moments.begun, moments.sent, moments.headers, moments.first_byte))
            assert (moments.connected is None) == (len(times) == 2)
        for each in times:
            assert None not in each
            assert sorted(each, key=lambda time: time or 0) == list(each)

    with_client(use, refuse(400, {"error": "no"}), api="together")


# Attempts


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_a_busy_server_is_asked_again_and_the_wait_is_told(status: int) -> None:
    notices: list[str] = []

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            assert Done() in await collect(response)
            assert response.attempts == len(server.requests) == 3
        assert len({request.body for request in server.requests}) == 1

    busy = refuse(status, {"error": "busy\x1b[2J"}, retry_after_ms="1")
    with_client(use, busy, busy, SPEECH, notify=notices.append, api="together")
    assert len(notices) == 2
    assert f"({status}): busy; attempt 2 of 4 in 0.0 s" in notices[0]
    assert "attempt 3 of 4" in notices[1]


def test_four_attempts_are_enough() -> None:
    async def use(client: SpeechApi, server: RawServer) -> int:
        with pytest.raises(errors.ServerFailed, match="overloaded"):
            await listen(client, server)
        return len(server.requests)

    assert with_client(use, BUSY) == 4


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_server_that_means_it_is_asked_once(status: int) -> None:
    async def use(client: SpeechApi, server: RawServer) -> list[str]:
        with pytest.raises(errors.ServerRefused):
            await listen(client, server)
        return [request.method for request in server.requests if request.method == "POST"]

    assert with_client(use, refuse(status, {"error": "no"}), api="together") == ["POST"]


@pytest.mark.usefixtures("impatient")
def test_a_reset_before_any_audio_is_tried_again() -> None:
    async def reset_later(connection: Connection) -> None:
        await connection.send(chunked([b": alive\n\n"], end=False))
        await asyncio.sleep(0.02)
        connection.reset()

    assert Done() in with_client(listen, drop, reset_later, SPEECH)


@pytest.mark.usefixtures("impatient")
def test_a_refused_connection_is_tried_again_until_enough() -> None:
    notices: list[str] = []

    async def main() -> None:
        url = f"http://127.0.0.1:{unused_port()}/v1"
        async with SpeechApi(base_url=url, notify=notices.append) as client:
            response = client.open(REQUEST)
            with pytest.raises(errors.ConnectFailed):
                await response.__aenter__()
            assert response.attempts == 4

    asyncio.run(main())
    assert len(notices) == 3


def test_an_advice_of_an_hour_is_told_and_not_waited_for() -> None:
    error = failure(refuse(429, {"error": "slow"}, retry_after="3600"))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 3600
    assert "Try again in 60 minutes" in str(error)


def test_no_wait_goes_beyond_the_deadline() -> None:
    late = refuse(429, {"error": "slow"}, retry_after="30")
    assert isinstance(failure(late, deadline=5), errors.RateLimited)


def test_a_reset_after_audio_was_handed_out_is_not_tried_again_unseen() -> None:
    async def cut(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x01\x02")], end=False))
        await asyncio.sleep(0.02)
        connection.reset()

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            events = response.events()
            assert await anext(events) == Audio(b"\x01\x02")
            with pytest.raises(errors.ConnectionLost):
                await anext(events)
            assert len(server.requests) == 1

    with_client(use, cut, SPEECH)


@pytest.mark.usefixtures("impatient")
def test_who_has_played_nothing_may_try_again() -> None:
    async def cut(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x09\x09")], end=False))
        await asyncio.sleep(0.02)
        connection.reset()

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            with pytest.raises(errors.ConnectionLost) as caught:
                await collect(response)
            assert await response.try_again(caught.value)
            assert await collect(response) == [Audio(b"\x01\x02"), Audio(b"\x03\x04"), Done()]
            assert response.attempts == len(server.requests) == 2

    with_client(use, cut, SPEECH)


def test_what_would_not_be_mended_is_not_tried_again() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            with pytest.raises(errors.RemoteError) as caught:
                await collect(response)
            assert not await response.try_again(caught.value)
            assert len(server.requests) == 1

    broken = b'data: {"type": "error", "error": {"message": "no"}}\n\n'
    with_client(use, answer(delta(b"\x01\x02") + broken))


@pytest.mark.usefixtures("impatient")
def test_what_ended_too_early_may_be_tried_again_once() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            for again in (True, False):
                with pytest.raises(errors.Truncated) as caught:
                    await collect(response)
                assert await response.try_again(caught.value) == again
            assert len(server.requests) == 2

    with_client(use, answer(delta(b"\x01\x02")))


@pytest.mark.usefixtures("impatient")
def test_trying_again_may_fail_again() -> None:
    async def cut(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x09\x09")], end=False))
        await asyncio.sleep(0.02)
        connection.reset()

    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            with pytest.raises(errors.ConnectionLost) as caught:
                await collect(response)
            with pytest.raises(errors.NotAuthorized):
                await response.try_again(caught.value)
            assert response.attempts == 2

    with_client(use, cut, refuse(401, {"error": "no"}))


def test_a_warm_connection_that_the_server_had_closed_is_replaced_at_once() -> None:
    notices: list[str] = []

    async def speak_once(connection: Connection) -> None:
        await connection.send(SPEECH)
        await connection.request()
        connection.reset()

    async def use(client: SpeechApi, server: RawServer) -> None:
        await listen(client, server)
        async with client.open(REQUEST) as response:
            assert Done() in await collect(response)
            assert response.attempts == 2
        assert server.connections == 2

    with_client(use, speak_once, SPEECH, notify=notices.append)
    assert notices == []


def test_a_connection_serves_one_request_after_the_other() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        for _ in range(5):
            await listen(client, server)
        assert (server.connections, len(server.requests)) == (1, 5)

    with_client(use, chunked([delta(b"\x01\x02"), DONE, b": tail\n\n"]))


# Time limits


async def never(connection: Connection) -> None:
    await connection.gone()


async def headers_only(connection: Connection) -> None:
    await connection.send(head(200, {"Content-Type": "text/event-stream"}))
    await connection.gone()


async def one_delta(connection: Connection) -> None:
    await connection.send(chunked([delta(b"\x01\x02")], end=False))
    await connection.gone()


@pytest.mark.parametrize("silence", [never, headers_only])
def test_a_server_that_does_not_begin_is_given_up(silence: Script) -> None:
    error = failure(silence, timeout=0.5)
    assert isinstance(error, errors.TimedOut)
    assert (error.waiting_for, error.seconds) == ("first byte", 0.5)


def test_a_server_that_freezes_is_given_up_and_what_came_is_kept() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            events = response.events()
            assert await anext(events) == Audio(b"\x01\x02")
            with pytest.raises(errors.TimedOut) as caught:
                await anext(events)
            assert caught.value.waiting_for == "chunk"
            assert not await response.try_again(caught.value)
        assert len(server.requests) == 1

    with_client(use, one_delta, timeout=0.5)


@pytest.mark.parametrize("silence", [never, headers_only, one_delta])
def test_the_deadline_ends_every_wait(silence: Script) -> None:
    error = failure(silence, deadline=0.05)
    assert isinstance(error, errors.TimedOut)
    assert (error.waiting_for, error.seconds) == ("deadline", 0.05)


def test_a_connection_that_is_not_made_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: Any, **__: Any) -> None:
        await asyncio.sleep(3600)

    # No address is sure to swallow packets on every machine.
    monkeypatch.setattr("streamplay.network.dialing._first_connected", unreachable)
    error = failure(SPEECH, timeout=0.05)
    assert isinstance(error, errors.TimedOut)
    assert error.waiting_for == "connect"


def test_a_pause_suspends_the_limits() -> None:
    go_on = asyncio.Event()

    async def slow(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x01\x02")], end=False))
        await go_on.wait()
        await connection.send(chunk(delta(b"\x03\x04")))
        await connection.gone()

    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            response.suspend()
            asyncio.get_running_loop().call_later(0.8, go_on.set)
            events = response.events()
            assert await anext(events) == Audio(b"\x01\x02")
            assert await anext(events) == Audio(b"\x03\x04")
            asyncio.get_running_loop().call_later(0.1, response.resume)
            with pytest.raises(errors.TimedOut):
                await anext(events)

    with_client(use, slow, timeout=0.4, deadline=0.6)


def test_a_pause_before_the_first_byte_suspends_its_limit() -> None:
    async def late(connection: Connection) -> None:
        await asyncio.sleep(0.2)
        await connection.send(SPEECH)

    async def use(client: SpeechApi, _: RawServer) -> None:
        response = client.open(REQUEST)
        response.suspend()
        async with response:
            assert Done() in await collect(response)

    with_client(use, late, timeout=0.05)


def test_leaving_frees_the_connection_at_once() -> None:
    gone = asyncio.Event()

    async def watch(connection: Connection) -> None:
        await one_delta(connection)
        gone.set()

    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            await anext(response.events())
        await gone.wait()

    with_client(use, watch)


@pytest.mark.parametrize("silence", [never, headers_only, one_delta])
def test_cancelling_frees_the_connection_at_once(silence: Script) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def watch(connection: Connection) -> None:
        asked.set()
        await silence(connection)
        gone.set()

    async def use(client: SpeechApi, server: RawServer) -> None:
        task = asyncio.create_task(listen(client, server))
        await asked.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()

    with_client(use, watch)


# What is no speech


def test_json_is_an_error_whatever_its_status() -> None:
    error = failure(refuse(200, {"error": {"message": "voice engine down", "type": "t"}}))
    assert isinstance(error, errors.RemoteError)
    assert "voice engine down" in str(error)
    told = answer(b'{"detail": "nope"}', kind="application/problem+json; charset=utf-8")
    assert isinstance(failure(told), errors.RemoteError)


def test_json_that_says_nothing_is_no_speech() -> None:
    error = failure(answer(b'{"ok": true}', kind="Application/JSON"))
    assert isinstance(error, errors.UnexpectedContent)


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "image/png"])
def test_other_content_is_no_speech(kind: str) -> None:
    error = failure(answer(b"<html>Welcome</html>", kind=kind))
    assert isinstance(error, errors.UnexpectedContent)
    assert kind in str(error)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "x\x1b[31m"])
def test_a_compressed_body_is_refused(coding: str) -> None:
    error = failure(answer(b"\x1f\x8b", content_encoding=coding))
    assert isinstance(error, errors.UnexpectedContent)
    assert "\x1b" not in str(error)


def test_identity_is_no_compression() -> None:
    body = delta(b"\x01\x02") + DONE
    assert Done() in with_client(listen, answer(body, content_encoding="Identity"))


def test_a_compressed_refusal_is_told_without_its_words() -> None:
    error = failure(answer(b"\x1f\x8b\x08", status=400, content_encoding="gzip"))
    assert str(error) == "the server does not accept the request (400)"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        with pytest.raises(errors.ServerRefused) as caught:
            await listen(client, server)
        assert caught.value.status == status
        assert len(server.requests) == 1

    with_client(use, answer(b"", status=status, location="/elsewhere"), SPEECH)


@pytest.mark.parametrize("whole", [False, True])
def test_a_slash_that_a_server_wants_behind_the_path_is_added_once(whole: bool) -> None:
    async def redirect(connection: Connection) -> None:
        where = f"http://127.0.0.1:{connection.server.port}" if whole else ""
        await connection.send(answer(b"", status=307, location=f"{where}/v1/audio/speech/"))

    async def use(client: SpeechApi, server: RawServer) -> None:
        for _ in range(2):
            async with client.open(REQUEST) as response:
                assert Done() in await collect(response)
        paths = [request.target.removeprefix("/v1/audio") for request in server.requests]
        assert paths == ["/speech", "/speech/", "/speech/"]

    with_client(use, redirect, SPEECH)


@pytest.mark.parametrize(
    "where", ["http://elsewhere/v1/audio/speech/", "//elsewhere/v1/audio/speech/"]
)
def test_a_slash_on_another_host_is_not_followed(where: str) -> None:
    assert "redirects" in str(failure(answer(b"", status=307, location=where), SPEECH))


@pytest.mark.parametrize("kind", ["text/event-stream", "audio/pcm"])
def test_an_empty_answer_is_no_speech(kind: str) -> None:
    assert isinstance(failure(answer(b"", kind=kind)), errors.NoAudio)


def test_a_fault_in_the_middle_keeps_what_came_before() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        async with client.open(REQUEST) as response:
            events = response.events()
            assert await anext(events) == Audio(b"\x01\x02")
            with pytest.raises(errors.RemoteError, match="out of memory"):
                await anext(events)

    body = delta(b"\x01\x02") + event({"error": {"message": "out of memory"}})
    with_client(use, answer(body))


# The key


@pytest.mark.parametrize(
    "echo",
    [
        refuse(401, {"error": {"message": f"Incorrect API key: {KEY}"}}),
        refuse(200, {"error": f"bad key {KEY}"}),
        answer(event({"error": {"message": f"key {KEY}"}})),
        answer(delta(b"\x01\x02") + event({"type": "error", "message": "x" * 480 + KEY})),
        answer(b"data: " + KEY.encode() + b"\n\n"),
        answer(b"", kind=f"text/{KEY}"),
        answer(b"x", content_encoding=KEY),
        answer(b"", status=302, location=f"https://x/{KEY}"),
        refuse(404, {"error": {"message": f"no model for {KEY}"}}),
    ],
)
def test_the_key_is_in_no_error_even_if_the_server_echoes_it(echo: bytes) -> None:
    error = failure(echo)
    body = getattr(error, "body", "")
    for shown in (str(error), repr(error), body, error.remedy, repr(error.args)):
        assert KEY[:12] not in shown


# Names that the server does not know


VOICES = answer(
    b'{"data":[{"model":"canopylabs/orpheus-3b-0.1-ft","voices":["tara","leah"]}]}',
    kind="application/json",
)


def test_an_unknown_voice_names_the_nearest() -> None:
    request = SpeechRequest(input="Hello", voice="tera")

    async def use(client: SpeechApi, server: RawServer) -> None:
        with pytest.raises(errors.VoiceNotFound) as caught:
            await client.open(request).__aenter__()
        assert caught.value.remedy == (
            'Closest: "tara". List them: streamplay voices --model canopylabs/orpheus-3b-0.1-ft '
            f"--base-url {server.base_url}"
        )
        assert server.requests[1].target.startswith("/v1/voices?model=canopylabs%2Forpheus")

    with_client(use, refuse(404, {"error": {"message": "no", "param": "voice"}}), VOICES)


def test_an_unknown_model_names_the_nearest() -> None:
    request = SpeechRequest(input="Hello", model="canopylabs/orpheus", voice="tara")

    async def use(client: SpeechApi, _: RawServer) -> None:
        with pytest.raises(errors.ModelNotFound, match="Closest") as caught:
            await client.open(request).__aenter__()
        assert '"canopylabs/orpheus-3b-0.1-ft"' in str(caught.value)

    gone = refuse(404, {"error": {"message": "no", "param": "model"}})
    with_client(use, gone, VOICES)
    models = answer(b'[{"id": "canopylabs/orpheus-3b-0.1-ft"}]', kind="application/json")
    with_client(use, gone, answer(b"{}", kind="application/json"), models)
    with_client(use, gone, refuse(404, {}), models)


@pytest.mark.parametrize("lists", [refuse(500, {}), answer(b"no json"), drop, VOICES])
def test_a_list_that_cannot_be_had_hides_no_error(lists: bytes | Script) -> None:
    request = SpeechRequest(input="Hello", voice="quincunx")

    async def use(client: SpeechApi, _: RawServer) -> None:
        with pytest.raises(errors.VoiceNotFound) as caught:
            await client.open(request).__aenter__()
        listed = lists in (drop, VOICES)  # it lists them, or may do so the next time
        assert caught.value.remedy.startswith("List them" if listed else "This server lists no")

    with_client(use, refuse(400, {"error": {"message": "no", "param": "voice"}}), lists)


def test_nobody_waits_long_for_a_list() -> None:
    request = SpeechRequest(input="Hello", voice="tera")

    async def use(client: SpeechApi, _: RawServer) -> None:
        with pytest.raises(errors.VoiceNotFound):
            await client.open(request).__aenter__()

    gone = refuse(404, {"error": {"message": "no", "param": "voice"}})
    with_client(use, gone, never, deadline=0.2)


# Compatible servers


NO_RAW = refuse(
    422, {"detail": [{"loc": ["body", "response_format"], "msg": "Input should be 'mp3' or 'pcm'"}]}
)


def test_a_server_that_wants_openais_shape_gets_it_and_it_is_remembered() -> None:
    notices: list[str] = []

    async def use(client: SpeechApi, server: RawServer) -> None:
        for _ in range(2):
            async with client.open(REQUEST) as response:
                assert Done() in await collect(response)
                assert (response.format, response.source) == (
                    AudioFormat("pcm_s16le", 24000),
                    "request",
                )
        formats = [request.json["response_format"] for request in server.requests]
        assert formats == ["raw", "pcm", "pcm"]

    with_client(use, NO_RAW, SPEECH, notify=notices.append)
    assert len(notices) == 1
    assert "--api openai" in notices[0]


def test_a_shape_that_did_not_help_either_is_not_remembered() -> None:
    async def use(client: SpeechApi, server: RawServer) -> None:
        for _ in range(2):
            with pytest.raises(errors.BadRequest):
                await listen(client, server)
        formats = [request.json["response_format"] for request in server.requests]
        assert formats == ["raw", "pcm", "wav", "mp3"] * 2

    with_client(use, NO_RAW)


def test_a_stream_format_that_is_refused_is_left_out() -> None:
    no_sse = refuse(400, {"error": {"message": "stream_format not supported"}})

    async def use(client: SpeechApi, server: RawServer) -> None:
        async with client.open(REQUEST) as response:
            assert await collect(response) == [Audio(b"\x01\x02"), Done()]
            assert response.attempts == 2
        sent = ["stream_format" in request.json for request in server.requests]
        assert sent == [True, False]

    with_client(use, no_sse, answer(b"\x01\x02", kind="audio/pcm"), api="openai")


def test_asking_in_another_shape_uses_up_no_attempt() -> None:
    async def use(client: SpeechApi, server: RawServer) -> int:
        with pytest.raises(errors.ServerFailed):
            await listen(client, server)
        return len(server.requests)

    assert with_client(use, NO_RAW, BUSY) == 5


def test_the_decoder_knows_what_the_model_returns() -> None:
    async def use(client: SpeechApi, _: RawServer) -> None:
        request = SpeechRequest(input="Hello", response_encoding="pcm_f32le", sample_rate=44100)
        async with client.open(request) as response:
            assert (response.format, response.source) == (AudioFormat("pcm_s16le", 24000), "model")

    with_client(use, SPEECH)


def test_a_text_in_place_of_speech_is_shown() -> None:
    error = failure(answer(b"The model is not loaded yet", kind="text/plain"))
    assert isinstance(error, errors.UnexpectedContent)
    assert "not loaded yet" in str(error)


@pytest.mark.parametrize("together", [False, True])
def test_a_rate_that_the_events_change_holds_from_there_on(together: bool) -> None:
    rates = (24000, 24000, 12000)

    def told(rate: int) -> bytes:
        audio = {"data": base64.b64encode(bytes(rate)).decode(), "sample_rate": rate}
        return event({"object": "audio.speech.chunk", "audio": audio})

    parts = [*map(told, rates), DONE]

    async def use(client: SpeechApi, _: RawServer) -> int:
        async with client.open(REQUEST) as response:
            frames = [len(item.frames) async for item in response.chunks()]
            assert response.format == AudioFormat("pcm_s16le", 24000)
            assert "from 24000 Hz mono to 12000 Hz mono" in response.warning
            return sum(frames)

    body = [b"".join(parts)] if together else parts
    heard = with_client(use, chunked(body))
    assert abs(heard - 3 * 12000) < 10


@pytest.mark.parametrize("events", [False, True])
def test_silence_without_end_is_a_time_out_and_names_what_came(events: bool) -> None:
    async def silence(connection: Connection) -> None:
        kind = "text/event-stream" if events else "audio/pcm"
        await connection.send(chunked([], kind=kind, end=False))
        while True:
            await connection.send(chunk(delta(bytes(4800)) if events else bytes(4800)))
            await asyncio.sleep(0.02)

    with pytest.raises(errors.TimedOut, match="Nothing but silence") as caught:
        with_client(decode, silence, timeout=0.2)
    assert caught.value.waiting_for == "audio"


def test_an_answer_of_mere_silence_is_told() -> None:
    assert "silence" in with_client(decode, answer(bytes(48000), kind="audio/pcm"))


@pytest.mark.parametrize("at_once", [False, True])
def test_what_an_event_says_holds_for_the_audio_behind_it_however_they_come(at_once: bool) -> None:
    audio = np.sin(np.arange(4800) / 20).astype("<f4")
    data = (6000 * audio).astype("<i2").tobytes()
    deltas = [delta(data[at : at + 480]) for at in range(0, len(data), 480)]
    events = [
        *(event({"type": "speech.audio.info", "sample_rate": 24000}), *deltas),
        *(event({"type": "speech.audio.info", "sample_rate": 48000}), *deltas, DONE),
    ]

    async def one_by_one(connection: Connection) -> None:
        await connection.send(head(200, {"Content-Type": "text/event-stream"}))
        for each in [b"".join(events)] if at_once else events:
            await connection.send(each)
            await asyncio.sleep(0.002)
        connection.close()

    async def count(client: SpeechApi, _: RawServer) -> int:
        async with client.open(REQUEST) as response:
            came = [each async for each in response.chunks()]
        return sum(len(each.frames) for each in came if isinstance(each, Chunk))

    assert with_client(count, one_by_one) == 4800 + 2400
