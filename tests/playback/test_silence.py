from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamplay.playback.silence import QUIET, Joints

LOUD = 0.5


def made(*runs: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full((n, 1), level, np.float32) for level, n in runs] or [[]])


def joined(pause: int, pieces: list[np.ndarray], step: int = 1000) -> tuple[np.ndarray, int]:
    joints, out, trimmed = Joints(pause), [], 0
    for piece in pieces:
        joints.joint()
        for at in range(0, len(piece), step):
            passing, cut = joints.feed(piece[at : at + step])
            out += passing
            trimmed += cut.end + cut.beginning
    return np.concatenate([*out, *joints.finish()]), trimmed


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
    joints = Joints(10)
    joints.feed(made((LOUD, 5), (0, 25)))
    joints.joint()
    _, cut = joints.feed(made((0, 7), (LOUD, 5)))
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
