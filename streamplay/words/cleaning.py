"""Text written to be read → text to be heard, while it is still being written. Pure.

Markdown, addresses, emoji, code and a model's reasoning: docs/text.md tells what is made
of them. Off unless asked for: plain text is spoken as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streamplay.words.blocks import BlockKind, BlockScanner, plain_length
from streamplay.words.lexicon import mention_of
from streamplay.words.passage import Said
from streamplay.words.reasoning import WithoutReasoning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SPECIAL: Final = re.compile(r"[*_~`\[\]<>&\\!|:/@#\n]|[^\x00-\u218f\u2e80-\ud7ff]")
"""What may be more than it looks like: Markdown, an address, an emoji."""

_PLAIN_CLAUSE: Final = re.compile(r"\w[,;?，；？。]$")
"""A word and a mark that no address and no construct goes on behind."""

_RETRY: Final = 1.25
"""A paragraph in which a mark is not resolved is looked at again when it is longer by so much."""

_LONGEST_OPEN: Final = 4096
"""A mark that is open for so many characters is not waited for any longer."""


class Cleaned:
    """Speaks Markdown: block by block, and plain paragraphs word by word.

    A paragraph that is not complete is spoken as far as no mark in it is open. The rest
    is then parsed behind a stand-in for what was spoken.

    Parameters
    ----------
    language : str
        That of what is mentioned in place of code.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language.replace("_", "-").split("-")[0].lower()
        self._reasoning = WithoutReasoning()
        self._given_length = 0
        self._text = ""  # what has not been spoken
        self._places: list[int] = []  # where each of its characters was given
        self._stand_in = ""  # for the beginning of its paragraph, which was spoken
        self._column = 0  # how long that beginning's last line is
        self._scanner = BlockScanner()
        self._mentioned = False  # a block of code that has not ended
        self._retry = 0
        self._returned = False  # the last character is a carriage return
        self._before = ""  # the last character that was spoken
        self._stop = 0  # behind all that was dropped

    @property
    def is_holding(self) -> bool:
        """Whether a last word is held back that may go on."""
        return bool(self._text.strip()) and self._is_plain(self._text)

    def feed(self, text: str) -> Iterable[Said]:
        """Take more text; give what is spoken of it."""
        said: list[Said] = []
        self._given_length += len(text)
        for part in self._reasoning.feed(text):
            said += self._append(part.text, part.start)
        return said

    def release(self) -> Iterable[Said]:
        """Give the last word, now that nothing has come for a while."""
        if not self.is_holding:
            return []
        return list(self._speak_beginning(len(self._text)))

    def finish(self) -> Iterable[Said]:
        """Give the rest."""
        said: list[Said] = []
        for part in self._reasoning.finish():
            said += self._append(part.text, part.start)
        if self._returned:
            self._returned = False
            said += self._append("\n", self._given_length - 1)
        said += self._advance(final=True)
        if self._stand_in:  # all of the last paragraph has been spoken
            said += self._given([Said("\n", 0, 0)])
        return said

    def _append(self, text: str, start: int) -> list[Said]:
        if self._returned:  # a carriage return, whose line feed may be here
            text, start, self._returned = "\r" + text, start - 1, False
        if text.endswith("\r"):
            text, self._returned = text[:-1], True
        # CommonMark §2.1, §2.3: line ends, and a NUL is unsafe; here without a change of length.
        text = text.replace("\r\n", " \n").replace("\r", "\n").replace("\0", "\ufffd")
        self._text += text
        self._places += range(start, start + len(text))
        return list(self._advance(final=False))

    def _advance(self, *, final: bool) -> Iterator[Said]:
        while length := self._scanner.end(self._text, final=final):
            yield from self._speak_block(length)
        if self._scanner.kind is BlockKind.FENCE:
            yield from self._mention_code()
        elif not final:
            yield from self._speak_paragraph()

    # A complete block

    def _speak_block(self, length: int) -> Iterator[Said]:
        if not self._mentioned:
            yield from self._given(self._parse(self._text[:length])[0])
        self._drop(length)
        self._stand_in, self._column, self._mentioned = "", 0, False
        self._scanner = BlockScanner()

    def _parse(self, text: str) -> tuple[list[Said], int | None]:
        """Return what is spoken of `text`, and where its first open mark is."""
        from streamplay.words.markdown import Block

        shift = len(self._stand_in)
        column = self._column - shift
        block = Block(self._stand_in + text, self._language, column=column)
        said = _without(block.said, shift)
        unresolved = None if block.unresolved is None else block.unresolved - shift
        return said, unresolved

    def _mention_code(self) -> Iterator[Said]:
        """Mention a block of code as soon as it is known to be no short one."""
        from streamplay.words.markdown import SHORT_CODE

        if self._mentioned:
            self._drop(self._scanner.forget())  # nothing of it is spoken
            return
        opening, _, code = self._text.partition("\n")
        lines = code.split("\n")
        long = len(lines[0]) > SHORT_CODE or (len(lines) > 2 and lines[0].strip())
        if not long:
            return
        self._mentioned = True
        mention = mention_of(self._language, "code", opening.strip().strip("`~"))
        stop = len(opening.rstrip())
        yield from self._given([Said(mention, 0, stop), Said("\n", stop, stop)])

    # The beginning of a paragraph

    def _speak_paragraph(self) -> Iterator[Said]:
        if self._scanner.kind not in {None, BlockKind.PARAGRAPH} or len(self._text) < self._retry:
            return
        inside = bool(self._stand_in)
        if len(self._text) > _LONGEST_OPEN:
            yield from self._speak_beginning(_last_space(self._text), patient=False)
            return
        length = plain_length(self._text, inside=inside)
        text = self._text[:length]
        if length < len(self._text) or not _PLAIN_CLAUSE.search(text) or not self._is_plain(text):
            length = _last_space(text)
        if length:
            yield from self._speak_beginning(length)

    def _speak_beginning(self, length: int, *, patient: bool = True) -> Iterator[Said]:
        """Speak as much of the first `length` characters as no open mark stands before.

        Where no longer `patient`, all of them.
        """
        while length:
            text = self._text[:length]
            said, unresolved = self._parse(text)
            if unresolved is None or not patient:
                break
            length = _last_space(text[: max(0, unresolved)])
        if not length:
            self._retry = int(len(self._text) * _RETRY) + 1
            return
        last_line = self._text[:length].rpartition("\n")
        self._column = len(last_line[2]) + (0 if last_line[1] else self._column)
        yield from self._given(said[:-1] if said and said[-1].text == "\n" else said)
        last = self._text[length - 1]
        # It stands for the character before what follows: emphasis depends on its kind.
        self._stand_in = "x" if last.isalnum() or last.isspace() else ","
        self._drop(length)
        self._scanner = BlockScanner(inside=True)

    def _is_plain(self, text: str) -> bool:
        """Whether `text` begins a paragraph, and nothing in it has a meaning of its own."""
        if self._scanner.kind not in {None, BlockKind.PARAGRAPH} or _SPECIAL.search(text):
            return False
        return plain_length(text, inside=bool(self._stand_in)) == len(text)

    # What was given

    def _given(self, said: Iterable[Said]) -> Iterator[Said]:
        """Give what is spoken with its places in the given text."""
        for text, start, stop in said:
            if text == "\n" and self._before in {"", "\n"}:
                continue
            self._before = text[-1]
            if stop - start != len(text) or text == "\n":
                yield Said(text, self._place(start), self._end(start, stop))
                continue
            begin = start
            for at in range(start + 1, stop + 1):
                if at == stop or self._places[at] != self._places[at - 1] + 1:
                    part = text[begin - start : at - start]
                    yield Said(part, self._places[begin], self._places[at - 1] + 1)
                    begin = at

    def _place(self, at: int) -> int:
        if at < len(self._places):
            return self._places[at]
        return self._places[-1] + 1 if self._places else self._stop

    def _end(self, start: int, stop: int) -> int:
        return self._places[stop - 1] + 1 if stop > start else self._place(start)

    def _drop(self, length: int) -> None:
        self._stop = self._places[length - 1] + 1 if length else self._stop
        self._text = self._text[length:]
        del self._places[:length]
        self._retry = 0


def _last_space(text: str) -> int:
    """Return where the last white space of `text` begins that follows a word; 0: nowhere."""
    at = len(text.rstrip())
    if at < len(text):
        return at
    found = re.search(r"\s+\S*$", text)
    return found.start() if found else 0


def _without(said: list[Said], shift: int) -> list[Said]:
    """Return what is spoken behind the first `shift` characters, counted from there."""
    found = []
    for text, start, stop in said:
        if stop <= shift and not (text == "\n" and start >= shift):
            continue
        cut = max(0, shift - start) if stop - start == len(text) else 0
        found.append(Said(text[cut:], max(start, shift) - shift, stop - shift))
    return found
