"""WebM and Matroska (RFC 9559, RFC 8794): bytes → frames, each block as it comes.

Sizes may be unknown, as a live stream writes them. Segments and clusters are entered without
regard to theirs: what is inside is known by its own id.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.codecs.flac import read_streaminfo
from streamplay.codecs.packets import CodecReader
from streamplay.codecs.push_parser import Script
from streamplay.errors import BadAudio

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from streamplay.audio import Frames

# Ids of elements, as RFC 9559 §5.1 has them.
_EBML: Final = 0x1A45DFA3
_SEGMENT: Final = 0x18538067
_TRACKS: Final = 0x1654AE6B
_TRACK_ENTRY: Final = 0xAE
_TRACK_NUMBER: Final = 0xD7
_TRACK_TYPE: Final = 0x83
_CODEC_ID: Final = 0x86
_CODEC_PRIVATE: Final = 0x63A2
_CODEC_DELAY: Final = 0x56AA
_AUDIO: Final = 0xE1
_SAMPLING_FREQUENCY: Final = 0xB5
_CHANNELS: Final = 0x9F
_BIT_DEPTH: Final = 0x6264
_CLUSTER: Final = 0x1F43B675
_SIMPLE_BLOCK: Final = 0xA3
_BLOCK_GROUP: Final = 0xA0
_BLOCK: Final = 0xA1
_DISCARD_PADDING: Final = 0x75A2
_ENTERED: Final = (_SEGMENT, _CLUSTER)
_TAKEN: Final = (_TRACKS, _SIMPLE_BLOCK, _BLOCK_GROUP)

_MARKS: Final = tuple(mark.to_bytes(4, "big") for mark in (_EBML, _CLUSTER))

_AUDIO_TYPE: Final = 2
_LARGEST: Final = 1 << 22  # of what is read whole: tracks, a block
_MOST_SKIPPED_NS: Final = 200_000_000

_SIMPLE_CODECS: Final = {
    "A_VORBIS": "vorbis",
    "A_AAC": "aac",
    "A_MPEG/L3": "mp3float",
    "A_MPEG/L2": "mp2float",
    "A_ALAC": "alac",
}


class _Packet(NamedTuple):
    """A packet, and how many nanoseconds of its end are not meant."""

    data: bytes
    discard: int = 0


class _Entry(NamedTuple):
    """What the header tells of the audio track."""

    number: int
    codec: str
    private: bytes
    delay: int  # ns
    samplerate: int
    channels: int
    bits: int


class WebmReader(CodecReader):
    """Reads WebM and Matroska, of one file or of several one after another."""

    what = "WebM"

    def __init__(self) -> None:
        super().__init__()
        self._script = _Elements(self)
        self._skip: int | None = None  # frames in front; None until the rate is known
        self._delay = 0

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes."""
        for packet in self._script.feed_bytes(data):
            yield from self._decode(packet)

    def finish(self) -> Iterator[Frames]:
        """Yield what was held back."""
        for packet in self._script.finish():
            yield from self._decode(packet)
        yield from self._packets.drain()
        self.incomplete = self._script.incomplete

    def leave_out(self) -> None:
        """Note that something between the elements was none, and was left out."""
        self._packets.damaged += 1

    def begin(self, entry: _Entry) -> None:
        """Decode the packets of a file, or of the next one.

        Raises
        ------
        BadAudio
            If its codec is not known.
        """
        name, extradata = _decoder_of(entry)
        if not name:
            raise BadAudio(
                f"the WebM holds {entry.codec[:40]!r}, which is not decoded here",
                remedy="Ask for another format, or for raw audio",
            )
        self._packets.open(name, extradata, samplerate=entry.samplerate, channels=entry.channels)
        self._delay = entry.delay if entry.delay <= _MOST_SKIPPED_NS else 0
        self._skip = None

    def _decode(self, packet: _Packet) -> Iterator[Frames]:
        for frames in self._packets.decode(packet.data):
            if self._skip is None:
                self._skip = round(self._delay * self.samplerate / 1e9)
            skipped = min(self._skip, len(frames))
            self._skip -= skipped
            discarded = round(packet.discard * self.samplerate / 1e9)
            # A number beyond the packet is made up.
            end = len(frames) - (discarded if 0 < discarded <= len(frames) else 0)
            if end > skipped:
                yield frames[skipped:end]


