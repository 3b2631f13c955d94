from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import ENCODINGS, READABLE, AudioFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAWS = {"pcm_mulaw": "ULAW", "pcm_alaw": "ALAW"}

every_s16 = np.arange(-32768, 32768, dtype="<i2")
every_code = bytes(range(256))


def _libsndfile(data: bytes, subtype: str) -> NDArray[np.float32]:
    """What libsndfile reads out of headerless bytes."""
    frames, _ = soundfile.read(
        io.BytesIO(data),
        samplerate=8000,
        channels=1,
        format="RAW",
        subtype=subtype,
        dtype="float32",
        always_2d=True,
    )
    return np.asarray(frames)


# --- the format itself


def test_a_format_is_mono_unless_told() -> None:
    assert AudioFormat("pcm_s16le", 24000).channels == 1


@pytest.mark.parametrize(
    ("encoding", "mono"), [("pcm_f32le", 4), ("pcm_s16le", 2), ("pcm_mulaw", 1), ("pcm_alaw", 1)]
)
def test_a_frame_holds_one_sample_for_each_channel(encoding: str, mono: int) -> None:
    assert AudioFormat(encoding, 8000).frame_bytes == mono
    assert AudioFormat(encoding, 8000, channels=2).frame_bytes == 2 * mono


def test_the_encodings_are_those_of_the_speech_api() -> None:
    assert ENCODINGS == ("pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw")
    assert set(ENCODINGS) < set(READABLE)
    assert all(AudioFormat(encoding, 24000).frame_bytes for encoding in READABLE)


def test_an_unknown_encoding_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'mp3' is none of pcm_f32le, pcm_s16le"):
        AudioFormat("mp3", 24000)


@pytest.mark.parametrize(("samplerate", "channels"), [(0, 1), (-1, 1), (24000, 0), (24000, -2)])
def test_an_impossible_format_is_refused(samplerate: int, channels: int) -> None:
    with pytest.raises(ValueError, match="impossible format"):
        AudioFormat("pcm_s16le", samplerate, channels)


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (2, "stereo"), (6, "6 channels")])
def test_a_format_can_be_read_aloud(channels: int, layout: str) -> None:
    told = str(AudioFormat("pcm_s16le", 24000, channels))
    assert told == f"pcm_s16le at 24000 Hz, {layout}"


def test_formats_are_compared_by_what_they_mean() -> None:
    assert AudioFormat("pcm_s16le", 24000) == AudioFormat("pcm_s16le", 24000, 1)
    assert AudioFormat("pcm_s16le", 24000) != AudioFormat("pcm_s16le", 22050)


def test_seconds_and_frames_are_two_names_for_a_length() -> None:
    stereo = AudioFormat("pcm_s16le", 24000, channels=2)
    assert stereo.seconds(36000) == 1.5
    assert stereo.frames(1.5) == 36000
    assert stereo.frames(0.00003) == 1  # 0.72 frames: the nearest, not the one below


@given(st.integers(0, 2**40), st.integers(1, 192000))
def test_frames_to_seconds_and_back_loses_none(frames: int, samplerate: int) -> None:
    form = AudioFormat("pcm_s16le", samplerate)
    assert form.frames(form.seconds(frames)) == frames


# --- s16


def test_every_s16_value_comes_back_as_it_was() -> None:
    form = AudioFormat("pcm_s16le", 24000)
    assert form.encode(form.decode(every_s16.tobytes())) == every_s16.tobytes()


def test_s16_is_little_endian_with_full_scale_at_one() -> None:
    frames = AudioFormat("pcm_s16le", 24000).decode(b"\x00\x80\x00\x40\x01\x00")
    assert frames[:, 0].tolist() == [-1.0, 0.5, 1 / 32768]


def test_s16_decodes_as_libsndfile_decodes_it() -> None:
    data = every_s16.tobytes()
    ours = AudioFormat("pcm_s16le", 24000).decode(data)
    assert np.array_equal(ours, _libsndfile(data, "PCM_16"))


def test_s16_is_rounded_to_the_nearest() -> None:
    frames = np.array([[0.4], [0.6], [-0.6]], dtype=np.float32) / 32768
    assert AudioFormat("pcm_s16le", 24000).encode(frames) == b"\0\0\1\0\xff\xff"


@pytest.mark.parametrize(("level", "limited"), [(1.0, 32767), (7.5, 32767), (-1.5, -32768)])
def test_s16_beyond_full_scale_is_limited_and_never_wraps(level: float, limited: int) -> None:
    data = AudioFormat("pcm_s16le", 24000).encode(np.array([[level]], dtype=np.float32))
    assert int.from_bytes(data, "little", signed=True) == limited


