"""Sound in every container and codec that servers send, written by libsndfile and FFmpeg."""

from __future__ import annotations

import io
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
import numpy as np
import soundfile
import soxr

RATE: Final = 24000


class Kind(NamedTuple):
    """A container with a codec.

    Parameters
    ----------
    media : str
        What a server that is right says of it.
    writer : str
        libsndfile's name of the container, or FFmpeg's in lower case.
    codec : str
        The same of the codec.
    slack : int
        Milliseconds of silence that the encoder adds, and that nothing in the stream tells.
    """

    media: str
    writer: str
    codec: str
    slack: int = 0
    options: tuple[tuple[str, str], ...] = ()


KINDS: Final = {
    "WAV 8": Kind("audio/wav", "WAV", "PCM_U8"),
    "WAV 16": Kind("audio/wav", "WAV", "PCM_16"),
    "WAV 24": Kind("audio/wav", "WAV", "PCM_24"),
    "WAV 32": Kind("audio/wav", "WAV", "PCM_32"),
    "WAV f32": Kind("audio/wav", "WAV", "FLOAT"),
    "WAV f64": Kind("audio/wav", "WAV", "DOUBLE"),
    "WAV A-law": Kind("audio/wav", "WAV", "ALAW"),
    "WAV µ-law": Kind("audio/wav", "WAV", "ULAW"),
    "WAV extensible": Kind("audio/wav", "WAVEX", "PCM_24"),
    "WAV ADPCM": Kind("audio/wav", "WAV", "IMA_ADPCM", 50),
    "RF64": Kind("audio/wav", "RF64", "PCM_16"),
    "W64": Kind("audio/x-w64", "W64", "PCM_16"),
    "AIFF": Kind("audio/aiff", "AIFF", "PCM_16"),
    "AIFC": Kind("audio/aiff", "AIFF", "FLOAT"),
    "AU": Kind("audio/basic", "AU", "PCM_16"),
    "CAF ALAC": Kind("audio/x-caf", "CAF", "ALAC_16"),
    "mp3": Kind("audio/mpeg", "MP3", "MPEG_LAYER_III"),
    "mp3 untagged": Kind("audio/mpeg", "mp3", "libmp3lame", 120, (("write_xing", "0"),)),
    "ADTS AAC": Kind("audio/aac", "adts", "aac", 120),
    "Ogg Opus": Kind("audio/ogg", "OGG", "OPUS"),
    "Ogg Vorbis": Kind("audio/ogg", "OGG", "VORBIS"),
    "FLAC": Kind("audio/flac", "FLAC", "PCM_16"),
    "M4A": Kind("audio/mp4", "ipod", "aac", 120, (("movflags", "faststart"),)),
    "M4A, table last": Kind("audio/mp4", "ipod", "aac", 120),
    "MP4 fragments": Kind(
        "audio/mp4",
        "mp4",
        "aac",
        120,
        (("movflags", "empty_moov+default_base_moof+frag_every_frame"),),
    ),
    "WebM Opus": Kind("audio/webm", "webm", "libopus"),
    "WebM Opus, live": Kind("audio/webm", "webm", "libopus", 0, (("live", "1"),)),
    "Matroska AAC": Kind("audio/webm", "matroska", "aac", 120),
}
"""By the name that tables show."""


Samples = np.ndarray[Any, np.dtype[np.float32]]


def tone(seconds: float = 1.0, rate: int = RATE) -> Samples:
    """Return a tone that is no louder than speech."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.2 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


@cache
def encoded(name: str, seconds: float = 1.0) -> bytes:
    """Return so much of a tone in a container of `KINDS`."""
    return in_container(KINDS[name], tone(seconds), RATE)


def in_container(kind: Kind, frames: Samples, rate: int) -> bytes:
    """Return mono frames in a container."""
    if kind.writer.isupper():
        file = io.BytesIO()
        if kind.codec == "OPUS" and rate not in _OPUS_RATES:
            frames, rate = soxr.resample(frames, rate, 48000), 48000
        soundfile.write(file, frames, rate, format=kind.writer, subtype=kind.codec)
        return file.getvalue()
    return _by_ffmpeg(kind, frames, rate)


_OPUS_RATES: Final = (8000, 12000, 16000, 24000, 48000)


def _by_ffmpeg(kind: Kind, frames: Samples, rate: int) -> bytes:
    own = 48000 if kind.codec == "libopus" else rate
    options = dict(kind.options)
    with (
        tempfile.NamedTemporaryFile() as file,  # faststart opens it once more
        av.open(file.name, "w", format=kind.writer, options=options) as container,
    ):
        stream: Any = container.add_stream(kind.codec, rate=own, layout="mono")
        stream.codec_context.open()
        flat = np.ascontiguousarray(frames.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(flat, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        context = stream.codec_context
        resampler = av.AudioResampler(context.format, "mono", own, context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            for packet in stream.encode(part):
                container.mux(packet)
        container.close()
        return Path(file.name).read_bytes()


def untagged(mp3: bytes) -> bytes:
    """Return an mp3 file without its first frame, which holds a tag and no sound."""
    from streamplay.codecs.mp3 import read_header

    header = read_header(mp3, 0)
    assert header is not None
    return mp3[header.size :]


def with_wav_size(data: bytes, size: int, rate: int = RATE) -> bytes:
    """Return samples of 16 bits behind a WAV header that tells a size."""
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    head = b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + b"WAVEfmt "
    return head + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
