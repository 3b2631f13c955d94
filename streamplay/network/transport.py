"""HTTP: one request → its answer, every failure a typed error.

`HttpTransport` is the client's way to send; `Transport` is the seam: whatever sends a request and
returns its answer can stand in its place, as the early request does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.errors import ConnectionLost, UnexpectedContent
from streamplay.network.body import Moments
from streamplay.network.connection import trust_context
from streamplay.network.dialing import Dialer
from streamplay.network.exchange import HttpExchange
from streamplay.network.failures import broken_proxy, broken_trust, not_connected
from streamplay.network.message import host_of, target_of, whole
from streamplay.network.proxies import BrokenProxyError, proxy_for, proxy_settings
from streamplay.network.tunnels import proxy_headers

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from streamplay.network.async_connection import AsyncConnection
    from streamplay.network.body import Exchange
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.proxies import Proxy

KEEP_SECONDS: Final = 300.0
"""So long a connection is kept for the next request: a conversation pauses for minutes. What the
server closes sooner is noticed, and asked for again at once."""


class Transport(Protocol):
    """Sends requests to one server, and returns its answers. Raises nothing but typed errors."""

    def begin(self) -> Moments:
        """Return the moments of the request that is sent next, which begins now."""

    def ready(self) -> None:
        """Read what has to be read before anything can be sent."""

    async def connect(self) -> None:
        """Make a connection ahead of the next request."""

    async def send(
        self,
        method: str,
        path: str,
        moments: Moments,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
        connected: Callable[[], None] = lambda: None,
    ) -> Exchange:
        """Send one request; return with the answer's headers."""

    def beside(self) -> Transport:
        """Return one to the same server, with connections of its own and the same trust."""

    async def aclose(self) -> None:
        """Close every connection. A later request opens new ones."""


class HttpTransport:
    """Connections to one server, in one event loop.

    Parameters
    ----------
    endpoint : Endpoint
        The server.
    clock : callable
        What the moments are counted in.
    trusted : ssl.SSLContext, optional
        The TLS context, where it was made before.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._trusted = trusted
        self._dialer: Dialer | None = None
        self._idle: list[AsyncConnection] = []  # the one used last is used next
        self._connections: set[AsyncConnection] = set()

    def begin(self) -> Moments:
        """Return the moments of a request that begins now."""
        return Moments(self._clock())

    def ready(self) -> None:
        """Read the environment's proxies and certificates, where they are needed.

        Raises
        ------
        ConnectFailed
            If they are broken.
        """
        self._ready()

    async def connect(self) -> None:
        """Make a connection ahead of the next request. Nothing is sent on it."""
        self._rest(await self._dial(self._ready(), Moments(0.0)))

    async def send(
        self,
        method: str,
        path: str,
        moments: Moments,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
        connected: Callable[[], None] = lambda: None,
    ) -> Exchange:
        """Send one request; return with the answer's headers.

        One that fails on a connection which was kept, before any byte of its answer or by bytes
        that are no HTTP, is sent once more on a new one: the server may have closed the kept one
        meanwhile, or said on it what nothing had asked for.

        Parameters
        ----------
        method, path, headers, content, query
            The request; `path` follows the base URL.
        moments : Moments
            Where to note what happened when.
        connected : callable
            Called when there is a connection and the request begins to leave.

        Raises
        ------
        ConnectFailed
            If there is no connection, or the environment's settings are broken.
        ConnectionLost
            If it broke before the answer.
        UnexpectedContent
            If the answer is no HTTP.
        """
        dialer = self._ready()
        target = target_of(self._endpoint.path + path, query)
        data = whole(method, *self._addressed(dialer.proxy, target, headers or {}), content)
        connection = self._kept()
        while True:
            kept = connection is not None
            connection = connection or await self._dial(dialer, moments)
            exchange = HttpExchange(
                connection, self._endpoint.base_url, bodiless=method == "HEAD", keep=self._rest
            )
            try:
                connected()
                await exchange.send(data, moments, self._clock)
                await exchange.begin()
            except BaseException as error:
                connection.abort()
                if not (kept and _is_stale(error, exchange)):
                    raise
                moments.restart()
                moments.resent += 1
                connection = None
            else:
                moments.headers = exchange.arrived
                return exchange

    def beside(self) -> HttpTransport:
        """Return one to the same server, with connections of its own and the same trust."""
        return HttpTransport(self._endpoint, self._clock, self._trusted)

    async def aclose(self) -> None:
        """Close every connection. A later request opens new ones."""
        connections, self._idle = list(self._connections), []
        self._dialer = None  # it holds this object, and its buffer is large
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.closed

    def _ready(self) -> Dialer:
        if self._dialer is None:
            settings = _proxy_settings()
            try:
                proxy = proxy_for(self._endpoint, settings)
            except BrokenProxyError as error:
                raise broken_proxy(error.setting) from None
            if self._endpoint.secure or (proxy is not None and proxy.scheme == "https"):
                self._trust()
            self._dialer = Dialer(self._endpoint, proxy, self._trust)
        return self._dialer

    def _trust(self) -> ssl.SSLContext:
        """Return the TLS context; its certificates take 30 ms to load, and are loaded once."""
        if self._trusted is None:
            try:
                self._trusted = trust_context()
            except OSError as error:
                raise broken_trust(error) from None
        return self._trusted

    async def _dial(self, dialer: Dialer, moments: Moments) -> AsyncConnection:
        try:
            connection = await dialer.dial(moments, self._clock)
        except OSError as error:
            raise not_connected(error, self._endpoint) from error
        self._connections.add(connection)
        connection.closed.add_done_callback(lambda _: self._connections.discard(connection))
        return connection

    def _kept(self) -> AsyncConnection | None:
        """Return a connection that was kept and still can be used: the one used last."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and _now() - connection.idle_since < KEEP_SECONDS:
                connection.wake()
                return connection
            connection.abort()
        return None

    def _rest(self, connection: AsyncConnection) -> None:
        connection.rest(_now())
        self._idle.append(connection)

    def _addressed(
        self, proxy: Proxy | None, target: str, headers: Mapping[str, str]
    ) -> tuple[str, str, Mapping[str, str]]:
        """Return target, host and headers, as the server, or its proxy, has to read them."""
        host = host_of(self._endpoint.host, self._endpoint.named_port)
        if proxy is None or proxy.socks or self._endpoint.secure:
            return target, host, headers
        # Such a proxy reads the request itself, and sends it on.
        return f"http://{host}{target}", host, {**headers, **proxy_headers(proxy)}


def _is_stale(error: BaseException, exchange: HttpExchange) -> bool:
    """Tell whether a kept connection was closed already, or held what was no answer to this."""
    if isinstance(error, UnexpectedContent):
        return not exchange.status
    return isinstance(error, ConnectionLost) and not exchange.begun


def _now() -> float:
    return asyncio.get_running_loop().time()


def _proxy_settings() -> dict[str, str]:
    """Return the proxies that are set: those of the environment, or else of the system."""
    settings = proxy_settings(os.environ)
    return settings if settings or sys.platform == "linux" else _system_proxies()


def _system_proxies() -> dict[str, str]:
    from urllib.request import getproxies  # 30 ms; it asks macOS and Windows

    return {f"{name}_proxy": value for name, value in getproxies().items()}
