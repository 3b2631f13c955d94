"""Text made fit for a voice that reads words: nothing is spelled out, and no part is too long.

An engine of this kind turns letters into sounds by a dictionary. What is no word (an address, a
picture, a line of code, thirty digits) is spelled out, skipped, or takes minutes.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

_LINK: Final = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,2000}\)")
_URL: Final = re.compile(
    r"\b(?:https?|ftp)://(?:[^\s/@]{0,200}@)?([\w.-]{1,253})(?::\d+)?[^\s]*", re.IGNORECASE
)
_MAIL: Final = re.compile(r"\b([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})\b")
_DOMAIN: Final = re.compile(r"\bwww\.([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})(?:/\S*)?", re.IGNORECASE)
_CALL: Final = re.compile(r"(?<=\w)\(\)")
_PATH: Final = re.compile(r"(?<![\w/])[~.]{0,2}(?:/[\w.-]+){2,}/?")
_SNAKE: Final = re.compile(r"(?<=\w)_+(?=\w)")
_DIGITS: Final = re.compile(r"\d{16,}")
_LONG: Final = re.compile(r"\w{32,}")
_MARKS: Final = re.compile(r"([^\w\s])\1{3,}")
_MARKUP: Final = re.compile(r"[`*_#~|<>{}\[\]\\^]+")
_SPACES: Final = re.compile(r"[^\S\n]+")

# Read as one number or word, more would be a sentence of its own without a breath.
_LONGEST_RUN: Final = 12

_PICTURES: Final = {"So", "Sk", "Cs", "Co", "Cn"}
_JOINERS: Final = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3"}


def fit(text: str) -> str:
    """Return `text` as it can be spoken by a voice that reads words.

    Links are said by their text, addresses by their place (``example dot com``), names in code
    by their words. Pictures are left out, unless there is nothing else: then by name. Control
    characters and markup are dropped, runs of marks shortened, long numbers and words broken up.
    """
    text = _LINK.sub(r"\1", unicodedata.normalize("NFC", text))
    text = _URL.sub(lambda found: _said(found[1]), text)
    text = _DOMAIN.sub(lambda found: _said(found[1]), text)
    text = _MAIL.sub(lambda found: f"{_apart(found[1])} at {_said(found[2])}", text)
    text = _PATH.sub(lambda found: _apart(found[0]), text)
    text = _MARKS.sub(r"\1", _CALL.sub("", text))
    text = _SNAKE.sub(" ", text)
    text = _MARKUP.sub(" ", text)
    text = _without_pictures(text)
    text = _DIGITS.sub(lambda found: " ".join(found[0]), text)
    text = _LONG.sub(lambda found: _broken(found[0]), text)
    return _SPACES.sub(" ", text).strip()


def has_words(text: str) -> bool:
    """Whether there is anything to say: a letter or a digit."""
    return any(letter.isalnum() for letter in text)


def runs(text: str) -> list[tuple[str, str]]:
    """Cut text where its script changes.

    Returns
    -------
    list of (str, str)
        Text, and the name of its script as Unicode has it (``LATIN``, ``CYRILLIC``, ``CJK``), or
        an empty string where it has no letters at all. Digits and marks belong to what is before
        them.
    """
    found: list[list[str]] = []
    for script, letters in groupby(text, _script):
        part = "".join(letters)
        if found and (not script or found[-1][1] in (script, "")):
            found[-1][0] += part
            found[-1][1] = found[-1][1] or script
        else:
            found.append([part, script])
    return [(part, script) for part, script in found]


def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN" if letter.isalpha() else ""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""


def _said(place: str) -> str:
    """Return the name of a host as it is said."""
    name = place.lower().strip(".-").removeprefix("www.")
    return " dot ".join(filter(None, name.replace("-", " ").replace("_", " ").split(".")))


def _apart(name: str) -> str:
    """Return a name as its words."""
    return " ".join(re.findall(r"\w+", name))


def _broken(run: str) -> str:
    return " ".join(run[at : at + _LONGEST_RUN] for at in range(0, len(run), _LONGEST_RUN))


def _without_pictures(text: str) -> str:
    """Drop what is no text; say pictures by name where nothing else is there."""
    if has_words(text):
        return "".join(map(_as_text, text))
    named = [unicodedata.name(letter, "").lower() for letter in text if _is_picture(letter)]
    return ", ".join(filter(None, named)) or "".join(map(_as_text, text))


def _as_text(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() or letter == "\n" else " "
    if _is_picture(letter) or letter in _JOINERS:
        return " "
    return "" if unicodedata.category(letter) in {"Cf", "Cc"} else letter


def _is_picture(letter: str) -> bool:
    return not letter.isascii() and unicodedata.category(letter) in _PICTURES
