"""A stream of words → sentences worth sending, cut as soon as they are whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# A sentence ends at .!?… (with closing quotes or brackets) before white space, at
# the full-width marks of Chinese and Japanese once it is known that no more of them
# follow, and at a line's end.
_END: Final = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』）]*(?=[^。！？」』）])|\n")

LONGEST: Final = 4096
"""Characters that one request takes: the limit of OpenAI's ``input`` (API reference,
audio/speech), the only one that is published."""


class SentenceCutter:
    """Cuts text that arrives in pieces of any size; a cut never changes once made."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> Iterator[str]:
        """Take more text; give the sentences that are whole by now."""
        self._rest += text
        begin = 0
        for match in _END.finditer(self._rest):
            sentence = self._rest[begin : match.end()].strip()
            begin = match.end()
            if sentence:
                yield from pieces(sentence)
        self._rest = self._rest[begin:]

    def finish(self) -> Iterator[str]:
        """Give what is left, now that the text has ended."""
        sentence, self._rest = self._rest.strip(), ""
        if sentence:
            yield from pieces(sentence)


def pieces(text: str, longest: int = LONGEST) -> Iterator[str]:
    """Cut one text where the API's length limit asks for it: at a sentence, or at a space.

    Parameters
    ----------
    text : str
        Any text.
    longest : int
        Characters that a piece may have.
    """
    text = text.strip()
    while len(text) > longest:
        ends = [match.end() for match in _END.finditer(text, 0, longest)]
        cut = ends[-1] if ends else text.rfind(" ", 0, longest) + 1 or longest
        yield text[:cut].strip()
        text = text[cut:].lstrip()
    if text:
        yield text
