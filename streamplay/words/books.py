"""Text, Markdown, HTML and EPUB files → sentences with their places and chapters.

```python
document = read_document("book.epub")
for sentence in document.sentences():
    print(sentence.number, sentence.chapter and sentence.chapter.title, sentence.text)
```

Files are read lazily: the first sentence is there when the first page has been read.
"""

from __future__ import annotations

import codecs
import re
import stat
import struct
import zipfile
import zlib
from bisect import bisect_right
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.errors import FileFailed, InvalidRequest
from streamplay.words.document import markdown_blocks, sentences_of, text_blocks
from streamplay.words.epub import STEP, Epub, html_reader, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamplay.words.document import DocumentSentence, TextBlock

DocumentKind = Literal["text", "markdown", "html", "epub"]

_PART: Final = 65536

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
        with _reading(self.path):
            _refuse_pipe(self.path)
            with self.path.open("rb") as file:
                head = file.read(_PART)
            self.size = max(1, self.path.stat().st_size)  # 0 where the system makes it up: /proc
        self.kind: DocumentKind = _kind(self.path, head)
        self._given_language = language
        self.language = language or "en"
        self._clean = self.kind != "text" if clean is None else clean
        self._book = None
        if self.kind == "epub":
            with _reading(self.path):
                self._book = Epub(self.path)
            self.title, self.size = self._book.title, self._book.size
            self.language = language or self._book.language or "en"

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
        if self._book is not None:
            yield from self._book.blocks(self.language)
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
                for at in range(0, len(text), STEP):
                    share = min(1.0, (at + STEP) / len(text)) * len(data) / self.size
                    yield text[at : at + STEP], before + share
            if decoder is not None and (text := decoder.decode(b"", final=True)):
                yield text, 1.0

    def _page(self) -> Iterator[TextBlock]:
        reader = html_reader(self._given_language)
        with self.path.open("rb") as file:
            parts = parts_of(file, 0, self.size)
            for block in reader.blocks(parts):
                self._learn(reader)
                yield block

    def _learn(self, reader: Any) -> None:
        self.title = self.title or " ".join(reader.title.split())
        if not self._given_language and reader.declared and self.kind == "html":
            self.language = reader.declared


REMEMBERED: Final = 4096
"""Sentences that `SentenceFeed.at` can find: some hours of speech, far more than is read ahead."""


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
            if len(self._given) >= 2 * REMEMBERED:
                del self._given[:REMEMBERED]
            yield part

    def at(self, offset: int) -> DocumentSentence | None:
        """Return the sentence at an offset into what was said; None before the first is given."""
        given = self._given.copy()
        # The last character of each is the end of a line.
        index = bisect_right(given, offset + 1, key=itemgetter(0))
        return given[min(index, len(given) - 1)][1] if given else None


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
        Whether to prepare Markdown, addresses, emoji and code for speech. Default: for all
        kinds but plain text.

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
    if not sought:
        raise InvalidRequest("from", "is empty", allowed="a sentence's number, or a heading")
    numbered = re.fullmatch(r"[+]?(-?)0*([0-9]+)", sought)  # however many digits
    number = "".join(numbered.groups()) if numbered else ""
    headings = []
    last = 0
    for sentence in sentences:
        last = sentence.number
        chapter = sentence.chapter
        title = chapter.title if chapter and chapter.sentence == last else ""
        found = str(last) == number if number else sought in title.casefold()
        if found:
            return chain((sentence,), sentences)
        headings += [title] if title else []
    if number:
        raise InvalidRequest("from", f"is {sought}", allowed=f"1 to {last}")
    shown = ", ".join(repr(each) for each in headings[:8]) or "no heading is in it"
    raise InvalidRequest("from", f"names no heading: {wanted!r}", allowed=shown)


def _refuse_pipe(path: Path) -> None:
    """Refuse what can be read only once: a document is looked at before it is read."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a folder tells what it is
        raise FileFailed(
            f"cannot read {path}: it is a pipe or a device, and no file",
            remedy="Give it on standard input: say -f -",
        )


# What `zipfile` raises of what it reads; a RuntimeError where it is encrypted, or packed in a way
# that it does not know.
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, RuntimeError, UnicodeError),
)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
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
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for name, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        # Without a mark: every other byte of letters below U+0100 is 0, and no byte of a text is.
        if 2 * zeros.count(0) > len(zeros) and zeros.count(0) == data.count(0):
            return name
    try:
        data[:-3].decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"
