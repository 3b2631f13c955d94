"""What a body really is, by its first bytes, where its Content-Type says no more than bytes.

Played as samples, text is loud noise, and so is a compressed file: an error's JSON, a proxy's
page, or the mp3 that was asked for, as ``application/octet-stream`` (which the schema of
``POST /audio/speech`` allows of a file: https://docs.together.ai/reference/audio-speech).
"""

from __future__ import annotations

import re
from typing import Final

_BYTES: Final = ("", "application/octet-stream", "binary/octet-stream", "application/ogg")

_LOOK: Final = 12
"""Bytes that must be text, besides beginning as one: silence is none in any encoding, and of
random bytes less than one in a million are."""

_BOM: Final = b"\xef\xbb\xbf"
_TEXT: Final = re.compile(rb"[\t\n\r -~]*")
_TEXTS: Final = (
    ("text/event-stream", re.compile(rb"\s*(?:(?:data|event|id|retry):|: [A-Za-z])")),
    ("application/json", re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\"\[{\]])")),
    ("text/html", re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)),
)

# What libsndfile reads whole: RFC 9639 §8, RFC 3533 §6, https://id3.org/id3v2.4.0-structure.
_FILES: Final = {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"ID3": "audio/mpeg"}


def is_bytes(content_type: str) -> bool:
    """Tell whether a Content-Type says that a body is bytes, of whatever kind."""
    media = content_type.partition(";")[0].strip().lower()
    return media in _BYTES or media.startswith("audio/")


def real_type(content_type: str, start: bytes, *, mp3: bool, whole: bool) -> str | None:
    """Return the Content-Type that a body should have.

    Parameters
    ----------
    content_type : str
        The one that it has: believed, unless it says no more than bytes.
    start : bytes
        How the body begins.
    mp3 : bool
        Whether mp3 was asked for, whose frames have no mark that is theirs alone.
    whole : bool
        Whether `start` is all that there is.

    Returns
    -------
    str or None
        None: more of the body has to be seen.
    """
    if not is_bytes(content_type):
        return content_type
    file = next((media for mark, media in _FILES.items() if start.startswith(mark)), None)
    if file or (mp3 and _is_mp3(start)):
        return file or "audio/mpeg"
    begun = _BOM.startswith(start) or start == b"\xff"
    text = start.removeprefix(_BOM)
    if not (begun or _TEXT.fullmatch(text[:_LOOK])):
        return content_type
    if not whole and len(start) < _LOOK:
        return None
    return next((media for media, begin in _TEXTS if begin.match(text)), content_type)


def _is_mp3(start: bytes) -> bool:
    """Tell whether a frame begins (ISO/IEC 11172-3 §2.4.2.3): eleven bits of ones, layer III."""
    return len(start) > 1 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2
