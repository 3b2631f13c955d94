"""Files that are read aloud: text, Markdown, HTML, EPUB → sentences with places and chapters.

```python
document = read_document("book.epub")
for sentence in document.sentences():
    print(sentence.number, sentence.chapter and sentence.chapter.title, sentence.text)
```

Everything is lazy: a book begins as soon as its first page has been read.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
import zlib
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

from streamplay.errors import FileFailed, InvalidRequest
from streamplay.words.document import (
    DocumentSentence,
    TextBlock,
    markdown_blocks,
    sentences_of,
    text_blocks,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DocumentKind = Literal["text", "markdown", "html", "epub"]

_PART: Final = 65536
_STEP: Final = 4096
"""Bytes or characters after which a reader's progress is told anew: two pages of a book."""

_MARKDOWN: Final = frozenset({".md", ".markdown", ".mdown", ".mkd"})
_HTML: Final = frozenset({".html", ".htm", ".xhtml", ".xht"})
_BEGINS_HTML: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html)", re.IGNORECASE | re.DOTALL
)
_OTHERS: Final = (
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "RTF"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "compressed"),
    (b"BOOKMOBI", "a Mobipocket book"),
)
_LARGEST_ENTRY: Final = 64 * 1024 * 1024
"""Bytes of one page of a book, unpacked. A whole encyclopedia is smaller."""

