"""Files of every container, whole or as they are written.

libsndfile writes WAV, MP3, FLAC and Ogg Opus; AAC comes from PyAV, where that is installed.
"""

from __future__ import annotations

import io
import struct
from importlib import import_module
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from streamplay.audio import AudioFormat, Frames

CONTAINERS: Final = ("mp3", "wav", "raw", "pcm", "flac", "opus", "aac", "mulaw")
"""What ``response_format`` may name; aac needs PyAV (`why_not`)."""

CONTENT_TYPES: Final = {
    "raw": "application/octet-stream",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "mulaw": "audio/x-mulaw",
}

# libsndfile's name for the file and what is in it.
_SNDFILE: Final = {
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
}

_LAYOUTS: Final = {1: "mono", 2: "stereo"}

# ISO 11172-3 and 13818-3 with the MPEG 2.5 extension; RFC 7845 section 5.1.
_SAMPLERATES: Final = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "opus": (8000, 12000, 16000, 24000, 48000),
    # ISO 13818-7, table 35; its encoder here takes none below.
    "aac": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}

# What FLAC's header has room for (RFC 9639, section 8.2).
_MOST_FLAC: Final = 655350

# The bit rates of MPEG 2 and 2.5 layer III end at 160 kbit/s, of 2.5 at 64.
_MP3_BIT_RATES: Final = ((32000, 32000, 320000), (16000, 8000, 160000), (0, 8000, 64000))


def nearest_samplerate(container: str, samplerate: int) -> int:
    """Return the rate nearest to `samplerate` that `container` can hold."""
    allowed = _SAMPLERATES.get(container, (samplerate,))
    return min(allowed, key=lambda rate: abs(rate - samplerate))


def can_hold(container: str, samplerate: int) -> bool:
    """Whether a file of that container can have that rate."""
    if container in _SAMPLERATES:
        return samplerate in _SAMPLERATES[container]
    return container != "flac" or samplerate <= _MOST_FLAC


def why_not(container: str) -> str:
    """Return why `container` cannot be made here; an empty string where it can."""
    if container == "aac" and find_spec("av") is None:
        return "it needs PyAV, pip install 'streamplay[codecs]'"
    return ""


class Encoder(Protocol):
    """Writes frames into a file of one container."""

    def write(self, frames: Frames) -> None:
        """Append frames: ``float32 (n, channels)``."""

    def close(self) -> None:
        """Complete the file; the one that was given stays open."""


def encoder(
    file: IO[bytes] | io.RawIOBase, container: str, audio: AudioFormat, bit_rate: int
) -> Encoder:
    """Return what writes frames into `file`.

    Parameters
    ----------
    file : binary file
        Writable and seekable: headers are completed at the end.
    container : str
        One of `CONTAINERS` that `why_not` has nothing against.
    audio : AudioFormat
        Its channels, and its rate: one that the container can hold.
    bit_rate : int
        For MP3 and AAC, in bits per second; what the rate allows at most is taken.
    """
    if container in ("raw", "pcm", "mulaw"):
        return RawWriter(file, audio)
    if container == "aac":
        return AacWriter(file, audio, bit_rate)
    return SoundFileWriter(file, container, audio, bit_rate)


class SoundFileWriter:
    """Writes WAV, MP3, FLAC and Ogg Opus."""

    def __init__(
        self, file: IO[bytes] | io.RawIOBase, container: str, audio: AudioFormat, bit_rate: int
    ) -> None:
        import soundfile

        kind, subtype = _SNDFILE[container]
        options = {}
        if container == "mp3":
            options = {
                "bitrate_mode": "CONSTANT",
                "compression_level": _compression(audio.samplerate, bit_rate),
            }
        self._file = soundfile.SoundFile(
            file, "w", audio.samplerate, audio.channels, subtype, format=kind, **options
        )

    def write(self, frames: Frames) -> None:
        """Append frames."""
        self._file.write(frames)

    def close(self) -> None:
        """Complete the file; the one that was given stays open."""
        self._file.close()


