"""EPUB (https://www.w3.org/TR/epub-33/): a zip file of HTML pages, read one page at a time."""

from __future__ import annotations

import posixpath
import zipfile
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.words.document import TextBlock

STEP: Final = 4096
"""Bytes or characters after which the progress of reading is updated: two pages of a book."""

_LARGEST_ENTRY: Final = 64 * 1024 * 1024
"""Bytes of one page of a book, unpacked. A whole encyclopedia is smaller."""

_FONTS: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Algorithms that only obfuscate fonts (EPUB 3.3, §4.4): the text can be read."""


class BookPage(NamedTuple):
    """A page of a book: the name of its entry, its length in bytes, its title in the contents."""

    name: str
    size: int
    title: str


class Epub:
    """A book.

    Attributes
    ----------
    title, language : str
        What the package says; empty where it does not.
    size : int
        Bytes of all pages, unpacked.

    Raises
    ------
    FileFailed
        If it is protected, or no book that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with zipfile.ZipFile(path) as book:
            _refuse_protected(book, path)
            package_path = _package_path(book, path)
            package = _parse(book, package_path, path)
            self.title = _first(package, "title")
            self.language = _first(package, "language")
            self._pages = list(_pages(book, package, package_path, path))
        self.size = max(1, sum(page.size for page in self._pages))
        if not self._pages:
            raise FileFailed(f"{path} is an EPUB without any page")

    def blocks(self, language: str) -> Iterator[TextBlock]:
        """Yield the blocks of all pages; only one page is unpacked at a time."""
        reader = html_reader(language)
        read = 0
        with zipfile.ZipFile(self._path) as book:
            for page in self._pages:
                blocks = reader.blocks(_read_entry(book, page.name, read, self.size))
                yield from _titled(blocks, page.title)
                read += page.size


def html_reader(language: str | None) -> Any:
    """Return a reader of HTML; FileFailed where lxml is not installed."""
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
        for data, progress in parts_of(entry, before, size):
            yield data, progress
            if progress * size - before > _LARGEST_ENTRY:
                raise FileFailed(f"cannot read {book.filename}: {name} is too large")


def parts_of(file: IO[bytes], before: int, size: int) -> Iterator[tuple[bytes, float]]:
    """Yield a file in parts, and how much of `size` has been read with each."""
    while data := file.read(STEP):
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


def _pages(
    book: zipfile.ZipFile, package: Any, package_path: str, path: Path
) -> Iterator[BookPage]:
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
            yield BookPage(name, entries[name], titles.get(name, ""))


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
    html_reader(None)
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
