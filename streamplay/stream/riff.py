"""RIFF/WAVE headers inside a stream of audio bytes, without I/O.

Servers put a header at the start of the body, or of each delta, with sizes that
are true, zero or 0xFFFFFFFF (they cannot know how much will follow). A header is
taken out wherever it was cut, and told as the format that it names; what follows
the audio inside a container (``LIST``, ``id3 ``) is never passed on as audio.

The layout is Microsoft's, "Multiple Channel Audio Data and WAVE Files"
(https://learn.microsoft.com/windows-hardware/drivers/audio/extensible-wave-format-descriptors).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Literal

from streamplay.audio import AudioFormat
from streamplay.errors import BadAudio

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC_BYTES: Final = 12  # "RIFF", a size that tells nothing here, "WAVE"

# A size from here on was made up by a writer that could not seek back: 0xFFFFFFFF
# by the letter, 0x7FFFF000 and its like by sox and others.
_UNKNOWN_FROM: Final = 0x7FFF0000

# The longest `fmt ` known is 40 bytes; a larger one is no header, and would be held.
_LONGEST_FMT: Final = 1024

_ENCODINGS: Final = {
    (1, 16): "pcm_s16le",
    (3, 32): "pcm_f32le",
    (6, 8): "pcm_alaw",
    (7, 8): "pcm_mulaw",
}
_EXTENSIBLE: Final = 0xFFFE
# The sub-format of an extensible header: the old tag, then these 14 bytes.
_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")


class Walker:
    """Takes the headers out of a stream of deltas.

    Parameters
    ----------
    framed : bool
        Whether a delta's bounds mean something, as they do in server-sent
        events and not in a body that the network cut.
    """

    def __init__(self, *, framed: bool = False) -> None:
        self._framed = framed
        self._held = b""  # the start of a delta that may be a header: fewer than 12 bytes
        # A header's way: id and size of a chunk → its body → the next; `audio` outside.
        self._state: Literal["audio", "chunk", "fmt", "riff", "skip"] = "audio"
        self._head = b""  # what has come of the chunk header or body being gathered
        self._left = 0  # bytes still to come of the body being gathered, skipped or played
        self._endless = True  # the audio has no known size
        self._format: AudioFormat | None = None  # what the header being read says
        self._played = False  # its data chunk has begun
        self._odd = False  # a chunk of odd size is followed by a byte of padding

    @property
    def missing(self) -> int:
        """Bytes of audio that the last header promised and that have not come."""
        return self._left if self._state == "audio" and not self._endless else 0

    @property
    def inside_header(self) -> bool:
        """Whether a header has begun, and its audio has not."""
        return self._state != "audio" and not self._played

    def feed(self, delta: bytes) -> Iterator[bytes | AudioFormat]:
        """Yield the audio of one delta; before it, a header's format where there is one.

        Raises
        ------
        BadAudio
            Where a header cannot be read, or names what cannot be decoded.
        """
        if self._held:
            delta = self._held + delta
            held, self._held = len(self._held), b""
        else:
            held = 0
        if delta and not self.inside_header:
            if _is_magic(delta):
                if len(delta) < _MAGIC_BYTES:
                    self._held = delta
                    return
                delta = self._enter(delta[_MAGIC_BYTES:])
            elif held:  # it was no header after all: audio, and the delta stands for itself
                yield from self._walk(delta[:held])
                yield from self.feed(delta[held:])
                return
            else:
                self._leave_container(delta)
        yield from self._walk(delta)

    def finish(self) -> Iterator[bytes | AudioFormat]:
        """Yield what was held back."""
        held, self._held = self._held, b""
        yield from self._walk(held)

    def _enter(self, rest: bytes) -> bytes:
        self._state, self._head, self._format = "chunk", b"", None
        self._played = self._odd = False
        return rest

    def _leave_container(self, delta: bytes) -> None:
        """Go back to bare audio where a delta follows a container that its own delta filled.

        Such a server put a header of its first delta's size in front, and goes
        on without: what begins no chunk is audio. A chunk's id is four letters.
        """
        at_chunk = self._played and self._state == "chunk" and not self._head
        if self._framed and at_chunk and not _is_chunk_id(delta[:4]):
            self._state, self._endless = "audio", True

    def _walk(self, data: bytes) -> Iterator[bytes | AudioFormat]:
        while data:
            if self._state == "audio" and self._endless:
                yield data
                return
            if self._state in ("audio", "skip"):
                body, data = data[: self._left], data[self._left :]
                self._left -= len(body)
                if self._state == "audio":
                    yield body
                if not self._left:
                    self._to_next_chunk()
            else:
                data = self._gather(data)
                if self._state == "audio" and self._head:
                    self._head = b""
                    assert self._format is not None
                    yield self._format

    def _to_next_chunk(self) -> None:
        self._state = "chunk"
        if self._odd:
            self._state, self._left, self._odd = "skip", 1, False

    def _gather(self, data: bytes) -> bytes:
        """Gather a chunk's header, or a body that is read whole; give back what is left over."""
        wanted = (self._left if self._state != "chunk" else 8) - len(self._head)
        self._head += data[:wanted]
        if len(data) >= wanted:
            head = self._head
            if self._state == "chunk":
                self._open_chunk(head[:4], int.from_bytes(head[4:], "little"))
            elif self._state == "fmt":
                self._format = _format_of(head)
                self._head = b""
                self._to_next_chunk()
            elif head == b"WAVE":
                self._enter(b"")
            else:
                self._state, self._head, self._left = "skip", b"", 1 << 62
        return data[wanted:]

    def _open_chunk(self, name: bytes, size: int) -> None:
        self._odd = bool(size % 2)
        if name == b"data" and not self._played:
            self._open_data(size)
            return  # the head stays: it tells `_walk` that the format is news
        self._head = b""
        if name == b"RIFF" and self._played:
            self._state, self._left, self._odd = "riff", 4, False
        elif name == b"fmt " and not self._played:
            if not 16 <= size <= _LONGEST_FMT:
                raise BadAudio(f"the WAV header's format chunk is {size} bytes long")
            self._state, self._left = "fmt", size
        elif self._played and not _is_chunk_id(name):
            self._state, self._left = "skip", 1 << 62  # rubbish after the audio: to the end
        else:
            self._state, self._left = "skip", size
            if not size:
                self._to_next_chunk()

    def _open_data(self, size: int) -> None:
        if self._format is None:
            raise BadAudio("the WAV header has audio before its format")
        self._state, self._played = "audio", True
        self._endless = size == 0 or size >= _UNKNOWN_FROM
        self._left = size


def _is_magic(data: bytes) -> bool:
    """Tell whether `data` begins as a RIFF/WAVE header does, as far as it goes."""
    return b"RIFF".startswith(data[:4]) and b"WAVE".startswith(data[8:_MAGIC_BYTES])


def _is_chunk_id(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def _format_of(body: bytes) -> AudioFormat:
    """Read a `fmt ` chunk's body."""
    tag, channels, samplerate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 40 and body[26:40] == _GUID_TAIL:
        (tag,) = struct.unpack_from("<H", body, 24)
    encoding = _ENCODINGS.get((tag, bits))
    # 8 channels and 384 kHz: beyond what any sound card here plays, and any speech.
    if encoding is None or not 1 <= channels <= 8 or not 1000 <= samplerate <= 384_000:
        raise BadAudio(
            f"the WAV header names a format that cannot be played: tag {tag}, {bits} bits, "
            f"{samplerate} Hz, {channels} channels",
            remedy="Say what the bytes are with --decode-as ENCODING@RATE",
        )
    return AudioFormat(encoding, samplerate, channels)
