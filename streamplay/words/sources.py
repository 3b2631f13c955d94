"""Text in every form that it comes in → passages to request, as an async iterator."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.errors import InvalidRequest
from streamplay.reading import Ended, read
from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.words.boundaries import is_spoken
from streamplay.words.passage import GivenText, SpokenText
from streamplay.words.preparation import preparation
from streamplay.words.text import LONGEST, SentenceCutter, break_at

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from streamplay.words.passage import Passage, Said

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

READ_AHEAD: Final = 256
"""Parts read ahead of what is spoken: about a page, if a part is a word."""

SLICE: Final = 4 * LONGEST
"""Characters of a long text that are prepared at a time, so that its first request does not wait
for all of it."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is cut.

    Attributes
    ----------
    language : str
        Selects the rules for sentences.
    clean : bool
        Whether to prepare Markdown, addresses, emoji and code for speech: see `Cleaned`.
    ahead : callable
        Seconds of audio that wait to be heard; a piece may last as long.
    clock : callable
        Seconds, monotonic.
    """

    language: str = "en"
    clean: bool = False
    ahead: Callable[[], float] = lambda: 0.0
    clock: Callable[[], float] = time.perf_counter


def is_stream(text: object) -> bool:
    """Tell whether a text comes in parts: an iterable that is no str."""
    return isinstance(text, Iterable | AsyncIterable) and not isinstance(text, str | bytes)


async def sentences(
    text: str | Iterable[str] | AsyncIterable[str],
    manner: Manner = Manner(),
    given: GivenText | None = None,
) -> AsyncGenerator[Passage, None]:
    """Yield the passages of `text`: a str as one request, anything else as it comes.

    An iterable is read on a thread of its own, since it may wait for a person
    typing; an async iterable in a task of its own. A passage that is complete is
    yielded without waiting for the next one. Closing this generator closes the text.

    Every passage has a letter or a digit in it, but for a last one with an empty `text`,
    which is there where the text ends in something that cannot be spoken. The spans of
    all passages, in order, are the text.

    Parameters
    ----------
    text : str, iterable or async iterable of str
        What is to be said.
    manner : Manner
        How it is cut.
    given : GivenText, optional
        Is told what has been read of a stream.

    Raises
    ------
    InvalidRequest
        If an iterable yields anything but text.
    Exception
        What the iterable raised.
    """
    if isinstance(text, str):
        for passage in whole(text, manner.language, clean=manner.clean):
            yield passage
        return
    async with aclosing(_Reader(text, manner, given or GivenText())) as reader:
        while await reader.wait():
            while reader.waiting:
                budget = manner.ahead() * CHARACTERS_PER_SECOND
                reader.take_what_came(budget)
                yield reader.take(budget)
        if rest := reader.take_rest():
            yield rest


def whole(text: str, language: str = "en", *, clean: bool = False) -> Iterator[Passage]:
    """Yield the passages of one text: one, or several where it is longer than a request may be.

    Parameters
    ----------
    text : str
        Any text.
    language : str
        The code of its language.
    clean : bool
        As in `Manner`.
    """
    prepare, spoken = preparation(language, wanted=clean), SpokenText()
    for at in range(0, len(text), SLICE):
        _append(spoken, prepare.feed(_encodable(text[at : at + SLICE])))
        while len(spoken.text.strip()) > 2 * LONGEST:
            yield from _take(spoken, language)
    _append(spoken, prepare.finish())
    while is_spoken(spoken.text):
        yield from _take(spoken, language)
    if rest := spoken.take_rest(len(text)):
        yield rest


def _encodable(text: str) -> str:
    """Return a text of the same length without surrogates, which no encoding has.

    A stream of UTF-16 that was cut between two tokens leaves them.
    """
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _append(spoken: SpokenText, said: Iterable[Said]) -> None:
    for part in said:
        spoken.append(*part)


def _take(spoken: SpokenText, language: str) -> Iterator[Passage]:
    """Take one request's worth, unless there is nothing to be spoken in it."""
    length = break_at(spoken.text, LONGEST, language)
    if is_spoken(spoken.text[:length]):
        yield spoken.take(spoken.taken, spoken.taken + length)
    else:
        spoken.skip(length)


