"""Blocks of Markdown → what is spoken of them, with the place of every character. Pure.

docs/text.md tells what a listener hears of each construct.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from unicodedata import category

from streamplay.words.addresses import addresses, host_of
from streamplay.words.boundaries import is_spoken, is_unspaced, weight
from streamplay.words.hypertext import is_tag, spoken_of_html
from streamplay.words.inline import parser, placed
from streamplay.words.lexicon import mention_of
from streamplay.words.passage import Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it.token import Token

SHORT_CODE: Final = 60
"""A block of code that is one line of so many characters is read: a command, a formula."""

WRAPPED: Final = 45
"""A line of a paragraph that is shorter was not broken for want of room: its end is heard."""

_DEFINITION: Final = re.compile(r"[ ]{0,3}\[(?!\^)[^\]]+\]:\s*\S+.*")
_TASK: Final = re.compile(r"\[[ xX]\]\s+")
_SYMBOLS: Final = 0x2190  # arrows; below it © ° ™ and others that are spoken
_REGIONS: Final = range(0x1F1E6, 0x1F200)  # two of them are a flag
_JOINERS: Final = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_TONES: Final = range(0x1F3FB, 0x1F400)


class SpokenLines:
    """Collects what is spoken; every place is one in the source.

    Attributes
    ----------
    said : list of Said
        In order.
    """

    def __init__(self) -> None:
        self.said: list[Said] = []
        self._last = "\n"
        self._stop = 0

    def verbatim(self, text: str, places: Sequence[int]) -> None:
        """Say characters as they are written, each at its place; white space and emoji once."""
        begin = 0
        for index, character in enumerate(text):
            kept = is_heard(character) and not (character.isspace() and self._last.isspace())
            if kept:
                self._last = character
            joined = kept and index > begin and places[index] == places[index - 1] + 1
            if not joined:
                self._run(text[begin:index], places[begin:index])
                begin = index if kept else index + 1
        self._run(text[begin:], places[begin:])

    def instead(self, text: str, start: int, stop: int) -> None:
        """Say `text` for source[start:stop]."""
        if text.isspace() and self._last.isspace():
            return
        start = max(start, self._stop)
        if text:
            self._put(Said(text, start, max(start, stop)))

    def line(self, at: int) -> None:
        """End a line, if there is one, at a place of the source: what closes before it is part."""
        if self._last != "\n":
            at = max(self._stop, at)
            self._put(Said("\n", at, at))

    def _run(self, text: str, places: Sequence[int]) -> None:
        if text:
            self._put(Said(text, places[0], places[-1] + 1))

    def _put(self, said: Said) -> None:
        self.said.append(said)
        self._last, self._stop = said.text[-1], said.stop


class Block:
    """One block of Markdown, or several.

    Parameters
    ----------
    source : str
        The block.
    language : str
        Two letters: that of what is mentioned (a block of code).

    Attributes
    ----------
    said : list of Said
        What is spoken; places are those of `source`.
    level : int
        That of the heading it is; 0: it is none.
    unresolved : int or None
        Where the first mark of the last paragraph stands that may mean something else
        when more text has come.
    """

    def __init__(self, source: str, language: str = "en", *, column: int = 0) -> None:
        self._source = source
        self._language = language
        self._column = column  # of the first character, in its line
        self._voice = SpokenLines()
        self.level = 0
        self.unresolved: int | None = None
        self._starts = [0, *(found.end() for found in re.finditer("\n", source))]
        self._cells = 0  # of the row
        self._item = False  # a list's item has just begun
        self._cursor = 0  # in the source, for what stands in the same line
        for token in parser().parse(source):
            self._take(token)
        self._voice.line(len(source))
        self.said = self._voice.said

    def _take(self, token: Token) -> None:
        kind = token.type
        if kind == "inline":
            self._inline(token)
            self._item = False
        elif kind == "heading_open":
            self.level = int(token.tag[1:])
        elif kind == "fence":
            self._code(token)
        elif kind == "html_block":
            self._html(token)
        elif kind == "list_item_open":
            self._item = True
            self._number(token)
        elif kind == "tr_open":
            self._cells = 0
        elif kind in {"td_open", "th_open"}:
            self._cells += 1
        elif kind in {"paragraph_close", "heading_close", "tr_close", "hr"}:
            self._voice.line(self._cursor)

    def _line(self, number: int) -> tuple[int, str]:
        """Return where a line of the source begins, and what it is."""
        start = self._starts[min(number, len(self._starts) - 1)]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._source)
        return start, self._source[start:end]

    def _number(self, token: Token) -> None:
        start, _ = self._line((token.map or [0])[0])
        number = re.compile(rf"{re.escape(token.info)}[.)]")
        if token.info and (found := number.search(self._source, max(start, self._cursor))):
            self._voice.verbatim(found[0], range(found.start(), found.end()))
            self._voice.instead(" ", found.end(), min(found.end() + 1, len(self._source)))
            self._cursor = found.end()

    def _places(self, content: str, first: int) -> list[int]:
        """Return the place of every character of a block's content, which has its own lines.

        Each line of it is the end of a line of the source, behind marks and indentation.
        """
        places: list[int] = []
        for index, line in enumerate(content.split("\n")):
            start, written = self._line(first + index)
            bare = written.rstrip()
            at = start + len(bare) - len(line.rstrip())
            if at < self._cursor or not bare.endswith(line.rstrip()):
                at = max(self._source.find(line, max(start, self._cursor)), self._cursor)
            if not self._source.startswith(line, at):
                places += _aligned(line, self._source, at)
            else:
                places += range(at, at + len(line))
            end = places[-1] + 1 if places else at
            self._cursor = max(self._cursor, min(end, len(self._source)))
            places.append(min(end, len(self._source) - 1))  # the line's end
        return places[: len(content)]

    def _inline(self, token: Token) -> None:
        first = (token.map or [0])[0]
        if self._cells:
            start, _ = self._line(first)
            self._cursor = max(self._cursor, start)
            at = self._source.find(token.content, self._cursor)
            self._voice.instead(", " if self._cells > 1 else "", self._cursor, max(at, 0))
        lines = token.content.split("\n")
        if token.content and all(map(_DEFINITION.fullmatch, lines)):
            return
        places = self._places(token.content, first)
        box = _TASK.match(token.content) if self._item else None
        InlineText(self, self._voice, token, places).speak(box.end() if box else 0)

    def _code(self, token: Token) -> None:
        first, stop = token.map or [0, 0]
        start, line = self._line(first)
        code = token.content.strip("\n")
        if "\n" not in code.strip() and len(code.strip()) <= SHORT_CODE and is_spoken(code):
            skipped = len(token.content) - len(token.content.lstrip("\n"))
            self._cursor = max(self._cursor, start + len(line))
            say_code(self._voice, code, self._places(code, first + 1 + skipped))
        elif code.strip():
            mention = mention_of(self._language, "code", token.info)
            self._voice.instead(mention, start, start + len(line.rstrip()))
        self._voice.line(max(self._cursor, start + len(line.rstrip())))
        self._cursor = max(self._cursor, self._line(stop)[0] if stop < len(self._starts) else 0)

    def _html(self, token: Token) -> None:
        places = self._places(token.content, (token.map or [0])[0])
        for said in spoken_of_html(token.content):
            here = places[said.start : said.stop]
            if said.text == "\n":
                self._voice.line(places[said.start] if said.start < len(places) else self._cursor)
            elif here and len(here) == len(said.text):
                say_code(self._voice, said.text, here)
            elif here:
                self._voice.instead(said.text, here[0], here[-1] + 1)
        self._voice.line(self._cursor)

    @property
    def column(self) -> int:
        """Where the first line began before it."""
        return self._column

    @property
    def language(self) -> str:
        """Two letters."""
        return self._language

    def resolve(self, at: int) -> None:
        """Note a mark that is not resolved."""
        self.unresolved = at if self.unresolved is None else min(at, self.unresolved)


class InlineText:
    """The inline part of a block: a paragraph, a heading, a cell."""

    def __init__(self, block: Block, voice: SpokenLines, token: Token, places: list[int]) -> None:
        self._block = block
        self._voice = voice
        self._source = token.content
        self._tokens = placed(token.content, token.children or [])
        self._places = places
        self._skipping = ""  # the element whose text is not spoken
        self._link: tuple[int, str, int] | None = None  # its place, its target, what was said

    def speak(self, begin: int) -> None:
        """Say all of it, from a character on."""
        for token in self._tokens:
            start, stop = token.meta["at"]
            if start < begin and token.type == "text":
                token.content = token.content[begin - start :]
                token.meta["at"] = min(begin, stop), stop
            self._speak(token)
        self._find_unresolved()

    def _speak(self, token: Token) -> None:
        start, stop = token.meta["at"]
        kind = token.type
        if kind == "html_inline":
            self._tag(token)
        elif self._skipping:
            return
        elif kind == "link_open":
            target = str(token.attrs.get("href", ""))
            self._link = self._at(start), target, len(self._voice.said)
        elif kind == "link_close":
            self._close_link(stop)
        elif kind in {"text", "code_inline", "label"} and not token.meta.get("closes"):
            self._say(token.content, kind, start, stop)
        elif kind in {"address", "text_special"}:
            self._voice.instead(token.content, self._at(start), self._at(stop))
        elif kind == "image":
            self._image(token)
        elif kind == "hardbreak":
            self._voice.line(self._at(stop))
        elif kind == "softbreak":
            self._break(start, stop)

    def _at(self, index: int) -> int:
        """Return the place of a character, or of the end."""
        if index < len(self._places):
            return self._places[index]
        return self._places[-1] + 1 if self._places else 0

    def _say(self, text: str, kind: str, start: int, stop: int) -> None:
        if kind == "text":
            self._voice.verbatim(text, self._places[start:stop])
            return
        at = self._source.find(text, start, stop)
        if at < 0:
            self._voice.instead(text, self._at(start), self._at(stop))
        else:
            say_code(self._voice, text, self._places[at : at + len(text)])

    def _close_link(self, stop: int) -> None:
        """Name the host of a link without a text."""
        if self._link is None:
            return
        start, target, said = self._link
        if len(self._voice.said) == said and "//" in target:
            self._voice.instead(host_of(target), start, self._at(stop))
        self._link = None

    def _image(self, token: Token) -> None:
        start, stop = token.meta["at"]
        alt = "".join(child.content for child in token.children or [])
        spoken = "".join(filter(is_heard, alt)).strip()
        if not is_spoken(spoken):
            spoken = mention_of(self._block.language, "image", "")
        self._voice.instead(spoken, self._at(start), self._at(stop))

    def _tag(self, token: Token) -> None:
        start, stop = token.meta["at"]
        name = is_tag(token.content)
        if name is None and not self._skipping:
            self._voice.verbatim(token.content, self._places[start:stop])
        elif name == "br" and not self._skipping:
            self._voice.line(self._at(stop))
        elif name in {"script", "style"}:
            self._skipping = "" if token.content.startswith("</") else name

    def _break(self, start: int, stop: int) -> None:
        """End a line inside a paragraph: heard where the line was short, else a space."""
        line_start = self._source.rfind("\n", 0, start) + 1
        length = weight(self._source[line_start:start])
        if line_start == 0:
            length += self._block.column
        before, after = self._source[start - 1 : start], self._source[stop : stop + 1]
        if length < WRAPPED:
            self._voice.line(self._at(stop))
        elif not (before and after and is_unspaced(before) and is_unspaced(after)):
            self._voice.instead(" ", self._at(start), self._at(stop))

    def _find_unresolved(self) -> None:
        """Find the first mark that text behind this may still give another meaning."""
        for token in self._tokens:
            if token.type != "text":
                continue
            start, _ = token.meta["at"]
            if token.content and token.meta.get("opens"):
                self._block.resolve(self._at(start))
            elif "opens" not in token.meta and (at := _opens(token.content)) is not None:
                self._block.resolve(self._at(start + at))


def say_code(voice: SpokenLines, text: str, places: Sequence[int]) -> None:
    """Say text in which Markdown means nothing, but no address in whole."""
    done = 0
    for address in addresses(text):
        voice.verbatim(text[done : address.start], places[done : address.start])
        voice.instead(address.spoken, places[address.start], places[address.stop - 1] + 1)
        done = address.stop
    voice.verbatim(text[done:], places[done:])


def is_heard(character: str) -> bool:
    """Whether a character is spoken: no emoji and no part of one."""
    code = ord(character)
    if code < _SYMBOLS and character not in _JOINERS:
        return True
    hidden = character in _JOINERS or code in _REGIONS or code in _TONES
    return not hidden and category(character) != "So"


def _opens(text: str) -> int | None:
    """Return where something begins in plain text that may be closed later."""
    found: list[int] = []
    at = text.find("`")
    found += [at] if at >= 0 else []
    tag = re.search(r"<[A-Za-z/!?][^>]*$", text)
    found += [tag.start()] if tag else []
    for bracket in re.finditer(r"!?\[", text):
        closed = text.find("]", bracket.end())
        if closed < 0 or text[closed + 1 : closed + 2] in {"", "(", "[", ":"}:
            found.append(bracket.start())
            break
    return min(found, default=None)


def _aligned(content: str, source: str, at: int) -> list[int]:
    """Return the places of characters that are not all written in the source (tabs, escapes)."""
    places = []
    for character in content:
        found = source.find(character, at, at + 8)
        if found >= 0:
            at = found
        places.append(min(at, max(0, len(source) - 1)))
        at += found >= 0
    return places


def texts(said: Iterable[Said]) -> str:
    """Return what is spoken, without its places."""
    return "".join(each.text for each in said)