_FONTS: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Algorithms that only obfuscate fonts (EPUB 3.3, §4.4): the text can be read."""


class Document:
    """A file that can be read aloud.

    Attributes
    ----------
    path : Path
        Where it is.
    kind : {'text', 'markdown', 'html', 'epub'}
        What it is, by its content, then by its name.
    title : str
        What it calls itself; empty where it does not.
    language : str
        The code of its language: what was given, or what it declares, or ``en``.
    size : int
        Bytes to be read in all.
    """

    def __init__(
        self, path: str | Path, *, language: str | None = None, clean: bool | None = None
    ) -> None:
        self.path = Path(path)
        self.title = ""
        with _reading(self.path), self.path.open("rb") as file:
            head = file.read(_PART)
        self.size = self.path.stat().st_size
        self.kind: DocumentKind = _kind(self.path, head)
        self._given_language = language
        self.language = language or "en"
        self._clean = self.kind != "text" if clean is None else clean
        self._pages: list[_Page] = []
        if self.kind == "epub":
            self._open_book()

    def __iter__(self) -> Iterator[DocumentSentence]:
        return self.sentences()

    def sentences(self, start: int = 0, number: int | None = None) -> Iterator[DocumentSentence]:
        """Yield the sentences, from the first that ends behind the place `start`.

        Parameters
        ----------
        start : int
            ``sentence.start`` of where a reader left off.
        number : int, optional
            ``sentence.number`` of the same: what stands before is then passed over quickly.

        Raises
        ------
        FileFailed
            If the file cannot be read to its end; what came before has been given.
        """
        with _reading(self.path):
            blocks = self._blocks()
            first = next(blocks, None)  # by then a page has told its language
            if first is not None:
                whole = chain((first,), blocks)
                yield from sentences_of(whole, self.language, start, number)

    def _blocks(self) -> Iterator[TextBlock]:
        if self.kind == "epub":
            yield from self._book()
        elif self.kind == "html":
            yield from self._page()
        elif self._clean:
            yield from markdown_blocks(self._text(), self.language)
        else:
            yield from text_blocks(self._text())

    def _text(self) -> Iterator[tuple[str, float]]:
        with self.path.open("rb") as file:
            decoder: codecs.IncrementalDecoder | None = None
            read = 0
            while data := file.read(_PART):
                decoder = decoder or codecs.getincrementaldecoder(_text_encoding(data))("replace")
                read += len(data)
                text = decoder.decode(data)
                text = text.removeprefix("\ufeff") if read == len(data) else text
                before = (read - len(data)) / self.size
                for at in range(0, len(text), _STEP):
                    share = min(1.0, (at + _STEP) / len(text)) * len(data) / self.size
                    yield text[at : at + _STEP], before + share
            if decoder is not None and (text := decoder.decode(b"", final=True)):
                yield text, 1.0

    def _page(self) -> Iterator[TextBlock]:
        reader = _html_reader(self._given_language)
        with self.path.open("rb") as file:
            parts = _parts(file, 0, self.size)
            for block in reader.blocks(parts):
                self._learn(reader)
                yield block

    def _learn(self, reader: Any) -> None:
        self.title = self.title or " ".join(reader.title.split())
        if not self._given_language and reader.declared and self.kind == "html":
            self.language = reader.declared

    # EPUB (https://www.w3.org/TR/epub-33/)

    def _open_book(self) -> None:
        with _reading(self.path), zipfile.ZipFile(self.path) as book:
            _refuse_protected(book, self.path)
            package_path = _package_path(book, self.path)
            package = _parse(book, package_path, self.path)
            self.title = _first(package, "title")
            self.language = self._given_language or _first(package, "language") or "en"
            self._pages = list(_pages(book, package, package_path, self.path))
            self.size = sum(page.size for page in self._pages)
        if not self._pages:
            raise FileFailed(f"{self.path} is an EPUB without any page")

    def _book(self) -> Iterator[TextBlock]:
        reader = _html_reader(self.language)
        read = 0
        with zipfile.ZipFile(self.path) as book:
            for page in self._pages:
                found = _read_entry(book, page.name, read, max(1, self.size))
                blocks = reader.blocks(found)
                yield from _titled(blocks, page.title)
                read += page.size


class _Page:
    """A page of a book: its entry, how long it is, and what the contents call it."""

    def __init__(self, name: str, size: int, title: str) -> None:
        self.name = name
        self.size = size
        self.title = title


class SentenceFeed:
    """The sentences of a document, as a text for `Player.say`, and back.

    ``player.say(feed)`` requests them a sentence or a few at a time;
    ``feed.at(heard.offset)`` is the sentence in which what was heard ends.

    Parameters
    ----------
    sentences : iterable of DocumentSentence
        What is to be said.
    """

    def __init__(self, sentences: Iterable[DocumentSentence]) -> None:
        self._sentences = sentences
        self._given: list[tuple[int, DocumentSentence]] = []  # with the offset behind it
        self._offset = 0

    def __iter__(self) -> Iterator[str]:
        for sentence in self._sentences:
            part = sentence.text + "\n"
            self._offset += len(part)
            self._given.append((self._offset, sentence))
            yield part

    def at(self, offset: int) -> DocumentSentence | None:
        """Return the sentence at an offset into what was said; None before the first is given."""
        given = self._given.copy()
        for stop, sentence in given:
            if offset < stop - 1:  # its last character is the end of a line
                return sentence
        return given[-1][1] if given else None


def read_document(
    path: str | Path, *, language: str | None = None, clean: bool | None = None
) -> Document:
    """Open a file that is to be read aloud.

    Parameters
    ----------
    path : str or Path
        Text, Markdown, HTML or EPUB; the last two need the extra ``books``.
    language : str, optional
        The code of its language; unless given what the file declares, or English.
    clean : bool, optional
        Whether Markdown, addresses, emoji and code are made fit to be heard; unless
        given for all but plain text.

    Raises
    ------
    FileFailed
        If it cannot be read, is none of these, or is protected.
    """
    return Document(path, language=language, clean=clean)


def starting_at(document: Document, wanted: str) -> Iterator[DocumentSentence]:
    """Yield the sentences of a document from one on.

    Parameters
    ----------
    document : Document
        Which.
    wanted : str
        The number of a sentence, or the beginning of a heading, or a part of it.

    Raises
    ------
    InvalidRequest
        If there is no such sentence or heading.
    """
    sentences = document.sentences()
    sought = " ".join(wanted.split()).casefold()
    headings = []
    last = 0
    for sentence in sentences:
        last = sentence.number
        chapter = sentence.chapter
        title = chapter.title if chapter and chapter.sentence == last else ""
        found = last == int(sought) if sought.isdecimal() else sought in title.casefold()
        if found:
            return chain((sentence,), sentences)
        headings += [title] if title else []
    if sought.isdecimal():
        raise InvalidRequest("from", f"is {sought}", allowed=f"1 to {last}")
    shown = ", ".join(repr(each) for each in headings[:8]) or "no heading is in it"
    raise InvalidRequest("from", f"names no heading: {wanted!r}", allowed=shown)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FileFailed(f"cannot read {path}: it is damaged ({error})") from error
    except OSError as error:
        raise FileFailed(f"cannot read {path}: {error.strerror or error}") from error


def _kind(path: Path, head: bytes) -> DocumentKind:
    if head.startswith(b"PK"):
        if b"application/epub+zip" in head[:200] or path.suffix.lower() == ".epub":
            return "epub"
        raise _no_document(path, "a zip file")
    for magic, name in _OTHERS:
        if head.startswith(magic) or (magic == b"BOOKMOBI" and head[60:68] == magic):
            raise _no_document(path, name)
    if path.suffix.lower() == ".epub":
        raise _no_document(path, "no EPUB")
    if b"\0" in head and _text_encoding(head) in {"utf-8", "windows-1252"}:
        raise _no_document(path, "no text")
    if path.suffix.lower() in _HTML or _BEGINS_HTML.match(head):
        return "html"
    return "markdown" if path.suffix.lower() in _MARKDOWN else "text"


def _no_document(path: Path, what: str) -> FileFailed:
    return FileFailed(
        f"cannot read {path}: it is {what}",
        remedy="Text, Markdown, HTML and EPUB can be read",
    )


def _text_encoding(data: bytes) -> str:
    """Return the encoding of plain text: by its mark, or UTF-8 where that fits."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        data[:-3].decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _html_reader(language: str | None) -> Any:
    try:
        import lxml.etree  # noqa: F401 - the extra `books` brings it
    except ImportError as error:
        raise FileFailed(
            "HTML and EPUB are read by lxml, which is not installed",
            remedy="pip install 'streamplay[books]'",
        ) from error
    from streamplay.words.markup import HtmlReader

    return HtmlReader(language)


