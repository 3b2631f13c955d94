"""Whole files: WAV, MP3, FLAC and Ogg Opus, written by libsndfile block by block."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import AudioFormat, Frames

CONTAINERS: Final = ("mp3", "wav", "raw", "pcm", "flac", "opus", "aac")
"""What ``response_format`` may name; aac is refused: libsndfile writes none."""

CONTENT_TYPES: Final = {
    "raw": "application/octet-stream",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
}

# libsndfile's name for the file and what is in it.
_SNDFILE: Final = {
    "wav": ("WAV", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "opus": ("OGG", "OPUS"),
}

# ISO 11172-3 and 13818-3 with the MPEG 2.5 extension; RFC 7845 section 5.1.
_SAMPLERATES: Final = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "opus": (8000, 12000, 16000, 24000, 48000),
}

# The bit rates of MPEG 2 and 2.5 layer III end at 160 kbit/s, of 2.5 at 64.
_MP3_BIT_RATES: Final = ((32000, 32000, 320000), (16000, 8000, 160000), (0, 8000, 64000))


def nearest_samplerate(container: str, samplerate: int) -> int:
    """Return the rate nearest to `samplerate` that `container` can hold."""
    allowed = _SAMPLERATES.get(container, (samplerate,))
    return min(allowed, key=lambda rate: abs(rate - samplerate))


class Encoder:
    """Writes frames into a file of one container.

    Parameters
    ----------
    file : binary file
        Readable, writable, seekable: headers are completed at the end.
    container : str
        ``wav``, ``mp3``, ``flac`` or ``opus``.
    audio : AudioFormat
        Its channels, and its rate: one that the container can hold.
    bit_rate : int
        For MP3, in bits per second; what the rate allows at most is taken.
    """

    def __init__(self, file: IO[bytes], container: str, audio: AudioFormat, bit_rate: int) -> None:
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


class RawWriter:
    """Writes frames as bytes and nothing else, with the face of `Encoder`."""

    def __init__(self, file: IO[bytes], audio: AudioFormat) -> None:
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
