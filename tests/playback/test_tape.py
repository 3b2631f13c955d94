"""The tape alone: which frames it returns after any puts, readings, moves and changes of speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.tape import ENTRY_BYTES, FED, Tape

if TYPE_CHECKING:
    from streamplay.audio import Frames


def numbered(start: int, count: int) -> Frames:
    """Frames whose values are their places."""
    return np.arange(start, start + count, dtype=np.float32).reshape(-1, 1)


def a_tape(*sizes: int) -> Tape:
    tape = Tape()
    for size in sizes:
        tape.put_frames(numbered(tape.end, size))
    return tape


class EveryNth:
    """A stretcher whose frames still tell their places; it holds some back, as real ones do."""

    def __init__(self, speed: float) -> None:
        self._step, self._held, self._at = round(speed), np.empty((0, 1), np.float32), 0

    def convert(self, frames: Frames) -> Frames:
        self._held = np.concatenate((self._held, frames))
        ready, self._held = self._held[:-100], self._held[-100:]
        return self._every(ready)

    def finish(self) -> Frames:
        rest, self._held = self._held, np.empty((0, 1), np.float32)
        return self._every(rest)

    def _every(self, frames: Frames) -> Frames:
        first = -self._at % self._step
        self._at += len(frames)
        return frames[first :: self._step]


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 300)),
        st.tuples(st.just("read"), st.integers(1, 300)),
        st.tuples(st.just("move"), st.integers(0, 2000)),
        st.tuples(st.just("forget"), st.integers(0, 4000)),
        st.tuples(st.just("cut"), st.integers(0, 2000)),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(OPERATIONS)
def test_each_reading_is_the_frames_of_its_places_after_any_moves(
    operations: list[tuple[str, int]],
) -> None:
    tape, wanted = Tape(), 0
    for name, number in operations:
        if name == "put":
            tape.put_frames(numbered(tape.end, number))
        elif name == "move":
            tape.move(number, fade=0)
            wanted = min(max(number, tape.begin), tape.end)
        elif name == "forget":
            tape.forget_behind(number)
        elif name == "cut":
            expected = min(number, tape.end)
            tape.cut_end(number)
            assert tape.end == expected
            wanted = min(wanted, expected)
        elif tape.waiting:
            frames, begin, end = tape.read_frames(number)
            assert 0 < len(frames) <= number
            np.testing.assert_array_equal(frames, numbered(begin, end - begin))
            assert begin == wanted
            wanted = end
        assert 0 <= tape.begin <= tape.place == wanted <= tape.end
        assert tape.waiting == tape.end - wanted
        assert 0 <= tape.waiting_bytes <= tape.kept_bytes
        assert bool(tape.waiting_bytes) == bool(tape.waiting)


def test_what_was_written_is_forgotten_oldest_first_and_what_waits_never() -> None:
    tape = a_tape(100, 100, 100)
    tape.read_frames(100)
    tape.read_frames(50)
    tape.forget_behind(0)
    assert (tape.begin, tape.place, tape.end) == (100, 150, 300)
    assert tape.kept_bytes == 2 * (400 + ENTRY_BYTES)
    tape.move(0, fade=0)
    assert tape.place == 100


def test_the_first_frames_after_a_move_fade_in() -> None:
    tape = Tape()
    tape.put_frames(np.ones((50, 1), np.float32))
    tape.read_frames(50)
    tape.move(10, fade=4)
    first, second = tape.read_frames(3).frames, tape.read_frames(3).frames
    assert [*first[:, 0], *second[:, 0]] == [0.25, 0.5, 0.75, 1, 1, 1]
    tape.move(0, fade=4)
    assert tape.read_frames(1).frames[0, 0] == 1  # its own beginning is no disturbance


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=4),
    st.integers(1, 700),
    st.sampled_from([2.0, 3.0]),
    st.integers(0, 1000),
)
def test_stretched_frames_tell_their_places_and_none_is_left(
    sizes: list[int], room: int, speed: float, before: int
) -> None:
    tape = a_tape(*sizes)
    for _ in range(before // room):
        if tape.waiting:
            tape.read_frames(room)
    tape.set_speed(speed, EveryNth, fade=0)
    tape.finish()
    wanted = tape.place
    while tape.waiting:
        frames, begin, end = tape.read_frames(room)
        assert begin == wanted
        if len(frames):
            assert abs(frames[0, 0] - begin) <= speed
            assert end == tape.end or abs(end - begin - speed * len(frames)) <= speed
        wanted = end
    assert tape.place == tape.end


def test_a_stretcher_that_holds_frames_back_is_waited_for_only_while_more_may_come() -> None:
    tape = a_tape(FED)
    tape.set_speed(2.0, EveryNth, fade=0)
    while tape.waiting:
        tape.read_frames(10_000)
    assert tape.place < tape.end == FED
    tape.finish()
    assert tape.waiting
    tape.read_frames(10_000)
    assert (tape.place, tape.waiting) == (FED, 0)
    tape.put_frames(numbered(FED, 500))  # its text goes on
    assert tape.read_frames(10).frames[0, 0] == FED


def test_what_was_stretched_passes_into_what_follows() -> None:
    tape = Tape()
    tape.put_frames(np.full((4 * FED, 1), 0.5, np.float32))
    tape.set_speed(2.0, EveryNth, fade=8)
    tape.read_frames(100)
    tape.set_speed(1.0, EveryNth, fade=8)
    np.testing.assert_allclose(tape.read_frames(20).frames, 0.5)
    assert tape.place == pytest.approx(220, abs=2)
