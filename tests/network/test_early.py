"""What leaves before anything that could read its answer: the same request, or none at all."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import ConnectFailed, ConnectionLost, StreamPlayError, TimedOut
from streamplay.network import early as early_module
from streamplay.network.api import SpeechApi
from streamplay.network.early import EarlyRequest, leave_early
from streamplay.network.early_response import transport_after
from streamplay.options import Options
from tests.support.rawserver import answer, replies, running, speech, unused_port

if TYPE_CHECKING:
    from tests.support.rawserver import Connection, RawServer

CERTIFICATE = Path(__file__).parent.parent / "data" / "localhost.pem"
KEY = "tgp-secret-0123456789"
TEXT = "Good morning. «Ça va?» 🙂"
SPOKEN = speech(b"\x01\x02")

ASKED: list[dict[str, Any]] = [
    {},
    {"model": "hexgrad/Kokoro-82M", "voice": "af_bella(2)+af_heart(1)"},
    {"format": "mp3", "bit_rate": 64000},
    {"format": "wav", "sample_rate": 44100},
    {"encoding": "pcm_mulaw", "sample_rate": 8000, "language": "zh-hk", "stream": False},
    {"pronounce": ["omg/oh my god"], "extra": {"extra_params": {"a": [1, None]}, "b": "é"}},
    {"api": "openai"},
    {"api": "openai", "stream": False, "volume": -6.0, "prebuffer": 200.0, "latency": "low"},
    {"base_url": "{}/deep.er/~path_"},
    {"base_url": "{}/"},
    {"base_url": "http://localhost:{port}/v1"},
    {"base_url": "HTTP://LOCALHOST.:{port}/V1;v=1"},
    {"base_url": "{}//twice/../%41|{{x}}"},
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has left when `leave_early` returns, however busy the machine."""
    monkeypatch.setattr(early_module, "HEAD_START_SECONDS", 10.0)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def leave(asked: dict[str, Any], text: str = TEXT) -> EarlyRequest | None:
    return await asyncio.to_thread(leave_early, asked, text)


def by(early: EarlyRequest | None) -> dict[str, Any]:
    """Return what has a client take over what left early."""
    return {} if early is None else {"transport": transport_after(early)}


async def hear(
    asked: dict[str, Any], early: EarlyRequest | None, **client: Any
) -> StreamPlayError | None:
    """Ask by a client of `asked`, which is given what left early."""
    options = Options(**asked)
    async with asyncio.timeout(20):
        speaker = SpeechApi(**options.server, **client, **by(early))
        try:
            async with speaker.open(options.request(TEXT.strip())) as response:
                async for _ in response.events():
                    pass
        except StreamPlayError as error:
            return error
        finally:
            await speaker.aclose()
            if early is not None:
                early.close()
    return None


def filled(asked: dict[str, Any], server: RawServer) -> dict[str, Any]:
    base_url = asked.get("base_url", "{}").format(server.base_url, port=server.port)
    return {**asked, "base_url": base_url}


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("asked", ASKED)
def test_the_request_is_the_same_byte_for_byte(
    asked: dict[str, Any], key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key:
        monkeypatch.setenv("TOGETHER_API_KEY", key)

    async def main() -> None:
        async with running(replies(answer(b"RIFF", kind="audio/wav"))) as server:
            given = filled(asked, server)
            await hear(given, None, retries=False)
            early = await leave(given, f"  {TEXT}\n")
            assert early is not None
            await hear(given, early, retries=False)
            ordinary, ahead = server.requests
            assert ahead.raw == ordinary.raw
            assert (f"Bearer {key}" in ahead.raw.decode()) is bool(key)

    asyncio.run(main())


@pytest.mark.parametrize(
    "asked",
    [
        {"language": " "},
        {"volume": 99.0},
        {"sample_rate": 7},
        {"model": "a/stranger"},
        {"api_key_env": "NO_SUCH_VARIABLE"},
        {"fallback": "remote"},
        {"extra": {"voice": "x"}},
        {"local": True},
        {"clean": True},
        {"base_url": "nonsense"},
        {"base_url": "https://api.together.ai/v1"},
    ],
)
def test_what_is_wrong_is_not_sent_early(asked: dict[str, Any]) -> None:
    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            given = asked if asked.get("local") else filled(asked, server)
            assert await leave(given) is None
            assert server.connections == 0

    asyncio.run(main())


def test_a_text_of_several_requests_or_of_none_is_not_sent_early() -> None:
    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            for text in ("A word. " * 600, " \n", "\udc80", "...", "🎉"):
                assert await leave({"base_url": server.base_url}, text) is None
            assert server.connections == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("setting", "goes"),
    [
        ("http_proxy=http://127.0.0.1:9", False),
        ("ALL_PROXY=127.0.0.1:9", False),
        ("http_proxy=no proxy", False),
        ("HTTPS_PROXY=http://127.0.0.1:9", True),
        ("no_proxy=elsewhere", True),
    ],
)
def test_past_a_proxy_of_the_environment_nothing_goes_but_to_this_machine(
    setting: str, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*setting.split("=", maxsplit=1))  # type: ignore[arg-type]
    asked = early_module.early_request({"base_url": "http://speech.invalid/v1"}, TEXT)
    assert (asked is not None) is goes

    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            given = {"base_url": server.base_url}
            assert await hear(given, await leave(given)) is None
            assert server.connections == 1

    asyncio.run(main())


