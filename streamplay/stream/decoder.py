"""Audio bytes → whole frames, without I/O.

What arrives may be cut anywhere, may carry a header that knows its format better
than anyone who was asked, and may be a whole compressed file. What leaves is
whole frames, finite and within full scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.audio import AudioFormat
from streamplay.errors import BadAudio, TooLarge, Truncated
from streamplay.models import FormatSource
from streamplay.stream.guard import Guard, wrong_encoding
from streamplay.stream.mpeg import with_length
from streamplay.stream.riff import Walker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

__all__ = ["Chunk", "Decoder", "FormatSource"]

# libsndfile reads these whole. Their magic is believed over a content type, as
# some servers send their default format whatever was asked.
_FILE_TYPES: Final = frozenset(
    ("audio/" + name)
    for name in ("mpeg", "mp3", "flac", "x-flac", "ogg", "opus", "aac", "mp4", "x-m4a", "webm")
) | {"application/ogg"}
_FILE_MAGIC: Final = (b"fLaC", b"OggS", b"ID3\x03", b"ID3\x04")

MAX_FILE_BYTES: Final = 64_000_000
"""A whole file is held until its end: over an hour of mp3 at 128 kbit/s."""

_OGG_HEADER_BYTES: Final = 27
_OGG_END: Final = 4  # the flag of a stream's last page

_FLAC_BLOCK: Final = 4096  # frames decoded at a time: what came before a fault is kept


@dataclass(frozen=True, slots=True)
class Chunk:
    """The same audio twice.

    Parameters
    ----------
    frames : numpy.ndarray
        ``float32 (n, channels)``, contiguous, finite, within ±1.0; the receiver's own.
    data : bytes
        The bytes as received, headers removed. A compressed file's bytes come
        whole, with its first frames.
    """

    frames: Frames
    data: bytes


class Decoder:
    """Turns a stream's deltas into frames.

    Parameters
    ----------
    expected : AudioFormat
        What the bytes should be, unless a header says otherwise.
    source : {'model', 'header', 'user', 'request'}
        Who says so. The user is believed over a header (which is removed all the same).
    content_type : str
        The response's header: it tells a compressed file from raw bytes.

    Attributes
    ----------
    format : AudioFormat
        What the bytes are, as far as is known; fixed with the first frame.
    source : {'model', 'header', 'user', 'request'}
        Who said so.
    muted : int
        Frames that were received and silenced.
    warning : str
        What is doubtful about the audio, as a sentence for people; mostly nothing.
    """

    def __init__(
        self, expected: AudioFormat, source: FormatSource, *, content_type: str = ""
    ) -> None:
        media = content_type.partition(";")[0].strip().lower()
        self.format = expected
        self.source: FormatSource = source
        self.muted = 0
        self.warning = ""
        self._walker = Walker(framed=media == "text/event-stream")
        self._sized = media != "text/event-stream"
        self._carry = b""  # the bytes of a frame that the last delta cut
        self._guard: Guard | None = None  # there is one once the first frame has come
        self._held: list[Chunk] = []  # sound of a guessed format, until it can be trusted
        self._mute = False
        self._file: bytearray | None = None
        if media in _FILE_TYPES and source != "user":
            self._file = bytearray()

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """Yield the frames that one delta completes.

        Raises
        ------
        BadAudio
            Where a header cannot be read, or changes the format after the first frame.
        WrongEncoding
            Where the bytes are certainly no sound as they were read. From then on
            all is muted.
        """
        if self._file is not None:
            self._keep(data)
            return
        if self._guard is None and self._is_file(data):
            self._file = bytearray(data)
            return
        for piece in self._walker.feed(data):
            yield from self._take(piece)

    def finish(self) -> Iterator[Chunk]:
        """Yield what was held back; after a fault too: it came before the fault.

        Raises
        ------
        Truncated
            If the audio ended inside a frame, or before the end that its header told.
        BadAudio
            If a compressed file cannot be decoded.
        """
        if self._file is not None:
            yield from self._decode_file(bytes(self._file))
            return
        for piece in self._walker.finish():
            yield from self._take(piece)
        yield from self._release()
        missing = self._missing()
        if missing:
            raise Truncated(missing, remedy="What had arrived is kept. Try again")

    def _missing(self) -> str:
        """Tell what the end of the stream has cut off."""
        if self._walker.inside_header:
            return "the audio ended inside its WAV header"
        if self._carry:
            size = self.format.frame_bytes
            return f"the audio ended inside a frame: {len(self._carry)} of {size} bytes"
        if self._sized and self._walker.missing:
            return f"the audio ended {self._walker.missing} bytes before the end its header told"
        return ""

    def _take(self, piece: bytes | AudioFormat) -> list[Chunk]:
        if isinstance(piece, AudioFormat):
            self._adopt(piece)
            return []
        data = self._carry + piece if self._carry else piece
        whole = len(data) - len(data) % self.format.frame_bytes
        self._carry = data[whole:]  # a frame cut by the delta's end: the next one completes it
        return self._pass(data[:whole]) if whole else []

    def _pass(self, data: bytes) -> list[Chunk]:
        """Let whole frames past the guard."""
        frames = self.format.decode(data)
        if self._mute:
            self.muted += len(frames)
            return []
        guard = self._guard
        if guard is None:
            guard = self._guard = Guard(self.format, guessed=self.source == "request")
        found = guard.look(data, frames)
        self._held.append(Chunk(self._limited(frames), data))
        if found:
            self._mute = True
            self.muted += sum(len(chunk.frames) for chunk in self._release())
            raise wrong_encoding(self.format, found)
        if guard.other_law:
            self.warning = (
                f"The audio sounds like {guard.other_law} rather than {self.format.encoding}: "
                f"--decode-as {guard.other_law}"
            )
        return [] if guard.undecided else self._release()

    def _limited(self, frames: Frames) -> Frames:
        # The other encodings cannot hold what is not finite, or beyond full scale.
        return _limited(frames) if self.format.encoding == "pcm_f32le" else frames

    def _release(self) -> list[Chunk]:
        held, self._held = self._held, []
        return held

    def _adopt(self, told: AudioFormat) -> None:
        """Believe a header, unless the user knows better."""
        if self.source == "user":
            return
        if self._guard is not None and told != self.format:
            raise BadAudio(
                f"the stream changed its format from {self.format} to {told}",
                remedy="What had arrived is kept. Name one format with --decode-as to override",
            )
        self.format = told
        self.source = "header"

    def _is_file(self, data: bytes) -> bool:
        return self.source != "user" and not self._carry and data.startswith(_FILE_MAGIC)

    def _keep(self, data: bytes) -> None:
        assert self._file is not None
        if len(self._file) + len(data) > MAX_FILE_BYTES:
            raise TooLarge(
                f"the audio file is larger than {MAX_FILE_BYTES} bytes",
                remedy="Ask for raw audio, which is played as it comes",
            )
        self._file += data

    def _decode_file(self, data: bytes) -> Iterator[Chunk]:
        """Decode a whole compressed file with libsndfile."""
        import io

        import soundfile

        told = read = 0
        timed, whole = with_length(data)
        try:
            with soundfile.SoundFile(io.BytesIO(timed)) as file:
                self.format = AudioFormat("pcm_f32le", file.samplerate, file.channels)
                self.source = "header"
                told = file.frames
                # soundfile seeks after each read, which is exact in FLAC alone: mpg123
                # forgets its bit reservoir, and the seam is heard.
                size = _FLAC_BLOCK if file.format == "FLAC" else max(1, told)
                while len(frames := file.read(size, "float32", always_2d=True)):
                    yield Chunk(_limited(frames), b"" if read else data)
                    read += len(frames)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".") or "damaged, or cut short"
            raise BadAudio(
                f"the audio file cannot be decoded ({reason})",
                remedy="Ask for another format, or for raw audio",
            ) from error
        if read < told or not whole or not _ends_as_ogg_should(data):
            raise Truncated("the audio file was cut short", remedy="Try again")


def _ends_as_ogg_should(data: bytes) -> bool:
    """Tell whether the last page of an Ogg file is whole, and says that it is (RFC 3533 §6).

    libsndfile plays what there is of a shorter one, and finds nothing amiss.
    """
    if not data.startswith(b"OggS"):
        return True
    page = data[data.rindex(b"OggS") :]
    if len(page) < _OGG_HEADER_BYTES or not page[5] & _OGG_END:
        return False
    lengths = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + page[26]]
    return len(page) >= _OGG_HEADER_BYTES + len(lengths) + sum(lengths)


def _limited(frames: Frames) -> Frames:
    """Limit `frames` to full scale, in place; NaN and infinity become silence."""
    import numpy as np

    # One pass over what is healthy; a NaN fails the comparison.
    if not np.abs(frames).max(initial=0) <= 1:
        np.nan_to_num(frames, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        np.clip(frames, -1, 1, out=frames)
    return frames
