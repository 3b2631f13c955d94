"""Iterables of anything, blocking or asynchronous, read ahead for the player's loop.

Nothing of them runs on the player's loop, so that no text can hold up the player: a blocking
iterable is read on a thread of its own, an async one on the event loop it belongs to, or on a
loop and thread of its own where it belongs to none.
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
"""So long an async iterable may take to close; then the next utterance does not wait for it."""

LOOP_SECONDS: Final = 1.0
"""How often the event loop of an async iterable is looked at. A loop that was closed, or that did
not run at two looks, is not going to read on. A loop that ends as `asyncio.run` ends cancels what
it reads, and is noticed at once."""


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
        self._home = asyncio.get_running_loop()

    @abstractmethod
    def taken(self) -> None:
        """Make room for another part."""

    @abstractmethod
    async def aclose(self) -> None:
        """Read no more, and close the iterable."""

    def _hand(self, item: object) -> None:
        """Hand over a part, from any thread."""
        with suppress(RuntimeError):  # the player's loop has been closed
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
        A blocking one is read on a thread of its own, since it may wait for a person typing;
        an async one on its own loop, if it is an `OnLoop`, or on a loop and thread of its own.
    what : str
        What it is called: ``text`` or ``frames``.
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

    What cannot be closed is left alone, and a file: it is the caller's.
    """
    if isinstance(source, OnLoop):
        _run_over_there(source.loop, _aclose(source.source))
    elif isinstance(source, AsyncIterable):
        _on_thread(lambda: asyncio.run(_aclose(source)), "streamplay close text")
    elif callable(getattr(source, "close", None)):
        _on_thread(lambda: _close(source), "streamplay close text")


class _ThreadReading(Reading):
    """Reads a blocking iterable on a daemon thread, which a stuck read cannot keep alive."""

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
        """Read no more. What is stuck in a read is left to itself."""
        self._closed.set()
        self._room.release()
        if not self._over and not isinstance(self._source, Generator):
            # It may wait for its server: closing from outside is what ends that.
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
                    iterator.close()  # only the thread that runs it can
            self._end(None)
        except BaseException as error:  # noqa: BLE001 - the utterance ends by whatever it raised
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
        self._room = asyncio.Semaphore(ahead)  # used on the other loop alone
        self._over = asyncio.Event()  # used on the player's loop alone
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
        """Call a function on the other loop; whether that is there."""
        if self._there is None:
            return True  # it is not there yet
        try:
            self._there.call_soon_threadsafe(function)
        except RuntimeError:  # it has been closed
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
            # The loop was closed while this task was pending: nothing can be awaited any more.
            self._hand(self._loop_ended())
            raise
        except BaseException as error:  # noqa: BLE001 - the utterance ends by whatever it raised
            cancelled = self._task is not None and self._task.cancelling()
            self._hand(self._loop_ended() if cancelled else self._ended(error))
        with suppress(Exception):  # there is nobody left to be told
            await _aclose(iterator)
            if iterator is not source:
                await _aclose(source)
        with suppress(RuntimeError):  # the player's loop has been closed
            self._home.call_soon_threadsafe(self._over.set)


class _OwnLoopReading(_AsyncReading):
    """Reads an async iterable that belongs to no loop: on a loop and daemon thread of its own."""

    def __init__(self, source: AsyncIterable[Any], what: str, ahead: int) -> None:
        super().__init__(what, ahead)
        _on_thread(lambda: asyncio.run(self._read(source)), f"streamplay {what}")


class _LoopReading(_AsyncReading):
    """Reads an async iterable on the loop it belongs to, as long as that runs."""

    def __init__(self, source: OnLoop, what: str, ahead: int) -> None:
        super().__init__(what, ahead)
        self._there = source.loop
        self._asleep = 0  # looks at which the loop did not run
        self._reading = self._read(source.source)
        if not _run_over_there(source.loop, self._reading):
            self._give_up()
        self._watch = self._home.call_later(LOOP_SECONDS, self._look)

    async def aclose(self) -> None:
        self._watch.cancel()
        await super().aclose()

    def _look(self) -> None:
        """Give up where the loop is not going to read on; on the player's loop."""
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
    """An async iterable that is to be read on the event loop it belongs to.

    Attributes
    ----------
    source : async iterable
        Belongs to `loop`.
    loop : asyncio.AbstractEventLoop
        Runs it.
    """

    source: AsyncIterable[Any]
    loop: asyncio.AbstractEventLoop

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self.source)


def _on_thread(run: Callable[[], object], name: str) -> None:
    threading.Thread(target=run, name=name, daemon=True).start()


def _run_over_there(loop: asyncio.AbstractEventLoop, step: Coroutine[Any, Any, object]) -> bool:
    """Run a coroutine on another loop; whether that has not been closed."""
    try:
        asyncio.run_coroutine_threadsafe(step, loop)
    except RuntimeError:
        step.close()
        return False
    return True


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
        with suppress(Exception):  # there is nobody left to be told
            close()
