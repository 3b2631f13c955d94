"""The socket on which the server listens, and how long a client may keep a connection waiting.

aiohttp waits without end for the rest of a request's head, so that a client that sends a byte now
and then holds its connection for ever. Here a timer ends a connection on which a request has begun
to arrive and does not go on, or on which nothing happens at all.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

# What is still being answered when the server is told to end gets this long.
_GRACE_SECONDS: Final = 0.1

_BACKLOG: Final = 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may keep the server waiting, in seconds.

    Parameters
    ----------
    request : float
        From the first byte of a request until its last.
    reading : float
        While the client takes nothing of an answer that is there.
    idle : float
        Between two requests: a warm connection is worth minutes.
    """

    request: float = 20.0
    reading: float = 120.0
    idle: float = 900.0


class GuardedConnection(asyncio.Protocol):
    """Passes a connection's events to aiohttp, and ends the connection when it waits too long.

    Parameters
    ----------
    inner : asyncio.Protocol
        aiohttp's.
    """

    def __init__(self, inner: asyncio.Protocol, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._receiving = False
        self._answering = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._wait(self._patience.idle)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; the first ones of a request set its time limit."""
        if not self._receiving and not self._answering:
            self._receiving = True
            self._wait(self._patience.request)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        self._transport = None
        self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass on that the client does not keep up."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client keeps up again."""
        self._inner.resume_writing()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Rest the timer while a request is being answered: the answer has limits of its own."""
        self._answering += 1
        self._stop()
        try:
            yield
        finally:
            self._answering -= 1
            self._receiving = False
            if self._transport is not None:
                self._wait(self._patience.idle)

    def _wait(self, seconds: float) -> None:
        self._stop()
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, patience: Patience
) -> AsyncIterator[tuple[str, int]]:
    """Serve `app` while the context is open; give the address that it listens on."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=_GRACE_SECONDS,
        # The timers here are the ones that end a connection.
        keepalive_timeout=2 * patience.idle,
    )
    await runner.setup()
    handlers = runner.server
    assert handlers is not None
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            lambda: GuardedConnection(handlers(), patience), host, port, backlog=_BACKLOG
        )
        try:
            name = server.sockets[0].getsockname()
            yield name[0], name[1]
        finally:
            server.close()
    finally:
        await runner.cleanup()