class _Elements(Script[_Packet]):
    """Takes the packets of the audio track out of the elements.

    Attributes
    ----------
    incomplete : str
        What the end has cut off.
    """

    def __init__(self, reader: WebmReader) -> None:
        super().__init__()
        self.incomplete = ""
        self._reader = reader
        self._number: int | None = None
        self._end = 0  # of the segment, where it is told
        self._lost = 0  # bytes that are no element, zeros apart

    def steps(self) -> Iterator[_Packet | None]:
        whole = True
        while whole and (head := (yield from self._head())) is not None:
            name, size = head
            if not name:
                whole = yield from self._find_next()
            elif name in _TAKEN:
                whole = yield from self._whole(name, size)
            elif name in _ENTERED:
                end = 0 if size is None else self.position + size
                self._end = end if name == _SEGMENT else self._end
            elif size is not None:
                whole = yield from self.skip(size)
        if not whole or self.data or self.position < self._end:
            self.incomplete = "the WebM ended inside an element"
        elif self._lost:
            self._reader.leave_out()
        if self._number is None:
            self.incomplete = "the WebM ended before its tracks"

    def _find_next(self) -> Generator[_Packet | None, None, bool]:
        """Pass over what is no element, to the next cluster or file; return whether it came.

        Raises
        ------
        BadAudio
            If no track is known yet.
        """
        if self._number is None:
            raise BadAudio("the WebM is damaged")
        while True:
            places = [at for mark in _MARKS if (at := self.data.find(mark)) >= 0]
            known = min(places, default=max(0, len(self.data) - len(_MARKS[0]) + 1))
            self._lost += len(self.take(known).replace(b"\0", b""))
            if places:
                return True
            if not (yield from self.wait(len(self.data) + 1)):
                self._lost += len(self.take(len(self.data)).replace(b"\0", b""))
                return True

    def _whole(self, name: int, size: int | None) -> Generator[_Packet | None, None, bool]:
        """Read an element that is read whole; return whether it has come."""
        if size is None or size > _LARGEST:
            raise BadAudio("the WebM has an element that is too large")
        if not (yield from self.wait(size)):
            return False
        yield from self._read(name, self.take(size))
        return True

    def _head(self) -> Generator[_Packet | None, None, tuple[int, int | None] | None]:
        """Take an element's id and size; None for an unknown one, and for all at the end.

        An id of 0: what stands there is no element, and is not taken.
        """
        if not (yield from self.wait(1)):
            return None
        id_bytes = _width(self.data[0])
        if id_bytes > 4:
            return 0, 0
        if not (yield from self.wait(id_bytes + 1)):
            return None
        size_bytes = _width(self.data[id_bytes])
        if size_bytes > 8:
            return 0, 0
        if not (yield from self.wait(id_bytes + size_bytes)):
            return None
        name = int.from_bytes(self.take(id_bytes), "big")
        return name, _size(self.take(size_bytes))

    def _read(self, name: int, body: bytes) -> Iterator[_Packet]:
        if name == _TRACKS:
            entry = next((one for one in map(_entry, _each(body, _TRACK_ENTRY)) if one), None)
            if entry is None:
                raise BadAudio("the WebM has no audio in it")
            self._number = entry.number
            self._reader.begin(entry)
        elif name == _SIMPLE_BLOCK:
            yield from self._block(body, 0)
        else:
            discard = next(_each(body, _DISCARD_PADDING), b"")
            for block in _each(body, _BLOCK):
                yield from self._block(block, int.from_bytes(discard, "big", signed=True))

    def _block(self, block: bytes, discard: int) -> Iterator[_Packet]:
        width = _width(block[0]) if block else 9
        if len(block) < width + 3 or _size(block[:width]) != self._number:
            return
        packets = list(_unlaced(block[width + 3 :], block[width + 2] >> 1 & 3))
        for packet in packets[:-1]:
            yield _Packet(packet)
        yield from (_Packet(packet, discard) for packet in packets[-1:])


def _width(first: int) -> int:
    """Return how many bytes a number has that begins so (RFC 8794 §4)."""
    return 9 - first.bit_length()


