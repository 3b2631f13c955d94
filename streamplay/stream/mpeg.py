"""What stands in front of MPEG audio, and how its frames begin, without I/O."""

from __future__ import annotations

from typing import Final

TAG_HEADER_BYTES: Final = 10
APE_HEADER_BYTES: Final = 32

_FOOTER_BYTES: Final = 10
_HAS_FOOTER: Final = 0x10


def tag_bytes(start: bytes) -> int:
    """Return how long a tag is; 0: it is none.

    ID3v2: https://id3.org/id3v2.4.0-structure §3.1; APEv2: https://wiki.hydrogenaud.io, "APE Tags
    Header". The size of the latter leaves out its header.
    """
    if start.startswith(b"APETAGEX") and len(start) >= APE_HEADER_BYTES:
        return APE_HEADER_BYTES + int.from_bytes(start[12:16], "little")
    if not start.startswith(b"ID3") or len(start) < TAG_HEADER_BYTES:
        return 0
    size = sum(
        (byte & 0x7F) << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0), strict=True)
    )
    return TAG_HEADER_BYTES + size + (_FOOTER_BYTES if start[5] & _HAS_FOOTER else 0)


def frame_bytes(head: bytes) -> int:
    """Return the length of the frame whose first four bytes are given; 0: none begins so."""
    from streamplay.codecs.mp3 import read_header

    header = read_header(head, 0)
    return header.size if header else 0


# The names by which programs outside know them, that cut files at their frames.
_after_id3 = tag_bytes
_frame_bytes = frame_bytes
