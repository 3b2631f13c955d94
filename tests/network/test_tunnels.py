"""Proxies over real sockets, up to the server behind them."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamplay.errors import ConnectFailed, StreamPlayError
from streamplay.network.body import Moments
from streamplay.network.endpoint import find_endpoint
from streamplay.network.transport import HttpTransport
from tests.support.rawserver import answer, replies, running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.rawserver import RawServer

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[tuple[str, int] | None]]

CERTIFICATE = Path(__file__).parent.parent / "data" / "localhost.pem"


class ProxyServer:
    """A proxy: `talk` is its side of the conversation, and returns whom to connect to."""

    def __init__(self, talk: Talk, port: int) -> None:
        self.asked: list[tuple[str, int]] = []
        self._talk = talk
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await self._talk(reader, writer)
            if asked is not None:
                self.asked.append(asked)
                to_server, from_server = await asyncio.open_connection("127.0.0.1", self._port)
                await asyncio.gather(_pump(reader, from_server), _pump(to_server, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def through(
    scheme: str,
    talk: Talk,
    monkeypatch: pytest.MonkeyPatch,
    *,
    secure: bool = False,
    login: str = "",
) -> tuple[bytes | StreamPlayError, list[tuple[str, int]]]:
    """Return the answer, or the error, and whom the proxy was asked for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    # The certificate is localhost's, which would be reached directly.
    monkeypatch.setattr("streamplay.network.transport.proxy_for", lambda *_: proxy)
    proxy = None
    tls = None
    if secure:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(CERTIFICATE)

    async def main() -> tuple[bytes | StreamPlayError, list[tuple[str, int]]]:
        nonlocal proxy
        from streamplay.network.proxies import Proxy

        async with asyncio.timeout(20), running(replies(answer(b"spoken")), tls=tls) as server:
            between = ProxyServer(talk, server.port)
            listener = await asyncio.start_server(between.serve, "127.0.0.1", 0)
            user, _, password = login.partition(":")
            proxy = Proxy(scheme, "127.0.0.1", listener.sockets[0].getsockname()[1], user, password)
            outcome = await _fetch(server, secure=secure)
            listener.close()
            await asyncio.sleep(0.01)
            return outcome, between.asked

    return asyncio.run(main())


async def _fetch(server: RawServer, *, secure: bool) -> bytes | StreamPlayError:
    base_url = f"{'https' if secure else 'http'}://localhost:{server.port}/v1"
    transport = HttpTransport(find_endpoint({}, base_url=base_url), lambda: 0.0)
    moments = Moments(0.0)
    try:
        exchange = await transport.send("POST", "/x", moments, content=b"{}")
        body = b"".join([piece async for pieces in exchange.pieces() for _, piece in pieces])
    except StreamPlayError as error:
        return error
    finally:
        await transport.aclose()
    assert moments.dns is None  # it is the proxy that resolves the server's name
    assert moments.tcp is not None
    return body


# HTTP


async def connects(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, int] | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, where, _ = head.split("\r\n")[0].split(" ")
    assert method == "CONNECT"
    assert f"Host: {where}" in head
    writer.write(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
    host, _, port = where.rpartition(":")
    return host, int(port)


def test_an_http_proxy_connects_to_a_secure_server(monkeypatch: pytest.MonkeyPatch) -> None:
    body, ((host, _),) = through("http", connects, monkeypatch, secure=True)
    assert (body, host) == (b"spoken", "localhost")


def test_an_http_proxy_is_told_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        told = base64.b64encode(b"me:secret").decode()
        known = f"Proxy-Authorization: Basic {told}\r\n".encode() in head
        writer.write(b"HTTP/1.1 %d X\r\n\r\n" % (502 if known else 407))

    error, _ = through("http", talk, monkeypatch, secure=True, login="me:secret")
    assert isinstance(error, ConnectFailed)
    assert "the proxy does not connect (502)" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 20", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 403 No\r\n\r\n"]
)
def test_a_proxy_that_does_not_connect_is_no_connection(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)

    error, _ = through("http", talk, monkeypatch, secure=True)
    assert isinstance(error, ConnectFailed)
    assert "proxy" in str(error)


# SOCKS


async def socks(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, int] | None:
    version, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    assert (version, len(methods)) == (5, 1)
    writer.write(bytes([5, methods[0]]))
    if methods[0] == 2:
        await reader.readexactly(1)
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(bytes([1, 0 if (user, password) == (b"me", b"secret") else 1]))
    _, command, _, kind = await reader.readexactly(4)
    assert (command, kind) == (1, 3)
    name = await reader.readexactly((await reader.readexactly(1))[0])
    port = int.from_bytes(await reader.readexactly(2))
    reply = bytes([5, 0, 0, 1, 127, 0, 0, 1, 0, 80])
    writer.write(reply[:7])  # in pieces
    await writer.drain()
    await asyncio.sleep(0.01)
    writer.write(reply[7:])
    return name.decode(), port


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("login", ["", "me:secret"])
def test_a_socks_proxy_connects_by_name(
    secure: bool, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, ((host, _),) = through("socks5h", socks, monkeypatch, secure=secure, login=login)
    assert (body, host) == (b"spoken", "localhost")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "closed the connection"),
        ([b"\5\xff"], "asks for a login"),
        ([b"\5\0", b"\5\5\0\1\0\0\0\0\0\0"], "the host refuses"),
        ([b"\5\0", b"\5\x63\0\1\0\0\0\0\0\0"], "reply 99"),
        ([b"\5\0", b"\4\0\0\1\0\0\0\0\0\0"], "does not connect"),
        ([b"\5\0", b"\5\0\0\3\2ab\0\0 and more"], "does not speak SOCKS 5"),
        ([b"\5\0", b"\5\0\0\4"], "closed the connection"),
    ],
)
def test_a_socks_proxy_that_does_not_connect_says_why(
    said: list[bytes], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in said or [b""]:
            await reader.read(4096)
            writer.write(piece)

    error, _ = through("socks5", talk, monkeypatch)
    assert isinstance(error, ConnectFailed)
    assert reason in str(error)