def _size(number: bytes) -> int | None:
    """Return a number of variable size; None for the one that says it is not known."""
    bits = 7 * len(number)
    value = int.from_bytes(number, "big") & (1 << bits) - 1
    return None if value == (1 << bits) - 1 else value


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the id and the body of each element of what has come whole."""
    at = 0
    while at < len(data):
        id_bytes = _width(data[at])
        size_at = at + id_bytes
        if id_bytes > 4 or size_at >= len(data) or _width(data[size_at]) > 8:
            return
        body = size_at + _width(data[size_at])
        size = _size(data[size_at:body])
        end = len(data) if size is None else body + size
        yield int.from_bytes(data[at:size_at], "big"), data[body:end]
        at = end


def _each(data: bytes, name: int) -> Iterator[bytes]:
    return (body for found, body in _elements(data) if found == name)


def _entry(data: bytes) -> _Entry | None:
    """Read a track's entry; None where it is no audio."""
    fields = dict(_elements(data))
    audio = dict(_elements(fields.get(_AUDIO, b"")))

    def number(body: bytes) -> int:
        return int.from_bytes(body[:8], "big")

    if number(fields.get(_TRACK_TYPE, b"")) != _AUDIO_TYPE:
        return None
    rate = audio.get(_SAMPLING_FREQUENCY, b"")
    form = {4: ">f", 8: ">d"}.get(len(rate), "")
    hertz = struct.unpack(form, rate)[0] if form else 8000.0
    return _Entry(
        number(fields.get(_TRACK_NUMBER, b"\1")),
        fields.get(_CODEC_ID, b"").decode("ascii", "replace").rstrip("\0"),
        fields.get(_CODEC_PRIVATE, b""),
        number(fields.get(_CODEC_DELAY, b"")),
        round(hertz) if 1000 <= hertz <= 384_000 else 0,
        min(number(audio.get(_CHANNELS, b"\1")), 8),
        number(audio.get(_BIT_DEPTH, b"")),
    )


def _decoder_of(entry: _Entry) -> tuple[str, bytes]:
    """Return FFmpeg's name of the decoder, and what it has to know."""
    codec = entry.codec
    if codec == "A_OPUS":  # what is skipped is skipped here
        return "libopus", entry.private[:10] + bytes(2) + entry.private[12:]
    if codec == "A_FLAC" and len(entry.private) >= 42:
        return "flac", read_streaminfo(entry.private[8:42]).settled
    if codec == "A_PCM/INT/LIT" and entry.bits in (8, 16, 24, 32):
        return f"pcm_{'u8' if entry.bits == 8 else f's{entry.bits}le'}", b""
    if codec == "A_PCM/FLOAT/IEEE" and entry.bits in (32, 64):
        return f"pcm_f{entry.bits}le", b""
    name = "A_AAC" if codec.startswith("A_AAC") else codec
    return _SIMPLE_CODECS.get(name, ""), entry.private


def _unlaced(data: bytes, lacing: int) -> Iterator[bytes]:
    """Yield the packets of a block (RFC 9559 §10.3)."""
    if not lacing or not data:
        yield data
        return
    count, at = data[0] + 1, 1
    if lacing == 2:
        size = (len(data) - 1) // count
        sizes = [size] * (count - 1)
    elif lacing == 1:
        sizes, at = _xiph_sizes(data, count - 1)
    else:
        sizes, at = _ebml_sizes(data, count - 1)
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


def _xiph_sizes(data: bytes, count: int) -> tuple[list[int], int]:
    sizes, at = [], 1
    for _ in range(count):
        size = 0
        while at < len(data):
            byte, at = data[at], at + 1
            size += byte
            if byte < 255:
                break
        sizes.append(size)
    return sizes, at


def _ebml_sizes(data: bytes, count: int) -> tuple[list[int], int]:
    """Read sizes of which each but the first is told by its difference from the one before."""
    sizes: list[int] = []
    at = 1
    for _ in range(count):
        width = _width(data[at]) if at < len(data) else 9
        if width > 8:
            return sizes, at
        value = _size(data[at : at + width]) or 0
        at += width
        if sizes:
            value += sizes[-1] - ((1 << 7 * width - 1) - 1)
        sizes.append(max(0, value))
    return sizes, at