def _titled(blocks: Iterator[TextBlock], title: str) -> Iterator[TextBlock]:
    """Begin a chapter where the contents name a page that has no heading at its beginning."""
    first = next(blocks, None)
    if first is None:
        return
    if title and not first.level:
        first = first._replace(title=title)
    yield first
    yield from blocks


def _read_entry(
    book: zipfile.ZipFile, name: str, before: int, size: int
) -> Iterator[tuple[bytes, float]]:
    with book.open(name) as entry:
        for data, progress in _parts(entry, before, size):
            yield data, progress
            if progress * size - before > _LARGEST_ENTRY:
                raise FileFailed(f"cannot read {book.filename}: {name} is too large")


def _parts(file: IO[bytes], before: int, size: int) -> Iterator[tuple[bytes, float]]:
    """Yield a file in parts, and how much of `size` has been read with each."""
    while data := file.read(_STEP):
        before += len(data)
        yield data, before / size


def _refuse_protected(book: zipfile.ZipFile, path: Path) -> None:
    if "META-INF/encryption.xml" not in book.namelist():
        return
    found = _parse(book, "META-INF/encryption.xml", path)
    methods = [each.get("Algorithm") for each in found.iter("{*}EncryptionMethod")]
    if any(method not in _FONTS for method in methods):
        raise FileFailed(f"cannot read {path}: the book is protected (DRM)")


def _package_path(book: zipfile.ZipFile, path: Path) -> str:
    container = _parse(book, "META-INF/container.xml", path)
    for root in container.iter("{*}rootfile"):
        if name := root.get("full-path"):
            return str(name)
    raise FileFailed(f"cannot read {path}: its container names no package")


def _pages(book: zipfile.ZipFile, package: Any, package_path: str, path: Path) -> Iterator[_Page]:
    """Yield the pages in the order in which they are read."""
    folder = posixpath.dirname(package_path)
    items = {each.get("id"): each for each in package.iter("{*}item")}
    entries = {each.filename: each.file_size for each in book.infolist()}
    titles = _contents(book, items, folder, path)
    for reference in package.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no" or "nav" in _properties(item):
            continue
        name = _entry_name(folder, item.get("href") or "")
        if name in entries and "html" in (item.get("media-type") or "html"):
            yield _Page(name, entries[name], titles.get(name, ""))


def _contents(
    book: zipfile.ZipFile, items: dict[str, Any], folder: str, path: Path
) -> dict[str, str]:
    """Return what the table of contents calls each page."""
    titles: dict[str, str] = {}
    for item in items.values():
        href = item.get("href") or ""
        name = _entry_name(folder, href)
        is_ncx = item.get("media-type") == "application/x-dtbncx+xml"
        if name not in book.namelist() or not (is_ncx or "nav" in _properties(item)):
            continue
        tree, here = _parse(book, name, path), posixpath.dirname(name)
        if is_ncx:
            found = [
                (each.find("{*}content"), each.find("{*}navLabel"))
                for each in tree.iter("{*}navPoint")
            ]
            links = [(target.get("src"), label) for target, label in found if target is not None]
        else:
            links = [(each.get("href"), each) for each in tree.iter("{*}a")]
        for target, label in links:
            title = " ".join("".join(label.itertext()).split()) if label is not None else ""
            if target and title:
                titles.setdefault(_entry_name(here, target), title)
    return titles


def _properties(item: Any) -> list[str]:
    return (item.get("properties") or "").split()


def _entry_name(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))


def _parse(book: zipfile.ZipFile, name: str, path: Path) -> Any:
    """Return a small XML file of a book, parsed without entities and without the network."""
    _html_reader(None)
    from lxml import etree

    try:
        info = book.getinfo(name)
    except KeyError as error:
        raise FileFailed(f"cannot read {path}: {name} is missing") from error
    if info.file_size > _LARGEST_ENTRY:
        raise FileFailed(f"cannot read {path}: {name} is too large")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        tree = etree.fromstring(book.read(info), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FileFailed(f"cannot read {path}: {name} is no XML ({error})") from error
    if tree is None:
        raise FileFailed(f"cannot read {path}: {name} is empty")
    return tree


def _first(package: Any, name: str) -> str:
    for each in package.iter(f"{{http://purl.org/dc/elements/1.1/}}{name}"):
        if text := " ".join("".join(each.itertext()).split()):
            return text
    return ""
