"""The transport of a request that was sent early: its answer is taken over by the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from streamplay.network.async_connection import AsyncConnection, read_buffer
from streamplay.network.dialing import adopt
from streamplay.network.exchange import HttpExchange
from streamplay.network.transport import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamplay.network.body import Exchange, Moments
    from streamplay.network.connection import Connection
    from streamplay.network.early import EarlyRequest
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.transport import Transport

    MakeTransport = Callable[[Endpoint, Callable[[], float]], Transport]


def transport_after(early: EarlyRequest) -> MakeTransport:
    """Return what makes the transport of a client whose first request is `early`."""

    def make(endpoint: Endpoint, clock: Callable[[], float]) -> Transport:
        return EarlyTransport(early, HttpTransport(endpoint, clock), endpoint, clock)

    return make


class EarlyTransport:
    """Returns the answer to what was sent early as that to the first request, if it is the same.

    Parameters
    ----------
    early : EarlyRequest
        What was sent, or still is.
    usual : Transport
        Sends everything else, and what could not be sent early.
    endpoint : Endpoint
        The server.
    clock : callable
        What the moments are counted in: the early request's own.
    """

    def __init__(
        self,
        early: EarlyRequest,
        usual: Transport,
        endpoint: Endpoint,
        clock: Callable[[], float],
    ) -> None:
        self._early: EarlyRequest | None = early
        self._usual = usual
        self._endpoint = endpoint
        self._clock = clock
        self._begun: float | None = early.begun

    def begin(self) -> Moments:
        """Return the moments of the next request; the first has begun when it left."""
        moments = self._usual.begin()
        if self._begun is not None:
            moments.begun, self._begun = self._begun, None
        return moments

    def ready(self) -> None:
        """Do nothing where an answer is on its way: only another request would need it."""
        if self._early is None:
            self._usual.ready()

    async def connect(self) -> None:
        """Do nothing where an answer is on its way."""
        if self._early is None:
            await self._usual.connect()

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
        """Return the early answer, where this is the request that was sent early.

        What *has* been sent counts as this attempt, and is never sent a second time from here.
        """
        early, self._early = self._early, None
        if early is not None and early.content == content:
            answer = await self._answer(early, moments, connected)
            if answer is not None:
                return answer
        return await self._usual.send(
            method,
            path,
            moments,
            headers=headers,
            content=content,
            query=query,
            connected=connected,
        )

    def beside(self) -> Transport:
        """Return one of the usual kind, with connections of its own."""
        return self._usual.beside()

    async def aclose(self) -> None:
        """Close every connection."""
        if self._early is not None:
            self._early.close()
        await self._usual.aclose()

    async def _answer(
        self, early: EarlyRequest, moments: Moments, connected: Callable[[], None]
    ) -> Exchange | None:
        """Return the answer when its headers are there; None: nothing of the request was sent."""
        try:
            await _ended(early)
            line = early.hand_over()
            if line is None:
                return None
            moments.tcp, moments.connected, moments.sent = early.tcp, early.connected, early.sent
            connected()
            if early.sent is not None:
                moments.left.set()
            exchange = await self._exchange(line)
        except BaseException:
            early.close()
            raise
        moments.headers = exchange.arrived
        return exchange

    async def _exchange(self, line: Connection) -> HttpExchange:
        try:
            exchange = HttpExchange(await _taken_over(line, self._clock), self._endpoint.base_url)
        except BaseException:
            line.close()
            raise
        try:
            await exchange.begin()
        except BaseException:
            exchange.close()
            raise
        return exchange


async def _ended(early: EarlyRequest) -> None:
    """Wait until it has left, or is not going to: its thread tells the loop."""
    if early.ended:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(ended.set)

    early.when_ended(tell)
    await ended.wait()


async def _taken_over(line: Connection, clock: Callable[[], float]) -> AsyncConnection:
    """Return the connection as one of the event loop's."""
    connection = AsyncConnection(read_buffer(), clock)
    await adopt(line.socket, _Unlocking(connection, line) if line.is_secure else connection)
    return connection


class _Unlocking(asyncio.Protocol):
    """Undoes the TLS that the early request's thread has begun; the loop cannot take it over."""

    def __init__(self, connection: AsyncConnection, line: Connection) -> None:
        self._connection = connection
        self._line = line
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connection.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._line.take(data)
        try:
            while plain := self._line.read():
                self._connection.take_bytes(plain)
            if plain == b"":
                self._connection.eof_received()
        except OSError as error:
            self._connection.connection_lost(error)
            self._transport.abort()
        if reply := self._line.reply():
            self._transport.write(reply)

    def eof_received(self) -> bool:
        return self._connection.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._connection.connection_lost(error)
