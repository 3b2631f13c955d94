"""MP3 files: how long they are, by counting their frames, without I/O.

libsndfile reads no further than the length that it first believes. Where a file
has no tag that tells it (an encoder that writes into a stream cannot go back and
add one), that is a guess from the first frame's bit rate: of a file with a
variable rate most is never heard. And it finds nothing amiss in one cut short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# ISO/IEC 11172-3 §2.4.2.3 and 13818-3 §2.4.2.3, layer III: kbit/s by index, MPEG 1 and 2.
_BIT_RATES: Final = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLERATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LAYER_3: Final = 1
_TAGS: Final = (b"Xing", b"Info", b"VBRI")
_TAG_WITHIN: Final = 64  # bytes of the first frame's beginning
_TAG_FRAMES: Final = (1).to_bytes(4, "big")  # the flag: a number of frames follows
_TAG_SIZE: Final = 2  # and, behind that, a number of bytes


def with_length(data: bytes) -> tuple[bytes, bool]:
    """Give an MP3 file a tag that tells its length, where it has none.

    Returns
    -------
    tuple of bytes and bool
        The file, and whether its last frame is whole.
    """
    begin = _after_id3(data)
    sizes = list(_frames(data, begin))
    end = begin + sum(sizes)
    head = data[begin : begin + _TAG_WITHIN]
    if not sizes or any(tag in head for tag in _TAGS):
        return _with_its_size(data, begin), True
    rest = data[end:]
    if _frame_bytes(rest):  # a frame begins, and is longer than what is left
        return data[:begin] + _tag(head, len(sizes)) + data[begin:end], False
    return data[:begin] + _tag(head, len(sizes)) + data[begin:], True


def _with_its_size(data: bytes, begin: int) -> bytes:
    """Let the tag tell the size of a file that was cut: of a longer one mpg123 prints a warning."""
    at = max(data.find(tag, begin, begin + _TAG_WITHIN) for tag in (b"Xing", b"Info"))
    flags = int.from_bytes(data[at + 4 : at + 8], "big") if at >= 0 else 0
    place = at + 8 + 4 * (flags & 1)
    left = len(data) - begin
    if not flags & _TAG_SIZE or int.from_bytes(data[place : place + 4], "big") <= left:
        return data
    return data[:place] + left.to_bytes(4, "big") + data[place + 4 :]


def _after_id3(data: bytes) -> int:
    """Return where the ID3v2 tag ends (https://id3.org/id3v2.4.0-structure, §3.1)."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


def _frames(data: bytes, begin: int) -> Iterator[int]:
    """Yield the bytes of each whole frame from `begin` on."""
    while (size := _frame_bytes(data[begin : begin + 4])) and begin + size <= len(data):
        yield size
        begin += size


def _frame_bytes(head: bytes) -> int:
    """Return the length of a frame; 0 where none of layer III begins."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, samplerate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version not in _SAMPLERATES or layer != _LAYER_3 or not 0 < rate < 15 or samplerate == 3:
        return 0
    first = version == 3
    bit_rate = 1000 * _BIT_RATES[not first][rate]
    return (144 if first else 72) * bit_rate // _SAMPLERATES[version][samplerate] + padding


def _tag(head: bytes, frames: int) -> bytes:
    """Return a frame of silence that tells how many follow: a Xing tag."""
    mono, first = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
    side = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[first, mono]
    # The highest bit rate: in the lowest there is no room for a tag. No checksum either.
    start = bytes((head[0], head[1] | 1, 0xE0 | head[2] & 0x0C, head[3]))
    tag = start + bytes(side) + b"Xing" + _TAG_FRAMES + frames.to_bytes(4, "big")
    return tag.ljust(_frame_bytes(start), b"\0")