class _Cut(NamedTuple):
    """A piece of what is spoken, by the number of its first character and of the one behind it."""

    begin: int
    stop: int


class _Reader:
    """What is read of a text, cut as it comes.

    Attributes
    ----------
    waiting : list
        Pieces that may be requested.
    """

    def __init__(
        self, text: Iterable[str] | AsyncIterable[str], manner: Manner, given: GivenText
    ) -> None:
        self.waiting: list[_Cut] = []
        self._cutter = SentenceCutter(manner.language)
        self._prepare = preparation(manner.language, wanted=manner.clean)
        self._spoken = SpokenText()
        self._given = given
        self._stop = 0  # where the last piece ends
        self._clock = manner.clock
        self._reading = read(text, "text", READ_AHEAD)
        self._ended: Ended | None = None

    async def wait(self) -> bool:
        """Wait for more, or for the cutter's deadline; False: there is nothing more."""
        if self._ended is not None:
            if self._ended.error is not None:
                raise self._ended.error
            return False
        deadline = self._deadline()
        left = None if deadline is None else max(0.0, deadline - self._clock())
        try:
            async with asyncio.timeout(left):
                item = await self._reading.queue.get()
        except TimeoutError:
            self._expire()
        else:
            self._receive(item)
        return True

    def take_what_came(self, budget: float) -> None:
        """Take what has come meanwhile, where a piece may be so many characters long."""
        queue, enough = self._reading.queue, min(budget, LONGEST)
        while self._ended is None and not queue.empty() and self._length() < enough:
            self._receive(queue.get_nowait())

    def take(self, budget: float) -> Passage:
        """Take the first piece that waits, and those behind it that fit into `budget` with it.

        A piece is never longer to say than what is still to be heard.
        """
        begin, stop = self.waiting.pop(0)
        while self.waiting and self.waiting[0].stop - begin <= min(budget, LONGEST):
            stop = self.waiting.pop(0).stop
        return self._spoken.take(begin, stop)

    def take_rest(self) -> Passage | None:
        """Take the end of the text, where nothing in it can be spoken."""
        return self._spoken.take_rest(self._given.length)

    async def aclose(self) -> None:
        """Read no more, and close the text."""
        await self._reading.aclose()

    def _length(self) -> int:
        return self.waiting[-1].stop - self.waiting[0].begin if self.waiting else 0

    def _receive(self, item: object) -> None:
        if isinstance(item, str):
            self._reading.taken()
            self._given.append(item)
            text = self._append(self._prepare.feed(_encodable(item)))
            self._put(self._cutter.feed(text, self._clock(), item))
            return
        self._ended = item if isinstance(item, Ended) else Ended(_no_text(item))
        broken = self._ended.error is not None
        self._given.ended = not broken
        now = self._clock()
        self._put(self._cutter.extend(self._append(self._prepare.finish()), now))
        self._put(self._cutter.break_off() if broken else self._cutter.finish())

    def _append(self, said: Iterable[Said]) -> str:
        parts = list(said)
        _append(self._spoken, parts)
        return "".join(part.text for part in parts)

    def _deadline(self) -> float | None:
        """Return when to look again, though nothing has come."""
        times = [self._cutter.deadline, self._cutter.pause_at if self._prepare.is_holding else None]
        return min((at for at in times if at is not None), default=None)

    def _expire(self) -> None:
        now = self._clock()
        if self._prepare.is_holding and self._cutter.pause_at <= now:
            self._put(self._cutter.extend(self._append(self._prepare.release()), now))
        self._put(self._cutter.expire(now))

    def _put(self, cut: Iterable[str]) -> None:
        """Note the pieces that were cut; what has no letter or digit belongs to the next one."""
        for piece in cut:
            begin, self._stop = self._stop, self._cutter.stop
            if is_spoken(piece):
                self.waiting.append(_Cut(begin, self._stop))


def _no_text(part: object) -> InvalidRequest:
    """Tell of a part that is none: the None of a chat's last delta must not end it unseen."""
    return InvalidRequest("input", f"holds {part!r:.40}", allowed="text")
