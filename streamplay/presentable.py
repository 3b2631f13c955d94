"""Make text from a server safe to print.

It may hold escape sequences that control the terminal, or characters that change how a line reads;
and some servers repeat the API key that they refuse.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

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


def presentable(text: str, secret: str | None = None, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return `text` as one line that is safe to show on a terminal.

    Escape sequences and control, bidirectional, invisible and unassigned characters are removed,
    `secret` is replaced, and the text is cut after `limit` characters.
    """
    text = conceal(_visible(_ESCAPES.sub("", text)), secret)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def conceal(text: str, secret: str | None) -> str:
    """Return `text` without `secret`, and without any part of it that helps to guess the rest."""
    if secret is None or len(secret) < _SHORTEST_SECRET:
        return text
    text = text.replace(secret, _KEY_SHOWN)
    for length in range(len(secret) - 1, _SHORTEST_SECRET - 1, -1):
        text = text.replace(f"{secret[:length]}…", f"{_KEY_SHOWN}…")
    parts = [secret[at : at + _PART] for at in range(len(secret) - _PART + 1)]
    return _without_parts(text, parts) if any(part in text for part in parts) else text


def _without_parts(text: str, parts: list[str]) -> str:
    """Replace every stretch of a text that overlapping parts of a key cover."""
    found = re.compile(f"(?=({'|'.join(map(re.escape, parts))}))")
    kept, end = "", 0
    for match in found.finditer(text):
        if match.start() > end or not kept:
            kept += text[end : match.start()] + _KEY_SHOWN
        end = max(end, match.start() + _PART)
    return kept + text[end:]


def _visible(text: str) -> str:
    """Remove characters that show nothing; any run of white space becomes one space."""
    kept = (
        " " if character.isspace() or unicodedata.category(character) == "Cc" else character
        for character in text
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join("".join(kept).split())
