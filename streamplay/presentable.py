"""Make text from a server safe to print.

It may hold escape sequences that control the terminal, or characters that change how a line reads;
and some servers repeat the API key that they refuse.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MESSAGE_CHARACTERS: Final = 300
"""A sentence or two: the first line of a stack trace, not all of it."""

# ECMA-48: CSI sequences, strings (OSC, DCS, PM, APC, SOS) to their terminator,
# and two-character escapes; in their 8-bit forms as well.
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_KEY_SHOWN: Final = "[key]"

# A shorter key is a placeholder such as "x": replacing it would change most words.
_SHORTEST_SECRET: Final = 4

_PART: Final = 8
"""Characters of a key, anywhere in it, that are not shown either: servers mask its middle, and
messages are cut."""

# How a character of a key is written in JSON, in a URL and in HTML.
_ESCAPED: Final = re.compile(
    r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|%([0-9a-f]{2})|&#x([0-9a-f]{1,6});|&#(\d{1,7});",
    re.IGNORECASE | re.ASCII,
)

_READ: Final = 1 << 16
"""Characters that are looked at: a server may send a name of megabytes, and each one costs."""

_MARKS: Final = 4
"""Marks over one character, at most: more of them cover the lines above and below."""

# Letters, marks and symbols by their category, and blank.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def presentable(text: str, secret: str | None = None, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return `text` as one line that is safe to show on a terminal.

    Escape sequences and control, bidirectional, invisible and unassigned characters are removed,
    `secret` is replaced, and the text is cut after `limit` characters.
    """
    text = conceal(_visible(_ESCAPES.sub("", text[:_READ])), secret)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def conceal(text: str, secret: str | None) -> str:
    """Return `text` without `secret`, and without any part of it that helps to guess the rest.

    Also where letters were changed to capitals or back, and where it was escaped for JSON, a URL
    or HTML, or written in base64 or in hexadecimal.
    """
    if secret is None or len(secret) < _SHORTEST_SECRET:
        return text
    text = text.replace(secret, _KEY_SHOWN)
    if "…" in text:
        for length in range(len(secret) - 1, _SHORTEST_SECRET - 1, -1):
            text = text.replace(f"{secret[:length]}…", f"{_KEY_SHOWN}…")
    if len(text) < _PART:
        return text
    text = _without_parts(text, text, range(len(text) + 1), secret)
    if _ESCAPED.search(text):
        text = _without_parts(text, *_unescaped(text), secret)
    return text


def _without_parts(text: str, plain: str, places: Sequence[int], secret: str) -> str:
    """Replace every stretch of a text that overlapping parts of a key cover.

    `plain` is the text without escapes, and `places` tells where its characters stand in `text`.
    """
    kept, end = "", 0
    for start, stop in _stretches(plain, _parts(secret)):
        kept += text[end : places[start]] + _KEY_SHOWN
        end = places[stop]
    return kept + text[end:]


def _stretches(plain: str, parts: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield where parts of a key begin and end, those that overlap together."""
    folded = _folded(plain)
    begin = end = -1
    for at in range(len(folded) - _PART + 1):
        if folded[at : at + _PART] in parts:
            if at > end:
                if end > 0:
                    yield begin, end
                begin = at
            end = at + _PART
    if end > 0:
        yield begin, end


@lru_cache(maxsize=4)
def _parts(secret: str) -> frozenset[str]:
    """Return every part of a key, as itself and in each of its codings."""
    data = secret.encode(errors="replace")
    forms = [secret, data.hex()]
    # Base64 of something with the key in it: each way in which three bytes may be grouped. What
    # shares a group with other bytes is left out.
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        coded = b64encode(bytes(before) + data).decode()
        coded = coded[cut : len(coded) - (4 if (before + len(data)) % 3 else 0)]
        forms += [coded, coded.replace("+", "-").replace("/", "_")]
    folded = [_folded(form) for form in forms]
    return frozenset(
        form[at : at + _PART] for form in folded for at in range(len(form) - _PART + 1)
    )


def _folded(text: str) -> str:
    """Return a text in small letters, each in its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(each if len(each.lower()) > 1 else each.lower() for each in text)


def _unescaped(text: str) -> tuple[str, list[int]]:
    """Return a text without escapes, and where each of its characters stands in `text`."""
    plain: list[str] = []
    places: list[int] = []
    at = 0
    for match in _ESCAPED.finditer(text):
        plain += text[at : match.start()]
        places += range(at, match.start() + 1)
        *hexes, decimal = match.groups()
        code = int(decimal) if decimal else int(next(each for each in hexes if each), 16)
        plain.append(chr(code) if code < sys.maxunicode else "\ufffd")
        at = match.end()
    plain += text[at:]
    places += range(at, len(text) + 1)
    return "".join(plain), places


def _visible(text: str) -> str:
    """Remove characters that show nothing; any run of white space becomes one space."""
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cf", "Cs", "Co", "Cn") or character in _BLANK:
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= _MARKS:
            kept.append(" " if character.isspace() or category == "Cc" else character)
    return " ".join("".join(kept).split())
