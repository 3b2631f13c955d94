from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.guard import WRONG, compressed, false_alarms, listen, recognised
from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.stream.guard import HOLD_SECONDS, Candidate, Guard, readings_beside, wrong_encoding
from tests.support.sounds import Sound, clipped, spoken, synthetic

if TYPE_CHECKING:
    from streamplay.audio import Frames

# The whole measure takes minutes (benchmarks.guard); these are its first words.
SPEECH = list(spoken(12))


def look(guard: Guard, told: AudioFormat, data: bytes) -> Candidate | None:
    return guard.look(data, told.decode(data))


def voice(samplerate: int = 24000) -> Frames:
    return next(s.frames for s in spoken(200, seed=11) if s.samplerate == samplerate)


@pytest.mark.no_cover
def test_speech_is_never_mistaken() -> None:
    assert false_alarms(SPEECH)[0] == 0


@pytest.mark.no_cover
def test_clipped_speech_is_never_mistaken() -> None:
    assert false_alarms(clipped(iter(SPEECH)))[0] == 0


@pytest.mark.no_cover
def test_music_noise_and_tones_are_never_mistaken() -> None:
    assert false_alarms(islice(synthetic(rates=(8000, 24000)), 0, None, 7))[0] == 0


@pytest.mark.parametrize(("told", "true", "lost", "limit"), WRONG)
def test_a_wrong_encoding_is_recognised_in_time(
    told: str, true: str, lost: int, limit: float
) -> None:
    assert recognised(SPEECH, told, true, lost, limit) == 1


@pytest.mark.no_cover
def test_compressed_audio_is_never_taken_for_samples() -> None:
    assert compressed(SPEECH[:4]) == 1


@pytest.mark.parametrize(("told", "true", "lost", "limit"), WRONG[:7])
@pytest.mark.parametrize("right", [1.0, -0.5])
def test_stereo_is_recognised_whatever_is_in_its_other_channel(
    told: str, true: str, lost: int, limit: float, right: float
) -> None:
    frames = voice() * np.array([1, right], np.float32)
    expected = AudioFormat(told, 24000, 2)
    data = AudioFormat(true, 24000, 2).encode(frames)[lost:]
    data = data[: len(data) - len(data) % expected.frame_bytes]
    assert look(Guard(expected), expected, data) is not None


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_loud_stereo_with_one_silent_channel_is_sound(encoding: str) -> None:
    expected = AudioFormat(encoding, 24000, 2)
    roll = np.random.default_rng(5)
    frames = np.zeros((24000, 2), np.float32)
    frames[:, 0] = roll.uniform(-1, 1, 24000)
    data = expected.encode(frames)
    assert look(Guard(expected), expected, data) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_the_verdict_comes_at_the_same_window_however_the_bytes_are_cut(sizes: list[int]) -> None:
    told = AudioFormat("pcm_s16le", 24000)
    data = AudioFormat("pcm_f32le", 24000).encode(voice()[:12000])
    window = 480 * 2

    def frames_until_verdict(steps: list[int]) -> int:
        guard, at = Guard(told), 0
        while at < len(data):
            size = 2 * steps[at % len(steps)]
            if look(guard, told, data[at : at + size]):
                return (at + size) // window
            at += size
        raise AssertionError("not recognised")

    least = frames_until_verdict([480])
    assert least <= frames_until_verdict(sizes) <= least + 2 * max(sizes) // window + 1


def test_a_few_glitches_are_no_wrong_encoding() -> None:
    told = AudioFormat("pcm_f32le", 24000)
    frames = voice().copy()
    frames[::50] = np.nan
    frames[7::331] = 1e20
    data = frames.astype("<f4").tobytes()
    assert look(Guard(told), told, data) is None


def test_float_silence_with_a_noise_floor_read_as_s16_is_recognised() -> None:
    told = AudioFormat("pcm_s16le", 24000)
    floor = 1e-5 * np.random.default_rng(1).normal(0, 1, (2400, 1)).astype("<f4")
    assert look(Guard(told), told, floor.tobytes()) == Candidate("pcm_f32le")


