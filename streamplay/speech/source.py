"""Frames that somebody else has made: through the same ring, policy and receipt."""

from __future__ import annotations

import io
from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from inspect import GEN_CREATED, getgeneratorstate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed, InvalidRequest, Truncated
from streamplay.reading import Ended, read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from typing import BinaryIO

    from streamplay.audio import Frames
    from streamplay.models import FormatSource

BLOCK_SECONDS: Final = 0.25
"""What is longer is handed on in blocks of so much, so that it can be cut in between."""

READ_AHEAD: Final = 8
"""Blocks of an iterable read before they are handed on."""

_READ_BYTES: Final = 65536


@dataclass(frozen=True, slots=True)
class SoundSource:
    """Sound as it is given to a player, in place of a text.

    Attributes
    ----------
    frames : array, iterable or async iterable of arrays
        float32 at full scale ±1.0, or int16; ``(n,)`` or ``(n, channels)``.
    samplerate, channels : int
        Of all of it.
    name : str
        Where it comes from: a file's name, or nothing.
    encoding : str
        What the samples were before they were made float32.
    source : str
        How that is known, as in a receipt's format.
    file : binary stream or None
        What `frames`, a generator, read and close.
    """

    frames: Any
    samplerate: int
    channels: int = 1
    name: str = ""
    encoding: str = "pcm_f32le"
    source: FormatSource = "user"
    file: Any = None

    # What an account asks of a request.
    model = ""
    voice = ""
    response_format = "file"
    stream = True

    @property
    def response_encoding(self) -> str:
        """What it is called that comes."""
        return self.encoding

    @property
    def sample_rate(self) -> int:
        """The rate, by a request's name for it."""
        return self.samplerate

    @property
    def audio(self) -> AudioFormat:
        """What its frames are."""
        return AudioFormat(self.encoding, self.samplerate, self.channels)

    @property
    def expected(self) -> tuple[AudioFormat, FormatSource]:
        """What its frames are, and how that is known."""
        return self.audio, self.source

    def drop(self) -> None:
        """Close the file where nothing of it has been read, nor is going to be."""
        if self.file is not None and getgeneratorstate(self.frames) == GEN_CREATED:
            self.file.close()

    async def blocks(self) -> AsyncGenerator[Frames, None]:
        """Yield its frames as ``float32 (n, channels)``, a quarter of a second at most.

        Raises
        ------
        InvalidRequest
            If something is given that is no such array.
        """
        size = max(1, round(self.samplerate * BLOCK_SECONDS))
        async with aclosing(_arrays(self.frames)) as arrays:
            async for array in arrays:
                frames = as_frames(array, self.channels)
                for at in range(0, len(frames), size):
                    yield frames[at : at + size]


def sound_source(frames: Any, samplerate: int) -> SoundSource:
    """Return a feed of arrays; the first one tells how many channels there are.

    Raises
    ------
    InvalidRequest
        If the rate is none, or what is given is nothing to play.
    """
    if not isinstance(samplerate, int) or samplerate < 1:
        raise InvalidRequest("samplerate", f"{samplerate!r} is no rate", allowed="Hz")
    if isinstance(frames, str | bytes) or not (
        hasattr(frames, "dtype") or isinstance(frames, Iterable | AsyncIterable)
    ):
        allowed = "arrays of float32 or int16"
        raise InvalidRequest("frames", f"cannot be {type(frames).__name__}", allowed=allowed)
    shape: tuple[int, ...] = getattr(frames, "shape", ())
    return SoundSource(frames, samplerate, max(1, shape[1]) if len(shape) == 2 else 1)


def file_source(file: Path | BinaryIO, name: str, decode_as: AudioFormat | None) -> SoundSource:
    """Return a feed of a sound file, or of raw bytes where `decode_as` says what they are.

    Raises
    ------
    FileFailed
        If it cannot be opened, or is no sound.
    """
    try:
        stream = file.open("rb") if isinstance(file, Path) else file
        if decode_as is not None:
            blocks = _raw(stream, decode_as)
            rate, channels = decode_as.samplerate, decode_as.channels
            return SoundSource(blocks, rate, channels, name, decode_as.encoding, file=stream)
        return _sound_file(stream, name)
    except OSError as error:
        raise FileFailed(f"cannot read {name}: {error.strerror or error}") from error


def _sound_file(stream: Any, name: str) -> SoundSource:
    import soundfile

    if not stream.seekable():
        stream = io.BytesIO(stream.read())  # a header may only make sense with the end
    try:
        sound = soundfile.SoundFile(stream)
    except soundfile.LibsndfileError as error:
        stream.close()
        raise FileFailed(
            f"cannot read {name}: {error.error_string.rstrip('.')}",
            remedy="Raw audio needs decode_as (--decode-as ENCODING@RATE)",
        ) from error
    encoding = "pcm_s16le" if sound.subtype == "PCM_16" else "pcm_f32le"
    blocks = _blocks(sound, stream)
    return SoundSource(blocks, sound.samplerate, sound.channels, name, encoding, "header", stream)


def _blocks(sound: Any, stream: Any) -> Iterator[Frames]:
    size = max(1, round(sound.samplerate * BLOCK_SECONDS))
    with stream, sound:
        while len(frames := sound.read(size, dtype="float32", always_2d=True)):
            yield frames


def _raw(stream: BinaryIO, audio: AudioFormat) -> Iterator[Frames]:
    """Read raw bytes as they come.

    Raises
    ------
    Truncated
        If they end inside a frame.
    """
    read = getattr(stream, "read1", stream.read)
    rest = b""
    with stream:
        while data := read(_READ_BYTES):
            data = rest + data
            whole = len(data) - len(data) % audio.frame_bytes
            rest = data[whole:]
            yield audio.decode(data[:whole])
    if rest:
        size = audio.frame_bytes
        raise Truncated(f"the audio ended inside a frame: {len(rest)} of {size} bytes")


def as_frames(array: Any, channels: int) -> Frames:
    """Return an array as ``float32 (n, channels)``, NaN silenced and peaks limited.

    Raises
    ------
    InvalidRequest
        If it is no array of float32 or int16, or has other channels.
    """
    import numpy as np

    kind = str(getattr(array, "dtype", type(array).__name__))
    if kind not in {"float32", "float64", "int16"}:
        raise InvalidRequest("frames", f"holds {kind}", allowed="arrays of float32 or int16")
    frames = array[:, None] if array.ndim == 1 else array
    if frames.ndim != 2 or frames.shape[1] != channels:
        raise InvalidRequest("frames", f"has the shape {array.shape}", allowed=f"(n, {channels})")
    if kind == "int16":
        return np.ascontiguousarray(frames, np.float32) / np.float32(32768)
    heard = np.nan_to_num(frames, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.ascontiguousarray(np.clip(heard, -1, 1), np.float32)


async def _arrays(frames: Any) -> AsyncGenerator[Any, None]:
    """Yield the arrays of whatever was given, and close it where they are not wanted any more."""
    if hasattr(frames, "dtype"):
        yield frames
        return
    async with aclosing(read(frames, "frames", READ_AHEAD)) as reading:
        while not isinstance(item := await reading.queue.get(), Ended):
            reading.taken()
            yield item
    if item.error is not None:
        raise item.error
