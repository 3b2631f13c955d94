"""A voice that stands in for another: how loud each is, and how loud it is played."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.speech.loudness import MOST_DB, Leveller, Loudness, SpeechLevel

RATE = 24000

Samples = np.ndarray[Any, np.dtype[np.float32]]


def voice(level: float, seconds: float = 3.0, seed: int = 1) -> Samples:
    """Syllables of noise and pauses between them, whose speech is so loud (dB of full scale)."""
    chance = np.random.default_rng(seed)
    syllables: list[Samples] = []
    while sum(map(len, syllables)) < seconds * RATE:
        length = int(chance.uniform(0.08, 0.25) * RATE)
        swell = np.sin(np.linspace(0, np.pi, length)) ** 0.5
        syllables.append((chance.normal(0, 1, length) * swell).astype(np.float32))
        syllables.append(np.zeros(int(chance.uniform(0.0, 0.2) * RATE), np.float32))
    frames = np.concatenate(syllables)[: round(seconds * RATE), None]
    return frames * np.float32(10 ** ((level - measured(frames)) / 20))


def measured(frames: Samples) -> float:
    level = SpeechLevel()
    level.add_frames(frames, RATE)
    assert level.decibels is not None
    return level.decibels


def chunks(frames: Samples, size: int = 2400) -> list[Samples]:
    return [frames[at : at + size] for at in range(0, len(frames), size)]


def heard(leveller: Leveller, frames: Samples, *, pace: float = 0.0) -> Samples:
    passed: list[Samples] = []
    for index, each in enumerate(chunks(frames)):
        passed += leveller.pass_frames(each, RATE, index * pace)
    return np.concatenate([*passed, *leveller.release(RATE)])


@settings(max_examples=50)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_the_level_is_the_same_however_the_frames_are_divided(sizes: list[int]) -> None:
    frames, level, at = voice(-20.0, 1.0), SpeechLevel(), 0
    for size in [*sizes, len(frames)]:
        level.add_frames(frames[at : at + size], RATE)
        at += size
    assert level.decibels == pytest.approx(measured(frames), abs=0.01)


def test_pauses_are_no_part_of_the_level() -> None:
    frames = voice(-20.0)
    pauses = np.zeros((2 * RATE, 1), np.float32)
    assert measured(np.concatenate([pauses, frames, pauses])) == pytest.approx(-20.0, abs=0.1)


def test_silence_has_no_level() -> None:
    level = SpeechLevel()
    level.add_frames(np.zeros((RATE, 1), np.float32), RATE)
    assert level.decibels is None


def test_the_first_voice_is_played_as_it_came() -> None:
    leveller, frames = Leveller(Loudness()), voice(-20.0)
    leveller.begin(0, "tara")
    np.testing.assert_array_equal(heard(leveller, frames), frames)


@pytest.mark.parametrize("pace", [0.0, 0.1])  # at once, and in real time
@pytest.mark.parametrize("second", [-34.0, -26.0, -20.0, -10.0])
def test_another_voice_is_played_as_loud_as_the_first(second: float, pace: float) -> None:
    loudness = Loudness()
    leveller = Leveller(loudness)
    leveller.begin(0, "tara")
    heard(leveller, voice(-20.0))
    leveller.begin(1, "other")
    frames = voice(second, 5.0, seed=2)
    played = heard(leveller, frames, pace=pace)
    assert len(played) == len(frames)
    assert measured(played) == pytest.approx(-20.0, abs=1.0)
    assert measured(played[: RATE // 2]) == pytest.approx(-20.0, abs=4.0)
    # And in the next utterance, from its first frame on.
    again = Leveller(loudness)
    again.begin(1, "other")
    assert measured(heard(again, voice(second, 1.0, seed=3))) == pytest.approx(-20.0, abs=1.0)


def test_the_first_voice_comes_back_as_it_was() -> None:
    leveller, frames = Leveller(Loudness()), voice(-20.0)
    for server, level in ((0, -20.0), (1, -30.0)):
        leveller.begin(server, "a voice")
        heard(leveller, voice(level))
    leveller.begin(0, "a voice")
    np.testing.assert_array_equal(heard(leveller, frames), frames)


def test_where_the_first_server_was_never_heard_it_comes_as_loud_as_what_stood_in() -> None:
    leveller = Leveller(Loudness())
    leveller.begin(1, "other")
    np.testing.assert_array_equal(heard(leveller, voice(-30.0)), voice(-30.0))
    leveller.begin(0, "tara")
    assert measured(heard(leveller, voice(-18.0, seed=4))) == pytest.approx(-30.0, abs=1.0)


def test_a_voice_that_the_user_chose_stays_as_loud_as_it_is() -> None:
    leveller = Leveller(Loudness())
    leveller.begin(0, "tara")
    heard(leveller, voice(-20.0))
    leveller.begin(0, "a whisper")
    frames = voice(-40.0)
    np.testing.assert_array_equal(heard(leveller, frames), frames)


def test_the_gain_is_bounded_and_moves_without_a_jump() -> None:
    loudness = Loudness()
    leveller = Leveller(loudness)
    leveller.begin(0, "tara")
    heard(leveller, voice(-10.0))
    leveller.begin(1, "other")
    frames = voice(-50.0)
    played = heard(leveller, frames)
    loud = np.abs(frames[:, 0]) > 1e-4
    gain = 20 * np.log10(np.abs(played[loud, 0] / frames[loud, 0]))
    assert gain.max() <= MOST_DB + 0.01
    assert np.abs(np.diff(gain)).max() < 0.05


@given(st.floats(-60, 0), st.floats(-60, 0))
@settings(max_examples=20)
def test_no_frame_is_lost_or_beyond_full_scale(first: float, second: float) -> None:
    leveller = Leveller(Loudness())
    for server, level in ((0, first), (1, second)):
        leveller.begin(server, "a voice")
        frames = voice(level, 0.5)
        played = heard(leveller, frames)
        assert len(played) == len(frames)
        assert math.isfinite(float(np.abs(played).sum()))
        assert np.abs(played).max() <= max(1.0, np.abs(frames).max())
