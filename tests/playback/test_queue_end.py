"""The queue with a playout whose blocks the test renders: no clock, no lock, no loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from streamplay.playback import queue as queue_module
from streamplay.playback.playout import Playout
from streamplay.playback.queue import QUEUE_BYTES, PlaybackQueue
from streamplay.playback.tape import weight
from streamplay.playback.track import Track

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE, CAPACITY, RESERVE, DRAIN = 8000, 1000, 100, 50
FADE = 40


class Bench:
    """A queue, its playout, and what was rendered."""

    def __init__(self, reserve: int = 0) -> None:
        self.playout = Playout(RATE, 1, CAPACITY)
        self.queue = PlaybackQueue(self.playout, reserve)
        self.queue.drain = DRAIN
        self.heard: list[float] = []

    def track(self, *values: float, closed: bool = True) -> Track:
        """Add a track of these frames."""
        track = Track()
        self.queue.tracks.append(track)
        if values:
            frames = np.array(values, np.float32).reshape(-1, 1)
            self.queue.put_frames(track, frames)
        if closed:
            self.queue.close(track)
        self.queue.step()
        return track

    def render(self, frames: int) -> None:
        block = memoryview(bytearray(4 * frames)).cast("f")
        self.playout.render(block, 0.0)
        self.heard += block.tolist()
        self.queue.step()


def test_tracks_are_heard_one_behind_the_other_without_a_frame_between() -> None:
    bench = Bench()
    first, second = bench.track(0.1, 0.2), bench.track(0.3)
    assert (first.start, first.stop, second.start, second.stop) == (0, 2, 2, 3)
    bench.render(4)
    assert bench.heard == pytest.approx([0.1, 0.2, 0.3, 0.0])


def test_a_track_is_settled_once_the_device_has_been_fed_its_drain() -> None:
    bench = Bench()
    track = bench.track(0.1, 0.2)
    assert bench.queue.due_in() == 2
    bench.render(2)
    assert bench.queue.settle(bench.playout.position) == []
    assert bench.queue.due_in() == DRAIN
    bench.render(DRAIN)
    assert bench.queue.settle(bench.playout.position) == [track]
    assert bench.queue.tracks == []
    assert bench.queue.due_in() is None


def test_what_does_not_fit_waits_and_is_due_when_there_is_room() -> None:
    bench = Bench()
    values = np.linspace(0.1, 0.9, CAPACITY + 300).tolist()
    track = bench.track(*values)
    assert (track.waiting, track.stop) == (300, None)
    due = bench.queue.due_in()
    assert due is not None
    bench.render(due)
    assert track.waiting == 300 - due
    while len(bench.heard) < len(values):
        bench.render(25)
    assert bench.heard == pytest.approx(values)


def test_frames_are_kept_free_for_what_follows_a_cut() -> None:
    bench = Bench(RESERVE)
    cut = bench.track(*[0.5] * CAPACITY)
    follows = bench.track(0.25)
    assert (cut.waiting, follows.start) == (RESERVE, None)
    bench.render(20)
    bench.queue.cut([cut])
    assert follows.start is not None  # it lies in the ring already
    bench.render(FADE + 1)
    assert bench.heard[20 + FADE] == 0.25


def test_a_cut_fades_out_and_drops_what_waits() -> None:
    bench = Bench()
    track = bench.track(*[0.5] * (CAPACITY + 200), closed=False)
    bench.render(100)
    bench.queue.cut([track])
    bench.render(200)
    assert (track.cut, track.closed, track.waiting) == (True, True, 0)
    assert bench.heard[100] <= 0.5
    assert not any(bench.heard[100 + FADE :])
    assert bench.queue.settle(bench.playout.position) == [track]


def test_what_was_handed_over_whole_cannot_be_cut() -> None:
    bench = Bench()
    track = bench.track(0.1, 0.2)
    bench.render(2)
    bench.queue.cut([track])
    assert not track.cut


def test_a_track_that_never_had_a_frame_is_done_at_once() -> None:
    bench = Bench()
    track = bench.track()
    assert bench.queue.settle(0) == [track]


def test_running_dry_is_the_networks_fault_only_while_more_is_on_its_way() -> None:
    bench = Bench()
    track = bench.track(0.1, closed=False)
    assert not bench.queue.is_dry(track)
    bench.render(1)
    assert not bench.queue.is_dry(track)  # no block has asked for more yet
    bench.render(5)
    assert bench.queue.is_dry(track)
    track.idle = True
    assert not bench.queue.is_dry(track)


def test_nothing_starts_below_the_level() -> None:
    bench = Bench()
    track = Track(level=3)
    bench.queue.tracks.append(track)
    bench.queue.put_frames(track, np.full((2, 1), 0.5, np.float32))
    bench.queue.step()
    bench.render(2)
    assert bench.heard == [0, 0]
    bench.queue.put_frames(track, np.full((1, 1), 0.5, np.float32))
    bench.queue.step()
    bench.render(3)
    assert bench.heard[2:] == [0.5] * 3


def test_it_is_full_by_the_bytes_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "QUEUE_BYTES", 4000)
    bench = Bench()
    track = bench.track(*[0.5] * CAPACITY, closed=False)
    assert not bench.queue.is_full
    bench.queue.put_frames(track, np.zeros((1000, 1), np.float32))
    assert bench.queue.is_full
    for bound, full in ((weight(np.zeros((1000, 1), np.float32)), True), (5000, False)):
        monkeypatch.setattr(queue_module, "QUEUE_BYTES", bound)
        assert bench.queue.is_full == full
    assert QUEUE_BYTES == 64 << 20  # docs/security.md promises it


def test_the_ring_is_filled_to_its_last_frame() -> None:
    bench = Bench()
    track = bench.track(*[0.5] * (CAPACITY + 1))
    assert track.waiting == 1
    bench.render(1)
    assert track.waiting == 0


def test_what_waits_is_due_when_an_eighth_of_the_ring_is_free_and_never_while_paused() -> None:
    bench = Bench()
    bench.track(*[0.5] * (2 * CAPACITY))
    bench.playout.render(memoryview(bytearray(4 * 20)).cast("f"), 0.0)
    assert bench.queue.due_in() == CAPACITY // 8 - 20
    bench.playout.pause()
    assert bench.queue.due_in() is None


def test_nothing_is_written_while_a_device_wakes_and_then_it_is_due_at_once() -> None:
    bench = Bench()
    bench.queue.opens_at = 30
    track = bench.track(*[0.5] * 500)
    assert (track.waiting, bench.queue.due_in()) == (500, 30)
    bench.playout.render(memoryview(bytearray(4 * 30)).cast("f"), 0.0)
    assert bench.queue.due_in() == 1
    bench.queue.step()
    assert track.waiting == 0


def test_a_track_is_due_with_its_last_frame_in_the_device_and_after_its_fade() -> None:
    bench = Bench()
    track = bench.track(0.1, 0.2)
    bench.render(2)
    bench.queue.settle(bench.playout.position)
    bench.render(DRAIN - 1)
    assert bench.queue.due_in() == 1
    bench.render(1)
    assert bench.queue.settle(bench.playout.position) == [track]
    cut = bench.track(*[0.5] * 200)
    bench.render(10)
    bench.queue.cut([cut])
    assert bench.queue.due_in() == FADE


def test_what_is_going_to_be_skipped_is_counted_up_to_a_position() -> None:
    bench = Bench()
    bench.track(*[0.5] * 100)
    cut = bench.track(*[0.5] * 100)
    bench.track(*[0.5] * 100)
    bench.render(20)
    bench.queue.cut([cut])
    assert [bench.queue.skipped_before(at) for at in (90, 100, 150, 300)] == [0, 0, 50, 100]


def test_what_was_heard_and_is_not_kept_is_forgotten() -> None:
    bench = Bench()
    track = bench.track(*[0.5] * CAPACITY, closed=False)
    bench.render(100)
    assert track.tape.kept_bytes == 0


def test_nothing_is_taken_back_of_a_track_that_is_closed_or_gone() -> None:
    bench = Bench()
    bench.queue.opens_at = 1000
    closed = bench.track(*[0.5] * 50)
    assert bench.queue.take_back(closed, 20) == 0
    gone = Track()
    gone.tape.put_frames(np.zeros((50, 1), np.float32))
    assert bench.queue.take_back(gone, 20) == 0
    going = bench.track(*[0.5] * 50, closed=False)
    assert bench.queue.take_back(going, 80) == 50


def test_a_track_that_was_cut_keeps_its_speed_and_its_silence() -> None:
    bench = Bench()
    track = bench.track(*[0.5] * 200, closed=False)
    bench.queue.set_speed(track, 2.0, Stretched)
    assert track.tape.speed == 2.0
    bench.queue.cut([track])
    bench.queue.set_speed(track, 3.0, Stretched)
    assert track.tape.speed != 3.0
    other = Track()
    bench.queue.move(track, 0)
    bench.queue.move(other, 0)
    assert (track.moves, other.moves) == (0, 0)
    bench.render(FADE)
    bench.render(200)
    assert not any(bench.heard[-200:])


class Stretched:
    """A stretcher that stretches nothing."""

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def convert(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        return frames

    def finish(self) -> NDArray[np.float32]:
        return np.empty((0, 1), np.float32)


class Holding(Stretched):
    """A stretcher that gives nothing before its end."""

    def __init__(self, speed: float) -> None:
        super().__init__(speed)
        self._held: list[NDArray[np.float32]] = []

    def convert(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        self._held.append(frames)
        return frames[:0]

    def finish(self) -> NDArray[np.float32]:
        return np.concatenate(self._held)


@pytest.mark.parametrize("ended", ["close", "set_idle"])
def test_what_a_stretcher_holds_is_heard_once_nothing_is_on_its_way(ended: str) -> None:
    bench = Bench()
    track = bench.track(closed=False)
    bench.queue.set_speed(track, 2.0, Holding)
    bench.queue.put_frames(track, np.full((60, 1), 0.5, np.float32))
    bench.queue.step()
    assert (track.parts, bench.playout.written) == ([], 0)
    getattr(bench.queue, ended)(track)
    bench.queue.step()
    assert bench.playout.written == 60


def test_no_more_is_forgotten_than_is_needed_and_nothing_that_may_be_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    chunk = np.full((50, 1), 0.5, np.float32)
    first, second, third = (bench.track(closed=False) for _ in range(3))
    for track in (first, second, third):
        track.keeps = True
        for _ in range(6):
            bench.queue.put_frames(track, chunk)
        bench.queue.close(track)
    bench.queue.step()
    each = weight(chunk)
    assert third.start == 600
    assert not bench.queue.take_back(third, 1)
    for over, begins in ((1, (50, 0, 0)), (each, (100, 0, 0)), (each + 1, (200, 0, 0))):
        kept = sum(track.tape.kept_bytes for track in (first, second, third))
        monkeypatch.setattr(queue_module, "QUEUE_BYTES", kept - over)
        bench.queue.step()
        assert tuple(track.tape.begin for track in (first, second, third)) == begins
    monkeypatch.setattr(queue_module, "QUEUE_BYTES", 0)
    late = bench.track(*[0.5] * 50, closed=False)
    late.keeps = True
    assert late.start == 900  # too far ahead to have begun
    bench.queue.step()
    assert (first.tape.kept_bytes, third.tape.kept_bytes) == (0, 0)
    assert (late.tape.begin, late.tape.kept_bytes) == (0, each)


def test_frames_that_come_let_others_be_forgotten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    track = bench.track(closed=False)
    track.keeps = True
    bench.queue.put_frames(track, np.zeros((50, 1), np.float32))
    bench.queue.step()
    bench.queue.put_frames(track, np.zeros((50, 1), np.float32))
    assert track.tape.begin == 0
    monkeypatch.setattr(queue_module, "QUEUE_BYTES", 0)
    bench.queue.put_frames(track, np.zeros((50, 1), np.float32))
    assert track.tape.begin == 50


def test_what_is_taken_back_whole_has_no_part_in_the_ring() -> None:
    bench = Bench()
    bench.track(*[0.5] * 900)
    track = bench.track(*[0.5] * 100, closed=False)
    assert bench.queue.take_back(track, 100) == 100
    assert track.start is None


def test_the_level_is_told_before_the_frames_and_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    track = bench.track(closed=False)
    track.level = 50
    told: list[int] = []
    write = bench.playout.write_frames

    def note_and_write(frames: NDArray[np.float32]) -> None:
        told.append(bench.playout.start_level)
        write(frames)

    monkeypatch.setattr(bench.playout, "write_frames", note_and_write)
    bench.queue.put_frames(track, np.full((10, 1), 0.5, np.float32))
    bench.queue.step()
    assert (told, bench.playout.start_level) == ([40], 50)


def test_a_cut_tells_the_level_of_what_follows_at_once() -> None:
    bench = Bench()
    cut = bench.track(*[0.5] * 50)
    following = bench.track(*[0.5] * 10, closed=False)
    following.level = 50
    assert bench.playout.start_level == 1
    bench.queue.cut([cut])
    assert bench.playout.start_level == 50


def test_a_ring_is_filled_to_its_last_frame_where_something_in_it_was_cut() -> None:
    bench = Bench(reserve=RESERVE)
    bench.queue.cut([bench.track(*[0.5] * 2000, closed=False)])
    bench.track(*[0.25] * 500)
    assert bench.playout.space == 0
    assert bench.queue.due_in() == min(FADE, CAPACITY // 8)


def test_the_reserve_is_no_room() -> None:
    bench = Bench(reserve=RESERVE)
    bench.track(*[0.5] * 2000)
    assert (bench.playout.space, bench.queue.due_in()) == (RESERVE, CAPACITY // 8)


def test_an_idle_track_with_frames_that_wait_has_no_gap() -> None:
    bench = Bench()
    idle = bench.track(*[0.25] * (CAPACITY + 100), closed=False)
    bench.queue.set_idle(idle)
    first = Track()
    bench.queue.insert(first, [])
    bench.queue.put_frames(first, np.full((50, 1), 0.5, np.float32))
    bench.queue.step()
    assert bench.queue.tracks == [idle, first]


def test_in_a_gap_two_tracks_change_places() -> None:
    bench = Bench()
    idle = bench.track(*[0.25] * 10, closed=False)
    bench.queue.set_idle(idle)
    bench.render(10)
    first = Track()
    bench.queue.insert(first, [])
    bench.queue.put_frames(first, np.full((50, 1), 0.5, np.float32))
    bench.queue.step()
    assert bench.queue.tracks == [first, idle]


def test_what_was_cut_stays_silent_where_another_is_given_first() -> None:
    bench = Bench()
    bench.track(*[0.5] * 900)
    cut = bench.track(*[0.25] * 50, closed=False)
    bench.queue.cut([cut])
    bench.queue.insert(Track(closed=True), [cut])
    assert cut.waiting == 0
    for _ in range(10):
        bench.render(100)
    assert 0.25 not in bench.heard


def test_a_signal_in_the_middle_of_a_cut_is_obeyed_by_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    first, second = (bench.track(*[0.5] * 50, closed=False) for _ in range(2))
    skip = bench.playout.skip

    def interrupted(stretches: list[tuple[int, int]]) -> None:
        monkeypatch.undo()
        bench.queue.cut([second])
        skip(stretches)

    monkeypatch.setattr(bench.playout, "skip", interrupted)
    bench.queue.cut([first])
    bench.queue.step()
    assert (first.cut, second.cut) == (True, True)


def test_what_was_handed_over_is_not_given_up() -> None:
    bench = Bench()
    over, waits = bench.track(0.1, 0.2), bench.track(0.3)
    bench.render(2)
    assert bench.queue.give_up(2) == [over, waits]
    assert (over.cut, over.stop, waits.cut) == (False, 2, True)


def test_what_is_given_up_ends_where_it_was_handed_over() -> None:
    bench = Bench()
    begun, waits = bench.track(0.1, 0.2, 0.3), bench.track(0.4, closed=False)
    bench.render(2)
    assert bench.queue.give_up(2) == [begun, waits]
    assert waits.closed
    assert (begun.stop, begun.cut, waits.cut) == (2, True, True)
    assert bench.queue.tracks == []
