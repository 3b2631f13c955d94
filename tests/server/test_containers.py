from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.server import containers
from streamplay.server.containers import (
    Growing,
    encoder,
    nearest_samplerate,
    wav_header,
    why_not,
)


def tone(samplerate: int) -> np.ndarray:
    seconds = np.arange(samplerate) / samplerate
    return (0.3 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32).reshape(-1, 1)


def encoded(container: str, samplerate: int, bit_rate: int = 128000) -> bytes:
    file = io.BytesIO()
    writer = encoder(file, container, AudioFormat("pcm_s16le", samplerate), bit_rate)
    for block in np.array_split(tone(samplerate), 7):
        writer.write(block)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_a_lossless_file_holds_the_frames(container: str) -> None:
    data, rate = soundfile.read(io.BytesIO(encoded(container, 24000)), dtype="int16")
    expected = np.rint(tone(24000)[:, 0] * 32768)
    assert rate == 24000
    assert np.abs(data - expected).max() <= 1


@pytest.mark.parametrize("container", ["mp3", "opus"])
def test_a_lossy_file_sounds_alike(container: str) -> None:
    data, rate = soundfile.read(io.BytesIO(encoded(container, 24000)), dtype="float32")
    assert rate == 24000
    assert len(data) == 24000
    assert abs(np.sqrt(np.mean(data**2)) - 0.3 / np.sqrt(2)) < 0.02


@pytest.mark.parametrize(
    ("samplerate", "asked", "real"),
    [
        (44100, 32000, 32000),
        (44100, 128000, 128000),
        (44100, 192000, 192000),
        (24000, 64000, 64000),
        (24000, 192000, 160000),
        (8000, 128000, 64000),
    ],
)
def test_an_mp3_has_its_bit_rate_or_the_highest_of_its_rate(
    samplerate: int, asked: int, real: int
) -> None:
    bits = 8 * len(encoded("mp3", samplerate, asked))
    # A frame for the Xing header and the encoder's padding come on top of one second.
    assert real <= bits <= 1.25 * real


def test_a_container_without_bounds_holds_any_rate() -> None:
    assert nearest_samplerate("wav", 47999) == 47999
    assert nearest_samplerate("opus", 44100) == 48000


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_header_makes_raw_audio_a_file_that_libsndfile_reads(
    encoding: str, channels: int
) -> None:
    audio = AudioFormat(encoding, 16000, channels)
    frames = np.repeat(tone(16000), channels, axis=1)
    data = audio.encode(frames)
    read, rate = soundfile.read(
        io.BytesIO(wav_header(audio, len(data)) + data), dtype="float32", always_2d=True
    )
    assert rate == 16000
    np.testing.assert_array_equal(read, audio.decode(data))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_an_unknown_size_stands_in_both_places(size: int) -> None:
    header = wav_header(AudioFormat("pcm_s16le", 24000), size)
    assert struct.unpack("<I", header[4:8]) == struct.unpack("<I", header[-4:]) == (size,)


def test_what_leaves_while_it_is_written_is_what_a_file_holds() -> None:
    data = bytes(range(256)) * 20
    growing, taken = Growing(), b""
    for start in range(0, len(data), 1000):
        growing.write(data[start : start + 1000])
        taken += growing.take()
    growing.write(b"end")
    growing.seek(-2, io.SEEK_END)
    growing.write(b"ND")
    # A header is completed at the end: too late for what has left.
    growing.seek(len(data) - 5)
    growing.write(b"-------e")
    assert growing.tell() == len(data) + 3
    assert taken + growing.take() == data + b"--e"
    assert growing.seek(0, io.SEEK_END) == len(data) + 3


def test_aac_is_an_adts_stream_and_is_refused_where_it_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert why_not("aac") == ""
    assert encoded("aac", 24000)[:2] == b"\xff\xf1"
    monkeypatch.setattr(containers, "find_spec", lambda _: None)
    assert "PyAV" in why_not("aac")
    assert why_not("mp3") == ""