def test_a_host_that_has_a_proxy_named_for_it_only_elsewhere_goes_the_ordinary_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert leave_early({"base_url": "http://speech.invalid/v1"}, TEXT) is None


def test_over_http_no_key_leaves_early_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://127.0.0.1.nip.invalid/v1")
    sent: list[EarlyRequest] = []
    monkeypatch.setattr(EarlyRequest, "leave", lambda self, _: sent.append(self))
    assert leave_early({}, TEXT) is not None
    assert leave_early({"api_key_env": "TOGETHER_API_KEY"}, TEXT) is None
    assert leave_early({"insecure_http": True}, TEXT) is not None
    assert [KEY.encode() in early._data for early in sent] == [False, True]


def test_the_moments_are_those_of_what_left_early() -> None:
    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            given = {"base_url": server.base_url}
            early = await leave(given)
            assert early is not None
            client = SpeechApi(**given, **by(early))
            response = client.open(Options(**given).request(TEXT))
            async with response:
                moments = response.moments
                assert moments.begun == early.begun
                assert (moments.connected, moments.sent) == (early.connected, early.sent)
                assert moments.tcp == early.tcp
                assert moments.headers is not None
                assert early.begun < (early.tcp or 0) < (early.sent or 0) < moments.headers
                assert response.attempts == 1
            await client.aclose()
            assert (server.connections, len(server.requests)) == (1, 1)

    asyncio.run(main())


def test_only_the_first_request_has_left_early() -> None:
    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            given = {"base_url": server.base_url}
            early = await leave(given)
            client = SpeechApi(**given, **by(early))
            for _ in range(2):
                async with client.open(Options(**given).request(TEXT)) as response:
                    assert [type(each).__name__ async for each in response.events()]
            await client.aclose()
            assert len(server.requests) == server.connections == 2

    asyncio.run(main())


def test_another_request_than_the_one_that_left_is_sent_as_usual() -> None:
    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            given = {"base_url": server.base_url}
            early = await leave(given, "Something else.")
            assert await hear(given, early) is None
            assert [request.json["input"] for request in server.requests][1:] == [TEXT]

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_where_nobody_listens_the_ordinary_way_says_so(host: str) -> None:
    given = {"base_url": f"http://{host}:{unused_port()}/v1"}

    async def main() -> StreamPlayError | None:
        early = await leave(given)
        assert early is not None
        assert (early.ended, early.leaving) == (True, False)
        return await hear(given, early, retries=False)

    error = asyncio.run(main())
    assert isinstance(error, ConnectFailed)
    assert "refuses the connection" in str(error)


def test_a_host_without_an_address_is_told_by_the_ordinary_way() -> None:
    given = {"base_url": "http://nobody.invalid/v1"}

    async def main() -> StreamPlayError | None:
        return await hear(given, await leave(given), retries=False)

    assert isinstance(asyncio.run(main()), ConnectFailed)


def test_an_answer_that_never_came_is_asked_for_again_once_by_the_rules_of_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamplay.network.retry._FIRST_WAIT", 0.01)

    async def hang_up(connection: Connection) -> None:
        connection.close()

    async def main() -> None:
        async with running(replies(hang_up, SPOKEN)) as server:
            given = {"base_url": server.base_url}
            told: list[str] = []
            assert await hear(given, await leave(given), notify=told.append) is None
            first, second = server.requests
            assert first.raw == second.raw
            assert "attempt 2 of 4" in told[0]

    asyncio.run(main())


