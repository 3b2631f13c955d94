"""Text written to be read → text to be heard: Markdown, addresses, emoji and code.

Off unless asked for: plain text is spoken as it is. One piece is cleaned at a time,
because a line's end always ends a piece; only a fenced block of code reaches over
several, and is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# CommonMark (spec.commonmark.org): fences, headings, quotes, list marks, rules; tables as GitHub
# has them.
_FENCE: Final = re.compile(r"^\s*(?P<fence>`{3,}|~{3,})")
_RULE: Final = re.compile(r"^\s*([-*_]\s*){3,}$|^[\s|:+-]*-{3}[\s|:+-]*$")
_OPENING: Final = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+(?:\[[ xX]\]\s+)?)+")
_IMAGE: Final = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ADDRESS: Final = re.compile(r"<?\b(?:https?|ftp)://(?:www\.)?([^\s/?#<>)\]]+)[^\s<>)\]]*>?")
_STRONG: Final = re.compile(r"(\*{1,3}|~~|(?<!\w)_{1,3})(?=\S)|(?<=\S)(\*{1,3}|~~|_{1,3}(?!\w))")
_CODE: Final = re.compile(r"`+")
_TABLE: Final = re.compile(r"\s*\|\s*")
_ENDS: Final = ".,!?;:"
_SYMBOLS: Final = 0x2190  # arrows; below it © ° ™ and others that are spoken
_REGIONS: Final = range(0x1F1E6, 0x1F200)  # two of them are a flag
_JOINERS: Final = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_TONES: Final = range(0x1F3FB, 0x1F400)


class Cleaner:
    """Cleans one utterance, piece by piece."""

    def __init__(self) -> None:
        self._fence = ""

    def clean(self, text: str) -> str:
        """Return what is to be heard of a piece; nothing, where it is nothing."""
        lines = (self._line(line) for line in text.split("\n"))
        return "\n".join(line for line in lines if line)

    def _line(self, line: str) -> str:
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence["fence"].startswith(self._fence):
                self._fence = ""
            return ""
        if fence:
            self._fence = fence["fence"]
            return ""
        return spoken(line)


def spoken(line: str) -> str:
    """Return one line without what is only there for the eye."""
    if _RULE.match(line):
        return ""
    line = _OPENING.sub("", line)
    line = _LINK.sub(r"\1", _IMAGE.sub(r"\1", line))
    line = _ADDRESS.sub(_host, line)
    line = _CODE.sub("", _STRONG.sub("", line))
    if line.lstrip().startswith("|"):
        line = _TABLE.sub(", ", line).strip(" ,")
    return " ".join("".join(filter(_is_heard, line)).split())


def _host(match: re.Match[str]) -> str:
    """Say only whose address it is, and keep the mark that ended the sentence."""
    whole = match[0].rstrip(">")
    end = whole[-1] if whole[-1] in _ENDS else ""
    return match[1].rstrip(_ENDS) + end


def _is_heard(character: str) -> bool:
    code = ord(character)
    if code < _SYMBOLS and character not in _JOINERS:
        return True
    hidden = character in _JOINERS or code in _REGIONS or code in _TONES
    return not hidden and category(character) != "So"


class Said(NamedTuple):
    """What is spoken for given[start:stop]."""

    text: str
    start: int
    stop: int


class Preparation(Protocol):
    """Prepares a text that comes in parts."""

    def feed(self, text: str) -> Iterable[Said]:
        """Take more text; yield what is spoken of it."""

    def finish(self) -> Iterable[Said]:
        """Yield the rest."""


class AsGiven:
    """Speaks a text as it is."""

    def __init__(self) -> None:
        self._stop = 0

    def feed(self, text: str) -> Iterable[Said]:
        """Take more text."""
        start, self._stop = self._stop, self._stop + len(text)
        return (Said(text, start, self._stop),)

    def finish(self) -> Iterable[Said]:
        """Nothing is held back."""
        return ()


class ByLines:
    """Cleans a text line by line."""

    def __init__(self) -> None:
        self._cleaner = Cleaner()
        self._rest = ""
        self._start = 0

    def feed(self, text: str) -> Iterable[Said]:
        """Take more text."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            start, self._start = self._start, self._start + len(line) + 1
            if heard := self._cleaner.clean(line):
                yield Said(heard, start, start + len(line))
                yield Said("\n", self._start - 1, self._start)

    def finish(self) -> Iterable[Said]:
        """Yield the last line."""
        if heard := self._cleaner.clean(self._rest):
            yield Said(heard, self._start, self._start + len(self._rest))


def preparation(*, wanted: bool) -> Preparation:
    """Return what a text passes through before it is cut."""
    return ByLines() if wanted else AsGiven()


def cleaner(*, wanted: bool) -> Callable[[str], str]:
    """Return what every piece of one utterance passes through."""
    return Cleaner().clean if wanted else str
