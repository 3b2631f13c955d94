"""Leaves out what a reasoning model thinks, between its tags, however its tokens come. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES: Final = ("think", "thinking", "reasoning")
_OPENING: Final = re.compile(rf"<({'|'.join(_NAMES)})>", re.IGNORECASE)
_CLOSING: Final = re.compile(rf"</({'|'.join(_NAMES)})\s*>", re.IGNORECASE)
_TAGS: Final = tuple(f"{bracket}{name}>" for name in _NAMES for bracket in ("<", "</"))
_FENCE: Final = re.compile(r"[ \t]*(?:```|~~~)")
_LINE_BEGIN: Final = 200
"""Characters of a line in which a fence begins."""


class Part(NamedTuple):
    """A part of the text that is not reasoning, and where it begins."""

    text: str
    start: int


class WithoutReasoning:
    """Takes a text in parts, and gives what is not reasoning.

    A tag in code, behind a backtick or inside a fence, is only talked about. A closing
    tag without an opening one (its template had that) is left out by itself.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._start = 0  # of `_rest`
        self._inside = False
        self._line = ""  # of the last line, what has been given: its beginning and its end
        self._fenced = False

    def feed(self, text: str) -> Iterator[Part]:
        """Take more text."""
        self._rest += text
        while (tag := self._next_tag()) is not None:
            yield from self._give(tag.start())
            if self._is_quoted():
                yield from self._give(tag.end() - tag.start())
                continue
            self._inside = not tag[0].startswith("</")
            self._drop(tag.end() - tag.start())
        yield from self._give(len(self._rest) - self._begun())

    def finish(self) -> Iterator[Part]:
        """Give what was held back; reasoning that has not ended stays left out."""
        yield from self._give(len(self._rest))

    def _next_tag(self) -> re.Match[str] | None:
        found = [_CLOSING.search(self._rest)]
        if not self._inside:
            found.append(_OPENING.search(self._rest))
        return min((tag for tag in found if tag), key=lambda tag: tag.start(), default=None)

    def _is_quoted(self) -> bool:
        return not self._inside and (self._fenced or self._line.endswith("`"))

    def _begun(self) -> int:
        """Return how many characters at the end may be the beginning of a tag."""
        at = self._rest.rfind("<")
        tail = self._rest[at:].lower().rstrip()
        return len(self._rest) - at if at >= 0 and _is_begun(tail) else 0

    def _give(self, length: int) -> Iterator[Part]:
        start, text = self._start, self._rest[:length]
        self._drop(length)
        if text and not self._inside:
            self._note(text)
            yield Part(text, start)

    def _drop(self, length: int) -> None:
        self._rest = self._rest[length:]
        self._start += length

    def _note(self, text: str) -> None:
        """Follow whether what comes stands in a fenced block of code."""
        *lines, last = (self._line + text).split("\n")
        for line in lines:
            if _FENCE.match(line):
                self._fenced = not self._fenced
        self._line = last if len(last) <= _LINE_BEGIN else last[:_LINE_BEGIN] + last[-1]


def _is_begun(tail: str) -> bool:
    return any(tag.startswith(tail) for tag in _TAGS)
