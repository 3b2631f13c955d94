"""What came in place of audio, named for people."""

from __future__ import annotations

from typing import Final

from streamplay.errors import UnexpectedContent
from streamplay.presentable import presentable

_NAMES: Final = {
    "application/json": "JSON",
    "text/html": "a page of HTML",
    "text/event-stream": "server-sent events",
    "text/plain": "plain text",
    "application/base64": "a text in base64",
    "application/zip": "a ZIP archive",
    "application/gzip": "a gzip archive",
    "application/pdf": "a PDF document",
    "image/png": "a PNG picture",
    "audio/midi": "MIDI",
}


def no_sound(kind: str, start: bytes) -> UnexpectedContent:
    """Return the error of audio that is of a media type `kind`, and begins with `start`."""
    name = _NAMES.get(kind, kind)
    words = ""
    if kind.startswith("text/") or kind == "application/json":
        words = f": {presentable(start[:300].decode(errors='replace'), limit=120)!r}"
    return UnexpectedContent(
        f"the audio is {name}, which is no sound{words}",
        remedy="Look at what the server was asked for",
    )
