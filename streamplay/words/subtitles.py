"""Subtitles: timed pieces of text → SubRip (``.srt``) and WebVTT (``.vtt``). Pure.

SubRip has no standard; what is written here is what players agree on. WebVTT:
https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.words.boundaries import is_wide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LINE: Final = 42
"""Characters of a line: the usual bound of broadcasters and of streaming services."""

LINES: Final = 2
"""Lines that are shown at a time."""

_SHORTEST: Final = 0.001
"""Seconds: a time that ends when it begins is shown by no player."""


class TimedText(NamedTuple):
    """A word, with what stands behind it, and when it is heard; in seconds."""

    text: str
    begin: float
    stop: float


class Cue(NamedTuple):
    """What is shown at a time, and from when until when; in seconds."""

    text: str
    begin: float
    stop: float


def cues_of(sentences: Iterable[Sequence[TimedText]]) -> list[Cue]:
    """Return what is shown of sentences: two lines of each at a time, none before the last ends."""
    cues: list[Cue] = []
    for sentence in sentences:
        for words in _shown_together(sentence):
            text = _clean("".join(word.text for word in words))
            if not text:
                continue
            before = cues[-1].stop if cues else 0.0
            begin = max(before, words[0].begin)
            cues.append(Cue(_in_lines(text), begin, max(begin + _SHORTEST, words[-1].stop)))
    return cues


def _shown_together(sentence: Sequence[TimedText]) -> Iterator[list[TimedText]]:
    """Divide a sentence that is too long for two lines: behind a mark, where there is one."""
    words: list[TimedText] = []
    for word in sentence:
        longer = _width("".join(each.text for each in [*words, word]).rstrip())
        if words and longer > LINES * LINE - LINE // 4:  # lines are seldom full
            kept = _up_to_mark(words)
            yield words[:kept]
            words = words[kept:]
        words.append(word)
    if words:
        yield words


def _width(text: str) -> int:
    """Return how wide a text is; Chinese, Japanese and Korean characters take twice the room."""
    return len(text) if text.isascii() else len(text) + sum(map(is_wide, text))


def _up_to_mark(words: Sequence[TimedText]) -> int:
    """Return how many of the words are shown together: up to the last mark of the second half."""
    for count in range(len(words), len(words) // 2, -1):
        last = words[count - 1].text.rstrip()
        if last and unicodedata.category(last[-1]).startswith("P"):
            return count
    return len(words)


def _in_lines(text: str) -> str:
    """Return a text in two lines of about one length, where one does not hold it."""
    if _width(text) <= LINE:
        return text
    spaces = [at for at, character in enumerate(text) if character == " "]
    middle = len(text) / LINES
    if spaces:
        at = min(spaces, key=lambda space: abs(space - middle))
        return f"{text[:at]}\n{text[at + 1 :]}"
    at = round(middle)
    return f"{text[:at]}\n{text[at:]}"


def _clean(text: str) -> str:
    """Return a text of one line: an empty line would end it, a control character could harm."""
    kept = (" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
    return " ".join("".join(kept).split())


def as_srt(cues: Iterable[Cue]) -> str:
    """Return a SubRip file."""
    blocks = (
        f"{number}\n{_time(cue.begin, ',')} --> {_time(cue.stop, ',')}\n"
        f"{cue.text.replace('-->', '->')}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def as_vtt(cues: Iterable[Cue]) -> str:
    """Return a WebVTT file."""
    escaped = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    blocks = (
        f"{_time(cue.begin, '.')} --> {_time(cue.stop, '.')}\n{cue.text.translate(escaped)}\n"
        for cue in cues
    )
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandths:03}"