# --- f32


def test_every_float_comes_back_as_it_was_even_what_is_no_number() -> None:
    form = AudioFormat("pcm_f32le", 44100)
    data = np.array([0, -0.0, 1, -1, 3.5, 1e-40, np.inf, np.nan], dtype="<f4").tobytes()
    assert form.encode(form.decode(data)) == data


# --- G.711


@pytest.mark.parametrize(("encoding", "subtype"), LAWS.items())
def test_every_g711_code_decodes_as_libsndfile_decodes_it(encoding: str, subtype: str) -> None:
    ours = AudioFormat(encoding, 8000).decode(every_code)
    assert np.array_equal(ours, _libsndfile(every_code, subtype))


@pytest.mark.parametrize("encoding", LAWS)
def test_every_g711_level_comes_back_as_it_was(encoding: str) -> None:
    form = AudioFormat(encoding, 8000)
    levels = form.decode(every_code)
    assert np.array_equal(form.decode(form.encode(levels)), levels)


@pytest.mark.parametrize("encoding", LAWS)
def test_g711_takes_the_nearest_level_for_every_s16_value(encoding: str) -> None:
    form = AudioFormat(encoding, 8000)
    wanted = every_s16.astype(np.float32) / 32768
    levels = form.decode(every_code)[:, 0]
    nearest = np.abs(wanted[:, np.newaxis] - levels).min(axis=1)
    got = form.decode(form.encode(wanted[:, np.newaxis]))[:, 0]
    assert np.array_equal(np.abs(got - wanted), nearest)


@pytest.mark.parametrize("encoding", LAWS)
@pytest.mark.parametrize("level", [2.0, -2.0])
def test_g711_beyond_full_scale_is_limited(encoding: str, level: float) -> None:
    form = AudioFormat(encoding, 8000)
    loudest = np.abs(form.decode(every_code)).max() * np.sign(level)
    assert form.decode(form.encode(np.array([[level]], dtype=np.float32))) == loudest


# --- all four


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_channels_are_interleaved(encoding: str) -> None:
    data = bytes(range(24))
    mono = AudioFormat(encoding, 8000).decode(data)
    stereo = AudioFormat(encoding, 8000, channels=2).decode(data)
    assert np.array_equal(stereo[:, 0], mono[0::2, 0])
    assert np.array_equal(stereo[:, 1], mono[1::2, 0])


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_frames_are_float32_and_ones_own_to_change(encoding: str, channels: int) -> None:
    frames = AudioFormat(encoding, 8000, channels).decode(bytes(16))
    assert frames.dtype == np.float32
    assert frames.shape == (16 // AudioFormat(encoding, 8000, channels).frame_bytes, channels)
    frames *= 0.5  # raises where it is a view of the bytes, or of the table


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_bytes_are_no_frames(encoding: str) -> None:
    form = AudioFormat(encoding, 8000, channels=2)
    assert form.decode(b"").shape == (0, 2)
    assert form.encode(form.decode(b"")) == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_taken(encoding: str, kind: type) -> None:
    form = AudioFormat(encoding, 8000)
    assert np.array_equal(form.decode(kind(b"\1\2\3\4")), form.decode(b"\1\2\3\4"))


@given(st.sampled_from(ENCODINGS), st.integers(1, 3), st.binary(max_size=64))
def test_bytes_that_end_inside_a_frame_are_refused(
    encoding: str, channels: int, data: bytes
) -> None:
    form = AudioFormat(encoding, 8000, channels)
    if len(data) % form.frame_bytes:
        with pytest.raises(ValueError, match=r"element size|reshape"):
            form.decode(data)
    else:
        assert len(form.decode(data)) == len(data) // form.frame_bytes


@given(st.sampled_from(ENCODINGS), st.integers(1, 2), st.binary(max_size=256), st.data())
def test_frames_do_not_depend_on_where_the_bytes_are_split(
    encoding: str, channels: int, data: bytes, draw: st.DataObject
) -> None:
    form = AudioFormat(encoding, 8000, channels)
    whole = data[: len(data) - len(data) % form.frame_bytes]
    cut = form.frame_bytes * draw.draw(st.integers(0, len(whole) // form.frame_bytes))
    parts = [form.decode(whole[:cut]), form.decode(whole[cut:])]
    assert np.concatenate(parts).tobytes() == form.decode(whole).tobytes()
