"""Going back and forward: the place of the listener, and what was heard, after any moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback import queue as queue_module
from streamplay.playback.playout import Playout
from streamplay.playback.queue import PlaybackQueue
from streamplay.playback.track import Track

RATE = 100  # so that a fade is one frame long, and all others tell their places
BLOCK = 7
STEP = 1 / 8192  # by which frames differ: below full scale, and exact


class Listener:
    """A track whose frames are numbered from 1, a playout asked by hand, and what was heard."""

    def __init__(self, capacity: int = 200, reserve: int = 20) -> None:
        self.playout = Playout(RATE, 1, capacity)
        self.queue = PlaybackQueue(self.playout, reserve)
        self.track = Track(keeps=True)
        self.queue.tracks.append(self.track)
        self.heard: list[int] = []  # places, of the frames that sounded

    def put(self, count: int) -> None:
        begin = self.track.tape.end + 1
        frames = STEP * np.arange(begin, begin + count, dtype=np.float32).reshape(-1, 1)
        self.queue.put_frames(self.track, frames)
        self.step()

    def move(self, place: int) -> None:
        self.queue.move(self.track, place)
        self.step()

    def step(self) -> None:
        for note in self.playout.journal.read_notes():
            self.track.apply(note)
        self.queue.step()

    def play(self, frames: int) -> None:
        for _ in range(-(-frames // BLOCK)):
            block = np.zeros((BLOCK, 1), np.float32)
            self.playout.render(block.data.cast("B").cast("f"), 0.0)
            self.heard += [round(value / STEP) - 1 for value in block[:, 0] if value >= STEP]
            self.step()

    @property
    def place(self) -> int:
        return self.track.place_at(self.playout.position)

    @property
    def played(self) -> int:
        return self.track.played(self.playout.position)


def runs(places: list[int]) -> list[tuple[int, int]]:
    """Return the stretches of places that follow each other: from, up to."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place:
            found[-1] = found[-1][0], place + 1
        else:
            found.append((place, place + 1))
    return found


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 400)),
        st.tuples(st.just("play"), st.integers(1, 300)),
        st.tuples(st.just("move"), st.integers(0, 1500)),
        st.tuples(st.just("pause"), st.just(0)),
    ),
    max_size=30,
)


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(OPERATIONS)
def test_the_listener_is_where_the_moves_lead_and_each_frame_counts_once(
    operations: list[tuple[str, int]],
) -> None:
    listener, moves, paused = Listener(), 0, False
    for name, number in operations:
        if name == "put":
            listener.put(number)
        elif name == "play":
            listener.play(number)
        elif name == "pause":
            paused = not paused
            (listener.playout.pause if paused else listener.playout.resume)()
        else:
            listener.move(number)
            moves += 1
            assert listener.place == min(number, listener.track.tape.end)
        assert listener.played <= listener.track.tape.end
    # A frame that fades out is handed over and cannot be told from silence: one a move or a pause.
    distinct, faded = len(set(listener.heard)), moves + len(operations)
    assert distinct <= listener.played <= distinct + faded
    assert len(runs(listener.heard)) <= 1 + faded
    listener.playout.resume()
    listener.move(0)
    listener.queue.close(listener.track)
    listener.play(listener.track.tape.end + 200)
    end = listener.track.tape.end
    assert runs(listener.heard)[-1:] == ([(0, end)] if end else [])
    assert (listener.played, listener.place) == (end, end)
    assert listener.track.is_whole(listener.playout.position) or not end
    assert listener.queue.settle(listener.playout.position) == [listener.track]


def test_back_while_it_sounds_fades_out_and_goes_on_at_the_new_place() -> None:
    listener = Listener()
    listener.put(1000)
    listener.play(105)
    listener.move(40)
    listener.play(70)
    assert runs(listener.heard) == [(0, 105), (40, 40 + 69)]
    assert listener.track.replayed(listener.playout.position) == 66
    assert listener.played == 109  # the frame that faded out is one of both


def test_forward_leaves_out_what_lies_between() -> None:
    listener = Listener()
    listener.put(1000)
    listener.play(70)
    listener.move(600)
    listener.play(700)
    assert runs(listener.heard) == [(0, 70), (600, 1000)]
    assert listener.played == 471


def test_after_the_last_word_was_written_it_can_still_be_heard_again() -> None:
    listener = Listener()
    listener.put(100)
    listener.queue.close(listener.track)
    listener.play(77)
    assert listener.track.stop == 100
    listener.move(10)
    listener.play(200)
    assert runs(listener.heard) == [(0, 77), (10, 100)]
    assert listener.queue.settle(listener.playout.position) == [listener.track]


def test_a_move_while_it_is_paused_is_heard_when_it_goes_on() -> None:
    listener = Listener()
    listener.put(1000)
    listener.play(70)
    listener.playout.pause()
    listener.play(70)
    listener.move(500)
    listener.play(70)
    assert listener.place == 500
    listener.playout.resume()
    listener.play(21)
    assert runs(listener.heard)[-1] == (500, 521)


def test_what_is_skipped_as_it_comes_is_never_heard() -> None:
    listener = Listener()
    listener.put(100)
    listener.play(35)
    listener.track.await_piece()
    listener.move(listener.track.tape.end)
    listener.put(300)
    listener.play(70)
    listener.track.begin_piece()
    listener.put(50)
    listener.play(70)
    assert runs(listener.heard) == [(0, 35), (400, 450)]


def test_what_was_heard_gives_way_to_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "QUEUE_BYTES", 8000)
    listener = Listener()
    for _ in range(40):
        listener.put(50)
        listener.play(50)
    tape = listener.track.tape
    assert 0 < tape.begin < listener.place
    assert tape.kept_bytes <= 8000 + 4 * 50 + 256
    listener.move(0)
    listener.play(14)
    assert runs(listener.heard)[-1] == (tape.begin, tape.begin + 14)


def test_tracks_behind_it_wait_again() -> None:
    listener = Listener(capacity=400)
    listener.put(100)
    listener.queue.close(listener.track)
    behind = Track()
    listener.queue.tracks.append(behind)
    listener.queue.put_frames(behind, np.full((50, 1), 5001 * STEP, np.float32))
    listener.queue.close(behind)
    listener.step()
    assert behind.start == 100
    listener.play(70)
    listener.move(20)
    listener.play(400)
    assert runs(listener.heard)[:2] == [(0, 70), (20, 100)]
    assert listener.heard.count(5000) == 50


def test_a_move_is_known_to_the_callback_at_once() -> None:
    listener = Listener()
    listener.put(100)
    listener.play(BLOCK)
    listener.queue.move(listener.track, 50)
    block = np.zeros((BLOCK, 1), np.float32)
    listener.playout.render(block.data.cast("B").cast("f"), 0.0)
    assert not [each for each in block[1:, 0] if 0 < each < 40 * STEP]


def test_a_closed_track_that_is_moved_to_its_end_is_over() -> None:
    listener = Listener()
    listener.put(50)
    listener.queue.close(listener.track)
    listener.play(BLOCK)
    listener.move(50)
    assert listener.track.stop == listener.playout.written
    listener.play(4 * BLOCK)
    assert listener.queue.settle(listener.playout.position) == [listener.track]
