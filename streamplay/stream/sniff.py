"""What bytes are, by how they begin: audio of any container or codec, text, or something else.

Decided by the bytes first, then by what the server says, then by what was asked. Played as
samples, text is loud noise, and so is compressed audio.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from streamplay.errors import UnexpectedContent
from streamplay.presentable import presentable
from streamplay.stream.mpeg import APE_HEADER_BYTES, TAG_HEADER_BYTES, tag_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.codecs.frame_cutter import FrameHeader

RAW: Final = "application/octet-stream"
"""The type of bytes that bear no mark: samples, as far as is known."""

_BYTES: Final = ("", RAW, "binary/octet-stream", "application/ogg", "application/x-octet-stream")

_LOOK: Final = 12
"""Bytes that must be text, besides beginning as one: silence is none in any encoding, and of
random bytes less than one in a million are."""

BASE64: Final = "application/base64"
"""The type of bytes that are base64 and nothing else; a ``data:`` address may stand in front."""

_BOM: Final = b"\xef\xbb\xbf"
_RECORD: Final = b"\x1e"  # in front of each text of application/json-seq (RFC 7464)
_TEXT: Final = re.compile(rb"[\t\n\r -~]*")
_TEXTS: Final = (
    (BASE64, re.compile(rb"data:[\w.+-]+/[\w.+-]+(?:;[\w.=+-]+)*;base64,", re.IGNORECASE)),
    # A comment may come first: keep-alives are some.
    ("text/event-stream", re.compile(rb"\s*(?:(?:data|event|id|retry):|: ?(?:[A-Za-z]|[\r\n]))")),
    ("application/json", re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\"\[{\]])")),
    ("text/html", re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)),
)
# Words and the spaces between them: a half wave in G.711 may be printable too, but is smooth.
_PLAIN: Final = re.compile(rb"(?:[\"'(]?[A-Za-z]{2,}[\"')]?[.,:;!?]?\s+){3}[\t\n\r -~]{8}")
_PLAIN_LOOK: Final = 48

# JSON that is one string: base64, perhaps behind a ``data:`` address.
_QUOTED: Final = re.compile(rb"""\s*"[A-Za-z0-9+/_=:;,.\\-]{32}""")

# Printable bytes that go up and down as letters and spaces do, and no half wave in G.711 does.
_ANY_TEXT_LOOK: Final = 256
_FEWEST_LETTERS: Final = 16
_FEWEST_SPACES: Final = 4
_LEAST_STEP: Final = 14

# Base64 of anything but zeros has some 30 different characters in 48; what repeats a few may be
# silence in A-law.
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_\-\r\n]+={0,2}[\r\n]*")
_BASE64_LOOK: Final = 256
_BASE64_LEAST: Final = 48
_BASE64_DISTINCT: Final = 16
_LONGEST_ZEROS: Final = 1 << 16
_ADDRESS_BEGUN: Final = re.compile(rb"data:[\w.+-]+/[\w.+-]*(?:;[\w.=+-]*)*", re.IGNORECASE)
_ADDRESS_LOOK: Final = 128

