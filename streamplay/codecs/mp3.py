"""MPEG audio, layers II and III: bytes → frames.

The first frame is heard as soon as it and the header of the next one have come; where the first one
is expected (behind a tag, where the server says mp3), as soon as it has come. No number in a
Xing, Info or VBRI tag is needed or believed, with one exception: LAME's tag tells how much silence
the encoder put before and behind the sound, and that is cut off where the tag's checksum shows
that it is unchanged. So a file that was encoded from n samples gives n frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.codecs.frame_cutter import FrameCutter, FrameHeader
from streamplay.codecs.packets import CodecReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

# ISO/IEC 11172-3 §2.4.2.3 and 13818-3 §2.4.2.3: kbit/s by index; MPEG 1 layer III, MPEG 1 layer
# II, MPEG 2 and 2.5 of both.
_MPEG_1_III: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG_1_II: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_MPEG_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLERATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MPEG_1: Final = 3
_LAYER_3: Final = 1
_LAYER_2: Final = 2

_DECODERS: Final = {_LAYER_3: "mp3float", _LAYER_2: "mp2float"}

# What the decoder itself delays: http://gabriel.mp3-tech.org/mp3infotag.html.
_DECODER_DELAY: Final = 529
_CHECKED: Final = 190  # bytes that libavformat sums up, whatever the layout of the frame


def read_header(data: bytes | bytearray, at: int) -> FrameHeader | None:
    """Read the header of a frame; free-format frames, which nothing sends, are none."""
    if len(data) - at < 4:
        begun = data[at : at + 2]
        possible = begun[:1] in (b"", b"\xff") and (len(begun) < 2 or begun[1] & 0xE0 == 0xE0)
        return FrameHeader(0, ()) if possible else None
    first, second, third = data[at], data[at + 1], data[at + 2]
    if first != 0xFF or second & 0xE0 != 0xE0:
        return None
    version, layer = second >> 3 & 3, second >> 1 & 3
    rate, samplerate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    emphasis = data[at + 3] & 3
    known = version in _SAMPLERATES and layer in _DECODERS
    if not known or not 0 < rate < 15 or samplerate == 3 or emphasis == 2:
        return None
    short = version != _MPEG_1
    rates = _MPEG_2 if short else _MPEG_1_III if layer == _LAYER_3 else _MPEG_1_II
    slots = 72 if short and layer == _LAYER_3 else 144
    size = slots * 1000 * rates[rate] // _SAMPLERATES[version][samplerate] + padding
    return FrameHeader(size, (version, layer, samplerate))


class Mp3Reader(CodecReader):
    """Reads a stream of MPEG audio, of one file or of several one after another.

    Parameters
    ----------
    first : int, optional
        The byte at which the first frame is expected.
    """

    what = "mp3"

    def __init__(self, *, first: int | None = None) -> None:
        super().__init__()
        self._cutter = FrameCutter(b"\xff", read_header, first=first)
        self._kind: tuple[int, ...] = ()
        self._gapless: _Gapless | None = None

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes."""
        for frame in self._cutter.feed_bytes(data):
            yield from self._decode(frame)

    def finish(self) -> Iterator[Frames]:
        """Yield what was held back."""
        for frame in self._cutter.finish():
            yield from self._decode(frame)
        if self._cutter.incomplete:
            self.incomplete = "the mp3 ended inside a frame"
        elif self._gapless is not None and self._gapless.lacking:
            lacking = self._gapless.lacking
            self.incomplete = f"the mp3 ended {lacking} samples before the end that its tag told"

    def _decode(self, frame: bytes) -> Iterator[Frames]:
        kind = frame[1] >> 1 & 15, frame[2] >> 2 & 3  # version and layer, sample rate
        if kind != self._kind:
            self._kind = kind
            self._packets.open(_DECODERS[frame[1] >> 1 & 3])
        tag = _tag_place(frame)
        if tag:
            self._gapless = _Gapless.of(frame, tag)
            return
        for frames in self._packets.decode(frame):
            yield from (frames,) if self._gapless is None else self._gapless.trim(frames)


def _tag_place(frame: bytes) -> int:
    """Return where the tag stands in a frame that holds one and no sound, or 0."""
    if frame[1] >> 1 & 3 != _LAYER_3:
        return 0
    mono, first = frame[3] >> 6 == 3, frame[1] >> 3 & 3 == _MPEG_1
    side = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[first, mono]
    at = 4 + side
    # With a checksum, two bytes on; some encoders leave no room for it all the same.
    for place in (at, at + 2):
        if frame[place : place + 4] in (b"Xing", b"Info"):
            return place
    return 36 if frame[36:40] == b"VBRI" else 0


class _Gapless:
    """Cuts off what an encoder has put before and behind the sound.

    Parameters
    ----------
    delay, length, behind : int
        Frames of silence before the sound; of sound; of silence behind it.

    Attributes
    ----------
    lacking : int
        Frames of sound still to come.
    """

    def __init__(self, delay: int, length: int, behind: int) -> None:
        self._delay = delay
        self.lacking = length
        self._behind = behind
        self._held: list[Frames] = []  # of what is behind: silence, unless the file goes on

    @classmethod
    def of(cls, frame: bytes, at: int) -> _Gapless | None:
        """Read LAME's tag behind a Xing or Info tag; None where there is none to be trusted."""
        flags = int.from_bytes(frame[at + 4 : at + 8], "big")
        begin = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1)
        begin += 4 * (flags >> 3 & 1)
        lame = frame[begin : begin + 36]
        total = int.from_bytes(frame[at + 8 : at + 12], "big") if flags & 1 else 0
        if len(lame) < 36 or not total or not _is_unchanged(frame, begin + 34):
            return None
        delay = (lame[21] << 4 | lame[22] >> 4) + _DECODER_DELAY
        padding = (lame[22] & 15) << 8 | lame[23]
        version = frame[1] >> 3 & 3
        whole = total * (1152 if version == _MPEG_1 else 576)
        behind = max(0, padding - _DECODER_DELAY)
        length = whole - delay - behind
        return cls(delay, length, behind) if length > 0 else None

    def trim(self, frames: Frames) -> Iterator[Frames]:
        """Yield the sound among the frames that came next."""
        silent = min(self._delay, len(frames))
        self._delay -= silent
        sound = frames[silent : silent + self.lacking]
        self.lacking -= len(sound)
        if len(sound):
            yield sound
        rest = frames[silent + len(sound) :]
        self._behind -= len(rest)
        if self._behind >= 0:
            self._held.append(rest)
            return
        # More than the tag counted: the next file, which has no tag, and this one's silence.
        held, self._held = self._held, []
        yield from (part for part in (*held, rest) if len(part))


def _is_unchanged(frame: bytes, at: int) -> bool:
    """Tell whether the checksum at `at` is that of the tag before it.

    LAME sums up what stands before the checksum, libavformat (mp3enc.c) the frame's first 190
    bytes with none in place.
    """
    told = int.from_bytes(frame[at : at + 2], "big")
    ways = frame[:at], (frame[:at] + bytes(2) + frame[at + 2 :])[:_CHECKED]
    return any(_crc16(way) == told for way in ways)


def _crc16(data: bytes) -> int:
    """Return LAME's checksum: CRC-16 with the polynomial x¹⁶ + x¹⁵ + x² + 1, reflected."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
