"""Audio inside JSON: base64 of every spelling, and hexadecimal → bytes, and where it is kept.

Read strictly, RFC 4648 §3.3: a lost character would turn speech into noise. But lines of 64 or 76
characters (§3.1), the URL's alphabet (§5) and ``data:`` addresses are spellings, not faults.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pybase64

from streamplay.stream.sniff import RAW, identify

if TYPE_CHECKING:
    from collections.abc import Mapping

# Not the space: a server that took + for one has damaged the text.
_SPACE: Final = re.compile(r"[\t\r\n]+")
_ADDRESS: Final = re.compile(r"data:[\w.+/-]*(?:;[\w.=+-]+)*;base64,", re.IGNORECASE)
_TEXT: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}\s*")

# MiniMax's own API sends these digits. So many of them are no base64 of anything.
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){32,}")

LONG: Final = 256
"""Characters from which on what can be read as base64 is no word of any language."""

_DEPTH: Final = 4
_MOST_FIELDS: Final = 64


def undo_base64(text: str) -> bytes:
    """Return the bytes of a text in base64, or in hexadecimal.

    Raises
    ------
    ValueError
        If it is none. Missing padding is none too: a text that was cut short looks just like it.
        Only in the URL's alphabet it is mostly left out.
    """
    if _HEX.match(text) and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    # By pybase64: binascii takes 25 of the 50 µs that an event of 4 kB costs, and this takes one.
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        spelled = _SPACE.sub("", _ADDRESS.sub("", text, count=1))
        if "-" in spelled or "_" in spelled:
            spelled = spelled.replace("-", "+").replace("_", "/")
            spelled += "=" * (-len(spelled) % 4)
        if spelled == text:
            raise
        return pybase64.b64decode(spelled, validate=True)


def is_base64(text: str) -> bool:
    """Tell whether a text can be read as base64."""
    try:
        undo_base64(text)
    except ValueError:
        return False
    return True


def may_be_audio(text: str) -> bool:
    """Tell whether a text can only be base64, or is that of a container of audio."""
    if len(text) >= LONG:
        return (
            not text.isdigit()
            and _TEXT.fullmatch(_ADDRESS.sub("", text[: 4 * LONG], count=1).rstrip()) is not None
        )
    if len(text) < 16:
        return False
    try:
        return identify(undo_base64(text)) not in (RAW, None)
    except ValueError:
        return False


def find_audio(fields: Mapping[str, Any], depth: int = _DEPTH) -> tuple[str, str]:
    """Find the first field that holds what may be audio: its path, its text; else nothing."""
    for name, value in list(fields.items())[:_MOST_FIELDS]:
        inside: Mapping[str, Any] = {}
        if isinstance(value, str) and may_be_audio(value):
            return name, value
        if isinstance(value, dict):
            inside = value
        elif isinstance(value, list):
            inside = {str(at): one for at, one in enumerate(value[:_MOST_FIELDS])}
        path, text = find_audio(inside, depth - 1) if inside and depth else ("", "")
        if path:
            return f"{name}.{path}", text
    return "", ""
