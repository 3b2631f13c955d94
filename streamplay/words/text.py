"""A stream of text → pieces to request, cut as soon as their ends are known. Pure.

sentencex decides where a sentence ends, by the rules of each language. `SentenceCutter`
decides *when* to ask it: at fixed positions of the text, so that a cut never depends on
how the text was split into tokens, and never moves. Only a deadline that passes adds a
cut, between two words. See docs/text.md.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from unicodedata import category

from streamplay.rules import fields
from streamplay.words.boundaries import (
    CLAUSE_MARKS,
    COMMAS,
    MARK,
    PHRASE,
    WORD,
    boundaries,
    ends_clause,
    is_open,
    is_open_ended,
    is_spoken,
    is_wide,
    may_end_sentence,
    splits_character,
    weight,
)
from streamplay.words.token_pace import LONGEST_QUIET_SECONDS, QUIET_SECONDS, Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.words.boundaries import Boundary

LONGEST: Final = fields.LONGEST

FIRST_LEAST: Final = 20
"""Least characters of a clause that is sent first: about 1.3 s of speech, in which the next piece
can be requested and arrive."""

FIRST_SECONDS: Final = 0.5
"""After this long, the first words are sent if they hold a phrase. At 20 tokens/s a model has
written a clause of `FIRST_LEAST` characters long before."""

_LATE: Final = 4
"""After this many times `FIRST_SECONDS`, a shorter phrase is sent."""

# Least weight of a first piece, by the rank of the boundary behind it: a phrase that ends with a
# mark may be short; words without an end should be several.
_LEAST: Final = {MARK: 8, PHRASE: 12, WORD: FIRST_LEAST}
_LEAST_LATE: Final = {MARK: 1, PHRASE: 6, WORD: 10}

_ALONE_WORDS: Final = 3
"""A part with this many words that ends a sentence comes from a program that yields sentences."""

_NEXT: Final = " A"  # what a new sentence would begin with

_MOST_MARKS: Final = 64
"""A letter has fewer marks: 30 at most in text of which no more is held (UAX #15, "Stream-Safe Text
Format")."""

_SEARCHED: Final = 400
"""Characters at the end of a request in which a boundary between words is looked for."""


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
    stop : int
        How many characters of what was fed the pieces given so far take up, together with
        the white space between them.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = _code(language)
        self._rest = ""  # begins with a word
        self._fed = 0
        self._word = 0  # where its last word begins
        self._marked = False  # there is a mark before that word
        self._first = True
        self._wait = FIRST_SECONDS
        self._held_since: float | None = None
        self._late = 0  # deadlines of the first words that have passed
        self._pace = Pace()
        self._alone = False  # the last part is a sentence by itself
        self.deadline: float | None = None
        self.stop = 0

    def feed(self, text: str, now: float = 0.0, given: str | None = None) -> Iterator[str]:
        """Take more text, at the time `now`; give the pieces that are whole by now.

        Where the text has been prepared, `given` is the part that had come.
        """
        self._pace.note(now)
        part = text if given is None else given
        self._alone = not self._rest and len(part.split()) >= _ALONE_WORDS
        yield from self.extend(text, now)

    def extend(self, text: str, now: float) -> Iterator[str]:
        """Take what had been held back of a part that has come before."""
        for character in text:
            yield from self._take(character)
        if self._late:
            yield from self._give_phrase()
        self._expect(now)

    @property
    def pause_at(self) -> float:
        """When the text will have paused, if nothing comes."""
        return (self._pace.last or 0.0) + self._pace.pause(sure=self._alone)

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
        quiet = self._quiet_at()
        if quiet is not None and quiet <= now:
            yield from self._cut(self._sentence())
        elif self._first:
            self._late += 1
            yield from self._give_phrase()
        self._expect(now)

    def _take(self, character: str) -> Iterator[str]:
        self._fed += 1
        if character == "\n":
            yield from self._cut(len(self._rest))
            return
        if character.isspace() and not self._rest:
            return
        before = self._rest[-1:]
        if self._begins_word(before, character):
            mark = category(self._rest.rstrip()[-1:] or " ").startswith("P")
            self._marked = mark or (self._marked and not is_spoken(self._rest[self._word :]))
            self._word = len(self._rest)
        self._rest += character
        yield from self._look(before, character)
        while len(self._rest) > LONGEST:
            yield from self._cut(break_at(self._rest, LONGEST, self._language))

    def _begins_word(self, before: str, character: str) -> bool:
        if character.isspace():
            return False
        if not before or before.isspace():
            return True
        between = is_wide(character) or is_wide(before)
        return between and not category(character).startswith("P")

    def _look(self, before: str, character: str) -> Iterator[str]:
        """Ask for a cut before the last word, at the places where that is asked.

        A full stop's meaning is in the word behind it, which has to be whole: after
        "3." it may be "Mai". For other marks in the first piece its first letter will do.
        A dash or a quotation mark between them is no word yet.
        """
        if self._first and before.isalpha() and character in COMMAS and self._is_whole():
            yield from self._cut(len(self._rest))
            return
        if not self._marked:
            return
        word = self._rest[self._word :]
        if not is_spoken(word):
            return
        begins = not is_spoken(word[:-1])
        ends = character.isspace() and not before.isspace()
        early = begins and self._first and self._rest[: self._word].rstrip()[-1:] != "."
        if not ends and not early and not (begins and is_wide(character)):
            return
        if begins and self._is_clause(character):
            yield from self._cut(self._word)
        elif cut := _sentence_end(self._rest, self._word, self._language):
            yield from self._cut(cut)

    def _is_whole(self) -> bool:
        """Whether the clause that a comma ends is long enough, and the comma no part of a word.

        Where a quotation is open, its end would begin the next piece.
        """
        word = self._rest[self._word : -1]
        return weight(self._rest) >= FIRST_LEAST and ends_clause(word) and not is_open(self._rest)

    def _is_clause(self, behind: str) -> bool:
        clause = self._rest[: self._word].rstrip()
        if not self._first or clause[-1:] not in CLAUSE_MARKS or behind.isdigit():
            return False
        return weight(clause) >= FIRST_LEAST

    def _is_sentence(self) -> bool:
        """Whether it would be one, were another to follow."""
        return self._would_end(self._rest)

    def _sentence(self) -> int:
        """Return how long the sentence is that is whole unless its last word goes on; 0: none.

        It is all there is, or what stands before a last word that has only begun.
        """
        if self._is_sentence():
            return len(self._rest) if self._alone or not is_open_ended(self._rest) else 0
        head, begun = self._rest[: self._word], self._rest[self._word :]
        whole = self._marked and begun[:1].isalpha() and not begun[:1].islower()
        return len(head) if whole and not is_open_ended(head) and self._would_end(head) else 0

    def _would_end(self, text: str) -> bool:
        text = text.rstrip()
        if not category(text[-1:] or " ").startswith("P"):
            return False
        return _sentence_end(text + _NEXT, len(text) + 1, self._language) >= len(text)

    def _give_phrase(self) -> Iterator[str]:
        """Give the best beginning of a slow model's first words, where there is one."""
        places = boundaries(self._rest, self._language)
        found = [each for each in places if self._is_phrase(each)]
        if found:
            # The model is slow: the next words may go early too, if not as early.
            self._wait *= 2
            best = max(found, key=lambda each: (each.rank, each.at))
            yield from self._cut(best.at, first=True)

    def _is_phrase(self, place: Boundary) -> bool:
        """Whether what stands before `place` is long enough to go, and no single word."""
        head = self._rest[: place.at].rstrip()
        least = _LEAST if self._late == 1 else _LEAST_LATE
        several = place.rank == MARK or " " in head or is_wide(head[-1])
        return several and weight(head) >= least[place.rank]

    def _cut(self, at: int, *, first: bool = False) -> Iterator[str]:
        piece, length = self._rest[:at].strip(), len(self._rest)
        self._rest = self._rest[at:].lstrip()
        self._word = max(0, self._word - (length - len(self._rest)))
        self._marked = self._marked and self._word > 0
        self._held_since, self._late = None, 0
        if piece:
            self._first = first
            self.stop = self._fed - len(self._rest)
            yield piece

    def _expect(self, now: float) -> None:
        """Set the deadline of what is held back."""
        if not self._rest:
            self.deadline = self._held_since = None
            self._late = 0
            return
        if self._held_since is None:
            self._held_since = now
        times = (self._phrase_at(), self._quiet_at())
        self.deadline = min((at for at in times if at is not None), default=None)

    def _phrase_at(self) -> float | None:
        """Return when the first words may go though no clause has ended."""
        if not self._first or self._held_since is None or self._late > 1:
            return None
        return self._held_since + self._wait * (_LATE if self._late else 1)

    def _quiet_at(self) -> float | None:
        """Return when a sentence that nothing follows may go."""
        if self._pace.last is None or not (length := self._sentence()):
            return None
        if self._alone:
            open_ended = is_open_ended(self._rest[:length])
            return self._pace.last + (LONGEST_QUIET_SECONDS if open_ended else QUIET_SECONDS)
        return self._pace.last + self._pace.pause(sure=self._rest[length - 1].isspace())


def sentence_ends(text: str, language: str = "en", longest: int = LONGEST) -> Iterator[int]:
    """Yield where each sentence of a whole text ends, the last one at its end.

    Parameters
    ----------
    text : str
        One paragraph, or a line.
    language : str
        The code of its language.
    longest : int
        Characters that a sentence may have; a longer one is cut.
    """
    begin = end = 0
    code = _code(language)
    for sentence in _segment(text, code) if text else ():
        end += len(sentence)
        if end < len(text) and not may_end_sentence(text[begin:end], text[end : end + 40], code):
            continue
        while len(text[begin:end].strip()) > longest:
            begin += break_at(text[begin:end], longest, language)
            yield begin
        begin = end
        yield end


def break_at(text: str, longest: int = LONGEST, language: str = "en") -> int:
    """Return where to cut a text of which a request takes so many characters at most.

    At the last sentence's end, at a boundary between words, at white space, or anywhere.

    Parameters
    ----------
    text : str
        Any text; white space around it does not count.
    longest : int
        Characters that a piece may have.
    language : str
        The code of the text's language.

    Returns
    -------
    int
        The length of the piece, white space in front of it included.
    """
    lead = len(text) - len(text.lstrip())
    if len(text.strip()) <= longest:
        return len(text)
    window = text[lead : lead + longest]
    *whole, _ = _segment(window, _code(language))
    if ends := len("".join(whole).rstrip()):
        return lead + ends
    begin = max(0, longest - _SEARCHED)
    places = list(boundaries(window[begin:], _code(language)))
    if places:
        best = max(places, key=lambda place: (place.rank, place.at))
        return lead + begin + best.at
    spaces = [found.end() for found in re.finditer(r"\s+", window)]
    return lead + (spaces[-1] if spaces else _between_characters(window + text[lead + longest]))


def pieces(text: str, longest: int = LONGEST, language: str = "en") -> Iterator[str]:
    """Cut one text where the API's length limit asks for it: see `break_at`."""
    while text := text.strip():
        cut = break_at(text, longest, language)
        yield text[:cut].strip()
        text = text[cut:]


def _between_characters(text: str) -> int:
    """Return where the last character of `text` may be cut off: not behind half of a letter."""
    last = len(text) - 1
    places = range(last, max(1, last - _MOST_MARKS), -1)
    return next((at for at in places if not splits_character(text, at)), last)


def _sentence_end(text: str, latest: int, language: str) -> int:
    """Return where the first sentence of `text` ends, 0 unless by `latest`."""
    at = 0
    for sentence in _segment(text, language) if text else ():
        at += len(sentence)
        if at > latest:
            return 0
        if may_end_sentence(text[:at], text[at:].lstrip(), language):
            return at
    return 0


# sentencex 1.0.32, which counts bytes there, panics at a letter, a space that has more than one
# byte, and a full stop: "plan B\u00a0."
_WIDE_SPACE: Final = re.compile(r"[^\S\0-\x7f]+(?=\.)")


def _segment(text: str, language: str) -> list[str]:
    import sentencex  # a text that is one request needs no rules

    narrow = _WIDE_SPACE.sub(lambda found: " " * len(found[0]), text)
    try:
        sentences = list(sentencex.segment(language, narrow))
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a fault in Rust; it is no `Exception`
            raise
        return [text]
    # It reads 10 kB at a time, and leaves out the blank line on which one of these parts ends.
    ends, at = [0], 0
    for sentence in sentences:
        at = narrow.index(sentence, at) + len(sentence)
        ends.append(at)
    ends[-1] = len(text)
    return [text[begin:end] for begin, end in pairwise(ends)]


def _code(language: str) -> str:
    """Return the two letters that sentencex knows a language by: ``pt`` of ``pt-BR``."""
    return language.replace("_", "-").split("-")[0].lower()
