"""FLAC (RFC 9639): bytes → frames, of one file or of several one after another.

A frame does not tell its length. It ends where the next one begins: where a header stands whose
checksum is right and whose number follows. FFmpeg's own parser waits for ten such headers, which
is a second of speech; this one waits for the next. The totals of STREAMINFO are not believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.codecs.packets import CodecReader
from streamplay.errors import BadAudio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

MARK: Final = b"fLaC"
STREAMINFO_BYTES: Final = 34
_LONGEST_HEADER: Final = 16

# Verbatim samples of the largest block, eight channels and 32 bits. What looks like a frame and is
# longer has lost its end.
_LONGEST_FRAME: Final = 65536 * 8 * 4


class StreamInfo(NamedTuple):
    """The metadata block that begins each file (RFC 9639 §8.2).

    Parameters
    ----------
    block : int
        Samples in each frame, the last one excepted.
    total : int
        Samples of all, or 0: a hint.
    settled : bytes
        The block for a decoder, nothing in it that a frame could contradict.
    """

    block: int
    total: int
    settled: bytes


def read_streaminfo(info: bytes) -> StreamInfo:
    """Read STREAMINFO; for the decoder without sizes, total and checksum, which are hints."""
    told = int.from_bytes(info[10:18], "big")
    total = told & 0xFFFFFFFFF
    settled = b"\0\x10\xff\xff" + bytes(6) + (told - total).to_bytes(8, "big") + bytes(16)
    return StreamInfo(int.from_bytes(info[2:4], "big"), total, settled)


class FlacReader(CodecReader):
    """Reads FLAC in its own container."""

    what = "FLAC"

    def __init__(self) -> None:
        super().__init__()
        self._cutter = _Cutter()
        self._info: StreamInfo | None = None
        self._decoded = 0  # samples of this file
        self._last = 0  # samples of its last frame

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes."""
        self._cutter.data += data
        while (part := self._cutter.next_part()) is not None:
            if isinstance(part, StreamInfo):
                self._begin(part)
            else:
                yield from self._decode(part)

    def finish(self) -> Iterator[Frames]:
        """Decode the last frame, which nothing follows."""
        last, damaged = self._cutter.rest(), self.damaged
        if last:
            yield from self._decode(last)
        if self._info is None or (not self._decoded and not last):
            self.incomplete = "the FLAC ended inside its header"
        elif self.damaged > damaged:
            self.incomplete = "the FLAC ended inside a frame"
        elif self._decoded < self._info.total and self._last == self._info.block:
            # Where the last frame is a short one the file is whole, and its total made up.
            missing = self._info.total - self._decoded
            self.incomplete = f"the FLAC ended {missing} samples before the end that it told"

    def _begin(self, info: StreamInfo) -> None:
        self._info = info
        self._decoded = self._last = 0
        # The file before has given all: FLAC has no delay.
        self._packets.open("flac", info.settled)

    def _decode(self, frame: bytes) -> Iterator[Frames]:
        for frames in self._packets.decode(frame):
            self._last = len(frames)
            self._decoded += len(frames)
            yield frames


