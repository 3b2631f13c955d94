"""A stream of words → pieces worth sending, cut as soon as it is known where they end.

Where a sentence ends is decided by sentencex, for each language by its own rules.
What is ours is *when* to ask: at fixed places of the text, however it arrives, so
that a cut never depends on how the text was split, and never changes. Only a
deadline that passes can add one. docs/text.md tells more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import category

from streamplay.rules import fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST: Final = fields.LONGEST

FIRST_LEAST: Final = 20
"""Characters that a clause must have to go first: some 1.3 s of speech, in which the next piece
can be asked for and come."""

FIRST_SECONDS: Final = 0.5
"""So long the first words are held back at most; a model at 20 tokens/s has written a clause of
`FIRST_LEAST` characters long before."""

QUIET_SECONDS: Final = 0.3
"""After a whole sentence nothing has come for so long: the model thinks, and it can be said."""

_CLAUSE_MARKS: Final = frozenset(",;:—–،؛、，；：")
_COMMAS: Final = frozenset(",;،؛、，；")  # behind a letter they are nothing else
_WIDE: Final = 0x2E80  # from here on: ideographs, kana, hangul, which need no space between words
_HANGUL: Final = range(0xAC00, 0xD7B0)  # written with spaces all the same
_WIDE_WEIGHT: Final = 3  # an ideograph is a syllable: spoken as long as three letters
_NEXT: Final = " A"  # what a new sentence would begin with


class SentenceCutter:
    """Cuts text that arrives in parts of any size.

    The first piece may be a clause; the later ones are sentences.

    Parameters
    ----------
    language : str
        Its code, as in ``en`` or ``pt-BR``.

    Attributes
    ----------
    deadline : float or None
        When to call `expire`; None while there is nothing that it could give.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = _code(language)
        self._rest = ""  # begins with a word
        self._word = 0  # where its last word begins
        self._marked = False  # there is a mark before that word
        self._first = True
        self._wait = FIRST_SECONDS
        self._held_since: float | None = None
        self.deadline: float | None = None

    def feed(self, text: str, now: float = 0.0) -> Iterator[str]:
        """Take more text, at the time `now`; give the pieces that are whole by now."""
        for character in text:
            yield from self._take(character)
        self._expect(now)

    def finish(self) -> Iterator[str]:
        """Give what is left, now that the text has ended."""
        yield from self.break_off()
        yield from self._cut(len(self._rest))

    def break_off(self) -> Iterator[str]:
        """Give the sentences that are whole, now that nothing more comes."""
        while cut := _sentence_end(self._rest, len(self._rest) - 1, self._language):
            yield from self._cut(cut)
        if self._is_sentence():
            yield from self._cut(len(self._rest))

    def expire(self, now: float) -> Iterator[str]:
        """Give what may no longer be held back, where `deadline` has passed by `now`."""
        if self.deadline is None or now < self.deadline:
            return
        if self._is_sentence():
            yield from self._cut(len(self._rest))
        elif self._first and (words := self._whole_words()):
            # The model is slow: the next words may go early too, if not as early.
            self._wait *= 2
            yield from self._cut(words, first=True)
        else:
            self._held_since = now
        self._expect(now)

    def _take(self, character: str) -> Iterator[str]:
        if character == "\n":
            yield from self._cut(len(self._rest))
            return
        if character.isspace() and not self._rest:
            return
        before = self._rest[-1:]
        if self._begins_word(before, character):
            mark = category(self._rest.rstrip()[-1:] or " ").startswith("P")
            self._marked = mark or (self._marked and not _is_spoken(self._rest[self._word :]))
            self._word = len(self._rest)
        self._rest += character
        yield from self._look(before, character)
        while len(self._rest) > LONGEST:
            yield from self._cut(len(next(pieces(self._rest, language=self._language))))

    def _begins_word(self, before: str, character: str) -> bool:
        if character.isspace():
            return False
        if not before or before.isspace():
            return True
        between = _is_wide(character) or _is_wide(before)
        return between and not category(character).startswith("P")

    def _look(self, before: str, character: str) -> Iterator[str]:
        """Ask for a cut before the last word, at the places where that is asked.

        A full stop's meaning is in the word behind it, which has to be whole: after
        "3." it may be "Mai". For other marks in the first piece its first letter will do.
        A dash or a quotation mark between them is no word yet.
        """
        if self._first and before.isalpha() and character in _COMMAS and self._is_whole():
            yield from self._cut(len(self._rest))
            return
        if not self._marked:
            return
        word = self._rest[self._word :]
        if not _is_spoken(word):
            return
        begins = not _is_spoken(word[:-1])
        ends = character.isspace() and not before.isspace()
        early = begins and self._first and self._rest[: self._word].rstrip()[-1:] != "."
        if not ends and not early and not (begins and _is_wide(character)):
            return
        if begins and self._is_clause():
            yield from self._cut(self._word)
        elif cut := _sentence_end(self._rest, self._word, self._language):
            yield from self._cut(cut)

    def _is_whole(self) -> bool:
        """Whether it is long enough, and no quotation is open whose end would begin the next."""
        return _weight(self._rest) >= FIRST_LEAST and not _is_open(self._rest)

    def _is_clause(self) -> bool:
        clause = self._rest[: self._word].rstrip()
        return self._first and clause[-1:] in _CLAUSE_MARKS and _weight(clause) >= FIRST_LEAST

    def _is_sentence(self) -> bool:
        """Whether it would be one, were another to follow."""
        rest = self._rest.rstrip()
        if not category(rest[-1:] or " ").startswith("P"):
            return False
        return _sentence_end(rest + _NEXT, len(rest) + 1, self._language) >= len(rest)

    def _whole_words(self) -> int:
        if _is_wide(self._rest[-1:] or " "):
            return len(self._rest)
        return self._rest.rfind(" ") + 1

    def _cut(self, at: int, *, first: bool = False) -> Iterator[str]:
        piece, length = self._rest[:at].strip(), len(self._rest)
        self._rest = self._rest[at:].lstrip()
        self._word = max(0, self._word - (length - len(self._rest)))
        self._marked = self._marked and self._word > 0
        self._held_since = None
        if piece:
            self._first = first
            yield piece

    def _expect(self, now: float) -> None:
        """Set the deadline of what is held back."""
        if not self._rest:
            self.deadline = self._held_since = None
            return
        if self._held_since is None:
            self._held_since = now
        first = self._held_since + self._wait if self._first else None
        quiet = now + QUIET_SECONDS if self._is_sentence() else None
        self.deadline = min((at for at in (first, quiet) if at is not None), default=None)


