"""A text cut into what is synthesised at once: sentences, and the first clause by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streamplay.words.boundaries import may_end_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

# Twenty seconds of speech, half a megabyte: bounds what one piece holds and
# how long its synthesis (10 ms) keeps the library from others.
_LONGEST_PIECE: Final = 300

# A longer first sentence is cut at its first clause: what is synthesised first is
# what a listener waits for.
_LONGEST_FIRST: Final = 100

# Characters on each side of a full stop from which it is told whether a sentence ends there.
_LOOKED_AT: Final = 60

# What a full stop shortens, and does not end: initials, and words that want the next one.
_SHORTENED: Final = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|dr|mr|mrs|ms|prof|rev|gen|sen|rep|capt|lt|col|sgt|st|mt|ft|vs|no|vol|fig"
    r"|pp?|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|e\.g|i\.e|cf|approx)\.$",
    re.IGNORECASE,
)

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*\n")
_CLAUSE_END: Final = re.compile(r"(?<=[,;:])\s+|(?<=[，、；：])")


def split(text: str, segment: str = "sentence") -> list[str]:
    """Cut text into what is synthesised at once.

    Parameters
    ----------
    segment : {'sentence', 'immediate', 'never'}
        At sentence ends; at clause ends too; only where it is too long.
    """
    parts = [text] if segment == "never" else list(_sentences(text))
    if segment == "immediate":
        parts = [clause for part in parts for clause in _CLAUSE_END.split(part)]
    elif segment == "sentence" and len(parts[0]) > _LONGEST_FIRST:
        parts[:1] = _CLAUSE_END.split(parts[0], maxsplit=1)
    return [short for part in parts if part.strip() for short in _shorten(part.strip())]


def _sentences(text: str) -> Iterator[str]:
    """Cut at sentence ends; "Dr. Smith" and "5.30 p.m." are none."""
    begin = 0
    for found in _SENTENCE_END.finditer(text):
        before = text[max(begin, found.start() - _LOOKED_AT) : found.start()]
        after = text[found.end() : found.end() + _LOOKED_AT]
        if "\n" in found[0] or not before.endswith(".") or _ends(before, after):
            yield text[begin : found.end()]
            begin = found.end()
    yield text[begin:]


def _ends(before: str, after: str) -> bool:
    """Whether a full stop ends a sentence; what is shortened, or goes on small, has none."""
    if after[:1].islower() or _SHORTENED.search(before):
        return False
    return may_end_sentence(f"{before} ", after)


def _shorten(text: str) -> Iterator[str]:
    while len(text) > _LONGEST_PIECE:
        cut = text.rfind(" ", 1, _LONGEST_PIECE) + 1 or _LONGEST_PIECE
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text
