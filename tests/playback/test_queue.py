"""What is given to be heard first: in a gap, or before what already lies in the ring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.playout import Playout
from streamplay.playback.queue import BEGUN_SECONDS, PlaybackQueue
from streamplay.playback.track import Track

RATE = 1000
MARGIN = round(BEGUN_SECONDS * RATE)
BLOCK = 16


class Stand:
    """A queue on a playout that is asked for blocks by hand; each track's frames have one value."""

    def __init__(self, capacity: int = 2000, reserve: int = 100) -> None:
        self.playout = Playout(RATE, 1, capacity)
        self.queue = PlaybackQueue(self.playout, reserve)
        self.tracks: list[Track] = []
        self.heard: list[float] = []
        self.samples: list[float] = []

    def track(self, *, following: list[Track] | None = None) -> Track:
        track = Track()
        self.tracks.append(track)
        if following is None:
            self.queue.tracks.append(track)
        else:
            self.queue.insert(track, following)
        return track

    def put(self, track: Track, count: int, *, close: bool = True) -> None:
        value = (1 + self.tracks.index(track)) / 32
        track.idle = False
        self.queue.put_frames(track, np.full((count, 1), value, np.float32))
        if close:
            self.queue.close(track)
        self.step()

    def step(self) -> list[Track]:
        position = self.playout.position
        for note in self.playout.journal.read_notes():
            for track in self.tracks:
                track.apply(note)
        self.queue.step()
        return self.queue.settle(position)

    def play(self, frames: int) -> None:
        for _ in range(-(-frames // BLOCK)):
            block = np.zeros((BLOCK, 1), np.float32)
            self.playout.render(block.data.cast("B").cast("f"), 0.0)
            self.samples += block[:, 0].tolist()
            self.heard += [round(float(value) * 32, 3) for value in block[:, 0]]
            self.step()

    def runs(self) -> list[tuple[float, int]]:
        """Return the values that were heard, and how many frames each, without silence."""
        found: list[tuple[float, int]] = []
        for value in self.heard:
            if found and found[-1][0] == value:
                found[-1] = value, found[-1][1] + 1
            elif value:
                found.append((value, 1))
        return found


def test_a_first_track_is_heard_before_what_lies_in_the_ring_already() -> None:
    stand = Stand()
    a, b, c = (stand.track() for _ in range(3))
    for track in (a, b, c):
        stand.put(track, 300)
    stand.play(64)
    first = stand.track(following=[b, c])
    assert (b.start, b.waiting, c.start, c.waiting) == (None, 300, None, 300)
    stand.play(500)  # what was taken back waits for it
    assert stand.runs() == [(1.0, 300)]
    stand.put(first, 200)
    stand.play(1200)
    assert stand.runs() == [(1.0, 300), (4.0, 200), (2.0, 300), (3.0, 300)]
    position = stand.playout.position
    assert [each.played(position) for each in (a, b, c, first)] == [300, 300, 300, 200]
    assert [each.stalls for each in (a, b, c, first)] == [[]] * 4
    assert stand.queue.tracks == []


def test_what_is_heard_too_soon_is_not_taken_back() -> None:
    stand = Stand()
    a, b, c = (stand.track() for _ in range(3))
    for track in (a, b, c):
        stand.put(track, 300)
    stand.play(300 - MARGIN + BLOCK)
    first = stand.track(following=[b, c])
    stand.put(first, 200)
    stand.play(1500)
    assert stand.runs() == [(1.0, 300), (2.0, 300), (4.0, 200), (3.0, 300)]


def test_it_is_put_before_those_alone_that_are_to_follow_it() -> None:
    stand = Stand()
    for _ in range(3):
        stand.put(stand.track(), 300)
    first = stand.track(following=stand.tracks[2:3])
    stand.put(first, 200)
    stand.play(1500)
    assert stand.runs() == [(1.0, 300), (2.0, 300), (4.0, 200), (3.0, 300)]


def test_what_begins_just_at_the_margin_has_begun() -> None:
    stand = Stand()
    a, b = stand.track(), stand.track()
    stand.put(a, 13 * BLOCK + MARGIN)
    stand.put(b, 300)
    stand.play(13 * BLOCK)
    first = stand.track(following=[b])
    stand.put(first, 200)
    stand.play(1500)
    assert [value for value, _ in stand.runs()] == [1.0, 2.0, 3.0]


def test_a_first_track_that_never_has_frames_holds_nothing_up_once_it_is_closed() -> None:
    stand = Stand()
    a, b = stand.track(), stand.track()
    stand.put(a, 100)
    stand.put(b, 200)
    first = stand.track(following=[b])
    stand.queue.close(first)
    stand.play(600)
    assert stand.runs() == [(1.0, 100), (2.0, 200)]
    assert stand.queue.tracks == []


def test_a_first_track_is_heard_in_a_gap_and_the_rest_after_it() -> None:
    stand = Stand()
    a = stand.track()
    stand.put(a, 300, close=False)
    a.idle = True
    stand.play(64)
    first = stand.track(following=[])
    stand.put(first, 100, close=False)
    stand.play(300)
    stand.put(a, 200)  # its text has come: it waits until the other has been said
    stand.put(first, 100)
    stand.play(900)
    assert stand.runs() == [(1.0, 300), (2.0, 200), (1.0, 200)]
    position = stand.playout.position
    assert (a.played(position), first.played(position)) == (500, 200)
    assert a.position_of(300) == 300
    assert a.position_of(301) == 501
    assert a.stalls == first.stalls == []
    assert stand.queue.tracks == []


def test_without_a_gap_it_is_heard_behind_the_whole_of_the_track_before_it() -> None:
    stand = Stand()
    a = stand.track()
    stand.put(a, 300, close=False)
    first = stand.track(following=[])
    stand.put(first, 100)
    stand.play(200)
    stand.put(a, 100)
    stand.play(500)
    assert stand.runs() == [(1.0, 400), (2.0, 100)]


@pytest.mark.parametrize("cut", ["both", "the one around", "the one in the gap"])
def test_what_is_cut_in_a_gap_leaves_the_other_whole(cut: str) -> None:
    stand = Stand(capacity=4000)
    a = stand.track()
    stand.put(a, 200, close=False)
    a.idle = True
    first = stand.track(following=[])
    stand.put(first, 400)
    stand.put(a, 600)
    stand.play(304)
    stand.queue.cut({"both": [a, first], "the one around": [a]}.get(cut, [first]))
    stand.play(2000)
    position = stand.playout.position
    played = a.played(position), first.played(position)
    if cut == "both":
        assert played[0] == 200
        assert played[1] < 150
    elif cut == "the one around":
        assert played == (200, 400)
    else:
        assert played[0] == 800
        assert played[1] < 150
    assert stand.queue.tracks == []


SIZES = st.integers(1, 400)


@settings(max_examples=100, deadline=None)
@given(st.lists(SIZES, min_size=1, max_size=5), st.integers(0, 1500), SIZES, st.integers(0, 1500))
def test_every_frame_is_heard_once_whenever_something_is_given_first(
    sizes: list[int], before: int, size: int, between: int
) -> None:
    stand = Stand()
    tracks = [stand.track() for _ in sizes]
    for track, count in zip(tracks, sizes, strict=True):
        stand.put(track, count)
    stand.play(before)
    going = [each for each in tracks if each in stand.queue.tracks]
    first = stand.track(following=going[1:])
    stand.play(between)
    stand.put(first, size)
    stand.play(3000)
    assert [each.played(stand.playout.position) for each in tracks] == sizes
    assert first.played(stand.playout.position) == size
    total = sum(count for _, count in stand.runs())
    assert total == sum(sizes) + size
    assert sum(count for value, count in stand.runs() if value == len(sizes) + 1) == size
    assert stand.queue.tracks == []


@settings(max_examples=60)
@given(
    st.integers(1, 1500),
    st.integers(0, 900),
    st.integers(0, 1600),
    st.integers(0, 700),
    st.integers(200, 2000),
)
def test_what_is_taken_back_is_not_heard_and_what_follows_is(
    first: int, played: int, back: int, second: int, capacity: int
) -> None:
    stand = Stand(capacity)
    track = stand.track()
    put_numbers(stand, track, range(first))
    stand.play(played)
    position = stand.playout.position
    dropped = stand.queue.take_back(track, min(back, first))
    kept = first - dropped
    assert kept >= first - back
    if not back or kept > first - back:  # the others were heard too soon, or are
        assert kept <= max(first - back, min(first, position + MARGIN))
    put_numbers(stand, track, range(2000, 2000 + second))
    stand.queue.close(track)
    stand.step()
    stand.play(first + second + MARGIN)
    expected = [*range(kept), *range(2000, 2000 + second)]
    # The first frames behind a gap fade in: their numbers cannot be told.
    unsure = {*range(2000, 2012), *range(first)[:12]} | {*range(played, played + 2 * BLOCK)}
    heard = [each for each in numbers_heard(stand) if each not in unsure]
    assert heard == [each for each in expected if each not in unsure]
    assert track.played(stand.playout.position) == len(expected)
    assert stand.queue.tracks == []


def put_numbers(stand: Stand, track: Track, numbers: range) -> None:
    """Put frames that tell which ones they are; a ramp from one of them tells nothing."""
    if len(numbers):
        frames = 0.9 + np.array(numbers, np.float32)[:, None] * np.float32(3e-5)
        stand.queue.put_frames(track, frames)
    stand.step()


def numbers_heard(stand: Stand) -> list[int]:
    return [round((value - 0.9) / 3e-5) for value in stand.samples if value > 0.89999]


def test_frames_behind_which_another_track_lies_are_not_taken_back() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, 500, close=False)
    track.idle = True
    stand.step()
    first = stand.track(following=[])
    stand.put(first, 100)
    assert stand.queue.take_back(track, 200) == 0
    stand.put(track, 100, close=False)
    assert stand.queue.take_back(track, 200) == 100
    assert stand.queue.take_back(first, 100) == 0  # it has been closed
    stand.put(track, 50)
    stand.play(800)
    assert sum(count for value, count in stand.runs() if value == 1.0) == 550
    assert track.played(stand.playout.position) == 550


def test_the_callback_is_asked_once_for_what_it_is_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand()
    asked: list[object] = []
    skip = stand.playout.skip
    monkeypatch.setattr(stand.playout, "skip", lambda each: (asked.append(each), skip(each)))
    a, b, c = (stand.track() for _ in range(3))
    for track in (a, b, c):
        stand.put(track, 300)
    stand.play(64)
    stand.queue.cut([b])
    stand.play(600)
    assert asked == [[(300, 600)]]
    assert [run for run in stand.runs() if run[1] == 300] == [(1.0, 300), (3.0, 300)]
