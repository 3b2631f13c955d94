from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import errors
from streamplay.audio import ENCODINGS
from streamplay.models import Voice
from streamplay.network.api import SpeechApi
from streamplay.network.client import SpeechClient
from streamplay.request import SpeechRequest
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
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamplay.audio import Frames
    from streamplay.server.child import LocalServer
    from tests.support.rawserver import Connection, RawServer, Script

    Use = Callable[[SpeechClient, RawServer], Awaitable[Any]]

REQUEST = SpeechRequest(input="Hello")
KEY = "tgp-secret-0123456789"


def with_client(use: Use, *answers: bytes | Script, **options: Any) -> Any:
    """Run `use` with a client of a server that gives these answers."""

    async def main() -> Any:
        async with asyncio.timeout(60), running(replies(*answers)) as server:
            options.setdefault("base_url", server.base_url)
            async with SpeechClient(**options) as client:
                return await use(client, server)

    return asyncio.run(main())


async def hear(client: SpeechClient, request: SpeechRequest) -> Frames:
    pieces = [frames async for frames in client.stream(request)]
    return np.concatenate(pieces)


# The request, exactly


def test_a_request_is_sent_exactly() -> None:
    async def use(client: SpeechClient, server: RawServer) -> None:
        await hear(client, SpeechRequest(input="Grüße 👋", pronounce=["a/b"]))
        sent = server.requests[0]
        assert (sent.method, sent.target) == ("POST", "/v1/audio/speech")
        assert sent.json == {
            "model": "canopylabs/orpheus-3b-0.1-ft",
            "input": "Grüße 👋",
            "voice": "tara",
            "response_format": "raw",
            "response_encoding": "pcm_s16le",
            "sample_rate": 24000,
            "stream": True,
            "extra_params": {"pronunciation_dict": ["a/b"]},
        }
        assert sent.headers["content-type"] == "application/json"
        assert sent.headers["accept"] == "text/event-stream, */*"
        assert sent.headers["accept-encoding"] == "identity"
        assert sent.headers["user-agent"] == "streamplay"

    with_client(use, speech(b"\x01\x02"))


def test_a_whole_answer_may_be_of_any_type() -> None:
    async def use(client: SpeechClient, server: RawServer) -> None:
        await hear(client, SpeechRequest(input="Hello", stream=False))
        assert server.requests[0].headers["accept"] == "*/*"

    with_client(use, answer(b"\x01\x02", kind="application/octet-stream"))


def test_the_key_is_sent_and_without_one_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)

    async def use(client: SpeechClient, server: RawServer) -> str | None:
        await hear(client, REQUEST)
        await client.voices()
        told = {request.headers.get("authorization") for request in server.requests}
        assert len(told) == 1
        return told.pop()

    answers = (speech(b"\x01\x02"), answer(b"[]", kind="application/json"))
    assert with_client(use, *answers) == f"Bearer {KEY}"
    assert with_client(use, *answers, api_key="given") == "Bearer given"
    assert with_client(use, *answers, api_key="") is None
    monkeypatch.delenv("TOGETHER_API_KEY")
    assert with_client(use, *answers) is None