class AacWriter:
    """Writes AAC in ADTS, which has no header of the whole."""

    def __init__(self, file: IO[bytes] | io.RawIOBase, audio: AudioFormat, bit_rate: int) -> None:
        self._av: Any = import_module("av")
        self._audio = audio
        self._container = self._av.open(file, "w", format="adts")
        self._stream = self._container.add_stream("aac", rate=audio.samplerate)
        self._stream.layout = _LAYOUTS[audio.channels]
        # The encoder takes 6144 bits a frame of 1024 samples at most (ISO 13818-7, 8.2.2.3).
        self._stream.bit_rate = min(bit_rate, 6 * audio.samplerate * audio.channels)
        self._frames = 0

    def write(self, frames: Frames) -> None:
        """Append frames."""
        import numpy as np

        if not len(frames):
            return
        planes = np.ascontiguousarray(frames.T, dtype=np.float32)
        frame = self._av.AudioFrame.from_ndarray(planes, "fltp", _LAYOUTS[self._audio.channels])
        frame.sample_rate, frame.pts = self._audio.samplerate, self._frames
        self._frames += len(frames)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


class Growing(io.RawIOBase):
    """A file that leaves while it is written: what was taken cannot be completed any more.

    A length that a writer adds to its header at the end is lost then, as with every server that
    streams: readers of such a stream cannot count on one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._taken = 0
        self._place = 0

    def take(self) -> bytes:
        """Return what was written since the last call."""
        data = bytes(self._held)
        self._taken += len(data)
        self._held.clear()
        return data

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True: a writer that asks would refuse otherwise."""
        return True

    def tell(self) -> int:
        """Return the place of the next write."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the place of the next write."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = start + offset
        return self._place

    def write(self, data: Any) -> int:
        """Write at the place; what has been taken already is left as it is."""
        view = memoryview(data).cast("B")
        begin, self._place = self._place, self._place + len(view)
        late = max(0, self._taken - begin)
        if late < len(view):
            start = begin + late - self._taken
            self._held[start : start + len(view) - late] = view[late:]
        return len(view)

    @property
    def _end(self) -> int:
        return self._taken + len(self._held)


class RawWriter:
    """Writes frames as bytes and nothing else."""

    def __init__(self, file: IO[bytes] | io.RawIOBase, audio: AudioFormat) -> None:
        self._file = file
        self._audio = audio

    def write(self, frames: Frames) -> None:
        """Append frames."""
        self._file.write(self._audio.encode(frames))

    def close(self) -> None:
        """Do nothing: raw audio has no end to write."""


def _compression(samplerate: int, bit_rate: int) -> float:
    """Return libsndfile's compression level for a constant bit rate.

    It maps 0..1 linearly onto highest..lowest and takes the nearest bit rate that
    there is (mpeg_l3_encode.c); at 1 itself it fails.
    """
    lowest, highest = next(
        (low, high) for above, low, high in _MP3_BIT_RATES if samplerate >= above
    )
    return min(0.99, max(0.0, (highest - bit_rate) / (highest - lowest)))


def wav_header(audio: AudioFormat, size: int) -> bytes:
    """Return a RIFF header for raw audio, ending where the samples begin.

    Parameters
    ----------
    size : int
        Of the samples in bytes; 0 and 0xFFFFFFFF stand for an unknown one, and
        are then the size of the whole file too, as streaming servers write it.
    """
    # RFC 2361: the format tags of WAVE.
    tags = {"pcm_s16le": 1, "pcm_f32le": 3, "pcm_alaw": 6, "pcm_mulaw": 7}
    fmt = struct.pack(
        "<HHIIHH",
        tags[audio.encoding],
        audio.channels,
        audio.samplerate,
        audio.samplerate * audio.frame_bytes,
        audio.frame_bytes,
        audio.frame_bytes // audio.channels * 8,
    )
    whole = size if size in {0, 0xFFFFFFFF} else 36 + size
    return (
        b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
        + b"data" + struct.pack("<I", size)
    )  # fmt: skip
