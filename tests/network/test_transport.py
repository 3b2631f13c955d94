"""Real sockets, and servers that do what no well-kept server does."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import (
    ConnectFailed,
    ConnectionLost,
    StreamPlayError,
    Truncated,
    UnexpectedContent,
)
from streamplay.network import transport as transport_module
from streamplay.network.body import Moments
from streamplay.network.connection import trust_context
from streamplay.network.early import EarlyRequest
from streamplay.network.early_response import transport_after
from streamplay.network.endpoint import find_endpoint
from streamplay.network.message import whole
from streamplay.network.transport import HttpTransport, Transport
from tests.support.rawserver import answer, chunked, head, replies, running, unused_port

if TYPE_CHECKING:
    from streamplay.network.body import Exchange
    from tests.support.rawserver import Connection, RawServer

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CERTIFICATE = Path(__file__).parent.parent / "data" / "localhost.pem"
KEY = "tgp-secret-0123456789"


def transport(base_url: str, *, clock: Any = None, early: EarlyRequest | None = None) -> Transport:
    endpoint = find_endpoint({}, base_url=base_url, api_key=KEY, insecure_http=True)
    make = HttpTransport if early is None else transport_after(early)
    return make(endpoint, clock or itertools.count(1.0).__next__)


async def whole_body(exchange: Exchange) -> bytes:
    return b"".join([piece async for pieces in exchange.pieces() for _, piece in pieces])


async def fetch(
    base_url: str, sender: Transport | None = None, moments: Moments | None = None
) -> tuple[bytes, StreamPlayError | None]:
    """Return the body as far as it came, and how it broke."""
    sender = sender or transport(base_url)
    body = b""
    try:
        exchange = await sender.send("POST", "/x", moments or Moments(0.0), content=b"{}")
        async for pieces in exchange.pieces():
            body += b"".join(piece for _, piece in pieces)
        await exchange.aclose()
    except StreamPlayError as error:
        return body, error
    finally:
        await sender.aclose()
    return body, None


def fetch_from(*answers: Any) -> tuple[bytes, StreamPlayError | None]:
    """Fetch by the usual transport and by the early one: the outcome is the same."""

    async def main(*, early: bool) -> tuple[bytes, StreamPlayError | None, str]:
        async with asyncio.timeout(20), running(replies(*answers)) as server:
            sender = transport(server.base_url, early=leaving(server) if early else None)
            body, error = await fetch(server.base_url, sender)
            assert len(server.requests) <= 1
            assert server.connections == 1
            told = f"{type(error)} {error!r} {error} {type(error.__cause__) if error else None}"
            return body, error, told.replace(str(server.port), "PORT")

    ordinary, ahead = asyncio.run(main(early=False)), asyncio.run(main(early=True))
    assert (ahead[0], ahead[2]) == (ordinary[0], ordinary[2])
    return ahead[:2]


def leaving(server: RawServer) -> EarlyRequest:
    """Return a request that is on its way."""
    data = whole("POST", "/v1/x", f"127.0.0.1:{server.port}", {}, b"{}")
    early = EarlyRequest(("127.0.0.1", server.port), data, b"{}", secure=False)
    early.leave(0.0)
    return early


def test_a_body_comes_as_it_was_sent() -> None:
    assert fetch_from(answer(b"one two")) == (b"one two", None)
    assert fetch_from(chunked([b"one ", b"two"])) == (b"one two", None)
    assert fetch_from(answer(b"")) == (b"", None)


def test_a_body_is_not_decompressed() -> None:
    bomb = b"\x1f\x8b\x08\x00 what a bomb"
    assert fetch_from(answer(bomb, content_encoding="gzip")) == (bomb, None)


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    async def until_closed(connection: Connection) -> None:
        await connection.send(head(200, {"Content-Type": "audio/pcm"}), b"one two")
        connection.close()

    assert fetch_from(until_closed) == (b"one two", None)


@pytest.mark.parametrize(
    "broken",
    [
        chunked([b"one"], end=False),
        chunked([b"one"], end=False) + b"5\r\ntw",
        head(200, {"Content-Length": "10"}) + b"one",
    ],
)
def test_a_body_that_is_closed_before_its_end_is_truncated(broken: bytes) -> None:
    async def cut(connection: Connection) -> None:
        await connection.send(broken)
        connection.close()

    body, error = fetch_from(cut)
    assert body.startswith(b"one")
    assert isinstance(error, Truncated)
    assert "before its end" in str(error)


@pytest.mark.parametrize("rubbish", [b"zz\r\n", b"-3\r\nabc", b"\xff\xfe\x00", b"3\r\nabcdef\r\n"])
def test_broken_framing_is_truncation_and_keeps_what_came(rubbish: bytes) -> None:
    async def broken(connection: Connection) -> None:
        await connection.send(chunked([b"one"], end=False))
        await asyncio.sleep(0.01)
        await connection.send(rubbish)
        connection.close()

    body, error = fetch_from(broken)
    assert body.startswith(b"one")
    assert isinstance(error, Truncated)


def test_a_reset_is_a_lost_connection_and_keeps_what_came() -> None:
    async def reset(connection: Connection) -> None:
        await connection.send(chunked([b"one"], end=False))
        await asyncio.sleep(0.05)
        connection.reset()

    body, error = fetch_from(reset)
    assert body == b"one"
    assert isinstance(error, ConnectionLost)
    assert isinstance(error.__cause__, ConnectionResetError)


async def hang_up(connection: Connection) -> None:
    connection.close()


async def slam(connection: Connection) -> None:
    connection.reset()


@pytest.mark.parametrize("ending", [hang_up, slam])
def test_a_connection_that_ends_without_an_answer_is_lost(ending: Any) -> None:
    body, error = fetch_from(ending)
    assert body == b""
    assert isinstance(error, ConnectionLost)
    assert "without an answer" in str(error)


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nbad header {KEY}\r\n\r\n".encode(),
    ],
)
def test_what_does_not_speak_http_is_told_as_such(greeting: bytes) -> None:
    _, error = fetch_from(greeting)
    assert isinstance(error, UnexpectedContent)
    assert "does not speak HTTP" in str(error)
    assert error.__cause__ is None
    assert KEY not in str(error)


def test_a_refused_connection_says_so_and_keeps_its_cause() -> None:
    for host in ("127.0.0.1", "localhost"):
        _, error = asyncio.run(fetch(f"http://{host}:{unused_port()}/v1"))
        assert isinstance(error, ConnectFailed)
        assert "refuses the connection" in str(error)
        assert isinstance(error.__cause__, ConnectionRefusedError)


def test_an_unknown_host_says_so() -> None:
    _, error = asyncio.run(fetch("http://nobody.invalid/v1"))
    assert isinstance(error, ConnectFailed)
    assert "cannot connect to http://nobody.invalid/v1" in str(error)
    assert not isinstance(error.__cause__, ConnectionError)


def test_moments_are_in_order_on_a_new_connection_and_on_a_warm_one() -> None:
    async def main() -> None:
        async with running(replies(answer(b"x"))) as server:
            sender = transport(server.base_url)
            cold, warm = Moments(0.0), Moments(0.0)
            for moments in (cold, warm):
                exchange = await sender.send("POST", "/x", moments, content=b"{}")
                assert await whole_body(exchange) == b"x"
                await exchange.aclose()
            await sender.aclose()
            assert server.connections == 1
        assert None not in (cold.tcp, cold.connected, cold.sent, cold.headers)
        assert cold.tcp == cold.connected
        assert 0 < (cold.connected or 0) < (cold.sent or 0) < (cold.headers or 0)
        assert (warm.tcp, warm.connected) == (None, None)
        assert 0 < (warm.sent or 0) < (warm.headers or 0)

    asyncio.run(main())


def test_a_connection_that_pauses_for_minutes_is_kept_alive() -> None:
    async def main() -> None:
        async with running(replies(answer(b"x"))) as server:
            sender = transport(server.base_url)
            exchange = await sender.send("POST", "/x", Moments(0.0), content=b"{}")
            made = exchange._connection.transport.get_extra_info("socket")
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            await exchange.aclose()
            await sender.aclose()

    asyncio.run(main())


def test_a_connection_whose_body_was_left_is_closed_at_once_and_not_used_again() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def endless(connection: Connection) -> None:
            await connection.send(chunked([b"one"], end=False))
            await connection.gone()
            gone.set()

        async with asyncio.timeout(20), running(replies(endless, answer(b"x"))) as server:
            sender = transport(server.base_url)
            exchange = await sender.send("POST", "/x", Moments(0.0), content=b"{}")
            pieces = exchange.pieces()
            assert [piece for _, piece in await anext(pieces)] == [b"one"]
            await pieces.aclose()
            await exchange.aclose()
            await gone.wait()
            assert (await fetch("", sender))[0] == b"x"
            assert server.connections == 2

    asyncio.run(main())


def test_cancelling_frees_the_socket_at_once() -> None:
    async def main() -> None:
        asked, gone = asyncio.Event(), asyncio.Event()

        async def silent(connection: Connection) -> None:
            await connection.request()
            asked.set()
            await connection.gone()
            gone.set()

        async with asyncio.timeout(20), running(silent) as server:
            sender = transport(server.base_url)
            sending = sender.send("POST", "/x", Moments(0.0), content=b"{}")
            task = asyncio.create_task(sending)
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()
            await sender.aclose()

    asyncio.run(main())


async def ask(sender: Transport) -> None:
    exchange = await sender.send("POST", "/x", Moments(0.0), content=b"{}")
    async for _ in exchange.pieces():
        pass


async def give_up(base_url: str, turns: int, *, kept: bool) -> None:
    """Cancel a request after so many turns of the loop; twice, as a time-out and a task may do."""
    sender = HttpTransport(find_endpoint({}, base_url=base_url), lambda: 0.0)
    if kept:
        await ask(sender)
    task = asyncio.create_task(ask(sender))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    # A connection that was kept and never used is kept on.
    assert all(
        connection._idle or connection.transport is None or connection.transport.is_closing()
        for connection in sender._connections
    )
    await sender.aclose()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descriptors are in /proc")
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("said", [b"", HEAD[:9], HEAD, HEAD + b"5\r\nab"])
def test_a_request_that_is_cancelled_at_any_moment_leaves_no_descriptor(
    said: bytes, kept: bool, secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    async def first_then_hang(connection: Connection) -> None:
        if kept:
            await connection.request()
            await connection.send(answer(b"x"))
        await connection.request()
        await connection.send(said)
        await connection.gone()

    async def main() -> None:
        tls = tls_server() if secure else None
        async with asyncio.timeout(60), running(first_then_hang, tls=tls) as server:
            await give_up(server.base_url, 50, kept=kept)
            await asyncio.sleep(0.01)
            before = descriptors()
            for turns in range(0, 30, 2):
                await give_up(server.base_url, turns, kept=kept)
            while server.open or descriptors() > before:  # noqa: ASYNC110 - until all is closed
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_what_comes_on_a_kept_connection_unasked_ends_it() -> None:
    """A late answer, a greeting, a 408: the next request would take it for its own answer."""

    async def says_more(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer(b"one"))
        await asyncio.sleep(0.01)
        await connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await connection.gone()

    async def main() -> None:
        async with asyncio.timeout(20), running(says_more) as server:
            sender = transport(server.base_url)
            for number in range(1, 4):
                exchange = await sender.send("POST", "/x", Moments(0.0), content=b"{}")
                assert await whole_body(exchange) == b"one"
                await asyncio.sleep(0.05)
                assert server.connections == number
            await sender.aclose()

    asyncio.run(main())


async def greets(connection: Connection) -> None:
    await connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    await connection.gone()


@pytest.mark.parametrize("unfit", [hang_up, slam, greets])
def test_a_connection_made_ahead_never_costs_the_first_request(unfit: Any) -> None:
    async def script(connection: Connection) -> None:
        if connection.server.connections == 1:
            await unfit(connection)
        else:
            await replies(answer(b"x"))(connection)

    async def main() -> None:
        async with asyncio.timeout(20), running(script) as server:
            for wait in (0.0, 0.05):
                server.connections = 0
                sender = transport(server.base_url)
                await sender.connect()
                await asyncio.sleep(wait)
                assert await fetch("", sender) == (b"x", None)
                assert server.connections == 2

    asyncio.run(main())


def test_a_connection_made_ahead_is_used_and_nothing_is_sent_on_it_before() -> None:
    async def main() -> None:
        async with asyncio.timeout(20), running(replies(answer(b"x"))) as server:
            sender = transport(server.base_url)
            await sender.connect()
            moments = Moments(0.0)
            assert await fetch("", sender, moments) == (b"x", None)
            assert (server.connections, len(server.requests)) == (1, 1)
            assert moments.connected is None

    asyncio.run(main())


def test_a_request_is_sent_once_more_and_not_for_ever() -> None:
    async def once(connection: Connection) -> None:
        await connection.request()
        if connection.server.connections == 1:
            await connection.send(answer(b"x"))
            await connection.request()

    async def main() -> None:
        async with asyncio.timeout(20), running(once) as server:
            sender = transport(server.base_url)
            exchange = await sender.send("POST", "/x", Moments(0.0), content=b"{}")
            assert await whole_body(exchange) == b"x"
            moments = Moments(0.0)
            body, error = await fetch("", sender, moments)
            assert (body, type(error)) == (b"", ConnectionLost)
            assert moments.resent == 1
            assert server.connections == 2

    asyncio.run(main())


def tls_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    async def main() -> StreamPlayError | None:
        async with running(replies(answer(b"x")), tls=tls_server()) as server:
            _, error = await fetch(server.base_url)
            assert server.requests == []
            return error

    error = asyncio.run(main())
    assert isinstance(error, ConnectFailed)
    assert "self-signed certificate" in str(error)
    assert "SSL_CERT_FILE" in str(error)


def test_one_beside_another_reads_no_certificates_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def count() -> ssl.SSLContext:
        nonlocal read
        read += 1
        return trust_context()

    monkeypatch.setattr(transport_module, "trust_context", count)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    async def main() -> int:
        async with running(replies(answer(b"x")), tls=tls_server()) as server:
            first = HttpTransport(find_endpoint({}, base_url=server.base_url), lambda: 0.0)
            first.ready()
            for transport in (first, first.beside()):
                await (await transport.send("GET", "/", Moments(0.0))).aclose()
                await transport.aclose()
            return server.connections

    assert asyncio.run(main()) == 2
    assert read == 1


def test_a_certificate_of_ones_own_is_trusted_on_this_machine_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    async def main() -> None:
        async with running(replies(answer(b"x")), tls=tls_server()) as server:
            moments = Moments(0.0)
            assert await fetch(server.base_url, moments=moments) == (b"x", None)
            assert 0 < (moments.tcp or 0) < (moments.connected or 0) < (moments.sent or 0)

    asyncio.run(main())


def test_tls_to_a_server_without_it_is_no_secure_connection() -> None:
    async def plain(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    async def main() -> StreamPlayError | None:
        async with running(plain) as server:
            return (await fetch(server.base_url.replace("http:", "https:")))[1]

    error = asyncio.run(main())
    assert isinstance(error, ConnectFailed)
    assert "no secure connection" in str(error)


def test_this_machine_is_reached_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    assert fetch_from(answer(b"x")) == (b"x", None)
    monkeypatch.setenv("ALL_PROXY", "nonsense://nowhere")
    assert fetch_from(answer(b"x")) == (b"x", None)


def test_other_machines_are_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> RawServer:
        async with running(replies(answer(b"x"))) as proxy:
            monkeypatch.setenv("http_proxy", proxy.base_url.removesuffix("/v1"))
            assert await fetch("http://speech.invalid/v1") == (b"x", None)
            return proxy

    assert asyncio.run(main()).requests[0].target == "http://speech.invalid/v1/x"


def test_a_proxy_that_refuses_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> StreamPlayError | None:
        async with running(replies(answer(b"", status=407))) as proxy:
            monkeypatch.setenv("https_proxy", proxy.base_url.removesuffix("/v1"))
            return (await fetch("https://speech.invalid/v1"))[1]

    assert isinstance(asyncio.run(main()), ConnectFailed)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "nonsense://user:hunter2@nowhere"),
        ("HTTPS_PROXY", "http://user:hunter2@nowhere:port"),
        ("SSL_CERT_FILE", "/nowhere/hunter2.pem"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_a_broken_environment_is_named_without_its_values(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    _, error = asyncio.run(fetch("https://speech.invalid/v1"))
    assert isinstance(error, ConnectFailed)
    assert variable in error.remedy
    assert "hunter2" not in f"{error} {error!r}"


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        async with running(replies(answer(b"x"))) as server:
            sender = transport(server.base_url)
            exchange = await sender.send(
                "POST", "/x", Moments(0.0), headers={"Authorization": f"Bearer {KEY}"}
            )
            await exchange.aclose()
            await sender.aclose()
            assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"

    asyncio.run(main())
    assert KEY not in caplog.text


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_an_answer_cut_at_any_byte_is_whole_or_a_typed_error(place: int) -> None:
    whole = chunked([b"one " * 10, b"two"], kind="audio/pcm")

    async def cut(connection: Connection) -> None:
        await connection.send(whole[:place])
        connection.close()

    body, error = fetch_from(cut)
    if place >= len(whole):
        assert (body, error) == (b"one " * 10 + b"two", None)
    else:
        assert (b"one " * 10 + b"two").startswith(body)
        assert isinstance(error, ConnectionLost | Truncated | UnexpectedContent)
