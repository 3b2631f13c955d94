"""Reads blocking and asynchronous iterables ahead, for the player's loop.

None of their code runs on the player's loop, so that no text can block the player. A blocking
iterable is read on a separate thread; an async one on the event loop that it belongs to, or on a
separate loop and thread if it belongs to none.
"""

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

from streamplay.errors import TextFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable

CLOSE_SECONDS: Final = 1.0
"""How long an async iterable may take to close before the next utterance begins without it."""

LOOP_SECONDS: Final = 1.0
"""How often the event loop of an async iterable is checked. A loop that is closed, or did not run
at two checks, will not read on. A loop that ends as `asyncio.run` does cancels the reading task,
which is noticed at once."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Follows the last part; `error` is what the iterable raised, or None."""

    error: Exception | None = None


class Reading(ABC):
    """Reads an iterable a limited number of parts ahead. Made on the player's loop.

    Attributes
    ----------
    queue : asyncio.Queue
        The parts, then an `Ended`. Call `taken` for each part that was taken.
    """

    def __init__(self, what: str) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self._what = what
        self._home = asyncio.get_running_loop()

    @abstractmethod
    def taken(self) -> None:
        """Make room for another part."""

    @abstractmethod
    async def aclose(self) -> None:
        """Read no more, and close the iterable."""

    def _hand(self, item: object) -> None:
        """Put a part into the queue, from any thread."""
        with suppress(RuntimeError):  # the player's loop is closed
            self._home.call_soon_threadsafe(self.queue.put_nowait, item)

    def _ended(self, error: BaseException | None) -> Ended:
        if error is None or isinstance(error, Exception):
            return Ended(error)
        return Ended(TextFailed(f"the {self._what} ended with {error!r}"))


def read(source: Iterable[Any] | AsyncIterable[Any], what: str, ahead: int) -> Reading:
    """Begin to read.

    Parameters
    ----------
    source : iterable or async iterable
        A blocking one is read on a separate thread, because it may wait for a person who types;
        an async one on its own loop if it is an `OnLoop`, otherwise on a separate loop and thread.
    what : str
        Its name in errors: ``text`` or ``frames``.
    ahead : int
        How many parts may wait to be taken.
    """
    if isinstance(source, OnLoop):
        return _LoopReading(source, what, ahead)
    if isinstance(source, AsyncIterable):
        return _OwnLoopReading(source, what, ahead)
    return _ThreadReading(source, what, ahead)


def drop(source: object) -> None:
    """Close an iterable of which nothing has been read; from any thread, without waiting.

    A file stays open: it is the caller's.
    """
    if isinstance(source, OnLoop):
        _run_over_there(source.loop, _aclose(source.source))
    elif isinstance(source, AsyncIterable):
        _on_thread(lambda: asyncio.run(_aclose(source)), "streamplay close text")
    elif callable(getattr(source, "close", None)):
        _on_thread(lambda: _close(source), "streamplay close text")


class _ThreadReading(Reading):
    """Reads a blocking iterable on a daemon thread, so that a stuck read keeps nothing alive."""

    def __init__(self, source: Iterable[Any], what: str, ahead: int) -> None:
        super().__init__(what)
        self._source = source
        self._room = threading.Semaphore(ahead)
        self._closed = threading.Event()
        self._over = False
        _on_thread(self._read, f"streamplay {what}")

    def taken(self) -> None:
        self._room.release()

    async def aclose(self) -> None:
        """Read no more. A read that does not return is abandoned."""
        self._closed.set()
        self._room.release()
        if not self._over and not isinstance(self._source, Generator):
            # The iterable may be waiting for its server: closing it from outside ends that.
            _on_thread(lambda: _close(self._source), f"streamplay {self._what}")

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
                    iterator.close()  # only the thread that runs a generator can close it
            self._end(None)
        except BaseException as error:  # noqa: BLE001 - the utterance ends with it
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._over = True
        self._hand(self._ended(error))