def test_a_guess_is_undecided_from_its_first_sound_until_enough_was_seen() -> None:
    told = AudioFormat("pcm_s16le", 24000)
    guard = Guard(told, guessed=True)
    assert not guard.undecided
    look(guard, told, bytes(4800))
    assert not guard.undecided
    sound = told.encode(np.full((24000, 1), 0.1, np.float32))
    seen = 0
    while guard.undecided or not seen:
        look(guard, told, sound[:480])
        seen += 240
    assert seen == told.frames(HOLD_SECONDS)


def test_what_is_known_is_never_undecided() -> None:
    told = AudioFormat("pcm_s16le", 24000)
    guard = Guard(told)
    look(guard, told, told.encode(np.full((100, 1), 0.1, np.float32)))
    assert not guard.undecided


def test_sound_not_yet_a_window_long_is_undecided_too() -> None:
    told = AudioFormat("pcm_f32le", 24000)
    guard = Guard(told, guessed=True)
    look(guard, told, np.full(4, np.nan, "<f4").tobytes())
    assert guard.undecided


def test_one_law_is_not_told_from_the_other_by_less_than_a_second_of_vowels() -> None:
    frames = voice(8000)
    sound = Sound("short", 8000, frames[:7000])
    assert listen(sound, "pcm_mulaw", "pcm_alaw").warning == ""


@pytest.mark.parametrize("told", ENCODINGS)
def test_every_other_encoding_is_thought_of_but_the_other_law(told: str) -> None:
    others = {reading.encoding for reading in readings_beside(told) if not reading.shift}
    assert others == {"pcm_s16be", "pcm_u8", *ENCODINGS} - {told} - (
        {"pcm_mulaw", "pcm_alaw", "pcm_u8"} if told in ("pcm_mulaw", "pcm_alaw") else set()
    )


@pytest.mark.parametrize(
    "true", ["pcm_s24le", "pcm_s32le", "pcm_f64le", "pcm_f32be", "pcm_s24be", "pcm_u8"]
)
def test_samples_of_other_sizes_are_recognised(true: str) -> None:
    expected = AudioFormat("pcm_s16le", 24000)
    data = sized(voice(), true)
    guard = Guard(expected, guessed=True)
    found = look(guard, expected, data[: len(data) - len(data) % expected.frame_bytes])
    assert found == Candidate(true)


def sized(frames: Frames, encoding: str) -> bytes:
    """Samples with noise in their last bits, as a model's are."""
    kind, bits, order = encoding[4], int(encoding[5:].rstrip("lbe")), "><"[encoding.endswith("le")]
    if kind == "f":
        return frames.astype(f"{order}f{bits // 8}").tobytes()
    if kind == "u":
        return (frames * 127 + 128).astype("u1").tobytes()
    noise = np.random.default_rng(3).uniform(-1, 1, frames.shape) / 2**20
    whole = ((frames.astype("f8") + noise).clip(-0.99, 0.99) * 2**31).astype(f"{order}i4")
    parts = whole.view("u1").reshape(-1, 4)
    kept = parts[:, 1:] if order == "<" else parts[:, :3]
    return (kept if bits == 24 else parts).tobytes()


def test_the_error_names_the_encoding_and_the_flag() -> None:
    told = AudioFormat("pcm_f32le", 44100)
    error = wrong_encoding(told, Candidate("pcm_s16le"))
    assert "pcm_f32le at 44100 Hz" in str(error)
    assert "--decode-as pcm_s16le" in str(error)


def test_the_error_of_a_lost_byte_promises_no_flag() -> None:
    error = wrong_encoding(AudioFormat("pcm_s16le", 24000), Candidate("pcm_s16le", 1))
    assert "shifted or swapped" in str(error)
    assert "--decode-as pcm" not in str(error)
