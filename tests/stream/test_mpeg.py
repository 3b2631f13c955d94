from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from streamplay.stream.mpeg import with_length

SECONDS = 3


def song(samplerate: int, mode: str, channels: int = 1) -> bytes:
    """Quiet, then loud and rough, so that a variable bit rate varies."""
    time = np.arange(SECONDS * samplerate) / samplerate
    noise = np.random.default_rng(0).normal(0, 0.1, len(time)) * (time > 1)
    wave = (0.1 * np.sin(2 * np.pi * 200 * time) + noise).repeat(channels).reshape(-1, channels)
    file = io.BytesIO()
    soundfile.write(file, wave, samplerate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    return file.getvalue()


def without_tag(data: bytes) -> bytes:
    """Leave out the first frame, which is silent and tells the length."""
    return data[data.index(data[:2], 4) :]


def length(data: bytes) -> int:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        return len(file.read(dtype="float32", always_2d=True))


@pytest.mark.parametrize("samplerate", [8000, 16000, 24000, 44100, 48000])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("before", [b"", b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)])
@pytest.mark.parametrize("after", [b"", b"TAG" + bytes(125)])
def test_a_file_without_its_length_is_given_one_and_heard_whole(
    samplerate: int, mode: str, channels: int, before: bytes, after: bytes
) -> None:
    data = before + without_tag(song(samplerate, mode, channels)) + after
    timed, whole = with_length(data)
    assert whole
    # An encoder adds silence of its own, up to three frames of 1152.
    assert 0 <= length(timed) - SECONDS * samplerate <= 3 * 1152


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_a_file_that_tells_its_length_is_left_alone(mode: str) -> None:
    data = song(24000, mode)
    assert with_length(data) == (data, True)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("before", [b"", b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)])
def test_of_a_file_that_was_cut_nothing_is_printed(
    mode: str, before: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    data = before + song(24000, mode)
    timed, _ = with_length(data[: len(data) // 2])
    assert 0 < length(timed) < SECONDS * 24000
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_a_file_cut_inside_its_last_frame_is_not_whole(mode: str) -> None:
    data = without_tag(song(24000, mode))
    for lost in (1, 7, 50):
        timed, whole = with_length(data[:-lost])
        assert not whole
        assert length(timed) > 1.5 * 24000


@given(st.binary(max_size=200), st.sampled_from([b"", b"ID3", b"\xff\xfb\x90\x00", b"\xff\xf3"]))
def test_what_is_no_mp3_does_no_harm(data: bytes, start: bytes) -> None:
    timed, _ = with_length(start + data)
    assert timed == start + data or b"Xing" in timed