def test_without_retries_what_was_sent_early_is_not_sent_again() -> None:
    async def hang_up(connection: Connection) -> None:
        connection.close()

    async def main() -> None:
        async with running(replies(hang_up)) as server:
            given = {"base_url": server.base_url}
            error = await hear(given, await leave(given), retries=False)
            assert isinstance(error, ConnectionLost)
            assert len(server.requests) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("limit", "waiting_for"), [({"deadline": 50.0}, "deadline"), ({"timeout": 50.0}, "first byte")]
)
def test_limits_count_from_when_it_left(limit: dict[str, float], waiting_for: str) -> None:
    async def silent(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    async def main() -> None:
        async with running(silent) as server:
            given = {"base_url": server.base_url, **limit}
            early = await leave(given)
            assert early is not None
            if waiting_for == "deadline":
                early.begun -= 100
            else:
                early.connected = (early.connected or 0.0) - 100
            begun = time.monotonic()
            error = await hear(given, early)
            assert isinstance(error, TimedOut)
            assert (error.waiting_for, error.seconds) == (waiting_for, 50.0)
            assert time.monotonic() - begun < 40  # and not from when it was read

    asyncio.run(main())


def test_cancelling_frees_the_socket_at_once() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def silent(connection: Connection) -> None:
            await connection.request()
            await connection.gone()
            gone.set()

        async with asyncio.timeout(20), running(silent) as server:
            given = {"base_url": server.base_url}
            task = asyncio.create_task(hear(given, await leave(given)))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task])
            await gone.wait()

    asyncio.run(main())


def test_what_is_closed_before_it_has_left_is_never_sent() -> None:
    async def main() -> None:
        async with running(replies(SPOKEN)) as server:
            early = EarlyRequest(("127.0.0.1", server.port), b"x", b"", secure=False)
            early.close()
            await asyncio.to_thread(early.leave, 10.0)
            assert early.ended
            assert not early.leaving
            await asyncio.sleep(0.01)
            assert server.requests == []

    asyncio.run(main())


def tls_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.set_alpn_protocols(["http/1.1"])
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_over_tls_a_certificate_of_ones_own_is_trusted_where_it_is_named(
    version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    tls = tls_server()
    tls.maximum_version = tls.minimum_version = version
    spoken = speech(*[bytes(range(256)) * 64] * 8)  # more than one record of TLS

    async def main() -> None:
        async with running(replies(spoken), tls=tls) as server:
            given = {"base_url": server.base_url}
            await hear(given, None)
            early = await leave(given)
            assert early is not None
            assert early.begun < (early.tcp or 0) < (early.connected or 0) < (early.sent or 0)
            assert await hear(given, early) is None
            assert server.connections == 2
            assert server.requests[0].raw == server.requests[1].raw

    asyncio.run(main())


@pytest.mark.parametrize("trusted", ["", "/nowhere/ca.pem", __file__])
def test_over_tls_without_trust_nothing_is_sent_and_the_ordinary_way_says_why(
    trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)

    async def main() -> None:
        async with running(replies(SPOKEN), tls=tls_server()) as server:
            given = {"base_url": server.base_url, "api_key": KEY}
            ordinary = await hear(given, None, retries=False)
            early = await leave(given)
            assert early is not None
            assert not early.leaving
            error = await hear(given, early, retries=False)
            assert isinstance(error, ConnectFailed)
            assert str(error) == str(ordinary)
            assert server.requests == []

    asyncio.run(main())


def test_a_name_that_the_certificate_does_not_hold_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setattr(
        "socket.getaddrinfo",
        lambda _host, port, *_: [(2, 1, 6, "", ("127.0.0.1", port))],
    )

    async def main() -> None:
        async with running(replies(SPOKEN), tls=tls_server()) as server:
            early = await leave({"base_url": f"https://elsewhere.invalid:{server.port}/v1"})
            assert early is not None
            assert (early.ended, early.leaving) == (True, False)
            assert early.tcp is not None
            await asyncio.sleep(0.01)
            assert server.requests == []

    asyncio.run(main())


def test_tls_that_breaks_off_inside_the_body_is_told_as_usual(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    async def cut(connection: Connection) -> None:
        await connection.send(SPOKEN[: len(SPOKEN) // 2])
        connection.reset()

    async def main(*, ahead: bool) -> str:
        async with running(replies(cut), tls=tls_server()) as server:
            given = {"base_url": server.base_url}
            error = await hear(given, await leave(given) if ahead else None, retries=False)
            return f"{error!r}"

    assert asyncio.run(main(ahead=True)) == asyncio.run(main(ahead=False))
