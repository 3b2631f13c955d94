"""A document → its sentences, each with its place and its chapter. Pure, and lazy.

A document is read block by block: no more of it is held than the block that is spoken
next. Places are offsets in characters: into the text of the file for text and Markdown,
into the text that was extracted for HTML and EPUB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.words.blocks import BlockScanner
from streamplay.words.boundaries import is_spoken, weight
from streamplay.words.markdown import WRAPPED, Block
from streamplay.words.passage import Said, SpokenText
from streamplay.words.text import LONGEST, break_at, sentence_ends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WIDEST: Final = 120
"""A line of plain text that is longer was not wrapped: it is a paragraph."""

LARGEST: Final = 8 * LONGEST
"""Characters of a block; what has no end before is cut between sentences."""

_CHAPTER: Final = re.compile(
    r"\s*(?:(?:chapter|part|book|volume|prologue|epilogue|preface|introduction|appendix|kapitel|"
    r"teil|buch|vorwort|nachwort|chapitre|partie|livre|préface|capítulo|parte|libro|capitolo)"
    r"\b.{0,60}|第.{1,6}[章回节節話話部].{0,40})\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a document below a heading.

    Attributes
    ----------
    number : int
        From 1.
    title : str
        The heading, as it is spoken.
    level : int
        1 for the highest heading, 6 for the lowest.
    sentence : int
        The number of its first sentence; 0 where those before it were not counted.
    start : int
        Where it begins.
    """

    number: int
    title: str
    level: int
    sentence: int
    start: int


@dataclass(frozen=True, slots=True)
class DocumentSentence:
    """A sentence of a document, a heading, an item of a list.

    Attributes
    ----------
    number : int
        From 1; the same each time the file is read.
    text : str
        What is spoken.
    start, stop : int
        Where it stands.
    chapter : Chapter or None
        The last one that has begun.
    is_heading : bool
        Whether it is the heading itself.
    progress : float
        Share of the document up to its end, estimated by bytes: 0 to 1.
    """

    number: int
    text: str
    start: int
    stop: int
    chapter: Chapter | None
    is_heading: bool
    progress: float


class TextBlock(NamedTuple):
    """A paragraph, a heading, or the like.

    Attributes
    ----------
    said : list of Said
        What is spoken of it; a line's end ends a sentence.
    level : int
        That of a heading; 0: it is none.
    progress : float
        How much of the document had been read by its end.
    title : str
        Of a chapter that begins here and has no heading in the text.
    """

    said: list[Said]
    level: int
    progress: float
    title: str = ""


def sentences_of(
    blocks: Iterable[TextBlock], language: str = "en", start: int = 0, number: int | None = None
) -> Iterator[DocumentSentence]:
    """Yield the sentences of a document, from the first that ends behind `start`.

    Parameters
    ----------
    blocks : iterable of TextBlock
        The document.
    language : str
        The code of its language.
    start : int
        Where to begin.
    number : int, optional
        The number of the first sentence, where it is known. Otherwise those before it are
        counted, which takes a second for some 20 MB.
    """
    counted = 0
    chapter: Chapter | None = None
    chapters = 0
    for block in blocks:
        text = "".join(each.text for each in block.said)
        behind = bool(block.said) and block.said[-1].stop > start
        title = block.title or " ".join(text.split())
        if (block.level or block.title) and is_spoken(title):
            chapters += 1
            begin = block.said[0].start if block.said else start
            first = counted + 1 if number is None else number if behind else 0
            chapter = Chapter(chapters, title, block.level or 1, first, begin)
        if not behind and number is not None:
            continue
        edges = list(_placeable(_edges(text, language, whole=block.level > 0), block.said))
        if not behind:
            counted += len(edges)
            continue
        spoken = SpokenText(block.said[0].start)
        for each in block.said:
            spoken.append(*each)
        for begin, stop in edges:
            passage = spoken.take(begin, stop)
            counted += 1
            if passage.stop > start:
                if number is not None:
                    counted, number = number, None
                place = passage.place(0)
                yield DocumentSentence(
                    counted,
                    passage.text,
                    place,
                    passage.stop,
                    chapter,
                    block.level > 0,
                    block.progress,
                )