# Where each stands: RFC 9639 §8; RFC 3533 §6; Microsoft's RIFF; EBU Tech 3306 (RF64); Sony's W64;
# Apple's AIFF 1.3, AIFF-C and CAF; Sun's AU; ISO/IEC 14496-12 §4.3; RFC 8794 §8.1; and what is no
# audio that is decoded here, so that an error names it.
_W64: Final = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_MARKS: Final[tuple[tuple[str, int, bytes, int, bytes], ...]] = (
    ("audio/wav", 0, b"RIFF", 8, b"WAVE"),
    ("audio/wav", 0, b"RF64", 8, b"WAVE"),
    ("audio/wav", 0, b"RIFX", 8, b"WAVE"),
    ("audio/wav", 0, b"BW64", 8, b"WAVE"),
    ("audio/x-w64", 0, _W64, 0, b""),
    ("audio/aiff", 0, b"FORM", 8, b"AIFF"),
    ("audio/aiff", 0, b"FORM", 8, b"AIFC"),
    ("audio/x-au", 0, b".snd", 0, b""),
    ("audio/flac", 0, b"fLaC", 0, b""),
    ("audio/ogg", 0, b"OggS", 0, b""),
    ("audio/webm", 0, b"\x1a\x45\xdf\xa3", 0, b""),
    ("audio/mp4", 4, b"ftyp", 0, b""),
    ("audio/mp4", 4, b"styp", 0, b""),
    ("audio/mp4", 4, b"moov", 0, b""),
    ("audio/x-caf", 0, b"caff\0\1\0\0", 0, b""),
    ("audio/amr", 0, b"#!AMR", 0, b""),
    ("audio/x-ms-wma", 0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, b""),
    ("audio/midi", 0, b"MThd\0\0\0\6", 0, b""),
    ("application/zip", 0, b"PK\3\4", 0, b""),
    ("application/gzip", 0, b"\x1f\x8b\x08", 0, b""),
    ("application/pdf", 0, b"%PDF-", 0, b""),
    ("text/plain", 0, b"\xff\xfe{\0", 0, b""),  # UTF-16: JSON, HTML
    ("text/plain", 0, b"\xff\xfe<\0", 0, b""),
    ("text/plain", 0, b"\xfe\xff\0{", 0, b""),
    ("text/plain", 0, b"\xfe\xff\0<", 0, b""),
    ("image/png", 0, b"\x89PNG\r\n\x1a\n", 0, b""),
    ("video/x-msvideo", 0, b"RIFF", 8, b"AVI "),
    ("audio/x-dsf", 0, b"DSD \x1c\0\0\0", 0, b""),
    ("audio/silk", 0, b"#!SILK", 0, b""),
    ("audio/silk", 0, b"\x02#!SILK", 0, b""),
)
_ID3: Final = b"ID3"
_APE: Final = b"APETAGEX"
_APE_LOOK: Final = 3  # of random samples few begin so
_MPEG: Final = "audio/mpeg"
_AAC: Final = "audio/aac"

# The types of what has frames and no mark, as servers spell them: where one is told, the frames
# are looked for behind whatever else may stand at the start.
_FRAMED: Final = {
    "audio/mpeg": _MPEG,
    "audio/mp3": _MPEG,
    "audio/mpeg3": _MPEG,
    "audio/x-mp3": _MPEG,
    "audio/x-mpeg": _MPEG,
    "audio/aac": _AAC,
    "audio/aacp": _AAC,
    "audio/x-aac": _AAC,
    "audio/x-hx-aac-adts": _AAC,
}
_LOOK_FOR_FRAMES: Final = 16384
_HIDDEN_BEHIND: Final = 16

_LONGEST_TAG_SEEN: Final = 1 << 16
"""Behind a longer ID3 tag mp3 is expected, unseen."""


