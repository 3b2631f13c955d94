"""What is spoken, and where it stands in the text that was given. Pure.

A text is given in parts of any size; what is spoken of it may be something else
(Markdown is prepared for speech). Each piece therefore carries its span in the given
text, and runs that lead from each of its characters to the characters it stands for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Said(NamedTuple):
    """What is spoken for given[start:stop]."""

    text: str
    start: int
    stop: int


class Run(NamedTuple):
    """`length` characters of what is spoken, from `at` on, stand for given[start:stop].

    Where both are equally long, character stands for character; otherwise the run
    stands for its range as a whole (a host for an address, a word for a block of code).
    """

    at: int
    length: int
    start: int
    stop: int

    @property
    def is_verbatim(self) -> bool:
        """Whether each character stands for one."""
        return self.stop - self.start == self.length


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of what is spoken.

    Attributes
    ----------
    text : str
        What is requested: without white space around it. Empty for the end of a text
        in which nothing can be spoken.
    start, stop : int
        Its span in the given text. The spans of all pieces, in order, are the text.
    before : str
        What stands between the piece before it and `text`: white space, and marks that
        are not worth a request.
    end : int
        Where in the given text that ends for which `text` stands; behind it, up to
        `stop`, is white space.
    runs : tuple of Run
        Lead from the characters of `text` to those of the given text.
    """

    text: str
    start: int
    stop: int
    before: str
    end: int
    runs: tuple[Run, ...]

    @classmethod
    def of(cls, text: str, start: int = 0) -> Passage:
        """Return a passage that is spoken as it was given."""
        stop = start + len(text)
        return cls(text, start, stop, "", stop, (Run(0, len(text), start, stop),))

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands in the given text."""
        return self.start, self.stop

    def place(self, at: int) -> int:
        """Return where in the given text that begins for which character `at` stands."""
        if at >= len(self.text):
            return self.end
        run = self._run(at)
        return run.start + (at - run.at if run.is_verbatim else 0)

    def end_of(self, length: int) -> int:
        """Return up to where the given text is said with the first `length` characters.

        What closes there (the marks behind a strong word, the target of a link) is
        part of it.
        """
        if length <= 0:
            return self.start
        if length >= len(self.text):
            return self.end
        if self.text[length].isspace():
            return self.place(length)
        run = self._run(length - 1)
        return run.start + length - run.at if run.is_verbatim else run.stop

    def extended(self, stop: int) -> Passage:
        """Return the same, with a span that ends at `stop`."""
        return replace(self, stop=stop)

    def _run(self, at: int) -> Run:
        return self.runs[bisect_right(self.runs, at, key=attrgetter("at")) - 1]


class SpokenText:
    """What is spoken of a text and has not been taken yet, with its way back.

    Parameters
    ----------
    start : int
        Where in the given text it begins.

    Attributes
    ----------
    text : str
        What has not been taken.
    taken : int
        How many characters were: `text` begins there.
    """

    def __init__(self, start: int = 0) -> None:
        self.text = ""
        self.taken = 0
        self._runs: list[Run] = []
        self._before = ""  # what stands in front of the next passage
        self._start = start  # of the next passage, in the given text

    @property
    def stop(self) -> int:
        """Characters there have been."""
        return self.taken + len(self.text)

    def append(self, text: str, start: int, stop: int) -> None:
        """Add `text`, which stands for given[start:stop]."""
        if not text:
            return
        run = Run(self.stop, len(text), start, stop)
        last = self._runs[-1] if self._runs else None
        if last and last.is_verbatim and run.is_verbatim and last.stop == start:
            self._runs[-1] = Run(last.at, last.length + run.length, last.start, stop)
        else:
            self._runs.append(run)
        self.text += text

    def skip(self, length: int) -> None:
        """Leave out so many characters: they stand before the next passage."""
        self._before += self._drop(length)

    def take(self, begin: int, stop: int) -> Passage:
        """Take everything up to `stop`, of which what begins at `begin` is requested.

        Both count all characters that were ever appended.
        """
        self.skip(begin - self.taken)
        raw = self.text[: stop - self.taken]
        text = raw.strip()
        lead = len(raw) - len(raw.lstrip())
        first, last = self.taken + lead, self.taken + lead + len(text)
        start, self._start = self._start, self._given(stop - 1)
        # White space behind it: what closes before that still belongs to the text.
        end = self._given(last - 1) if last == stop else self._begin_of(last)
        runs = tuple(self._between(first, last))
        passage = Passage(text, start, self._start, self._before + raw[:lead], end, runs)
        self._before = raw[lead + len(text) :]
        self._drop(len(raw))
        return passage

    def take_rest(self, length: int) -> Passage | None:
        """Take what is left of a given text of `length` characters; None where nothing is."""
        if length <= self._start:
            return None
        self.skip(len(self.text))
        return Passage("", self._start, length, self._before, length, ())

    def _drop(self, length: int) -> str:
        dropped, self.text = self.text[:length], self.text[length:]
        self.taken += length
        while self._runs and self._runs[0].at + self._runs[0].length <= self.taken:
            del self._runs[0]
        return dropped

    def _between(self, begin: int, stop: int) -> Iterator[Run]:
        """Yield the runs of the characters from `begin` to `stop`, counted from `begin`."""
        for run in self._runs:
            first, last = max(begin, run.at), min(stop, run.at + run.length)
            if first < last and run.is_verbatim:
                start = run.start + first - run.at
                yield Run(first - begin, last - first, start, start + last - first)
            elif first < last:
                yield Run(first - begin, last - first, run.start, run.stop)

    def _given(self, at: int) -> int:
        """Return where that ends for which character `at` stands."""
        run = self._run(at)
        return run.start + at - run.at + 1 if run.is_verbatim else run.stop

    def _begin_of(self, at: int) -> int:
        run = self._run(at)
        return run.start + at - run.at if run.is_verbatim else run.start

    def _run(self, at: int) -> Run:
        return self._runs[bisect_right(self._runs, at, key=attrgetter("at")) - 1]


class GivenText:
    """The text that was given, as far as it has been read.

    The loop adds to it; any thread may ask.

    Attributes
    ----------
    length : int
        Characters read.
    ended : bool
        Whether that is all.
    """

    def __init__(self, text: str | None = None) -> None:
        self._parts = [] if text is None else [text]
        self.length = 0 if text is None else len(text)
        self.ended = text is not None

    def append(self, part: str) -> None:
        """Add what was read."""
        self._parts.append(part)
        self.length += len(part)

    def after(self, offset: int) -> str:
        """Return what has been read beyond `offset`."""
        return "".join(self._parts.copy())[offset:]