def _edges(text: str, language: str, *, whole: bool) -> Iterator[tuple[int, int]]:
    """Yield where each sentence begins and stops; what cannot be spoken belongs to the next."""
    if whole:
        if is_spoken(text):
            yield 0, len(text)
        return
    begin = at = 0
    for line in text.splitlines(keepends=True):
        for end in sentence_ends(line, language):
            if is_spoken(text[begin : at + end]):
                yield begin, at + end
                begin = at + end
        at += len(line)


def _placeable(edges: Iterable[tuple[int, int]], said: Iterable[Said]) -> Iterator[tuple[int, int]]:
    """Join sentences that meet inside what stands for its range as a whole, such as a code span.

    They would have one place between them, and a reading that goes on there would say the first
    one again.
    """
    inner: set[int] = set()
    at = 0
    for each in said:
        if each.stop - each.start != len(each.text):
            inner.update(range(at + 1, at + len(each.text)))
        at += len(each.text)
    begun: int | None = None
    stop = 0
    for begin, stop in edges:
        begun = begin if begun is None else begun
        if stop not in inner:
            yield begun, stop
            begun = None
    if begun is not None:
        yield begun, stop


def text_blocks(chunks: Iterable[tuple[str, float]]) -> Iterator[TextBlock]:
    """Yield the paragraphs of plain text; a line that was wrapped goes on in the next.

    Parameters
    ----------
    chunks : iterable of (str, float)
        The text in parts of any size, and how much of the document had been read by then.
    """
    lines: list[str] = []
    offset = length = 0
    for line, progress in _lines(chunks):
        if line.strip() and length < LARGEST:
            lines.append(line)
            length += len(line)
            continue
        if lines:
            yield _paragraph(lines, offset, progress)
            offset += length
        lines, length = ([], 0) if not line.strip() else ([line], len(line))
        offset += 0 if lines else len(line)
    if lines:
        yield _paragraph(lines, offset, 1.0)


def _lines(chunks: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield lines; one that never ends in parts."""
    rest, progress = "", 0.0
    for chunk, progress in chunks:
        *whole, rest = (rest + chunk).splitlines(keepends=True) or [""]
        if rest.endswith("\n"):
            whole, rest = [*whole, rest], ""
        for line in whole:
            yield line, progress
        while len(rest) > LARGEST:
            cut = break_at(rest, LARGEST)
            yield rest[:cut], progress
            rest = rest[cut:]
    if rest:
        yield rest, progress


def _paragraph(lines: list[str], offset: int, progress: float) -> TextBlock:
    text = ""
    for line in lines:
        bare = line.rstrip()
        wrapped = WRAPPED <= weight(bare) <= _WIDEST
        end = " " if wrapped else "\n"
        text += bare + end * (len(line) > len(bare)) + " " * (len(line) - len(bare) - 1)
    heading = len(lines) == 1 and _CHAPTER.fullmatch(text.rstrip()) is not None
    return TextBlock([Said(text, offset, offset + len(text))], int(heading), progress)


def markdown_blocks(
    chunks: Iterable[tuple[str, float]], language: str = "en"
) -> Iterator[TextBlock]:
    """Yield the blocks of Markdown, prepared for speech.

    Parameters
    ----------
    chunks : iterable of (str, float)
        As for `text_blocks`.
    language : str
        That of what is mentioned in place of code.
    """
    code = language.replace("_", "-").split("-")[0].lower()
    rest, offset = "", 0
    scanner = BlockScanner()
    for chunk, progress in _ended(chunks):
        rest += chunk
        final = not chunk
        while length := scanner.end(rest, final=final):
            block = Block(rest[:length], code)
            said = [Said(text, offset + a, offset + b) for text, a, b in block.said]
            yield TextBlock(said, block.level, progress)
            rest, offset, scanner = rest[length:], offset + length, BlockScanner()


def _ended(chunks: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield what is not empty, with line ends as Markdown has them, and then an empty part."""
    returned = False
    for given, progress in chunks:
        chunk = "\r" * returned + given
        returned = chunk.endswith("\r")
        chunk = chunk[:-1] if returned else chunk
        if chunk:
            yield chunk.replace("\r\n", " \n").replace("\r", "\n").replace("\0", "\ufffd"), progress
    if returned:
        yield "\n", 1.0
    yield "", 1.0
