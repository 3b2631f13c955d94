"""Iterables of anything, blocking or asynchronous, read ahead for the player's loop."""

from __future__ import annotations

import asyncio
import inspect
import io
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable

CLOSE_SECONDS: Final = 1.0
"""So long an async iterable may take to close; then the next utterance does not wait for it."""

_END: Final = object()


@dataclass(frozen=True, slots=True)
class Ended:
    """Stands behind the last part: `error` is what the iterable raised, if it did."""

    error: Exception | None = None


class Reading(ABC):
    """What is read of an iterable, no more than so many parts ahead. To be made on the loop.

    Attributes
    ----------
    queue : asyncio.Queue
        The parts, and an `Ended` behind the last; `taken` is called for each part taken.
    """

    def __init__(self, what: str) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self._what = what

    @abstractmethod
    def taken(self) -> None:
        """Make room for another part."""

    @abstractmethod
    async def aclose(self) -> None:
        """Read no more, and close the iterable."""

    def _ended(self, error: BaseException | None) -> Ended:
        if error is None or isinstance(error, Exception):
            return Ended(error)
        return Ended(RuntimeError(f"the {self._what} ended with {error!r}"))


def read(source: Iterable[Any] | AsyncIterable[Any], what: str, ahead: int) -> Reading:
    """Begin to read.

    Parameters
    ----------
    source : iterable or async iterable
        A blocking one is read on a thread of its own, since it may wait for a
        person typing; an async one in a task of its own.
    what : str
        What it is called: ``text`` or ``frames``.
    ahead : int
        How many parts may wait to be taken.
    """
    if isinstance(source, AsyncIterable):
        return _TaskReading(source, what, ahead)
    return _ThreadReading(source, what, ahead)


class _ThreadReading(Reading):
    """Reads a blocking iterable on a daemon thread, which a stuck read cannot keep alive."""

    def __init__(self, source: Iterable[Any], what: str, ahead: int) -> None:
        super().__init__(what)
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(ahead)
        self._closed = threading.Event()
        self._over = False
        self._start(self._read)

    def taken(self) -> None:
        self._room.release()

    async def aclose(self) -> None:
        """Read no more. What is stuck in a read is left to itself."""
        self._closed.set()
        self._room.release()
        if not self._over and not isinstance(self._source, Generator):
            # It may wait for its server: closing from outside is what ends that.
            self._start(lambda: _close(self._source))

    def _start(self, run: Callable[[], None]) -> None:
        threading.Thread(target=run, name=f"streamplay {self._what}", daemon=True).start()

    def _hand(self, item: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self.queue.put_nowait, item)

    def _read(self) -> None:
        try:
            iterator = iter(self._source)
            try:
                for part in iterator:
                    self._room.acquire()
                    if self._closed.is_set():
                        return
                    self._hand(part)
            finally:
                if isinstance(iterator, Generator):
                    iterator.close()  # only the thread that runs it can
            self._end(None)
        except BaseException as error:  # noqa: BLE001 - whatever it raised, whoever waits is told
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._over = True
        self._hand(self._ended(error))


class _TaskReading(Reading):
    """Reads an async iterable in a task."""

    def __init__(self, source: AsyncIterable[Any], what: str, ahead: int) -> None:
        super().__init__(what)
        self._room = asyncio.Semaphore(ahead)
        self._task = asyncio.create_task(self._read(source))

    def taken(self) -> None:
        self._room.release()

    async def aclose(self) -> None:
        """Read no more; return when the iterable has been closed, if it closes soon."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=CLOSE_SECONDS)

    async def _read(self, source: AsyncIterable[Any]) -> None:
        iterator = aiter(source)
        try:
            async for part in iterator:
                await self._room.acquire()
                self.queue.put_nowait(part)
            self.queue.put_nowait(self._ended(None))
        except BaseException as error:  # noqa: BLE001 - whatever it raised, whoever waits is told
            self.queue.put_nowait(self._ended(error))
        finally:
            with suppress(Exception):  # nobody is left who could be told
                await _aclose(iterator)
                if iterator is not source:
                    await _aclose(source)


class OnLoop:
    """An async iterable that is consumed on the event loop it belongs to, from another.

    Parameters
    ----------
    source : async iterable
        Belongs to `loop`.
    loop : asyncio.AbstractEventLoop
        Runs it.
    """

    def __init__(self, source: AsyncIterable[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._source = aiter(source)
        self._loop = loop

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        item = await self._over_there(self._next())
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close it, over there."""
        if not self._loop.is_closed():
            await self._over_there(_aclose(self._source))

    async def _next(self) -> object:
        return await anext(self._source, _END)

    async def _over_there(self, step: Coroutine[Any, Any, object]) -> object:
        try:
            future = asyncio.run_coroutine_threadsafe(step, self._loop)
        except RuntimeError:
            step.close()  # the loop has been closed: whoever made it is gone
            raise
        return await asyncio.wrap_future(future)


async def _aclose(source: object) -> None:
    """Close an async iterable by whatever it has for that."""
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    closing = close() if callable(close) else None
    if inspect.isawaitable(closing):
        await closing


def _close(source: object) -> None:
    """Close an iterable that can be closed; a file stays open: it is the caller's."""
    close = getattr(source, "close", None)
    if callable(close) and not isinstance(source, io.IOBase):
        with suppress(Exception):  # nobody is left who could be told
            close()
