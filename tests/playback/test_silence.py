from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.silence import QUIET, PauseTrimmer, VoiceOnset

LOUD = 0.5


def made(*runs: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full((n, 1), level, np.float32) for level, n in runs] or [[]])


def joined(pause: int, pieces: list[np.ndarray], step: int = 1000) -> tuple[np.ndarray, int]:
    trimmer, out, trimmed = PauseTrimmer(pause), [], 0
    for piece in pieces:
        trimmer.begin_piece()
        for at in range(0, len(piece), step):
            passing, cut = trimmer.pass_frames(piece[at : at + step])
            out += passing
            trimmed += cut.end + cut.beginning
    return np.concatenate([*out, *trimmer.finish()]), trimmed


def test_the_silence_between_two_pieces_becomes_the_pause() -> None:
    first, second = made((0, 5), (LOUD, 10), (0, 30)), made((0, 40), (LOUD, 10), (0, 7))
    sound, trimmed = joined(20, [first, second])
    wanted = made((0, 5), (LOUD, 10), (0, 20), (LOUD, 10), (0, 7))
    np.testing.assert_array_equal(sound, wanted)
    assert trimmed == 50


def test_what_is_shorter_than_the_pause_stays_as_it_came() -> None:
    first, second = made((LOUD, 10), (0.001, 5)), made((0.002, 5), (LOUD, 10))
    sound, trimmed = joined(20, [first, second])
    np.testing.assert_array_equal(sound, np.concatenate([first, second]))
    assert trimmed == 0


def test_silence_inside_a_piece_and_at_the_ends_of_the_utterance_is_meant() -> None:
    piece = made((0, 50), (LOUD, 10), (0, 90), (LOUD, 10), (0, 60))
    sound, trimmed = joined(0, [piece])
    np.testing.assert_array_equal(sound, piece)
    assert trimmed == 0


def test_what_is_trimmed_is_told_by_side() -> None:
    trimmer = PauseTrimmer(10)
    trimmer.pass_frames(made((LOUD, 5), (0, 25)))
    trimmer.begin_piece()
    _, cut = trimmer.pass_frames(made((0, 7), (LOUD, 5)))
    assert (cut.end, cut.beginning) == (15, 7)


def test_a_piece_without_any_voice_is_part_of_the_silence() -> None:
    sound, trimmed = joined(5, [made((LOUD, 4)), made((0, 20)), made((LOUD, 4))])
    np.testing.assert_array_equal(sound, made((LOUD, 4), (0, 5), (LOUD, 4)))
    assert trimmed == 15


RUNS = st.lists(st.tuples(st.sampled_from([0.0, QUIET / 2, LOUD]), st.integers(1, 30)), max_size=5)


@given(st.lists(RUNS.map(lambda runs: made(*runs)), max_size=4), st.integers(0, 40))
def test_what_passes_does_not_depend_on_the_chunks_and_nothing_is_lost(
    pieces: list[np.ndarray], pause: int
) -> None:
    pieces = [piece.reshape(-1, 1) for piece in pieces if piece.size]
    if not pieces:
        return
    whole, trimmed = joined(pause, pieces)
    for step in (1, 7):
        again, as_well = joined(pause, pieces, step)
        np.testing.assert_array_equal(again, whole)
        assert as_well == trimmed
    assert len(whole) + trimmed == sum(map(len, pieces))
    assert (whole > QUIET).sum() == sum((piece > QUIET).sum() for piece in pieces)


RATE = 24000


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 2),
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0.0, 0.004, 0.02, 0.5])), max_size=8),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_the_onset_of_voice_does_not_depend_on_the_chunks(
    channels: int, stretches: list[tuple[int, float]], sizes: list[int]
) -> None:
    levels = [np.full((n, channels), level, np.float32) for n, level in stretches]
    sound = np.concatenate([np.zeros((0, channels), np.float32), *levels])
    whole, parts = VoiceOnset(8000), VoiceOnset(8000)
    whole.search(sound)
    edges = [*itertools.accumulate(sizes, initial=0), len(sound)]
    for begin, end in itertools.pairwise(edges):
        parts.search(sound[begin:end])
    assert parts.frame == whole.frame
    windows = [sound[at : at + 80] for at in range(0, len(sound) - 79, 80)]
    loud = [n for n, window in enumerate(windows) if np.mean(np.square(window)) > 1e-4]
    assert whole.frame == (80 * loud[0] if loud else None)


@pytest.mark.parametrize(("decibels", "heard"), [(-39.5, True), (-40.5, False)])
def test_voice_is_what_is_louder_than_40_db_below_full_scale(
    decibels: float, *, heard: bool
) -> None:
    onset = VoiceOnset(RATE)
    onset.search(np.full((2400, 1), 10 ** (decibels / 20), np.float32))
    assert (onset.frame == 0) is heard
