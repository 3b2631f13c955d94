"""A new connection: name, address, proxy, TLS. Raises the system's errors, not typed ones."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final

from streamplay.network.async_connection import AsyncConnection, read_buffer
from streamplay.network.tunnels import through_http, through_socks

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from streamplay.network.body import Moments
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.proxies import Proxy

    _Address = tuple[Any, ...]  # one of getaddrinfo's answers

NEXT_ADDRESS_SECONDS: Final = 0.25
"""So long one address of a host is tried alone (RFC 8305, 5: "Connection Attempt Delay")."""


class Dialer:
    """Makes connections to one server.

    Parameters
    ----------
    endpoint : Endpoint
        The server.
    proxy : Proxy or None
        The way to it.
    trust : callable
        Returns the context of TLS; called where TLS is needed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        proxy: Proxy | None,
        trust: Callable[[], ssl.SSLContext],
    ) -> None:
        self.proxy = proxy
        self._endpoint = endpoint
        self._trust = trust
        self._buffer = read_buffer()

    async def dial(self, moments: Moments, clock: Callable[[], float]) -> AsyncConnection:
        """Return a new connection; note its moments.

        Raises
        ------
        OSError
            If there is none; `ssl.SSLError` is one. Where several addresses failed, the error
            that tells most.
        """
        proxy, endpoint = self.proxy, self._endpoint
        host, port = (proxy.host, proxy.port) if proxy else (endpoint.host, endpoint.port)
        addresses = _literal(host, port)
        if addresses is None:
            addresses = await _resolved(host, port)
            # What is resolved here behind a proxy is the proxy's own name.
            moments.dns = clock() if proxy is None else None
        sock = await _first_connected(addresses)
        moments.tcp = moments.connected = clock()
        connection = await self._adopt(sock, clock)
        try:
            if proxy is not None:
                await self._through(connection, proxy)
            if endpoint.secure:
                await self._secure(connection, endpoint.host)
                moments.connected = clock()
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _adopt(self, sock: socket.socket, clock: Callable[[], float]) -> AsyncConnection:
        connection = AsyncConnection(self._buffer, clock)
        try:
            keep_alive(sock)
            await adopt(sock, connection)
        except BaseException:
            sock.close()
            raise
        return connection

    async def _secure(self, connection: AsyncConnection, host: str) -> None:
        loop, plain = asyncio.get_running_loop(), connection.transport
        if plain is None:
            raise ConnectionResetError("it was lost before TLS could begin")
        try:
            connection.use(
                await loop.start_tls(plain, connection, self._trust(), server_hostname=host)
            )
        except BaseException:
            plain.abort()
            raise

    async def _through(self, connection: AsyncConnection, proxy: Proxy) -> None:
        """Have the proxy connect to the server, where it does not forward requests itself."""
        if proxy.scheme == "https":
            await self._secure(connection, proxy.host)
        if proxy.socks:
            await through_socks(connection, proxy, self._endpoint)
        elif self._endpoint.secure:
            await through_http(connection, proxy, self._endpoint)


async def adopt(sock: socket.socket, protocol: asyncio.BaseProtocol) -> None:
    """Have the loop serve a connected socket by `protocol`."""
    sock.setblocking(False)
    await asyncio.get_running_loop().create_connection(lambda: protocol, sock=sock)


def keep_alive(sock: socket.socket) -> None:
    """Let the kernel ask, after half a minute of silence, whether the other side is there.

    A conversation pauses for minutes, and boxes in between forget connections
    meanwhile, some without a word: the next request would wait in vain for its
    first byte. So they see traffic, or the connection is known to be lost.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # macOS calls them otherwise
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _literal(host: str, port: int) -> list[_Address] | None:
    """Return the address that `host` is, without a thread for the resolver; None for a name."""
    for family, where in ((socket.AF_INET, (host, port)), (socket.AF_INET6, (host, port, 0, 0))):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, socket.SOCK_STREAM, 0, "", where)]
    return None


async def _resolved(host: str, port: int) -> list[_Address]:
    """Return the addresses of a host, IPv6 and IPv4 in turn (RFC 8305, 4)."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # no host has such a name
        raise OSError(0, "no host has such a name") from error
    first = [entry for entry in found if entry[0] == found[0][0]]
    other = [entry for entry in found if entry[0] != found[0][0]]
    ordered: list[_Address] = []
    while first or other:
        ordered += first[:1] + other[:1]
        del first[:1], other[:1]
    return ordered


async def _first_connected(addresses: Sequence[_Address]) -> socket.socket:
    """Connect to the address that answers first, each tried a little after the one before."""
    if len(addresses) == 1:
        return await _connected(addresses[0])
    attempts: list[asyncio.Task[socket.socket]] = []
    waiting = list(addresses)
    winner: asyncio.Task[socket.socket] | None = None
    try:
        while winner is None:
            if waiting:
                attempts.append(asyncio.create_task(_connected(waiting.pop(0))))
            running = [attempt for attempt in attempts if not attempt.done()]
            if not running:
                raise _most_telling([error for each in attempts if (error := each.exception())])
            await asyncio.wait(
                running,
                timeout=NEXT_ADDRESS_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            connected = (each for each in attempts if each.done() and not each.exception())
            winner = next(connected, None)
        return winner.result()
    finally:
        for attempt in attempts:
            if attempt is not winner:
                attempt.cancel()
                attempt.add_done_callback(_close_result)


def _close_result(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that came too late."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _most_telling(failures: Sequence[BaseException]) -> BaseException:
    """Return one failure of several addresses: a refusal shows that there is a machine."""
    return next((error for error in failures if isinstance(error, ConnectionError)), failures[0])


async def _connected(address: _Address) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock
