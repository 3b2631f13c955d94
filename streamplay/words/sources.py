"""Text in every form that it comes in → pieces to request, as an async iterator."""

from __future__ import annotations

import asyncio
import inspect
import io
import threading
import time
from collections.abc import AsyncIterable, Callable, Generator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import InvalidRequest
from streamplay.words.speech_text import cleaner
from streamplay.words.text import LONGEST, SentenceCutter, joined, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable

READ_AHEAD: Final = 256
"""Parts of a text read before they are spoken: a page, where a part is a word."""

CHARACTERS_PER_SECOND: Final = 15.0
"""Of ordinary speech: what is said while audio is ahead may be as long as that audio."""

_END: Final = object()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is cut.

    Attributes
    ----------
    language : str
        Whose rules for sentences.
    clean : bool
        Whether Markdown, addresses, emoji and code are made fit to be heard.
    ahead : callable
        Seconds of audio that wait to be heard: the longer, the longer a piece.
    clock : callable
        Seconds, monotonic.
    """

    language: str = "en"
    clean: bool = False
    ahead: Callable[[], float] = lambda: 0.0
    clock: Callable[[], float] = time.perf_counter


async def sentences(
    text: str | Iterable[str] | AsyncIterable[str],
    manner: Manner = Manner(),
) -> AsyncGenerator[str, None]:
    """Yield the pieces of `text`: a str as one request, anything else as it comes.

    An iterable is read on a thread of its own, since it may wait for a person
    typing; an async iterable in a task of its own. What is whole leaves without
    waiting for the next, and where this generator is closed, so is the text.

    Raises
    ------
    InvalidRequest
        If an iterable yields anything but text.
    Exception
        What the iterable raised.
    """
    if isinstance(text, str):
        clean = cleaner(wanted=manner.clean)
        for piece in pieces(clean(text.strip()), language=manner.language):
            yield piece
        return
    async with aclosing(_open(text, manner)) as reader:
        while await reader.wait():
            while reader.waiting:
                budget = manner.ahead() * CHARACTERS_PER_SECOND
                reader.take_what_came(budget)
                yield joined(reader.waiting, budget)


class OnLoop:
    """An async iterable that is consumed on the event loop it belongs to, from another.

    Parameters
    ----------
    text : async iterable
        Belongs to `loop`.
    loop : asyncio.AbstractEventLoop
        Runs it.
    """

    def __init__(self, text: AsyncIterable[str], loop: asyncio.AbstractEventLoop) -> None:
        self._text = aiter(text)
        self._loop = loop

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        item = await self._over_there(self._next())
        if item is _END:
            raise StopAsyncIteration
        return _checked(item)

    async def aclose(self) -> None:
        """Close it, over there."""
        if not self._loop.is_closed():
            await self._over_there(_aclose(self._text))

    async def _next(self) -> object:
        return await anext(self._text, _END)

    async def _over_there(self, step: Coroutine[Any, Any, object]) -> object:
        try:
            future = asyncio.run_coroutine_threadsafe(step, self._loop)
        except RuntimeError:
            step.close()  # the loop has been closed: whoever wrote the text is gone
            raise
        return await asyncio.wrap_future(future)


class _Reader:
    """What is read of a text, cut as it comes.

    Attributes
    ----------
    waiting : list of str
        What may be requested.
    """

    def __init__(self, manner: Manner) -> None:
        self.waiting: list[str] = []
        self._cutter = SentenceCutter(manner.language)
        self._clean = cleaner(wanted=manner.clean)
        self._clock = manner.clock
        self._queue: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self._ended = False
        self._error: Exception | None = None

    async def wait(self) -> bool:
        """Wait for more, or for the cutter's deadline; False: there is nothing more."""
        if self._error is not None:
            raise self._error
        if self._ended:
            return False
        deadline = self._cutter.deadline
        left = None if deadline is None else max(0.0, deadline - self._clock())
        try:
            async with asyncio.timeout(left):
                item = await self._queue.get()
        except TimeoutError:
            self._put(self._cutter.expire(self._clock()))
        else:
            self._take(item)
        return True

    def take_what_came(self, budget: float) -> None:
        """Take what has come meanwhile, where a piece may be so many characters long."""
        enough = min(budget, LONGEST)
        while sum(map(len, self.waiting)) < enough and not self._queue.empty():
            self._take(self._queue.get_nowait())

    async def aclose(self) -> None:
        """Read no more, and close the text."""

    def _take(self, item: str | Exception | None) -> None:
        if isinstance(item, str):
            self._taken()
            self._put(self._cutter.feed(item, self._clock()))
            return
        self._ended, self._error = True, item
        self._put(self._cutter.finish() if item is None else self._cutter.break_off())

    def _put(self, cut: Iterable[str]) -> None:
        self.waiting.extend(heard for piece in cut if (heard := self._clean(piece)))

    def _taken(self) -> None:
        """Make room for another part."""


