"""Strangers' words, made safe to show to people.

What a server says may hold escape sequences that act on the terminal, or
characters that make a line read as another one; and some servers echo the API
key that they refuse.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MESSAGE_CHARACTERS: Final = 300
"""A sentence or two; a page of stack trace helps nobody at a prompt."""

# ECMA-48: CSI sequences, strings (OSC, DCS, PM, APC, SOS) to their terminator,
# and two-character escapes; in their 8-bit forms as well.
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_KEY_SHOWN: Final = "[key]"

# Shorter ones are placeholders such as "x", and taking them out would garble all.
_SHORTEST_SECRET: Final = 4


def presentable(text: str, secret: str | None = None, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return `text` as one line that is safe to show on a terminal.

    Escape sequences are taken out, and control, bidirectional, invisible and
    unassigned characters; the `secret` is replaced; what is beyond `limit`
    characters is cut off.
    """
    text = conceal(_visible(_ESCAPES.sub("", text)), secret)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def conceal(text: str, secret: str | None) -> str:
    """Return `text` without the `secret`, and without its beginning where that was cut off."""
    if secret is None or len(secret) < _SHORTEST_SECRET:
        return text
    text = text.replace(secret, _KEY_SHOWN)
    for length in range(len(secret) - 1, _SHORTEST_SECRET - 1, -1):
        text = text.replace(f"{secret[:length]}…", f"{_KEY_SHOWN}…")
    return text


def _visible(text: str) -> str:
    """Drop what has no shape of its own; white space of all kinds becomes one blank."""
    kept = (
        " " if character.isspace() or unicodedata.category(character) == "Cc" else character
        for character in text
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join("".join(kept).split())
