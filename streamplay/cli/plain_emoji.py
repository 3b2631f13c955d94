"""Emoji that are made of several characters, shown so that every terminal gives them one width.

Terminals disagree on how many columns a family, a skin tone, a flag or an emoji style takes, and a
line editor that counts otherwise shows its cursor elsewhere. What is shown stands apart from what
is said: the text itself keeps every character.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from prompt_toolkit.formatted_text.utils import to_plain_text
from prompt_toolkit.layout.processors import Processor, Transformation
from prompt_toolkit.layout.utils import explode_text_fragments

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.layout.processors import TransformationInput

_STYLES: Final = "\ufe0e\ufe0f"
_JOINER: Final = "\u200d"
_SYMBOLS: Final = "\u2190"
"""The first character of Unicode's symbols; scripts that need the joiner stand before it."""


def shown(char: str, before: str) -> str:
    """Return what is shown of a character that follows another one; nothing of some."""
    if char in _STYLES or "\U000e0020" <= char <= "\U000e007f":
        return ""
    if char == _JOINER or "\U0001f3fb" <= char <= "\U0001f3ff":  # skin tones
        return "" if before >= _SYMBOLS else char
    if "\U0001f1e6" <= char <= "\U0001f1ff":  # a flag: its country's letters
        return chr(ord(char) - 0x1F1E6 + ord("A"))
    return char


def plain(text: str) -> str:
    """Return what is shown of a text."""
    if text.isascii():
        return text
    return "".join(map(shown, text, " " + text))


class PlainEmoji(Processor):
    """Shows a line of the editor so; the cursor stands where it belongs."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return the line as it is shown, and where each of its characters stands."""
        given = transformation_input.fragments
        text = to_plain_text(given)
        if text.isascii():
            return Transformation(given)
        fragments: StyleAndTextTuples = []
        places = []
        before = " "
        for style, char, *_ in explode_text_fragments(given):
            places.append(len(fragments))
            fragments += [(style, each) for each in shown(char, before)]
            before = char
        more = len(fragments) - len(text)  # behind the line, place for place
        return Transformation(
            fragments,
            lambda place: places[place] if place < len(places) else place + more,
            lambda place: bisect_left(places, place) if place < len(fragments) else place - more,
        )
