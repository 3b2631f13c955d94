"""Frames that somebody else has made: through the same ring, policy and receipt."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from inspect import GEN_CREATED, getgeneratorstate
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed, InvalidRequest, NoAudio, StreamBroken
from streamplay.reading import Ended, read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from typing import BinaryIO

    from streamplay.audio import Frames
    from streamplay.models import FormatSource
    from streamplay.stream.decoder import Chunk, Decoder

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
    reader : object or None
        What decodes it.
    """

    frames: Any
    samplerate: int
    channels: int = 1
    name: str = ""
    encoding: str = "pcm_f32le"
    source: FormatSource = "user"
    file: Any = None
    reader: _FileReader | None = None

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

    @property
    def muted(self) -> int:
        """Frames that were read and silenced."""
        return self.reader.decoder.muted if self.reader else 0

    @property
    def warning(self) -> str:
        """What is doubtful about the file, as a sentence for people; mostly nothing."""
        return self.reader.decoder.warning if self.reader else ""

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

    What is in it is found out as in an answer of a server, and decoded as it is read: a file that
    is still being written, or comes through a pipe, is heard as it comes.

    Raises
    ------
    FileFailed
        If it cannot be opened, or is no sound.
    """
    from streamplay.stream.decoder import Decoder

    try:
        stream = file.open("rb") if isinstance(file, Path) else file
    except OSError as error:
        raise FileFailed(f"cannot read {name}: {error.strerror or error}") from error
    if decode_as is not None:
        reader = _FileReader(stream, Decoder(decode_as, "user"))
        rate, channels = decode_as.samplerate, decode_as.channels
        return SoundSource(
            reader.frames(), rate, channels, name, decode_as.encoding, file=stream, reader=reader
        )
    reader = _FileReader(stream, Decoder(_UNKNOWN, "request"))
    try:
        told = reader.find_format(name)
    except BaseException:
        stream.close()
        raise
    return SoundSource(
        reader.frames(),
        told.samplerate,
        told.channels,
        name,
        told.encoding,
        "header",
        stream,
        reader,
    )


_UNKNOWN: Final = AudioFormat("pcm_s16le", 24000)
"""What a file without any mark is taken for, only to be refused."""


class _FileReader:
    """Decodes a file, or what comes through a pipe, as it is read.

    Attributes
    ----------
    decoder : Decoder
        What it is decoded by.
    """

    def __init__(self, stream: BinaryIO, decoder: Decoder) -> None:
        self.decoder = decoder
        self._stream = stream
        # Where there is a choice not `read`: it waits for all that it asks for, through a pipe too.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._begun: list[Chunk] = []  # decoded before anyone has asked for frames
        self._beginning = b""
        self._chunks = self._decode()

    def find_format(self, name: str) -> AudioFormat:
        """Read as far as it takes to tell what is in the file.

        Raises
        ------
        FileFailed
            If that is no sound.
        """
        try:
            for chunk in self._chunks:
                self._begun.append(chunk)
                if self.decoder.source != "header":
                    raise self._no_sound(name, _UNMARKED)
                if len(chunk.frames):
                    return self.decoder.format
        except StreamBroken as error:
            raise self._no_sound(name, error.message) from error
        except OSError as error:
            raise FileFailed(f"cannot read {name}: {error.strerror or error}") from error
        raise self._no_sound(name, "there is no sound in it")

    def _no_sound(self, name: str, why: str) -> FileFailed:
        remedy = _RAW
        if _is_text(self._beginning):
            why = "it is text" if why == _UNMARKED else why
            nameless = name.startswith("<")  # standard input, or another stream without a file
            how = "pipe it into streamplay say" if nameless else f"streamplay say -f {name}"
            remedy = f"To hear it: {how}"
        return FileFailed(f"cannot read {name}: {why}", remedy=remedy)

    def frames(self) -> Iterator[Frames]:
        """Yield its frames, and close it.

        Raises
        ------
        StreamBroken
            Where it breaks; `NoAudio` where it is empty.
        """
        begun, self._begun = self._begun, []
        count = 0
        with self._stream:
            for chunk in chain(begun, self._chunks):
                count += len(chunk.frames)
                yield chunk.frames
        if not count:
            raise NoAudio("there is no sound in what was to be played")

    def _decode(self) -> Iterator[Chunk]:
        fault: StreamBroken | None = None
        while fault is None and (data := self._read(_READ_BYTES)):
            self._beginning = self._beginning or data
            try:
                yield from self.decoder.feed(data)
            except StreamBroken as error:
                fault = error
        if fault is None:
            yield from self.decoder.finish()
            return
        with suppress(StreamBroken):
            yield from self.decoder.finish()
        raise fault


def _is_text(data: bytes) -> bool:
    """Return whether bytes are the beginning of a text: UTF-8 without control characters."""
    text = data.decode("utf-8", "ignore")
    # At most one character at the end is cut in two.
    whole = len(data) - len(text.encode()) <= 3
    return bool(text) and whole and not any(char < " " and char not in "\t\n\f\r" for char in text)


_UNMARKED: Final = "it is no sound file"
_RAW: Final = "Raw audio needs decode_as (--decode-as ENCODING@RATE)"


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
