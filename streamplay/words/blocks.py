"""Where a block of Markdown ends, while it is still being written. Pure.

A text is parsed block by block: a paragraph, an item of a list with what it holds, a
heading, a fenced block of code, a table. Where a block ends depends on the text alone,
never on how it arrives; when that is known, on how much has come.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

# CommonMark (spec.commonmark.org): §4.5 fences, §4.6 HTML blocks, §5.2 items, §4.2 headings.
_FENCE: Final = re.compile(r" {0,3}(?P<marks>`{3,}(?=[^`]*$)|~{3,})")
_INNER_FENCE: Final = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(?P<marks>`{3,}|~{3,})")
_ITEM: Final = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|\n|$)")
_NEXT_ITEM: Final = re.compile(r" {0,1}(?:[-*+]|\d{1,9}[.)])[ \t]")
_INTERRUPTS: Final = re.compile(r" {0,3}(?:[-*+]|1[.)])[ \t]+\S")
_HEADING: Final = re.compile(r" {0,3}#{1,6}[ \t]")
_RAW: Final = (
    (re.compile(r" {0,3}<(?:script|pre|style|textarea)[\s>]", re.IGNORECASE), "</"),
    (re.compile(r" {0,3}<!--"), "-->"),
    (re.compile(r" {0,3}<\?"), "?>"),
    (re.compile(r" {0,3}<![A-Za-z]"), ">"),
)
# What a plain paragraph may begin with; a digit only where it is no item's number.
_PLAIN: Final = re.compile(
    r"(?!\d{1,9}[.)](?:\s|$))(?:\w|[\"'“”«„‘’¿¡(…€$£]|[*_]{1,3}[^\s*_]|`(?!``)|\[[^\]]*\]\()"
)


class BlockKind(Enum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    ITEM = "item"
    HEADING = "heading"
    FENCE = "fence"
    RAW = "raw"


class BlockScanner:
    """Finds the end of the block at the beginning of a text that grows.

    Attributes
    ----------
    kind : BlockKind or None
        What it is; None while it is not known.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self.kind = BlockKind.PARAGRAPH if inside else None
        self._inside = inside  # the first line is the rest of one
        self._at = 0  # the line that is looked at next
        self._blank = False  # a blank line stands before it
        self._marks = ""  # those of the fence that is open
        self._end = ""  # what ends raw HTML

    def end(self, text: str, *, final: bool) -> int:
        """Return the length of the block; 0 while it is not known.

        Parameters
        ----------
        text : str
            The block, and what follows it; each time at least what it was before.
        final : bool
            Whether that is all.
        """
        while self._at < len(text) or (final and self._at == len(text) > 0):
            stop = text.find("\n", self._at)
            whole = stop >= 0 or final
            line = text[self._at : stop + 1 if stop >= 0 else len(text)]
            if (length := self._look(line, whole=whole)) is not None:
                return length
            if not whole:
                return 0
            self._at += len(line)
            if self._at >= len(text):
                break
        return len(text) if final and text else 0

    def forget(self) -> int:
        """Return how much of the text has been looked at; the next begins behind that.

        For a fence alone: of another block, the beginning is needed.
        """
        looked, self._at = self._at, 0
        return looked

    def _look(self, line: str, *, whole: bool) -> int | None:
        """Return the block's length where this line tells it."""
        if self._marks:
            return self._in_fence(line, whole=whole)
        if self._end:
            return self._in_raw(line, whole=whole)
        if self._at == 0 and self._inside:
            return None
        if self._at == 0 and self.kind in {None, BlockKind.HEADING}:
            return self._begin(line, whole=whole)
        return self._in_text(line, whole=whole)

    def _in_text(self, line: str, *, whole: bool) -> int | None:
        """Look at a later line of a paragraph or an item."""
        if not line.strip():
            self._blank = self._blank or whole
            ends = whole and self.kind is BlockKind.PARAGRAPH
            return self._at + len(line) if ends else None
        if self._ends_before(line, whole=whole):
            return self._at
        if whole:
            self._blank = False
            self._open_fence(line)
        return None

    def _open_fence(self, line: str) -> None:
        if fence := _INNER_FENCE.match(line):
            self._marks = fence["marks"]

    def _begin(self, line: str, *, whole: bool) -> int | None:
        """Look at the first line."""
        if not line.strip():
            return len(line) if whole else None
        for opening, end in _RAW:
            if opening.match(line):
                self.kind, self._end = BlockKind.RAW, end
                return self._in_raw(line, whole=whole)
        if _HEADING.match(line):
            self.kind = BlockKind.HEADING
            return len(line) if whole else None
        if not whole:
            return None
        if fence := _FENCE.match(line.rstrip("\n")):
            self.kind, self._marks = BlockKind.FENCE, fence["marks"]
        elif _ITEM.match(line):
            self.kind = BlockKind.ITEM
            self._open_fence(line)
        else:
            self.kind = BlockKind.PARAGRAPH
        return None

    def _ends_before(self, line: str, *, whole: bool) -> bool:
        """Whether the block ends before a line that is not blank."""
        if self.kind is BlockKind.ITEM:
            if self._blank:
                return not line[0].isspace() or bool(_NEXT_ITEM.match(line))
            return _NEXT_ITEM.match(line) is not None
        if _HEADING.match(line) or _INTERRUPTS.match(line):
            return True
        return whole and _FENCE.match(line.rstrip("\n")) is not None

    def _in_fence(self, line: str, *, whole: bool) -> int | None:
        bare = line.strip(" \t>\n")
        marks = re.match(r"`+|~+", bare)
        closes = marks is not None and marks[0].startswith(self._marks)
        if not closes or marks is None:
            return None
        behind = bare[marks.end() :]
        if not behind and whole:
            self._marks = ""
            return self._at + len(line) if self.kind is BlockKind.FENCE else None
        if self.kind is BlockKind.FENCE and re.match(r"[ \t]+\S", behind) and "`" not in behind:
            # "``` That is all.": a model went on in the line of the closing fence.
            return self._at + line.index(marks[0]) + len(marks[0])
        return None

    def _in_raw(self, line: str, *, whole: bool) -> int | None:
        if self._end in line and whole:
            return self._at + len(line)
        return None


def plain_length(text: str, *, inside: bool) -> int:
    """Return how much of a paragraph that is not complete is sure to be one, and no table.

    Parameters
    ----------
    text : str
        Its beginning, or what follows such a beginning (`inside`).
    """
    at = 0
    for line in text.splitlines(keepends=True):
        begins = at > 0 or not inside
        plain = _PLAIN.match(line) or (at > 0 and not line.strip())
        if "|" in line or (begins and not plain):
            return at
        at += len(line)
    return at
