"""AAC in ADTS frames (ISO/IEC 13818-7 §6.2): bytes → frames.

The first frame is heard as soon as it and the header of the next one have come; where the server
says AAC, as soon as it has come. ADTS does not
tell how much silence the encoder put in front (mostly 1024 frames): it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.codecs.frame_cutter import FrameCutter, FrameHeader
from streamplay.codecs.packets import CodecReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

_RATES = 13  # sampling frequencies that an index names


def read_header(data: bytes | bytearray, at: int) -> FrameHeader | None:
    """Read the header of a frame."""
    begun = data[at : at + 2]
    if begun[:1] not in (b"", b"\xff") or (len(begun) > 1 and begun[1] & 0xF6 != 0xF0):
        return None
    if len(data) - at < 6:
        return FrameHeader(0, ())
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    kind = (data[at + 1], data[at + 2] & 0xFD, data[at + 3] & 0xC0)
    if size < 8 or data[at + 2] >> 2 & 15 >= _RATES:
        return None
    return FrameHeader(size, kind)


class AdtsReader(CodecReader):
    """Reads a stream of ADTS frames, of one file or of several one after another.

    Parameters
    ----------
    first : int, optional
        The byte at which the first frame is expected.
    """

    what = "AAC"

    def __init__(self, *, first: int | None = None) -> None:
        super().__init__()
        self._cutter = FrameCutter(b"\xff", read_header, first=first)
        self._kind: tuple[int, ...] = ()

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes."""
        for frame in self._cutter.feed_bytes(data):
            yield from self._decode(frame)

    def finish(self) -> Iterator[Frames]:
        """Yield what was held back."""
        for frame in self._cutter.finish():
            yield from self._decode(frame)
        if self._cutter.incomplete:
            self.incomplete = "the AAC ended inside a frame"

    def _decode(self, frame: bytes) -> Iterator[Frames]:
        header = read_header(frame, 0)
        if header is not None and header.kind != self._kind:
            self._kind = header.kind
            self._packets.open("aac")
        yield from self._packets.decode(frame)