def test_the_key_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    monkeypatch.setenv("OTHER_KEY", "other")

    async def main(**options: Any) -> str | None:
        # A proxy stands for the rest of the world.
        async with running(replies(speech(b"\x01\x02"))) as proxy:
            monkeypatch.setenv("http_proxy", proxy.base_url.removesuffix("/v1"))
            async with SpeechClient(base_url="http://speech.invalid/v1", **options) as client:
                await hear(client, REQUEST)
            return proxy.requests[0].headers.get("authorization")

    assert asyncio.run(main()) is None
    openly = {"insecure_http": True}
    assert asyncio.run(main(api_key_env="OTHER_KEY", **openly)) == "Bearer other"
    assert asyncio.run(main(api_key_env="TOGETHER_API_KEY", **openly)) == f"Bearer {KEY}"


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_over_http_no_key_reaches_a_proxy_and_one_line_says_so(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://speech.invalid/v1")
    told: list[str] = []

    async def main() -> dict[str, str]:
        async with running(replies(speech(b"\x01\x02"))) as proxy:
            monkeypatch.setenv(variable, proxy.base_url.removesuffix("/v1"))
            async with SpeechClient(notify=told.append) as client:
                await hear(client, REQUEST)
            return dict(proxy.requests[0].headers)

    assert KEY not in str(asyncio.run(main()))
    assert len(told) == 1
    assert "the key is not sent" in told[0]
    assert "--insecure-http" in told[0]
    with pytest.raises(errors.InvalidRequest, match="insecure_http=True"):
        SpeechClient(api_key_env="TOGETHER_API_KEY")


def test_a_missing_key_for_together_is_told_before_anything_is_sent() -> None:
    client = SpeechClient()
    with pytest.raises(errors.InvalidRequest, match="TOGETHER_API_KEY"):
        client.open(REQUEST)
    with pytest.raises(errors.InvalidRequest, match="TOGETHER_API_KEY"):
        asyncio.run(client.voices())


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with running(replies(speech(b"\x01\x02"))) as server:
            monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)
            async with SpeechClient() as client:
                await hear(client, REQUEST)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": "10"}, "timeout"),
        ({"deadline": float("inf")}, "deadline"),
        ({"api": "elevenlabs"}, "api"),
        ({"base_url": "nonsense"}, "base_url"),
        ({"api_key_env": "NOT_SET_ANYWHERE"}, "api_key_env"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        SpeechClient(**options)
    assert caught.value.field == field


def test_the_key_is_in_no_representation() -> None:
    client = SpeechClient(base_url="http://localhost/v1", api_key=KEY)
    assert repr(client) == "SpeechClient(base_url='http://localhost/v1')"
    assert KEY not in repr(SpeechApi(base_url="http://localhost/v1", api_key=KEY).endpoint)


@pytest.mark.parametrize(("api", "wanted"), [("openai", "pcm"), ("together", "raw")])
def test_the_shape_that_was_told_is_sent(api: str, wanted: str) -> None:
    async def use(client: SpeechClient, server: RawServer) -> None:
        await hear(client, REQUEST)
        assert server.requests[0].json["response_format"] == wanted

    with_client(use, speech(b"\x01\x02"), api=api)


# Frames


def test_frames_come_as_they_arrive() -> None:
    more = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x00\x40" * 999)], end=False))
        await more.wait()
        rest = delta(b"\x00") + delta(b"\xc0") + DONE
        await connection.send(b"%x\r\n" % len(rest) + rest + b"\r\n0\r\n\r\n")

    async def use(client: SpeechClient, _: RawServer) -> None:
        stream = client.stream(REQUEST)
        assert (await anext(stream)).tolist() == [[0.5]] * 999
        more.set()
        assert [frames.tolist() async for frames in stream] == [[[-0.5]]]

    with_client(use, script)


def test_frames_that_came_before_a_fault_are_given_before_it() -> None:
    async def use(client: SpeechClient, _: RawServer) -> None:
        request = SpeechRequest(input="Hi", model="someone/else", voice="v")
        frames: list[Frames] = []

        async def hear_all() -> None:
            keep = frames.append
            async for each in client.stream(request):
                keep(each)

        with pytest.raises(errors.RemoteError):
            await hear_all()
        assert sum(len(each) for each in frames) == 300

    body = delta(b"\x01\x02" * 300) + event({"error": "out of memory"})
    with_client(use, answer(body))


def test_a_short_speech_whose_format_is_a_guess_is_heard_whole() -> None:
    async def use(client: SpeechClient, _: RawServer) -> None:
        request = SpeechRequest(input="Hi", model="someone/else", voice="v")
        assert (await hear(client, request)).tolist() == [[0.5], [0.25]] * 100

    with_client(use, speech(b"\x00\x40\x00\x20" * 100))


def test_a_remainder_at_the_end_is_told() -> None:
    async def use(client: SpeechClient, _: RawServer) -> None:
        with pytest.raises(errors.Truncated):
            await hear(client, REQUEST)

    with_client(use, speech(b"\x01\x02\x03"))


def test_leaving_the_stream_frees_the_connection_at_once() -> None:
    gone = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.send(chunked([delta(b"\x01\x02")], end=False))
        await connection.gone()
        gone.set()

    async def use(client: SpeechClient, _: RawServer) -> None:
        async with aclosing(client.stream(REQUEST)) as stream:
            await anext(stream)
        await gone.wait()

    with_client(use, script)


# Lists


def test_voices_are_asked_for_one_model_or_for_all() -> None:
    listed = answer(
        b'{"data":[{"model":"a/b","voices":[{"name":"eve"}]}]}', kind="application/json"
    )

    async def use(client: SpeechClient, server: RawServer) -> None:
        assert await client.voices() == [Voice("eve", "eve", "a/b")]
        assert await client.voices("a/b") == [Voice("eve", "eve", "a/b")]
        targets = [(request.method, request.target) for request in server.requests]
        assert targets == [("GET", "/v1/voices"), ("GET", "/v1/voices?model=a%2Fb")]

    with_client(use, listed)


def test_models_are_listed() -> None:
    async def use(client: SpeechClient, server: RawServer) -> None:
        assert await client.models() == ["a/b"]
        assert server.requests[0].target == "/v1/models"

    with_client(use, answer(b'{"data": [{"id": "a/b"}]}', kind="application/json"))


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        (refuse(401, {"error": "no"}), errors.NotAuthorized),
        (refuse(404, {"detail": "Not Found"}), errors.ModelNotFound),
        (refuse(503, {}), errors.ServerFailed),
        (answer(b"<html>", kind="text/html"), errors.UnexpectedContent),
        (answer(b"[" * 99_999, kind="application/json"), errors.UnexpectedContent),
        (answer(b"[]", content_encoding="gzip"), errors.UnexpectedContent),
        (answer(b" " * (4 << 20) + b" []"), errors.TooLarge),
    ],
)
def test_a_list_that_is_none_is_a_typed_error(listed: bytes, kind: type[Exception]) -> None:
    async def use(client: SpeechClient, _: RawServer) -> None:
        with pytest.raises(kind):
            await client.voices()

    with_client(use, listed)


def test_a_list_that_does_not_come_is_given_up() -> None:
    async def never(connection: Connection) -> None:
        await connection.gone()

    async def use(client: SpeechClient, _: RawServer) -> None:
        with pytest.raises(errors.TimedOut) as caught:
            await client.voices()
        assert caught.value.waiting_for == "first byte"

    with_client(use, never, timeout=0.5)


def test_a_client_may_be_closed_unused_twice_and_used_again() -> None:
    async def use(client: SpeechClient, server: RawServer) -> None:
        await client.aclose()
        await client.aclose()
        await hear(client, REQUEST)
        await client.aclose()
        await hear(client, REQUEST)
        assert server.connections == 2

    with_client(use, speech(b"\x01\x02"))


def test_many_requests_run_beside_each_other() -> None:
    async def use(client: SpeechClient, server: RawServer) -> None:
        heard = await asyncio.gather(*(hear(client, REQUEST) for _ in range(150)))
        assert [frames.tolist() for frames in heard] == [[[0.5]]] * 150

    with_client(use, speech(b"\x00\x40"))


# The real server


@pytest.mark.parametrize("response_format", ["raw", "wav"])
def test_the_local_server_is_heard_the_same_streamed_and_whole(
    speech_server: LocalServer, response_format: Any
) -> None:
    async def main() -> None:
        async with SpeechClient(base_url=speech_server.base_url) as client:
            streamed = await hear(client, REQUEST)
            whole = SpeechRequest(input="Hello", response_format=response_format, stream=False)
            heard = await hear(client, whole)
            assert len(streamed) == len(heard) > 2400
            assert np.abs(streamed).max() > 0.05
            # eSpeak NG's breath is noise, and never twice the same: not equal, but alike.
            assert np.corrcoef(streamed[:, 0], heard[:, 0])[0, 1] > 0.99

    asyncio.run(main())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_encoding_is_heard_from_a_model_that_returns_it(
    speech_server: LocalServer, encoding: Any
) -> None:
    async def main() -> None:
        async with SpeechClient(base_url=speech_server.base_url) as client:
            fields: dict[str, Any] = {"input": "Hello", "model": "cartesia/sonic"}
            asked = SpeechRequest(**fields, response_encoding=encoding, sample_rate=16000)
            plain = await hear(client, SpeechRequest(**fields, sample_rate=16000))
            heard = await hear(client, asked)
            assert len(heard) == len(plain)
            # eSpeak NG's breath is noise, and never twice the same: not equal, but alike.
            assert np.corrcoef(plain[:, 0], heard[:, 0])[0, 1] > 0.98

    asyncio.run(main())


def test_the_local_servers_lists_and_refusals_are_understood(speech_server: LocalServer) -> None:
    async def main() -> None:
        async with SpeechClient(base_url=speech_server.base_url) as client:
            assert REQUEST.model in await client.models()
            names = [voice.id for voice in await client.voices(REQUEST.model)]
            assert "tara" in names
            with pytest.raises(errors.VoiceNotFound, match="Closest") as caught:
                await hear(client, SpeechRequest(input="Hello", voice="tera"))
            assert caught.value.status in (400, 404)
            with pytest.raises(errors.ModelNotFound, match="Closest"):
                await hear(client, SpeechRequest(input="Hi", model="canopylabs/orpheus", voice="x"))

    asyncio.run(main())


# What importing costs


def test_a_client_shows_what_users_may_touch_and_nothing_else() -> None:
    shown = {name for name in dir(SpeechClient()) if not name.startswith("_")}
    assert shown == {"aclose", "base_url", "models", "open", "stream", "voices"}


def test_importing_the_client_loads_neither_httpx_nor_numpy() -> None:
    heavy = "{'httpx', 'numpy', 'sounddevice', 'soundfile', 'rich'} & set(sys.modules)"
    code = f"import sys; import streamplay.network.client, streamplay.request; print({heavy})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
