"""What is said to a proxy so that it connects to the server."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING, Final

from streamplay.network.framing import AnswerReader, FramingError
from streamplay.network.message import host_of

if TYPE_CHECKING:
    from streamplay.network.async_connection import AsyncConnection
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.proxies import Proxy

# SOCKS 5: RFC 1928, and 1929 for the password.
_VERSION: Final = 5
_NO_NAME: Final = 0
_PASSWORD: Final = 2
_NAME: Final = 3  # an address that is a host's name
_ADDRESS_BYTES: Final = {1: 4, 4: 16}
_REFUSALS: Final = {
    2: "it is not allowed to",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the host refuses",
    6: "the host is too far away",
}


class ProxyRefusedError(OSError):
    """The proxy does not connect; its text says why."""


async def through_http(connection: AsyncConnection, proxy: Proxy, endpoint: Endpoint) -> None:
    """Have an HTTP proxy connect (RFC 9110, 9.3.6).

    Raises
    ------
    OSError
        If it does not.
    """
    where = host_of(endpoint.host, endpoint.port)
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    lines += [f"{name}: {value}" for name, value in proxy_headers(proxy).items()]
    await connection.write("\r\n".join([*lines, "", ""]).encode())
    answer = AnswerReader(bodiless=True)
    try:
        while not answer.status:
            data = await connection.read()
            if data:
                answer.feed_bytes(data)
            else:
                answer.feed_end()
    except FramingError:
        raise ProxyRefusedError("the proxy does not speak HTTP") from None
    if not 200 <= answer.status < 300:
        raise ProxyRefusedError(f"the proxy does not connect ({answer.status})")


def proxy_headers(proxy: Proxy) -> dict[str, str]:
    """Return the headers that are for the proxy alone."""
    if not proxy.user:
        return {}
    pair = f"{proxy.user}:{proxy.password}".encode("latin-1", "replace")
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


async def through_socks(connection: AsyncConnection, proxy: Proxy, endpoint: Endpoint) -> None:
    """Have a SOCKS 5 proxy connect; the host's name is resolved by the proxy, as httpx has it.

    Raises
    ------
    OSError
        If it does not.
    """
    conversation = _Conversation(connection)
    method = _PASSWORD if proxy.user else _NO_NAME
    if (await conversation.ask(bytes([_VERSION, 1, method]), 2))[1] != method:
        other = "takes no login" if proxy.user else "asks for a login"
        raise ProxyRefusedError(f"the proxy {other}")
    if method == _PASSWORD:
        await _log_in(conversation, proxy)
    wanted = bytes([_VERSION, 1, 0]) + _socks_address(endpoint.host) + endpoint.port.to_bytes(2)
    version, reply, _, kind, size = await conversation.ask(wanted, 5)
    if reply != 0 or version != _VERSION:
        reason = _REFUSALS.get(reply, f"reply {reply}")
        raise ProxyRefusedError(f"the proxy does not connect: {reason}")
    # The address it is bound to, and its port: of no use here. `size` was its first byte.
    await conversation.ask(b"", _ADDRESS_BYTES.get(kind, size + 1) - 1 + 2)
    conversation.end()


async def _log_in(conversation: _Conversation, proxy: Proxy) -> None:
    names = (text.encode("latin-1", "replace")[:255] for text in (proxy.user, proxy.password))
    login = bytes([1]) + b"".join(bytes([len(name)]) + name for name in names)
    if (await conversation.ask(login, 2))[1] != 0:
        raise ProxyRefusedError("the proxy refuses the login")


def _socks_address(host: str) -> bytes:
    for kind, family in ((1, socket.AF_INET), (4, socket.AF_INET6)):
        try:
            return bytes([kind]) + socket.inet_pton(family, host)
        except OSError:
            continue
    name = host.encode("idna" if not host.isascii() else "ascii")
    return bytes([_NAME, len(name)]) + name


class _Conversation:
    """Questions and answers of known lengths."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._came = b""

    async def ask(self, question: bytes, size: int) -> bytes:
        """Send `question`; return the next `size` bytes of what comes."""
        if question:
            await self._connection.write(question)
        while len(self._came) < size:
            data = await self._connection.read()
            if not data:
                raise ProxyRefusedError("the proxy closed the connection")
            self._came += data
        answer, self._came = self._came[:size], self._came[size:]
        return answer

    def end(self) -> None:
        """Raise where more has come than was asked for: it would be taken for the server's."""
        if self._came:
            raise ProxyRefusedError("the proxy does not speak SOCKS 5")