def pieces(text: str, longest: int = LONGEST, language: str = "en") -> Iterator[str]:
    """Cut one text where the API's length limit asks for it: at a sentence, or at a space.

    Parameters
    ----------
    text : str
        Any text.
    longest : int
        Characters that a piece may have.
    language : str
        The code of the text's language.
    """
    text = text.strip()
    while len(text) > longest:
        *whole, _ = _segment(text[:longest], _code(language))
        ends = len("".join(whole).rstrip())
        cut = ends or text.rfind(" ", 0, longest) + 1 or longest
        yield text[:cut].strip()
        text = text[cut:].lstrip()
    if text:
        yield text


def joined(waiting: list[str], budget: float) -> str:
    """Take one piece from the front of `waiting`: the first, and what else fits.

    Parameters
    ----------
    waiting : list of str
        Sentences, at least one; what is taken is removed.
    budget : float
        Characters that the piece may have where it is more than one sentence.
    """
    piece = waiting.pop(0)
    while waiting and len(piece) + 1 + len(waiting[0]) <= min(budget, LONGEST):
        piece = together((piece, waiting.pop(0)))
    return piece


def together(parts: Iterable[str]) -> str:
    """Join parts of a text as it is written: by spaces, but for Chinese and Japanese."""
    whole = ""
    for part in parts:
        close = not whole or not part or _is_unspaced(whole[-1]) or _is_unspaced(part[0])
        whole += part if close else " " + part
    return whole


def _sentence_end(text: str, latest: int, language: str) -> int:
    """Return where the first sentence of `text` ends, 0 unless by `latest`."""
    first = len(_segment(text, language)[0]) if text else 0
    return first if first <= latest else 0


def _segment(text: str, language: str) -> list[str]:
    import sentencex  # a text that is one request needs no rules

    return list(sentencex.segment(language, text))


def _code(language: str) -> str:
    """Return the two letters that sentencex knows a language by: ``pt`` of ``pt-BR``."""
    return language.replace("_", "-").split("-")[0].lower()


def _is_wide(character: str) -> bool:
    return ord(character) >= _WIDE and category(character)[0] in "LNP"


def _is_unspaced(character: str) -> bool:
    return _is_wide(character) and ord(character) not in _HANGUL


def _is_spoken(word: str) -> bool:
    return any(map(str.isalnum, word))


def _is_open(text: str) -> bool:
    """Whether a quotation or a bracket may have begun in `text`, and not ended."""
    kinds = [category(character) for character in text]
    begun = kinds.count("Ps") + kinds.count("Pi") + f" {text}".count(" '")
    return text.count('"') % 2 == 1 or begun > kinds.count("Pe") + kinds.count("Pf")


def _weight(text: str) -> int:
    return len(text) + (_WIDE_WEIGHT - 1) * sum(map(_is_wide, text))
