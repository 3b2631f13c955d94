"""A connection in the event loop, with a bounded buffer of what was received.

A protocol, not `asyncio.StreamReader` and not `loop.sock_recv`: the loop reads at most one buffer
between two looks at its timers and signals, so that a peer that sends without a pause delays them
by no more than that buffer takes to be read.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

Piece = tuple[float, bytes]
"""What one turn of the loop has read, and when."""

READ_BYTES: Final = 1 << 17
"""The most that one turn of the loop reads from one connection."""

# Of what waits to be read; beyond it the peer is left to wait (TCP's own flow control).
_HELD_BYTES: Final = 1 << 18

# What a piece takes beside its bytes: a peer may send a byte at a time.
_PIECE_BYTES: Final = 100

# With `gather`: so much is worth the reader's turn. A piece below the second bound may be the end
# mark, which the next request waits for.
_GATHERED_BYTES: Final = 1 << 15
_SMALL_BYTES: Final = 512


def read_buffer() -> memoryview:
    """Return a buffer for the connections of one loop."""
    return memoryview(bytearray(READ_BYTES))


class AsyncConnection(asyncio.BufferedProtocol):
    """One connection: `read` waits for what comes, `write` until it has left.

    Parameters
    ----------
    buffer : memoryview
        Where the loop puts what it reads, until it is copied at once: the connections of one loop
        can share one.
    clock : callable, optional
        Tells `arrived`.

    Attributes
    ----------
    transport : asyncio.Transport or None
        Set by the loop; with TLS, replaced by the secure one. None again once it is lost.
    arrived : float
        When the loop has read the last bytes: a task that waits for them goes on later.
    idle_since : float
        When `rest` was called last.
    closed : asyncio.Future
        Done when the loop has closed the socket.
    """

    def __init__(self, buffer: memoryview, clock: Callable[[], float] = time.perf_counter) -> None:
        self.transport: Any = None
        self.arrived = 0.0
        self._clock = clock
        self.idle_since = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle = False
        self._buffer = buffer
        self._pieces: list[Piece] = []
        self._held = 0
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._full = False
        self._gathering = 0.0
        self._may_end: Callable[[bytes], bool] = bool
        self._timer: asyncio.TimerHandle | None = None

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the loop has a connection."""
        self.use(transport)

    def use(self, transport: Any) -> None:
        """Send and receive by `transport` from now on: the connection's, or TLS over it."""
        self.transport = transport
        transport.set_write_buffer_limits(0)  # so that `write` returns when all has left

    def get_buffer(self, _: int) -> memoryview:
        """Return where the loop is to put what it reads."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """Take what the loop has read."""
        self.take_bytes(bytes(self._buffer[:count]))

    def take_bytes(self, data: bytes) -> None:
        """Keep received bytes until they are read."""
        if self._idle:
            self.abort()  # unasked bytes would be taken for the next answer
            return
        self.arrived = self._clock()
        self._pieces.append((self.arrived, data))
        self._held += len(data) + _PIECE_BYTES
        if self._held > _HELD_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        if self._gathering and self._may_wait(data):
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._gathering, self._wake_reader)
        else:
            self._wake_reader()

    def eof_received(self) -> bool:
        """Note that the peer sends nothing more."""
        self._ended = True
        self._wake_reader()
        if self._idle:
            self.abort()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end of the connection; `error` is None where it was closed in order."""
        self._ended = True
        self._error = error
        self.transport = None  # TLS's holds this object, and a buffer of 256 KiB
        self._wake_reader()
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """Note that the system takes no more for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Note that all has left."""
        self._full = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    # What the transport calls

    async def read(self) -> bytes:
        """Return what has come since the last call; ``b""``: the connection's end.

        Raises
        ------
        OSError
            If the connection was lost.
        """
        return b"".join([data for _, data in await self.read_pieces()])

    async def read_pieces(self) -> list[Piece]:
        """Return the same piece by piece, as the loop has read it; nothing at the end."""
        if not self._pieces and not self._ended:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._held = 0
            if self._paused and self.transport is not None:
                self.transport.resume_reading()
            self._paused = False
            return pieces
        if self._error is not None:
            raise _as_os_error(self._error)
        return []

    def gather(self, seconds: float, may_end: Callable[[bytes], bool]) -> None:
        """Let a reader that waits sleep on until some pieces have come: each wake-up costs.

        When each has come is noted all the same. The reader is woken at once by a small piece, by
        one of which `may_end` says that it may be the last, by much that waits, and by the end.
        """
        self._gathering, self._may_end = seconds, may_end

    def hurry(self) -> bool:
        """Wake a reader that sleeps on although something has come; tell whether anything has."""
        if self._pieces:
            self._wake_reader()
        return bool(self._pieces)

    def _may_wait(self, data: bytes) -> bool:
        small = len(data) < _SMALL_BYTES
        return not (small or self._held >= _GATHERED_BYTES or self._may_end(data))

    async def write(self, data: bytes) -> None:
        """Send `data`; return when the system has taken all of it.

        Raises
        ------
        OSError
            If the connection was lost.
        """
        if self.transport is not None:
            self.transport.write(data)
        if self._full:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self._error is not None:
            raise _as_os_error(self._error)

    def rest(self, now: float) -> None:
        """Keep the connection for the next request; it is closed if anything comes meanwhile."""
        self.idle_since = now
        self._idle = True
        self._gathering = 0.0
        if self._pieces or self._ended:
            self.abort()

    def wake(self) -> None:
        """Use a resting connection again."""
        self._idle = False

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        return not self._ended and not self.transport.is_closing()

    def abort(self) -> None:
        """Close the connection at once: what was not sent, or not read, is dropped."""
        if self.transport is not None:
            self.transport.abort()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def _as_os_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else ConnectionResetError(str(error))
