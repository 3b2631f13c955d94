"""What was heard: frames → words, exactly where their times are known."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.words.text import together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.stream.wire import Words

NOT_YET: Final = 1 << 62
"""Where a piece begins of which nothing has been handed on: beyond everything."""

LONGEST_WORD: Final = 40
"""Characters. What runs on for longer without white space is not written in words."""


class TimedWord(NamedTuple):
    """A word, and its seconds since the first frame of its piece, trimmed ones included."""

    text: str
    start: float
    stop: float


@dataclass(slots=True)
class Piece:
    """A part of the text that was one request.

    Attributes
    ----------
    text : str
        What was asked for.
    start : int
        Where its frames begin, among all that are meant to be heard.
    frames : int or None
        How many they are; None while it is still being received.
    lead : int
        Frames that were trimmed from its beginning.
    words : list of TimedWord
        Those of which the server has told the times so far.
    """

    text: str
    start: int
    frames: int | None = None
    lead: int = 0
    words: list[TimedWord] = field(default_factory=list)

    def take(self, words: Words) -> None:
        """Keep the times that a server has told."""
        times = zip(words.words, words.starts, words.ends, strict=True)
        self.words += [TimedWord(*each) for each in times]

    def heard(self, into: int, samplerate: int) -> tuple[str, bool] | None:
        """Return what `into` of its frames say, by the words' times; None where they are not known.

        A word counts once half of it was heard.
        """
        at = (into + self.lead) / samplerate
        if not self.words or (at > self.words[-1].stop and self.frames is None):
            return None  # the times of what is heard now have not come, or never will
        middles = [(word.start + word.stop) / 2 for word in self.words]
        return _up_to(self.text, self.words[: bisect_right(middles, at)]), True

    def estimate(self, into: int, samplerate: int) -> tuple[str, bool]:
        """Return what `into` of its frames say, by their share."""
        expected = len(self.text) / CHARACTERS_PER_SECOND * samplerate
        share = into / max(self.frames or expected, into)
        return _whole_words(self.text, round(share * len(self.text))), False


def heard_text(pieces: Sequence[Piece], frames: int, samplerate: int) -> tuple[str, bool]:
    """Return which text `frames` of audio have spoken, up to a whole word.

    Returns
    -------
    text : str
        What was heard.
    exact : bool
        Whether nothing had to be estimated.
    """
    said = []
    exact = True
    for piece in pieces:
        into = frames - piece.start
        if into <= 0:
            break
        if piece.frames is not None and into >= piece.frames:
            said.append(piece.text)
            continue
        text, exact = piece.heard(into, samplerate) or piece.estimate(into, samplerate)
        said.append(text)
        break
    return together(said), exact


def _up_to(text: str, words: Sequence[TimedWord]) -> str:
    """Return `text` up to the end of the last of `words`, with what is written close behind it.

    A word that is not in the text (a server may read "12" as "twelve") is passed over.
    """
    end = 0
    for word in words:
        found = text.find(word.text, end)
        end = found + len(word.text) if found >= 0 else end
    while 0 < end < len(text) and unicodedata.category(text[end])[0] in "PM":
        end += 1
    return text[:end]


def _whole_words(text: str, length: int) -> str:
    """Cut `text` at `length`, or at the end of the last word before it."""
    if length >= len(text) or text[length].isspace():
        return text[:length].rstrip()
    begin = length
    while begin > 0 and not (text[begin - 1].isspace() or _is_wide(text[begin - 1])):
        begin -= 1
    if length - begin > LONGEST_WORD:  # a script without white space, such as Thai
        begin = length
        while begin > 0 and unicodedata.combining(text[begin]):
            begin -= 1
    return text[:begin].rstrip()


def _is_wide(character: str) -> bool:
    """Whether it is of a script that is written without white space: Chinese, Japanese, Korean."""
    return unicodedata.east_asian_width(character) in {"W", "F"}