class _Cutter:
    """Cuts files into what begins each and its frames."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._skip = 0  # bytes of a metadata block still to come
        self._last_block = False
        self._in_metadata = True
        self._header: _FrameHeader | None = None  # of the frame that `data` begins with
        self._searched = 1  # so far no frame begins before here, but for the first

    def next_part(self) -> StreamInfo | bytes | None:
        """Take what begins a file, or a frame, once it has come whole."""
        return self._next_of_metadata() if self._in_metadata else self._next_frame()

    def rest(self) -> bytes:
        """Take the last frame: all that is left."""
        return bytes(self.data) if self._header is not None and not self._in_metadata else b""

    def _next_of_metadata(self) -> StreamInfo | bytes | None:
        data = self.data
        while True:
            skipped = min(self._skip, len(data))
            del data[:skipped]
            self._skip -= skipped
            if self._skip:
                return None
            if self._last_block:
                self._in_metadata = self._last_block = False
                return self._next_frame()
            if len(data) < 8 + STREAMINFO_BYTES and data.startswith(MARK):
                return None
            if len(data) < 4:
                return None
            info = data.startswith(MARK) and read_streaminfo(bytes(data[8:][:STREAMINFO_BYTES]))
            del data[: len(MARK) if info else 0]
            self._last_block = bool(data[0] & 0x80)
            self._skip = 4 + int.from_bytes(data[1:4], "big")
            if info:
                return info

    def _next_frame(self) -> bytes | None:
        data = self.data
        if self._header is None and not self._find_first():
            return None
        end = self._find(self._searched, self._header)
        if end < 0:
            if len(data) > _LONGEST_FRAME:
                raise BadAudio("the FLAC is damaged: a frame does not end")
            self._searched = max(1, len(data) - _LONGEST_HEADER)
            return None
        frame = bytes(data[:end])
        del data[:end]
        self._searched = 1
        self._in_metadata = data.startswith(MARK)
        self._header = None if self._in_metadata else _read_header(data, 0)
        return frame

    def _find_first(self) -> bool:
        """Let `data` begin with a frame; whatever else stands there is none."""
        at = self._find(0, None)
        del self.data[: at if at >= 0 else max(0, len(self.data) - _LONGEST_HEADER)]
        self._header = _read_header(self.data, 0) if at >= 0 else None
        return self._header is not None

    def _find(self, at: int, before: _FrameHeader | None) -> int:
        """Return where a frame or a file begins that may follow `before`, or -1."""
        data = self.data
        file = data.find(MARK + b"\0\0\0\x22", at)
        if file < 0:
            file = data.find(MARK + b"\x80\0\0\x22", at)
        while (at := data.find(b"\xff", at)) >= 0:
            header = _read_header(data, at)
            if header is not None and (before is None or header.follows(before)):
                return min(at, file) if file >= 0 else at
            at += 1
        return file


class _FrameHeader(NamedTuple):
    """What a frame's header says (RFC 9639 §9.1).

    Parameters
    ----------
    number : int
        Its own, or with blocks of various sizes that of its first sample.
    samples : int
        How many it holds.
    variable : bool
        Which of the two `number` is.
    """

    number: int
    samples: int
    variable: bool

    def follows(self, before: _FrameHeader) -> bool:
        step = before.samples if before.variable else 1
        return self.variable == before.variable and self.number == before.number + step


def _read_header(data: bytearray, at: int) -> _FrameHeader | None:
    """Read the header at a place; None where there is none, or where it has not come whole."""
    head = bytes(data[at : at + _LONGEST_HEADER])
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    if not size_code or rate_code == 15 or head[3] >> 4 > 10:
        return None
    number, place = _read_number(head)
    after = place + {6: 1, 7: 2}.get(size_code, 0)
    samples = _block_size(size_code, int.from_bytes(head[place:after], "big"))
    after += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if number < 0 or after >= len(head) or _crc8(head[:after]) != head[after]:
        return None
    return _FrameHeader(number, samples, bool(head[1] & 1))


def _read_number(head: bytes) -> tuple[int, int]:
    """Read a number in UTF-8's way (§9.1.5) and where it ends; -1 where it is none."""
    first = head[4]
    if first < 0x80:
        return first, 5
    more = next((bit for bit in range(7) if not first << bit & 0x80), 8) - 1
    tail = head[5 : 5 + more]
    if not 1 <= more <= 6 or any(byte & 0xC0 != 0x80 for byte in tail) or len(tail) < more:
        return -1, 5
    number = first & 0x3F >> more
    for byte in tail:
        number = number << 6 | byte & 0x3F
    return number, 5 + more


def _block_size(code: int, told: int) -> int:
    if code == 1:
        return 192
    if code <= 5:
        return 144 << code
    return told + 1 if code <= 7 else 1 << code


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc
