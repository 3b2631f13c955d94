"""The tables of MP4 (ISO/IEC 14496-12): which samples are audio, where they lie, what they are.

Every table is read within the box that holds it: a count that is larger than its box allocates
nothing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.codecs.flac import read_streaminfo

if TYPE_CHECKING:
    from collections.abc import Iterator

Sample = tuple[int, int]
"""Where a sample lies in its file, and its bytes."""

_MOST_SAMPLES: Final = 1 << 19  # six hours of AAC at 24 kHz
_MOST_ALIKE: Final = 1 << 15  # where no table holds each size, their number is only a number
_LONGEST_SAMPLE: Final = 1 << 20

# The object types of ISO/IEC 14496-1 table 5, as ``esds`` names them.
_AAC_TYPES: Final = (0x40, 0x66, 0x67, 0x68)
_MP3_TYPES: Final = (0x69, 0x6B)
_PLAIN_CODECS: Final = {b".mp3": "mp3float", b"ac-3": "ac3", b"ec-3": "eac3"}


class Codec(NamedTuple):
    """How samples are decoded: FFmpeg's name, what it has to know, and frames to skip."""

    name: str
    extradata: bytes = b""
    skip: int = 0


class AudioTrack(NamedTuple):
    """The audio track of a file.

    Parameters
    ----------
    number : int
        Its number, by which fragments name it.
    codec : Codec
        How its samples are decoded.
    skip : float
        Seconds of silence that its edit list leaves out in front; negative: not told.
    length : float
        Seconds that are meant to be heard; 0: not told.
    samples : list of tuple
        What is not in fragments, by place.
    sample_bytes : int
        Of samples in fragments whose size is not told.
    """

    number: int
    codec: Codec
    skip: float
    length: float
    samples: list[Sample]
    sample_bytes: int


def read_track(moov: bytes) -> AudioTrack | None:
    """Read the first audio track of a ``moov``; None where there is none that is known."""
    scale = _movie_scale(moov)
    for name, trak in boxes(moov):
        if name != b"trak" or b"soun" not in _find(trak, b"mdia", b"hdlr")[:16]:
            continue
        stbl = _find(trak, b"mdia", b"minf", b"stbl")
        codec = _codec(_find(stbl, b"stsd"))
        number = int.from_bytes(_find(trak, b"tkhd")[_wide(trak, b"tkhd", 20, 12) :][:4], "big")
        if codec is None:
            continue
        skip, length = _edits(trak, scale)
        return AudioTrack(number, codec, skip, length, _samples(stbl), _default_bytes(moov, number))
    return None


def read_fragment(moof: bytes, track: AudioTrack, begin: int) -> list[Sample]:
    """Read a ``moof`` that begins at a place of the file: the track's samples in it."""
    found: list[Sample] = []
    for name, traf in boxes(moof):
        if name != b"traf":
            continue
        head = _find(traf, b"tfhd")
        if len(head) < 8 or int.from_bytes(head[4:8], "big") != track.number:
            continue
        base, size = _fragment_defaults(head, begin, track.sample_bytes)
        place = base
        for inner, run in boxes(traf):
            if inner == b"trun":
                place = _read_run(run, base, place, size, found)
    return found


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the body of each box; a size beyond the data is cut."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        end = len(data) if not size else at + max(size, head)
        yield name, data[at + head : end]
        at = end


def _find(data: bytes, *path: bytes) -> bytes:
    """Return the body of the first box at a path; nothing where there is none."""
    for name in path:
        data = next((body for found, body in boxes(data) if found == name), b"")
    return data


def _wide(data: bytes, name: bytes, wide: int, narrow: int) -> int:
    """Return a place in a box that depends on its version."""
    return wide if _find(data, name)[:1] == b"\1" else narrow


def _movie_scale(moov: bytes) -> int:
    at = _wide(moov, b"mvhd", 20, 12)
    return int.from_bytes(_find(moov, b"mvhd")[at : at + 4], "big")


def _edits(trak: bytes, movie_scale: int) -> tuple[float, float]:
    """Return what the edit list leaves out in front, and how long what is left is, in seconds."""
    at = 4 + _wide_of(_find(trak, b"mdia", b"mdhd"), 16, 8)
    scale = int.from_bytes(_find(trak, b"mdia", b"mdhd")[at : at + 4], "big")
    elst = _find(trak, b"edts", b"elst")
    count = int.from_bytes(elst[4:8], "big")
    shape = ">Qq4x" if elst[:1] == b"\1" else ">Ii4x"
    if count != 1 or len(elst) < 8 + struct.calcsize(shape) or not scale or not movie_scale:
        return -1.0, 0.0  # several edits are no mere trimming
    length, begin = struct.unpack_from(shape, elst, 8)
    return max(0, begin) / scale, length / movie_scale


def _wide_of(body: bytes, wide: int, narrow: int) -> int:
    return wide if body[:1] == b"\1" else narrow


def _codec(stsd: bytes) -> Codec | None:
    """Read the first sample description; None where its codec is not known."""
    name, entry = next(boxes(stsd[8:]), (b"", b""))
    if name in _PLAIN_CODECS:
        return Codec(_PLAIN_CODECS[name])
    read = {b"mp4a": _elementary, b"Opus": _opus, b"fLaC": _flac, b"alac": _alac}.get(name)
    return read(entry) if read else None


def _flac(entry: bytes) -> Codec:
    return Codec("flac", read_streaminfo(_inside(entry, b"dfLa")[8:42]).settled)


def _alac(entry: bytes) -> Codec:
    config = _inside(entry, b"alac")
    return Codec("alac", struct.pack(">I4s", len(config) + 8, b"alac") + config)


def _inside(entry: bytes, name: bytes) -> bytes:
    """Return the body of a box somewhere inside a sample description.

    Wherever: QuickTime puts fields before it that depend on a version, and a ``wave`` around it,
    in which the name stands once more before.
    """
    at = entry.rfind(name)
    if at < 4:
        return b""
    size = int.from_bytes(entry[at - 4 : at], "big")
    return entry[at + 4 : at - 4 + size]


def _elementary(entry: bytes) -> Codec | None:
    """Read the descriptors of an ``esds`` (ISO/IEC 14496-1 §7.2.6)."""
    descriptors = _inside(entry, b"esds")[4:]
    kind, special, at = 0, b"", 0
    while at + 2 <= len(descriptors):
        tag, at = descriptors[at], at + 1
        size = 0
        for _ in range(4):
            byte = descriptors[at] if at < len(descriptors) else 0
            size, at = size << 7 | byte & 0x7F, at + 1
            if not byte & 0x80:
                break
        if tag == 3:  # the stream's: its fields, then descriptors inside
            flags = descriptors[at + 2] if at + 2 < len(descriptors) else 0
            at += 3 + 2 * bool(flags & 0x80) + 2 * bool(flags & 0x20)
        elif tag == 4:  # the decoder's
            kind = descriptors[at] if at < len(descriptors) else 0
            at += 13
        else:
            special = descriptors[at : at + size] if tag == 5 else special
            at += size
    if kind in _AAC_TYPES:
        return Codec("aac", special)
    return Codec("mp3float") if kind in _MP3_TYPES else None


def _opus(entry: bytes) -> Codec | None:
    """Return Ogg's header for Opus, nothing skipped by the decoder (RFC 7845 §5.1)."""
    dops = _inside(entry, b"dOps")
    if len(dops) < 11:
        return None
    channels, skip, rate, gain = struct.unpack_from(">xBHIh", dops)
    head = b"OpusHead\1" + struct.pack("<BHIh", channels, 0, rate, gain) + dops[10:]
    return Codec("libopus", head, skip)


def _samples(stbl: bytes) -> list[Sample]:
    """Put sizes, chunks and the places of chunks together."""
    places = _numbers(_find(stbl, b"stco")[4:], "I") or _numbers(_find(stbl, b"co64")[4:], "Q")
    runs = _find(stbl, b"stsc")[8:]
    starts = [struct.unpack_from(">II", runs, at) for at in range(0, len(runs) - 11, 12)]
    sizes = _sizes(_find(stbl, b"stsz"))
    found: list[Sample] = []
    for chunk, place in enumerate(places, 1):
        while len(starts) > 1 and starts[1][0] <= chunk:
            starts.pop(0)
        for _ in range(starts[0][1] if starts else 0):
            size = next(sizes, 0)
            if not size or len(found) >= _MOST_SAMPLES:
                return found
            found.append((place, size))
            place += size  # noqa: PLW2901  # the next sample of the chunk
    return found


def _sizes(stsz: bytes) -> Iterator[int]:
    """Yield the size of each sample: where all have one, no more than could be meant."""
    if len(stsz) < 12:
        return
    size, count = struct.unpack_from(">II", stsz, 4)
    if size:
        yield from (min(size, _LONGEST_SAMPLE) for _ in range(min(count, _MOST_ALIKE)))
        return
    for at in range(12, len(stsz) - 3, 4):
        yield min(int.from_bytes(stsz[at : at + 4], "big"), _LONGEST_SAMPLE)


def _numbers(table: bytes, kind: str) -> list[int]:
    """Return the numbers of a table that begins with their count."""
    size = struct.calcsize(">" + kind)
    count = min(int.from_bytes(table[:4], "big"), max(0, len(table) - 4) // size)
    return list(struct.unpack_from(f">{count}{kind}", table, 4)) if count else []


def _default_bytes(moov: bytes, number: int) -> int:
    """Return the size of samples in fragments, where the movie tells one for the track."""
    for name, trex in boxes(_find(moov, b"mvex")):
        if name == b"trex" and int.from_bytes(trex[4:8], "big") == number:
            return int.from_bytes(trex[16:20], "big")
    return 0


def _fragment_defaults(tfhd: bytes, begin: int, size: int) -> tuple[int, int]:
    """Return where a fragment's places count from, and the size of samples that tell none."""
    flags, at, base = int.from_bytes(tfhd[1:4], "big"), 8, begin
    if flags & 1:
        base, at = int.from_bytes(tfhd[at : at + 8], "big"), at + 8
    at += 4 * bool(flags & 2) + 4 * bool(flags & 8)
    if flags & 0x10:
        size = int.from_bytes(tfhd[at : at + 4], "big")
    return base, min(size, _LONGEST_SAMPLE)


def _read_run(run: bytes, base: int, place: int, size: int, found: list[Sample]) -> int:
    """Add the samples of a ``trun``; return where the last one ends."""
    flags, count, at = int.from_bytes(run[1:4], "big"), int.from_bytes(run[4:8], "big"), 8
    if flags & 1:
        place, at = base + int.from_bytes(run[at : at + 4], "big", signed=True), at + 4
    at += 4 * bool(flags & 4)
    step = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    at += 4 * bool(flags & 0x100)
    most = (len(run) - at) // step + 1 if step else _MOST_ALIKE
    for number in range(min(count, most, _MOST_SAMPLES)):
        own = run[at + number * step :][:4]
        bytes_ = int.from_bytes(own, "big") if flags & 0x200 and len(own) == 4 else size
        if not 0 < bytes_ <= _LONGEST_SAMPLE:
            break
        found.append((place, bytes_))
        place += bytes_
    return place