def _open(text: Iterable[str] | AsyncIterable[str], manner: Manner) -> _Reader:
    if isinstance(text, AsyncIterable):
        return _TaskReader(text, manner)
    return _ThreadReader(text, manner)


class _ThreadReader(_Reader):
    """Reads a blocking iterable on a daemon thread, which a stuck read cannot keep alive.

    It reads no more than `READ_AHEAD` parts ahead, and none after this was closed.
    """

    def __init__(self, text: Iterable[str], manner: Manner) -> None:
        super().__init__(manner)
        self._text = text
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(READ_AHEAD)
        self._closed = threading.Event()
        self._start(self._read)

    async def aclose(self) -> None:
        """Read no more. What is stuck in a read is left to itself."""
        self._closed.set()
        self._room.release()
        if not self._ended and not isinstance(self._text, Generator):
            # It may wait for its server: closing from outside is what ends that.
            self._start(lambda: _close(self._text))

    def _taken(self) -> None:
        self._room.release()

    def _start(self, run: Callable[[], None]) -> None:
        threading.Thread(target=run, name="streamplay text", daemon=True).start()

    def _hand(self, item: str | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    def _read(self) -> None:
        try:
            iterator = iter(self._text)
            try:
                for part in iterator:
                    self._room.acquire()
                    if self._closed.is_set():
                        return
                    self._hand(_checked(part))
            finally:
                if isinstance(iterator, Generator):
                    iterator.close()  # only the thread that runs it can
            self._hand(None)
        except Exception as error:  # noqa: BLE001 - whatever the caller's iterable raised, it is told
            self._hand(error)
        except BaseException as error:  # noqa: BLE001 - an exit ends the thread, and no loop
            self._hand(RuntimeError(f"the text ended with {error!r}"))


class _TaskReader(_Reader):
    """Reads an async iterable in a task, no more than `READ_AHEAD` parts ahead."""

    def __init__(self, text: AsyncIterable[str], manner: Manner) -> None:
        super().__init__(manner)
        self._room = asyncio.Semaphore(READ_AHEAD)
        self._task = asyncio.create_task(self._read(text))

    async def aclose(self) -> None:
        """Read no more; return when the text has been closed."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def _taken(self) -> None:
        self._room.release()

    async def _read(self, text: AsyncIterable[str]) -> None:
        iterator = aiter(text)
        try:
            async for part in iterator:
                await self._room.acquire()
                self._queue.put_nowait(_checked(part))
            self._queue.put_nowait(None)
        except Exception as error:  # noqa: BLE001 - whatever the caller's iterable raised, it is told
            self._queue.put_nowait(error)
        finally:
            with suppress(Exception):  # nobody is left who could be told
                await _aclose(iterator)
                if iterator is not text:
                    await _aclose(text)


async def _aclose(text: object) -> None:
    """Close an async iterable by whatever it has for that."""
    close = getattr(text, "aclose", None) or getattr(text, "close", None)
    closing = close() if callable(close) else None
    if inspect.isawaitable(closing):
        await closing


def _close(text: object) -> None:
    """Close an iterable that can be closed; a file stays open: it is the caller's."""
    close = getattr(text, "close", None)
    if callable(close) and not isinstance(text, io.IOBase):
        with suppress(Exception):  # nobody is left who could be told
            close()


def _checked(part: object) -> str:
    """Return `part` if it is text: the None of a chat's last delta must not end it unseen."""
    if not isinstance(part, str):
        raise InvalidRequest("input", f"holds {part!r:.40}", allowed="text")
    return part
