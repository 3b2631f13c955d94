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


def presentable(text: str, secret: str | None = None, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return `text` as one line that is safe to show on a terminal.

    Escape sequences and control, bidirectional, invisible and unassigned characters are removed,
    `secret` is replaced, and the text is cut after `limit` characters.
    """
    text = conceal(_visible(_ESCAPES.sub("", text)), secret)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def conceal(text: str, secret: str | None) -> str:
    """Return `text` without `secret`, also where only the beginning of it was left."""
    if secret is None or len(secret) < _SHORTEST_SECRET:
        return text
    text = text.replace(secret, _KEY_SHOWN)
    for length in range(len(secret) - 1, _SHORTEST_SECRET - 1, -1):
        text = text.replace(f"{secret[:length]}…", f"{_KEY_SHOWN}…")
    return text


def _visible(text: str) -> str:
    """Remove characters that show nothing; any run of white space becomes one space."""
    kept = (
        " " if character.isspace() or unicodedata.category(character) == "Cc" else character
        for character in text
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join("".join(kept).split())
