"""Text in every form that it comes in → pieces to request, as an async iterator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.errors import InvalidRequest
from streamplay.reading import Ended, read
from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.words.speech_text import cleaner
from streamplay.words.text import LONGEST, SentenceCutter, joined, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

READ_AHEAD: Final = 256
"""Parts of a text read before they are spoken: a page, where a part is a word."""


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


def is_stream(text: object) -> bool:
    """Tell whether a text comes in parts: whatever is no str, and can be iterated over."""
    return isinstance(text, Iterable | AsyncIterable) and not isinstance(text, str | bytes)


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
    async with aclosing(_Reader(text, manner)) as reader:
        while await reader.wait():
            while reader.waiting:
                budget = manner.ahead() * CHARACTERS_PER_SECOND
                reader.take_what_came(budget)
                yield joined(reader.waiting, budget)


class _Reader:
    """What is read of a text, cut as it comes.

    Attributes
    ----------
    waiting : list of str
        What may be requested.
    """

    def __init__(self, text: Iterable[str] | AsyncIterable[str], manner: Manner) -> None:
        self.waiting: list[str] = []
        self._cutter = SentenceCutter(manner.language)
        self._clean = cleaner(wanted=manner.clean)
        self._clock = manner.clock
        self._reading = read(text, "text", READ_AHEAD)
        self._ended: Ended | None = None

    async def wait(self) -> bool:
        """Wait for more, or for the cutter's deadline; False: there is nothing more."""
        if self._ended is not None:
            if self._ended.error is not None:
                raise self._ended.error
            return False
        deadline = self._cutter.deadline
        left = None if deadline is None else max(0.0, deadline - self._clock())
        try:
            async with asyncio.timeout(left):
                item = await self._reading.queue.get()
        except TimeoutError:
            self._put(self._cutter.expire(self._clock()))
        else:
            self._take(item)
        return True

    def take_what_came(self, budget: float) -> None:
        """Take what has come meanwhile, where a piece may be so many characters long."""
        queue, enough = self._reading.queue, min(budget, LONGEST)
        while self._ended is None and not queue.empty() and sum(map(len, self.waiting)) < enough:
            self._take(queue.get_nowait())

    async def aclose(self) -> None:
        """Read no more, and close the text."""
        await self._reading.aclose()

    def _take(self, item: object) -> None:
        if isinstance(item, str):
            self._reading.taken()
            self._put(self._cutter.feed(item, self._clock()))
            return
        self._ended = item if isinstance(item, Ended) else Ended(_no_text(item))
        broken = self._ended.error is not None
        self._put(self._cutter.break_off() if broken else self._cutter.finish())

    def _put(self, cut: Iterable[str]) -> None:
        self.waiting.extend(heard for piece in cut if (heard := self._clean(piece)))


def _no_text(part: object) -> InvalidRequest:
    """Tell of a part that is none: the None of a chat's last delta must not end it unseen."""
    return InvalidRequest("input", f"holds {part!r:.40}", allowed="text")
