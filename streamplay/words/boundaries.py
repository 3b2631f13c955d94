"""Where a text may be cut between two words. Pure.

A deadline or a length limit must not cut inside a number, a price, a date, a version,
an address, an abbreviation or a run of marks, and a phrase is better kept whole. What is
known here: white space, digits, marks, and for some languages the short words that begin
a phrase (prepositions, conjunctions, articles) or end one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import category

from streamplay.words.lexicon import (
    BEFORE_NUMBERS,
    BEGINS,
    DATE_WORDS,
    ENDS,
    ORDINALS,
    PRONOUNS,
    TITLES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARK: Final = 3
"""Rank of a boundary behind a comma or the like."""
PHRASE: Final = 2
"""Rank of a boundary before a word that begins a phrase, or behind one that ends it."""
WORD: Final = 1
"""Rank of any other boundary between two words."""

CLAUSE_MARKS: Final = frozenset(",;:—–،؛、，；：")
COMMAS: Final = frozenset(",;،؛、，；")  # behind a letter they are nothing else
_ENDS: Final = frozenset("?!…。？！؟।")
_CLOSING: Final = "\"'”’»)]」』）"
_OPENING: Final = "\"'“‘„«([¿¡「『（"

_SKIN_TONES: Final = "".join(map(chr, range(0x1F3FB, 0x1F400)))
_REGIONAL: Final = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of these are a flag

_WIDE: Final = 0x2E80  # from here on: ideographs, kana, hangul, which need no space between words
_HANGUL: Final = range(0xAC00, 0xD7B0)  # written with spaces all the same
_HIRAGANA: Final = range(0x3041, 0x30A0)
_WIDE_WEIGHT: Final = 3  # an ideograph is a syllable: spoken as long as three letters

_WIDE_NUMERALS: Final = frozenset(
    "〇零一二三四五六七八九十百千万萬亿億兆两兩年月日时時分秒点點第号號"
)
"""Ideographs that are part of a number, a date or a time."""


_ORDINAL: Final = re.compile(r"\d{1,2}\.")
_CALL: Final = re.compile(r"\w[(\[{]")
_SHORT_NAME: Final = re.compile(r"[A-Z][^\W\d_]{0,3}\.?")


class Boundary(NamedTuple):
    """A place between two words: the second begins at `at`."""

    at: int
    rank: int


def boundaries(text: str, language: str) -> Iterator[Boundary]:
    """Yield the places where a deadline may cut, in order; the last word is not complete.

    Parameters
    ----------
    text : str
        Any text, up to which it has come.
    language : str
        Two letters.
    """
    words = list(re.finditer(r"\S+", text))
    if language in ENDS and not text[-1:].isspace():
        del words[-1:]  # it may become a postposition, which belongs to what is before it
    for index, word in enumerate(words):
        yield from _inside(word[0], word.start())
        if index + 1 < len(words):
            after = words[index + 1]
            if rank := _rank(word[0], after[0], language):
                yield Boundary(after.start(), rank)


def _rank(before: str, after: str, language: str) -> int:
    """Return how good a cut between two words would be; 0: there must be none."""
    spoken = all(is_spoken(word) and not _holds(word) for word in (before, after))
    if not spoken or (_CALL.search(before) and is_open(before)):  # f(x, y)
        return 0
    if before.rstrip(_CLOSING)[-1:] in CLAUSE_MARKS | _ENDS:
        return MARK
    first, second = (word.strip(_OPENING + _CLOSING + ".,;:?!").lower() for word in (before, after))
    begins, ends = BEGINS.get(language, ()), ENDS.get(language, ())
    pronouns = PRONOUNS.get(language, ())
    if first in begins or second in ends or (first in pronouns and second not in begins):
        return 0
    if first in DATE_WORDS or _is_name(before, after):  # 3 de mayo de 2026
        return 0
    opens = second in begins or second in pronouns
    return PHRASE if opens or first in ends else WORD


def _is_name(before: str, after: str) -> bool:
    """Whether `after` may go on with a name, or with what is abbreviated."""
    if before.rstrip(_CLOSING).endswith(".") or before[-1:] in _OPENING or _is_initial(after):
        return True
    # Downing St., King Jr.
    return before.lstrip(_OPENING)[:1].isupper() and _SHORT_NAME.fullmatch(after) is not None


def _holds(word: str) -> bool:
    """Whether what stands beside `word` may belong to it: numbers, dates, prices, paths."""
    return "\\" in word or "/" in word or any(map(is_numeral, word))


def _is_initial(word: str) -> bool:
    letters = word.strip(_OPENING + _CLOSING + ".,;:?!")
    return len(letters) == 1 and letters.isupper() and letters != "I"


def _inside(word: str, start: int) -> Iterator[Boundary]:
    """Yield the places inside of what is written without spaces."""
    for at in range(1, len(word)):
        before, after = word[at - 1], word[at]
        if not (is_unspaced(before) or before in CLAUSE_MARKS | _ENDS) or not is_unspaced(after):
            continue
        if category(after).startswith("P"):  # a run of marks, or a quotation's end
            continue
        if is_numeral(before) or is_numeral(after):
            continue
        if before in CLAUSE_MARKS | _ENDS:
            yield Boundary(start + at, MARK)
        elif _ends_particle(before, after):
            yield Boundary(start + at, PHRASE)


def _ends_particle(before: str, after: str) -> bool:
    """Whether a Japanese particle or ending, or the Chinese 的, comes before a new word."""
    if ord(before) in _HIRAGANA:
        return ord(after) not in _HIRAGANA and after != "ー"
    return before == "的" and after not in "确確士话話"


def may_end_sentence(before: str, after: str, language: str = "en") -> bool:
    """Whether a sentence may end between what is written `before` and `after`.

    A second look at what sentencex found: a mark inside of a word, an abbreviation or a letter
    before a number, a title, the number of a list's item, and an ordinal ("im 19.
    Jahrhundert") end none.
    """
    head = before.rstrip()
    if len(head) == len(before) and after and not (is_wide(head[-1]) or is_wide(after[0])):
        return False  # inside of a word: U.S.A., ASP.NET
    if re.fullmatch(r"[(\[]?\w{1,3}[.)]", head) and head.strip("([.)").isdecimal():
        return False
    words = re.split(r"[\s'’]+", head)
    last = words[-1].strip(_OPENING + ".").lower()
    if last.isdecimal() and len(last) < 3 and len(words) > 1:
        return not _is_ordinal(words, language)
    if words[-1].endswith(".") and last in TITLES.get(language, ()):
        return False
    if not words[-1].endswith(".") or not after.lstrip(_OPENING + "$€£¥")[:1].isdigit():
        return True
    return last not in BEFORE_NUMBERS and len(last) != 1


def _is_ordinal(words: Sequence[str], language: str) -> bool:
    """Whether the number with a full stop that ends `words` is an ordinal: im 1. und 2. Stock."""
    ordinals = ORDINALS.get(language, ())
    several = ordinals and len(words) > 2 and _ORDINAL.fullmatch(words[-3])
    return bool(several) or words[-2].lower() in ordinals


def ends_clause(word: str) -> bool:
    """Whether `word`, behind which a comma has just come, is a word and no more.

    Then the comma ends a clause: it is not inside an address, a list of numbers or
    a formula, and no date goes on behind it ("Friday, 28 November", "March, 2026").
    """
    letters = word.lstrip(_OPENING)
    plain = re.fullmatch(r"[^\W\d_]+(?:['’‐-][^\W\d_]+)*", letters) is not None
    if not plain or letters.lower() in DATE_WORDS:
        return False
    return is_wide(letters[-1]) or (len(letters) > 1 and not letters[0].isupper())


def is_open_ended(text: str) -> bool:
    """Whether what ends `text` may go on in the next token: 3. (14), U. (S.), e.g. ("in no space").

    A digit and a mark may be the beginning of a number, a time, a date, a version; a
    single letter or one with full stops in it, of an abbreviation; and an address goes on.
    """
    words = text.split()
    last = words[-1].rstrip(_CLOSING) if words else ""
    bare = last.rstrip(".,:;?!…/-'’")
    if not bare:
        return len(words) > 1 and any(map(is_numeral, words[-2][-1:]))
    if is_numeral(bare[-1]):
        return bare != last
    letters = bare.lstrip(_OPENING)
    if any(mark in letters for mark in "/\\@_#:"):
        return bare != last  # an address, a path
    return last.endswith(".") and (len(letters) == 1 or "." in letters) and not is_wide(letters[-1])


def is_numeral(character: str) -> bool:
    """Whether it may be part of a number: ½ and ² too."""
    return category(character).startswith("N") or character in _WIDE_NUMERALS


def is_spoken(text: str) -> bool:
    """Whether there is anything to be spoken: a letter or a digit."""
    return any(map(str.isalnum, text))


def is_wide(character: str) -> bool:
    """Whether it is an ideograph, a kana, a syllable of hangul, or a mark of theirs."""
    return ord(character) >= _WIDE and category(character)[0] in "LNP"


def is_unspaced(character: str) -> bool:
    """Whether no white space stands around it: Chinese and Japanese."""
    return is_wide(character) and ord(character) not in _HANGUL


def is_open(text: str) -> bool:
    """Whether a quotation or a bracket may have begun in `text`, and not ended."""
    kinds = [category(character) for character in text]
    begun = kinds.count("Ps") + kinds.count("Pi") + f" {text}".count(" '")
    return text.count('"') % 2 == 1 or begun > kinds.count("Pe") + kinds.count("Pf")


def splits_character(text: str, at: int) -> bool:
    """Whether a cut there would go through what a reader sees as one character.

    That is a letter and its marks, an emoji and what it is joined with, a flag (the greater part of
    the grapheme clusters of Unicode's annex 29).
    """
    before, after = text[at - 1], text[at]
    if category(after)[0] == "M" or "\u200d" in (before, after) or after in _SKIN_TONES:
        return True
    flag = len(text[:at]) - len(text[:at].rstrip(_REGIONAL))
    return after in _REGIONAL and flag % 2 == 1


def weight(text: str) -> int:
    """Return about how many letters it takes to say as long."""
    if text.isascii():
        return len(text)
    return len(text) + (_WIDE_WEIGHT - 1) * sum(map(is_wide, text))
