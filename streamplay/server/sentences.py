"""A text cut into what is synthesised at once: sentences, and the first clause by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Twenty seconds of speech, half a megabyte: bounds what one piece holds and
# how long its synthesis (10 ms) keeps the library from others.
_LONGEST_PIECE: Final = 300

# A longer first sentence is cut at its first clause: what is synthesised first is
# what a listener waits for.
_LONGEST_FIRST: Final = 100

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*\n")
_CLAUSE_END: Final = re.compile(r"(?<=[,;:])\s+|(?<=[，、；：])")


def split(text: str, segment: str = "sentence") -> list[str]:
    """Cut text into what is synthesised at once.

    Parameters
    ----------
    segment : {'sentence', 'immediate', 'never'}
        At sentence ends; at clause ends too; only where it is too long.
    """
    parts = [text] if segment == "never" else _SENTENCE_END.split(text)
    if segment == "immediate":
        parts = [clause for part in parts for clause in _CLAUSE_END.split(part)]
    elif segment == "sentence" and len(parts[0]) > _LONGEST_FIRST:
        parts[:1] = _CLAUSE_END.split(parts[0], maxsplit=1)
    return [short for part in parts if part.strip() for short in _shorten(part.strip())]


def _shorten(text: str) -> Iterator[str]:
    while len(text) > _LONGEST_PIECE:
        cut = text.rfind(" ", 1, _LONGEST_PIECE) + 1 or _LONGEST_PIECE
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text
