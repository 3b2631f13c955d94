"""HTML inside of Markdown → what is spoken of it, with the place of every character. Pure."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Final

from streamplay.words.passage import Said

_BLOCK_NAMES: Final = (
    "address article aside blockquote body br caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main "
    "menu nav ol option p pre section summary table tbody tfoot thead title tr ul"
)

BLOCKS: Final = frozenset(_BLOCK_NAMES.split())
"""Elements that begin a line of their own (WHATWG HTML, §15.3)."""

SILENT: Final = frozenset(["script", "style", "template", "noscript", "svg", "math", "head"])
"""Elements whose text is not for a reader."""

_INLINE_NAMES: Final = (
    "a abbr acronym b bdi bdo big button cite code col colgroup data datalist del dfn em font "
    "i iframe img input ins kbd label link map mark meta meter object optgroup output picture "
    "progress q rp rt ruby s samp select small source span strike strong sub sup td textarea "
    "th time track tt u var video audio wbr"
)
_KNOWN: Final = BLOCKS | SILENT | frozenset(_INLINE_NAMES.split())
_TAG: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")


def is_tag(text: str) -> str | None:
    """Return the element that a tag names, None where it is none of HTML's: List<String>.

    A comment, a declaration and an element of the page's own (which has a hyphen) count.
    """
    if text.startswith(("<!", "<?")):
        return ""
    match = _TAG.fullmatch(text)
    if match is None:
        return None
    name, attributes = match[1].lower(), match[2].strip(" /\n\t")
    if "-" in name:
        return name
    # <b and c> is a comparison.
    return name if name in _KNOWN and ("=" in attributes or " " not in attributes) else None


def spoken_of_html(source: str) -> list[Said]:
    """Return what is spoken of HTML; a line's end is a part of its own."""
    teller = _Teller(source)
    teller.feed(source)
    teller.close()
    return teller.said


class _Teller(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.said: list[Said] = []
        self._source = source
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))]
        self._silent: list[str] = []
        self._cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent.append(tag)
        self._edge(tag)
        if tag == "img":
            at, length = self._at(), len(self.get_starttag_text() or "")
            self._say(dict(attrs).get("alt") or "", at, at + length)
        if tag == "tr":
            self._cells = 0
        elif tag in {"td", "th"}:
            self._cells += 1
            if self._cells > 1:
                self._say(", ", self._at(), self._at())

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        self._edge(tag)

    def handle_data(self, data: str) -> None:
        at = self._at()
        self._say(re.sub(r"\s", " ", data), at, at + len(data))

    def handle_entityref(self, name: str) -> None:
        self._reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        self._reference(f"&#{name}")

    def _reference(self, written: str) -> None:
        at = self._at()
        stop = at + len(written)
        stop += self._source[stop : stop + 1] == ";"
        self._say(unescape(written + ";"), at, stop)

    def _edge(self, tag: str) -> None:
        if tag in BLOCKS and not self._silent:
            self.said.append(Said("\n", self._at(), self._at()))

    def _say(self, text: str, start: int, stop: int) -> None:
        if text and not self._silent:
            self.said.append(Said(text, start, stop))

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[min(line - 1, len(self._lines) - 1)] + column