def media_type(content_type: str) -> str:
    """Return a Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_bytes(content_type: str) -> bool:
    """Tell whether a Content-Type says that a body is bytes, of whatever kind."""
    media = media_type(content_type)
    return media in _BYTES or media.startswith(("audio/", "video/"))


def identify(start: bytes, told: str = "", *, whole: bool = False) -> str | None:
    """Return the media type of what begins so.

    Parameters
    ----------
    start : bytes
        How it begins; all of it that there is so far.
    told : str
        What it is said to be: a media type. It only tells how far to look for frames of
        mp3 and AAC, which have no mark.
    whole : bool
        Whether `start` is all that there is.

    Returns
    -------
    str or None
        `RAW` for what bears no mark. None: more has to be seen.
    """
    if not start:
        return RAW if whole else None
    for kind, at, mark, place, second in _MARKS:
        found = _stands(start, at, mark) and _stands(start, place, second)
        if found and len(start) >= max(at + len(mark), place + len(second)):
            return kind
        begun = len(start) > at or (at and start.startswith(b"\0"))  # a box of a few kilobytes
        if found and begun and not whole:
            return None
    if _stands(start, 0, _ID3) or (_stands(start, 0, _APE) and len(start) >= _APE_LOOK):
        return _behind_tag(start, told if told in _FRAMED else _MPEG, whole=whole)
    text = _identify_text(start, whole=whole)
    if text != RAW:
        return text
    return _identify_frames(start, told, whole=whole)


def _stands(start: bytes, at: int, mark: bytes) -> bool:
    """Tell whether `mark` stands at a place, as far as `start` goes."""
    part = start[at : at + len(mark)]
    return mark.startswith(part)


def _identify_text(start: bytes, *, whole: bool) -> str | None:
    text = start.removeprefix(_BOM).removeprefix(_RECORD)
    if _BOM.startswith(start):
        return RAW if whole else None
    if not _TEXT.fullmatch(text[:_LOOK]):
        return RAW
    if not whole and (len(text) < _LOOK or _may_be_address(text)):
        return None
    kind = next((media for media, begin in _TEXTS if begin.match(text)), RAW)
    return kind if kind != RAW else _identify_other_text(text, whole=whole)


def _identify_other_text(text: bytes, *, whole: bool) -> str | None:
    if not _TEXT.fullmatch(text[:_PLAIN_LOOK]):
        return RAW
    if not whole and len(text) < _PLAIN_LOOK:
        return None
    if _QUOTED.match(text):
        return "application/json"
    if _PLAIN.match(text) or (whole and _is_sentence(text)):
        return "text/plain"
    kind = _identify_base64(text, whole=whole)
    return _identify_any_text(text[:_ANY_TEXT_LOOK], whole=whole) if kind == RAW else kind


def _identify_any_text(text: bytes, *, whole: bool) -> str | None:
    steps = sum(abs(first - second) for first, second in pairwise(text))
    if not _TEXT.fullmatch(text) or steps < _LEAST_STEP * len(text):
        return RAW
    if len(text) < _ANY_TEXT_LOOK:
        return RAW if whole else None
    spaces = sum(text.count(each) for each in (b" ", b"\n", b"\t"))
    is_text = len(set(text)) >= _FEWEST_LETTERS and spaces >= _FEWEST_SPACES
    return "text/plain" if is_text else RAW


def _may_be_address(text: bytes) -> bool:
    return len(text) < _ADDRESS_LOOK and _ADDRESS_BEGUN.fullmatch(text) is not None


def _identify_base64(text: bytes, *, whole: bool) -> str | None:
    if len(text) < _BASE64_LEAST or not _BASE64.fullmatch(text[:_BASE64_LOOK]):
        return RAW
    text = text[:_LONGEST_ZEROS].lstrip(b"A")[:_BASE64_LOOK]  # zeros
    if not whole and len(text) < _BASE64_LEAST:
        return None
    varied = _BASE64.fullmatch(text) and len(set(text)) >= _BASE64_DISTINCT
    if varied and not whole and len(text) < _BASE64_LOOK:
        return None
    return BASE64 if varied else RAW


def _is_sentence(text: bytes) -> bool:
    return len(text) >= _LOOK and b" " in text.strip() and _TEXT.fullmatch(text) is not None


_MOST_TAGS: Final = 16
"""Tags that a file may begin with: taggers write two; a stream of nothing else is no sound."""


def _behind_tag(start: bytes, told: str, *, whole: bool) -> str | None:
    """Tell what an ID3 tag stands in front of: mostly, but not always, mp3."""
    if len(start) < TAG_HEADER_BYTES or (start.startswith(_APE) and len(start) < APE_HEADER_BYTES):
        return _MPEG if whole else None
    end = _end_of_tags(start)
    if end is None:
        return _MPEG
    if whole or len(start) > _LONGEST_TAG_SEEN or end > _LONGEST_TAG_SEEN:
        kind = identify(start[end:], whole=True) if end < len(start) else RAW
        return _MPEG if kind in (RAW, None) else kind
    if len(start) > end:
        kind = identify(start[end:], told)
        if kind not in (RAW, None):
            return kind
    # The tag's length may be wrong: it ends where frames begin.
    return _frames_within(start, TAG_HEADER_BYTES, (_MPEG, _AAC), whole=False)


def _end_of_tags(start: bytes) -> int | None:
    """Return where the tags at the beginning end; None where there are too many to look behind."""
    at = 0
    for _ in range(_MOST_TAGS):
        length = tag_bytes(start[at : at + APE_HEADER_BYTES])
        if not length:
            return at
        at += length
    return None


def _identify_frames(start: bytes, told: str, *, whole: bool) -> str | None:
    kinds = (_FRAMED[told],) if told in _FRAMED else ()
    if kinds and _frame_begins(start, kinds[0]):
        return kinds[0]
    for kind in (_MPEG, _AAC):
        found = _frames_begin(start, 0, kind, whole=whole)
        if found or found is None:
            return kind if found else None
    if not kinds:
        return RAW
    found_within = _frames_within(start[:_LOOK_FOR_FRAMES], 0, kinds, whole=whole)
    if found_within is None and not whole and len(start) < _LOOK_FOR_FRAMES:
        return None
    return found_within or RAW


def expected_frame(start: bytes, kind: str, told: str) -> int | None:
    """Return where the first frame of mp3 or AAC is to be expected, with reason; None without."""
    end = _end_of_tags(start)
    return end if end or _FRAMED.get(told) == kind else None


def _frame_begins(start: bytes, kind: str) -> bool | None:
    """Tell whether a whole frame begins with the first byte, and nothing contradicts that."""
    if start[:1] != b"\xff":
        return False
    from streamplay.codecs.frame_cutter import is_frame

    return is_frame(start, 0, _reader(kind))


def _reader(kind: str) -> Callable[[bytes | bytearray, int], FrameHeader | None]:
    from streamplay.codecs import adts, mp3

    return mp3.read_header if kind == _MPEG else adts.read_header


def _frames_within(start: bytes, begin: int, kinds: tuple[str, ...], *, whole: bool) -> str | None:
    at = begin
    while (at := start.find(b"\xff", at)) >= 0:
        for kind in kinds:
            if _frames_begin(start, at, kind, whole=whole):
                return kind
        at += 1
    return None


def hidden_frames(start: bytes, *, whole: bool) -> str | None:
    """Return the media type of frames of mp3 or AAC behind a few other bytes.

    Returns
    -------
    str or None
        `RAW` where there are none. None: more has to be seen.
    """
    unsure = False
    for at in range(1, min(_HIDDEN_BEHIND, len(start))):
        for kind in (_MPEG, _AAC):
            found = _frames_begin(start, at, kind, whole=whole)
            if found:
                return kind
            unsure = unsure or found is None
    return None if unsure else RAW


def _frames_begin(start: bytes, at: int, kind: str, *, whole: bool) -> bool | None:
    """Tell whether frames of a kind begin at a place; None where more has to be seen."""
    if start[at : at + 1] != b"\xff":
        return False
    from streamplay.codecs.frame_cutter import CHAIN, CHAIN_AT_ONCE, is_chain

    return is_chain(start, at, _reader(kind), CHAIN if at else CHAIN_AT_ONCE, whole=whole)


def real_type(content_type: str, start: bytes, *, mp3: bool, whole: bool) -> str | None:
    """Return the Content-Type that a body should have.

    Parameters
    ----------
    content_type : str
        The one that it has: believed where the body bears no mark.
    start : bytes
        How the body begins.
    mp3 : bool
        Whether mp3 was asked for.
    whole : bool
        Whether `start` is all that there is.

    Returns
    -------
    str or None
        None: more of the body has to be seen.
    """
    media = media_type(content_type)
    asked = _MPEG if mp3 and media in _BYTES else media
    kind = identify(start, asked, whole=whole)
    if kind is None or not start:
        return None if kind is None else content_type
    if kind == media or (kind == RAW and is_bytes(content_type)):
        return content_type  # with its parameters
    if kind == RAW and (media.startswith("multipart/") or _TEXT.fullmatch(start[:_LOOK])):
        return content_type
    if kind in ("text/plain", "text/html") and not is_bytes(content_type):
        return content_type  # which names it well enough, and may be JSON or events all the same
    return kind


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
"""Media types, as an error calls them."""


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
