"""Rules of pronunciation: what is said in place of a word that is written."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # as in option_table
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def replacements(rules: Iterable[str]) -> dict[str, str]:
    """Return the replacement of each source; of two rules for the same source the first holds.

    Parameters
    ----------
    rules : iterable of str
        ``SOURCE/REPLACEMENT`` each.
    """
    pairs = [rule.partition("/")[::2] for rule in rules]
    return dict(reversed(pairs))


def replaced(text: str, words: Mapping[str, str], most: int | None = None) -> str:
    """Return `text` with each word replaced where it stands as a whole word, in one pass.

    What was put in is not looked at again: rules that double their word would otherwise double the
    text once each. Where several words begin at the same place, the longest is replaced.

    Raises
    ------
    OverflowError
        If it would be longer than `most` characters.
    """
    if not words:
        return text
    sources = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    pieces, length, place = list[str](), len(text), 0
    for found in re.finditer(rf"(?<!\w)(?:{sources})(?!\w)", text):
        pieces += [text[place : found.start()], words[found[0]]]
        length += len(pieces[-1]) - len(found[0])
        if most is not None and length > most:
            raise OverflowError
        place = found.end()
    return "".join([*pieces, text[place:]])
