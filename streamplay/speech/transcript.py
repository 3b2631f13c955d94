"""What was heard: frames → words, exactly where their times are known."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.words.boundaries import is_wide, splits_character

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.stream.wire import Words
    from streamplay.words.passage import GivenText, Passage

NOT_YET: Final = 1 << 62
"""Where a piece begins of which nothing has been handed on: beyond everything."""

LONGEST_WORD: Final = 40
"""Characters. What runs on for longer without white space is not written in words."""

_SKIPPED: Final = 60
"""Characters that are passed over at most to find the next word that a server names: what it reads
otherwise than it is written (a number, an abbreviation) is not longer."""


class TimedWord(NamedTuple):
    """A word, and its seconds since the first frame of its piece, trimmed ones included.

    ``piece.text[begin:end]`` is where it is written; `end` equals `begin` where it is
    written otherwise ("12" for "twelve"): it stands there or behind it.
    """

    text: str
    start: float
    stop: float
    begin: int
    end: int


class Join(NamedTuple):
    """Where, inside a piece, another server goes on.

    Attributes
    ----------
    frames : int
        Of the piece: its later frames are the other server's.
    length : int
        Characters of its text that the earlier frames say: the others were asked for.
    exact : bool
        Whether that is known, and not estimated.
    """

    frames: int
    length: int
    exact: bool


@dataclass(slots=True)
class Piece:
    """A part of the text that was one request, and more where a server failed in the middle.

    Attributes
    ----------
    passage : Passage
        What was asked for, and where it stands in the given text.
    start : int
        Where its frames begin, among all that are meant to be heard.
    frames : int or None
        How many they are; None while it is still being received.
    lead : int
        Frames that were trimmed from its beginning.
    words : list of TimedWord
        Those of which the server has told the times so far.
    joins : list of Join
        Where other servers have gone on, in order.
    kept : list of (int, int)
        Frames since its first one, trimmed ones included, and where in the file they are: of its
        beginning, and of where each other server has gone on.
    """

    passage: Passage
    start: int
    frames: int | None = None
    lead: int = 0
    words: list[TimedWord] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    kept: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])

    @property
    def text(self) -> str:
        """What was asked for."""
        return self.passage.text

    @property
    def exact(self) -> bool:
        """Whether all of it was said, and none of it twice, as far as is known."""
        return all(join.exact for join in self.joins)

    @property
    def last_join(self) -> Join:
        """Where the server that speaks has begun."""
        return self.joins[-1] if self.joins else _BEGINNING

    def take(self, words: Words, samplerate: int) -> None:
        """Keep the times that a server has told, in seconds since its own first frame."""
        join = self.last_join
        begun = (join.frames + self.lead) / samplerate if self.joins else 0.0
        for text, start, stop in zip(words.words, words.starts, words.ends, strict=True):
            behind = max(join.length, self.words[-1].end if self.words else 0)
            begin, end = find_word(self.text, text, behind)
            self.words.append(TimedWord(text, begun + start, begun + stop, begin, end))

    def go_on(self, join: Join) -> None:
        """Note that another server says the text from `join` on."""
        # A new list: another thread may be reading the old one.
        self.words = [word for word in self.words if word.begin < join.length]
        self.joins = [*self.joins, join]

    def place(self, word: TimedWord) -> int:
        """Return where a word begins in the given text."""
        return self.passage.place(word.begin)

    def heard(self, into: int, samplerate: int) -> tuple[int, bool]:
        """Return how many characters of its text `into` of its frames say, and whether exactly."""
        join = self._join_before(into)
        if self.joins and into == join.frames:
            return len(self.text[: join.length].rstrip()), self._is_exact(into)
        at = (into + self.lead) / samplerate
        told = self.words and not (at > self.words[-1].stop and self.frames is None)
        if not told or self.words[-1].end <= join.length:
            # The times of what is heard now have not come, or never will.
            return self._estimate(into, samplerate, join), False
        # A word counts once half of it was heard.
        middles = [(word.start + word.stop) / 2 for word in self.words]
        length = _up_to(self.text, self.words[: bisect_right(middles, at)])
        return max(length, len(self.text[: join.length].rstrip())), self._is_exact(into)

    def _join_before(self, into: int) -> Join:
        return next((join for join in reversed(self.joins) if join.frames <= into), _BEGINNING)

    def _is_exact(self, into: int) -> bool:
        return all(join.exact for join in self.joins if join.frames <= into)

    def _estimate(self, into: int, samplerate: int, join: Join) -> int:
        """Return how many characters `into` of its frames say, by their share."""
        later = [each for each in self.joins if each.frames > join.frames and each is not join]
        end = later[0].length if later else len(self.text)
        frames = later[0].frames if later else self.frames
        text, into = self.text[join.length : end], into - join.frames
        expected = len(text) / CHARACTERS_PER_SECOND * samplerate
        share = into / max(frames - join.frames if frames else expected, into, 1)
        length = join.length + _whole_words(text, round(share * len(text)))
        return len(self.text[:length].rstrip())


_BEGINNING: Final = Join(0, 0, exact=True)


class HeardText(NamedTuple):
    """Which text was heard.

    Attributes
    ----------
    text : str
        As it was spoken, up to a whole word.
    exact : bool
        Whether nothing had to be estimated.
    offset : int
        Where it ends in the given text.
    """

    text: str
    exact: bool
    offset: int


def heard_text(
    pieces: Sequence[Piece], frames: int, samplerate: int, given: GivenText | None = None
) -> HeardText:
    """Return which text `frames` of audio have spoken, up to a whole word.

    Where all of a `given` text has been read and spoken, its end is the offset.
    """
    said = ""
    exact = True
    offset = 0
    for piece in pieces:
        into = frames - piece.start
        if into <= 0:
            break
        length, whole = len(piece.text), piece.frames is not None and into >= piece.frames
        known = piece.exact
        if not whole:
            length, known = piece.heard(into, samplerate)
        exact = exact and known
        if length:
            said += (piece.passage.before if said else "") + piece.text[:length]
            offset = piece.passage.end_of(length)
        if not whole:
            break
    if given is not None and given.ended and exact and pieces:
        last = pieces[-1].passage
        # Behind the last word may be white space, or marks that are not spoken.
        if last.stop == given.length and offset == last.end:
            offset = given.length
    return HeardText(said, exact, offset)


def find_word(text: str, word: str, begin: int) -> tuple[int, int]:
    """Return where a word that a server names is written in `text`, from `begin` on.

    Where it is not: the beginning of the next word, twice.
    """
    core = _core(word)
    behind = begin
    while behind < len(text) and not text[behind].isalnum():
        behind += 1
    if not core:
        mark = text.find(word, begin, behind) if word else -1
        return (mark, mark + len(word)) if mark >= 0 else (behind, behind)
    lower = text.lower() if len(text.lower()) == len(text) else text
    found = _find(text, core, behind)
    if found < 0:
        found = _find(lower, core.lower(), behind)
    return (found, found + len(core)) if found >= 0 else (behind, behind)


def _find(text: str, core: str, begin: int) -> int:
    at = text.find(core, begin, begin + _SKIPPED + len(core)) if core else -1
    while at >= 0 and not _stands_alone(text, at, at + len(core)):
        at = text.find(core, at + 1, begin + _SKIPPED + len(core))
    return at


def _core(word: str) -> str:
    """Return a word without the marks around it."""
    begin, end = 0, len(word)
    while begin < end and not word[begin].isalnum():
        begin += 1
    while begin < end and unicodedata.category(word[end - 1])[0] not in "LMN":
        end -= 1
    return word[begin:end]


def _stands_alone(text: str, begin: int, end: int) -> bool:
    """Whether text[begin:end] is not part of a longer word; some scripts have no white space."""
    if is_wide(text[begin]):
        return True
    left = begin > 0 and _go_together(text[begin - 1], text[begin])
    right = end < len(text) and _go_together(text[end - 1], text[end])
    return not (left or right)


def _go_together(before: str, after: str) -> bool:
    """Whether two characters are of one word; to a server, "10km" and "camelCase" are two each."""
    if not (before.isalnum() and after.isalnum()) or is_wide(before) or is_wide(after):
        return False
    same = before.isdigit() == after.isdigit()
    return same and not (before.islower() and after.isupper())


def _up_to(text: str, words: Sequence[TimedWord]) -> int:
    """Return the length of `text` up to the last of `words`, with what is written behind it.

    A word that is not in the text (a server may read "12" as "twelve") is passed over.
    """
    end = max((word.end for word in words if word.end > word.begin), default=0)
    while 0 < end < len(text) and unicodedata.category(text[end])[0] in "PM":
        end += 1
    return end


def _whole_words(text: str, length: int) -> int:
    """Return `length`, or the end of the last word before it."""
    if length >= len(text) or text[length].isspace():
        return len(text[:length].rstrip())
    begin = length
    while begin > 0 and not (text[begin - 1].isspace() or _is_wide(text[begin - 1])):
        begin -= 1
    if length - begin > LONGEST_WORD:  # a script without white space, such as Thai
        begin = length
    while begin > 0 and splits_character(text, begin):
        begin -= 1
    return len(text[:begin].rstrip())


def _is_wide(character: str) -> bool:
    """Whether it is of a script that is written without white space: Chinese, Japanese, Korean."""
    return unicodedata.east_asian_width(character) in {"W", "F"}