class _AsyncReading(Reading):
    """Reads an async iterable in a task on another thread's event loop.

    Parameters
    ----------
    ahead : int
        How many parts may wait to be taken.
    """

    def __init__(self, what: str, ahead: int) -> None:
        super().__init__(what)
        self._room = asyncio.Semaphore(ahead)  # used on the other loop only
        self._over = asyncio.Event()  # used on the player's loop only
        self._task: asyncio.Task[Any] | None = None
        self._there: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def taken(self) -> None:
        self._call(self._room.release)

    async def aclose(self) -> None:
        """Read no more; return when the iterable has been closed, if it closes soon."""
        self._closed = True
        if self._call(self._cancel):
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._over.wait()

    def _call(self, function: Callable[[], object]) -> bool:
        """Call a function on the other loop; return False if that loop is closed."""
        if self._there is None:
            return True  # the loop is still being started
        try:
            self._there.call_soon_threadsafe(function)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _loop_ended(self) -> Ended:
        return Ended(TextFailed(f"the event loop that the {self._what} belongs to has ended"))

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _read(self, source: AsyncIterable[Any]) -> None:
        """Read to the end, or until cancelled; on the other loop."""
        self._task, self._there = asyncio.current_task(), asyncio.get_running_loop()
        iterator = None
        try:
            if not self._closed:
                iterator = aiter(source)
                async for part in iterator:
                    await self._room.acquire()
                    self._hand(part)
                self._hand(self._ended(None))
        except GeneratorExit:
            # The loop was closed while this task was pending: nothing can be awaited on it.
            self._hand(self._loop_ended())
            raise
        except BaseException as error:  # noqa: BLE001 - the utterance ends with it
            cancelled = self._task is not None and self._task.cancelling()
            self._hand(self._loop_ended() if cancelled else self._ended(error))
        with suppress(Exception):  # no caller is left to receive it
            await _aclose(iterator)
            if iterator is not source:
                await _aclose(source)
        with suppress(RuntimeError):  # the player's loop is closed
            self._home.call_soon_threadsafe(self._over.set)


class _OwnLoopReading(_AsyncReading):
    """Reads an async iterable that belongs to no loop, on a separate loop and daemon thread."""

    def __init__(self, source: AsyncIterable[Any], what: str, ahead: int) -> None:
        super().__init__(what, ahead)
        _on_thread(lambda: asyncio.run(self._read(source)), f"streamplay {what}")


class _LoopReading(_AsyncReading):
    """Reads an async iterable on the loop that it belongs to, while that loop runs."""

    def __init__(self, source: OnLoop, what: str, ahead: int) -> None:
        super().__init__(what, ahead)
        self._there = source.loop
        self._asleep = 0  # checks at which the loop had not run
        self._reading = self._read(source.source)
        if not _run_over_there(source.loop, self._reading):
            self._give_up()
        self._watch = self._home.call_later(LOOP_SECONDS, self._look)

    async def aclose(self) -> None:
        self._watch.cancel()
        await super().aclose()

    def _look(self) -> None:
        """Give up if the loop will not read on. Runs on the player's loop."""
        assert self._there is not None
        self._asleep = 0 if self._there.is_running() else self._asleep + 1
        if self._over.is_set():
            return
        if self._there.is_closed() or self._asleep == 2:
            self._give_up()
        else:
            self._watch = self._home.call_later(LOOP_SECONDS, self._look)

    def _give_up(self) -> None:
        self._over.set()
        self.queue.put_nowait(self._loop_ended())
        if inspect.getcoroutinestate(self._reading) == inspect.CORO_CREATED:
            self._reading.close()


@dataclass(frozen=True, slots=True)
class OnLoop:
    """An async iterable with the event loop on which it must be read.

    Attributes
    ----------
    source : async iterable
        The iterable.
    loop : asyncio.AbstractEventLoop
        The loop.
    """

    source: AsyncIterable[Any]
    loop: asyncio.AbstractEventLoop

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self.source)


def _on_thread(run: Callable[[], object], name: str) -> None:
    threading.Thread(target=run, name=name, daemon=True).start()


def _run_over_there(loop: asyncio.AbstractEventLoop, step: Coroutine[Any, Any, object]) -> bool:
    """Run a coroutine on another loop; return False if that loop is closed."""
    try:
        asyncio.run_coroutine_threadsafe(step, loop)
    except RuntimeError:
        step.close()
        return False
    return True


async def _aclose(source: object) -> None:
    """Close an async iterable by its `aclose` or `close`, if it has one."""
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    closing = close() if callable(close) else None
    if inspect.isawaitable(closing):
        await closing


def _close(source: object) -> None:
    """Close an iterable that has `close`, except a file, which is the caller's."""
    close = getattr(source, "close", None)
    if callable(close) and not isinstance(source, io.IOBase):
        with suppress(Exception):  # no caller is left to receive it
            close()
