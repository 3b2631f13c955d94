"""HTML → blocks of text, by libxml2's parser, in parts of any size: nothing is held but a block."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from streamplay.words.boundaries import is_spoken
from streamplay.words.document import LARGEST, TextBlock
from streamplay.words.hypertext import BLOCKS, SILENT
from streamplay.words.lexicon import mention_of
from streamplay.words.markdown import SHORT_CODE, SpokenLines, say_code
from streamplay.words.text import break_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SILENT: Final = SILENT | {"nav", "rt", "rp", "button", "select", "textarea", "iframe"}
_HEADINGS: Final = re.compile(r"h([1-6])")
_NOTE: Final = frozenset({"noteref", "doc-noteref"})
_DECLARED: Final = re.compile(
    rb"(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE
)
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SNIFFED: Final = 4096
_NOT_OF_PAGES: Final = (
    "utf-16",
    "utf-32",
    "utf-7",
    "idna",
    "punycode",
    "unicode",
    "raw",
    "undefined",
)
_VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "col", "source"})


class HtmlReader:
    """Reads one page after the other; places go on over all of them.

    Parameters
    ----------
    language : str, optional
        Of what is mentioned in place of code; unless given, what a page declares.

    Attributes
    ----------
    title : str
        What the last page calls itself.
    declared : str
        The language that it declares.
    """

    def __init__(self, language: str | None = None) -> None:
        self.title = ""
        self.declared = ""
        self._language = language
        self._offset = 0
        self._blocks: list[tuple[list[Any], int]] = []
        self._begin_page()

    def blocks(self, chunks: Iterable[tuple[bytes, float]]) -> Iterator[TextBlock]:
        """Yield the blocks of a page that comes in parts, with how much has been read by then."""
        from lxml import etree

        self._begin_page()
        parser: Any = etree.HTMLParser(target=self, encoding="utf-8", huge_tree=True)
        decoder: codecs.IncrementalDecoder | None = None
        progress = 0.0
        for data, progress in chunks:
            decoder = decoder or codecs.getincrementaldecoder(encoding_of(data))("replace")
            text = decoder.decode(data).replace("\0", "\ufffd")  # a NUL ends a page for libxml2
            if text:
                parser.feed(text.encode("utf-8", "replace"))
            yield from self._take(progress)
        with suppress(etree.ParseError):  # a page without any element
            parser.close()
        self._flush()
        yield from self._take(progress)

    def _begin_page(self) -> None:
        self._text = ""
        self._level = 0
        self._silent: list[str] = []
        self._cells = 0
        self._numbers: list[int] = []  # of the lists that are open; 0: it has none
        self._pre = False
        self._in_title = False

    def _take(self, progress: float) -> Iterator[TextBlock]:
        blocks, self._blocks = self._blocks, []
        for said, level in blocks:
            yield TextBlock(said, level, progress)

    # What libxml2 calls

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        if tag == "html":
            self.declared = attributes.get("lang") or attributes.get("xml:lang") or self.declared
        self._in_title = tag == "title" and not self.title
        note = {attributes.get("epub:type"), attributes.get("role")} & _NOTE
        if (tag in _SILENT or note or "hidden" in attributes) and tag not in _VOID:
            self._silent.append(tag)
        if self._silent:
            if tag == self._silent[0] and len(self._silent) > 1:
                self._silent.append(tag)
            return
        if tag in BLOCKS:
            self._flush()
            self._open(tag, attributes)
        elif tag == "img":
            alt = attributes.get("alt")
            self._text += f" {alt} " if alt else ""
        elif tag in {"td", "th"}:
            self._cells += 1
            self._text += ", " if self._cells > 1 else ""

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if tag == "title":
            self._in_title = False
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        if tag in BLOCKS:
            self._flush()
            if tag in {"ol", "ul"} and self._numbers:
                self._numbers.pop()
            self._pre = self._pre and tag != "pre"
            self._level = 0 if _HEADINGS.fullmatch(tag) else self._level

    def data(self, text: str) -> None:
        """Take text."""
        if self._in_title:
            self.title += text
        if not self._silent:
            self._text += text
            while len(self._text) > LARGEST and not self._pre:
                cut = break_at(self._text, LARGEST)
                rest, self._text = self._text[cut:], self._text[:cut]
                self._flush()
                self._text = rest

    def comment(self, _: str) -> None:
        """Take a comment: nothing is spoken."""

    def close(self) -> None:
        """Take the end of the page."""

    def _open(self, tag: str, attributes: Mapping[str, str]) -> None:
        heading = _HEADINGS.fullmatch(tag)
        self._level = int(heading[1]) if heading else self._level
        self._pre = self._pre or tag == "pre"
        if tag == "tr":
            self._cells = 0
        if tag in {"ol", "ul"}:
            begin = attributes.get("start", "1")
            # CSS counts with 32 bits, too; a longer one is no number of an item.
            number = int(begin) if begin.isdecimal() and len(begin) <= 9 else 1
            self._numbers.append(number if tag == "ol" else 0)
        elif tag == "li" and self._numbers and self._numbers[-1]:
            self._text = f"{self._numbers[-1]}. "
            self._numbers[-1] += 1

    def _flush(self) -> None:
        """End a block."""
        text, self._text = self._text, ""
        if self._pre:
            code = text.strip()
            if "\n" in code or len(code) > SHORT_CODE:
                language = self._language or self.declared or "en"
                text = mention_of(language.split("-")[0].lower(), "code", "")
        text = " ".join(text.split())
        if not is_spoken(text):
            return
        lines, start = SpokenLines(), self._offset
        self._offset += len(text) + 1
        say_code(lines, text, range(start, start + len(text)))
        lines.line(self._offset)
        self._blocks.append((lines.said, self._level))


def encoding_of(data: bytes) -> str:
    """Return the encoding that a page is in: by its mark, what it declares, or what fits."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    declared = _DECLARED.search(data[:_SNIFFED])
    if declared:
        with suppress(LookupError):
            named = declared[1].decode("ascii")
            b"a".decode(named, "replace")  # LookupError: no encoding of text
            name = codecs.lookup(named).name
            # A page that declares its encoding in ASCII is not in UTF-16.
            return "utf-8" if name.startswith(_NOT_OF_PAGES) else name
    try:
        data[:-3].decode("utf-8")  # a letter may be cut at the end of a part
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"
