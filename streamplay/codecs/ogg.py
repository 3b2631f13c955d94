"""Ogg (RFC 3533) with Opus, Vorbis or FLAC: bytes → frames, of one link or of a chain.

A packet is decoded as soon as it has come, not when its page has. Positions are hints: the one
of a link's last page cuts off what fills that page's last packets, never more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.codecs.flac import read_streaminfo
from streamplay.codecs.packets import CodecReader
from streamplay.errors import BadAudio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

MARK: Final = b"OggS"
_HEADER_BYTES: Final = 27
_CONTINUED: Final = 1  # a page's flags
_BEGIN: Final = 2
_END: Final = 4
_FULL: Final = 255  # a segment after which the packet goes on
_CUT_OFF: Final = 2  # packets that the last position may cut off
_NO_POSITION: Final = (1 << 64) - 1

_LONGEST_PACKET: Final = 16 << 20
"""A Vorbis comment may hold a picture; no packet of audio comes near."""

# RFC 7845 §4.2: a decoder needs 80 ms to converge, and encoders do not ask for more to be skipped.
_MOST_SKIPPED: Final = 3840


class Page(NamedTuple):
    """A page's header."""

    flags: int
    position: int
    serial: int
    sequence: int
    lacing: bytes


class OggReader(CodecReader):
    """Reads Ogg."""

    what = "Ogg"

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()
        self._page: Page | None = None  # the page whose body is coming
        self._place = 0  # segments of it that have been read
        self._packet = bytearray()  # what has come of a packet
        self._sequence = 0
        self._last: list[Frames] = []  # frames of the last packets, held until their page is whole
        self._link: _Link | None = None
        self._other = b""  # how a stream begins that is no audio that is known

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes."""
        self._data += data
        while self._page is not None or self._next_page():
            page = self._page
            assert page is not None
            yield from self._read_page(page)
            if self._page is not None:
                return

    def finish(self) -> Iterator[Frames]:
        """Yield what the decoder still holds."""
        if self._page is not None:
            yield from self._last  # of a last page that has not come whole
        link = self._link
        if link is None and self._other and not self.samplerate:
            raise BadAudio(
                f"the Ogg stream holds no Opus, Vorbis or FLAC but {_shown(self._other)}",
                remedy="Ask for another format, or for raw audio",
            )
        if link is None or not link.codec:
            self.incomplete = "the Ogg stream ended inside its header"
        elif not link.ended:
            self.incomplete = "the Ogg stream ended before its last page"
        yield from self._packets.drain()

    def _next_page(self) -> bool:
        """Begin the next page, once its header has come; pass over what is none."""
        at = self._data.find(MARK)
        del self._data[: at if at >= 0 else max(0, len(self._data) - len(MARK) + 1)]
        if at < 0 or len(self._data) < _HEADER_BYTES:
            return False
        head = bytes(self._data[:_HEADER_BYTES])
        end = _HEADER_BYTES + head[26]
        if len(self._data) < end:
            return False
        number = int.from_bytes
        lacing = bytes(self._data[_HEADER_BYTES:end])
        self._page = Page(
            head[5],
            number(head[6:14], "little"),
            number(head[14:18], "little"),
            number(head[18:22], "little"),
            lacing,
        )
        del self._data[:end]
        self._place = 0
        self._begin_page(self._page)
        return True

    def _begin_page(self, page: Page) -> None:
        if page.flags & _BEGIN and (self._link is None or self._link.codec):
            self._link = _Link(page.serial)
            self._packet.clear()
        link = self._link
        if link is not None and page.serial == link.serial:
            if not page.flags & _CONTINUED or page.sequence != self._sequence + 1:
                self._packet.clear()  # a packet whose rest was lost
            self._sequence = page.sequence

    def _read_page(self, page: Page) -> Iterator[Frames]:
        """Decode the packets of a page that have come."""
        link = self._link
        ours = link is not None and page.serial == link.serial
        while self._place < len(page.lacing):
            size = page.lacing[self._place]
            if len(self._data) < size:
                return
            if ours:
                self._packet += self._data[:size]
            del self._data[:size]
            self._place += 1
            if len(self._packet) > _LONGEST_PACKET:
                raise BadAudio("the Ogg stream holds a packet that is no audio")
            if ours and size < _FULL:
                packet = bytes(self._packet)
                self._packet.clear()
                assert link is not None
                held = page.flags & _END and self._packets_left(page) < _CUT_OFF
                for frames in self._decode(link, packet):
                    if held:
                        self._last.append(frames)
                    else:
                        yield frames
        self._page = None
        if link is not None and ours:
            last, self._last = self._last, []
            yield from link.end_page(page, last)

    def _packets_left(self, page: Page) -> int:
        """Return how many packets of a page are still to come."""
        return sum(size < _FULL for size in page.lacing[self._place :])

    def _decode(self, link: _Link, packet: bytes) -> Iterator[Frames]:
        if not link.codec:
            yield from self._read_header(link, packet)
            return
        if link.is_header(packet):
            return
        for frames in self._packets.decode(packet):
            sound = link.without_skipped(frames)
            if len(sound):
                yield sound

    def _read_header(self, link: _Link, packet: bytes) -> Iterator[Frames]:
        extradata = link.read_header(packet)
        if extradata is None:
            self._link = None  # a stream beside it, or behind it, may be one
            self._other = packet[:8]
        elif link.codec:
            yield from self._packets.drain()
            self._packets.what = self.what = f"Ogg {link.name}"
            self._packets.open(
                link.codec, extradata, samplerate=link.samplerate, channels=link.channels
            )


class _Link:
    """One stream of a chain: what its headers tell, and how far it has come.

    Attributes
    ----------
    codec : str
        FFmpeg's name of its decoder, once the headers have been read.
    name : str
        Its name for people.
    ended : bool
        Whether its last page has come.
    """

    def __init__(self, serial: int) -> None:
        self.serial = serial
        self.codec = self.name = ""
        self.samplerate = self.channels = 0
        self.ended = False
        self._headers: list[bytes] = []
        self._skip = 0
        self._decoded = 0

    def read_header(self, packet: bytes) -> bytes | None:
        """Take a header packet; return what the decoder has to know, once `codec` is set.

        None: this is no audio that is known.
        """
        self._headers.append(packet)
        first = self._headers[0]
        if first.startswith(b"OpusHead") and len(first) >= 19:
            self.name, self.codec = "Opus", "libopus"
            self.samplerate, self.channels = 48000, first[9]
            # Skipped here, within bounds; FFmpeg would skip as much as it is told.
            self._skip = min(_MOST_SKIPPED, int.from_bytes(first[10:12], "little"))
            return first[:10] + bytes(2) + first[12:]
        if first.startswith(b"\x01vorbis"):
            self.name = "Vorbis"
            if len(self._headers) < 3:
                return b""
            self.codec = "vorbis"
            return xiph_laced(self._headers)
        if first.startswith(b"\x7fFLAC") and len(first) >= 51:
            self.name, self.codec = "FLAC", "flac"
            return read_streaminfo(first[17:51]).settled
        return None

    def is_header(self, packet: bytes) -> bool:
        """Tell whether a packet is a comment or another header, and no audio."""
        if self.codec == "flac":
            return packet[:1] != b"\xff"
        return packet.startswith((b"OpusTags", b"OpusHead"))

    def without_skipped(self, frames: Frames) -> Frames:
        """Count frames, and cut off what precedes the sound."""
        skipped = min(self._skip, len(frames))
        self._skip -= skipped
        self._decoded += len(frames)
        return frames[skipped:]

    def end_page(self, page: Page, frames: list[Frames]) -> Iterator[Frames]:
        """Yield the frames of a page, and of the link's last one only those before its position."""
        if page.flags & _END:
            self.ended = True
            self._cut(page.position, frames)
        yield from frames

    def _cut(self, position: int, frames: list[Frames]) -> None:
        behind = self._decoded - position
        # A position that cuts off more than the last packets is made up.
        if position == _NO_POSITION or not 0 < behind <= sum(map(len, frames)):
            return
        while frames and behind >= len(frames[-1]):
            behind -= len(frames.pop())
        if behind and frames:
            frames[-1] = frames[-1][: len(frames[-1]) - behind]


def _shown(begin: bytes) -> str:
    return repr("".join(chr(byte) for byte in begin if 0x20 < byte < 0x7F))


def xiph_laced(headers: list[bytes]) -> bytes:
    """Join three headers of Vorbis as Matroska and FFmpeg keep them: count, sizes, headers."""
    sizes = b"".join(b"\xff" * (len(one) // 255) + bytes((len(one) % 255,)) for one in headers[:2])
    return b"\x02" + sizes + b"".join(headers[:3])
