"""The pump, before an output that the test drives by hand, and before a clocked one."""

from __future__ import annotations

import asyncio
import threading
from copy import copy
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamplay.playback.queue
from streamplay.errors import DeviceLost, OutputFailed
from streamplay.outputs.silent import SilentOutput
from streamplay.outputs.watchdog import QUIET_SECONDS
from streamplay.playback.playout import Playout
from streamplay.playback.pump import Pump
from streamplay.playback.track import Track
from streamplay.policy.jitter import Fixed, Policy
from tests.support.virtual_time import run_virtually

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from streamplay.audio import Frames
    from streamplay.outputs.base import Renderer
    from streamplay.playback.ring import Note

RATE = 8000
CAPACITY = 1000
FADE = 40


class Learning(Fixed):
    """Begins at once, and gathers 300 ms after a stall."""

    def __init__(self) -> None:
        super().__init__(0, RATE)
        self.stalled = False

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        self.stalled = self.stalled or dry
        return 2400 if self.stalled else 1


class Hand:
    """An output whose blocks the test asks for."""

    kind: Literal["silent"] = "silent"
    name = "the test's hand"
    samplerate = RATE
    channels = 1
    latency = 0.01
    speed = 1.0
    failure: OutputFailed | None = None

    def start(self, renderer: Renderer, on_lost: Callable[[], object] = lambda: None) -> None:
        raise AssertionError("the test renders by itself")

    def detach(self) -> bool:
        return True

    def close(self) -> None:
        pass


class Stand:
    """A pump, its playout, and all that was heard of it."""

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        *,
        capacity: int = CAPACITY,
        reserve: int = 0,
    ) -> None:
        self.output = Hand()
        self.playout = Playout(RATE, 1, capacity + reserve)
        self.now = self.late = 0.0
        now = clock or (lambda: self.now)
        self.pump = Pump(
            *(self.output, self.playout, lambda: now() + self.late),
            asked=(RATE, 1),
            reserve=reserve,
        )
        self.done: list[Track] = []
        self.heard = np.zeros((0, 1), np.float32)

    def track(self, policy: Policy | None = None) -> Track:
        track = Track()
        track.done.add_done_callback(lambda _: self.done.append(track))
        self.pump.add(track, policy or Learning())
        return track

    def put(self, track: Track, frames: Frames) -> None:
        """Put what is taken without waiting."""
        with pytest.raises(StopIteration):
            self.pump.put_frames(track, frames, self.now).send(None)

    def step(self) -> None:
        self.pump.step()

    def render(self, count: int) -> Frames:
        block = np.full((count, 1), np.nan, np.float32)
        self.playout.render(block.data.cast("B").cast("f"), self.now)
        self.now += count / RATE
        assert not np.isnan(block).any()
        self.heard = np.concatenate([self.heard, block])
        return block

    def play(self, count: int, block: int = 50) -> Frames:
        """Render and step, as an output and a loop would."""
        before = len(self.heard)
        for _ in range(-(-count // block)):
            self.step()
            self.render(block)
        self.step()
        return self.heard[before:]


def tone(count: int, *, start: int = 1) -> Frames:
    """Frames that carry their number."""
    return (np.arange(start, start + count, dtype=np.float32) / (1 << 17)).reshape(-1, 1)


def sounding(frames: Frames) -> Frames:
    return frames[frames[:, 0] != 0]


def is_within(frames: Frames, heard: Frames) -> bool:
    """Whether `frames` were heard in one piece; a fade elsewhere may hold the same values."""
    begins = np.flatnonzero(heard[:, 0] == frames[0, 0])
    return any(np.array_equal(heard[at : at + len(frames)], frames) for at in begins)


def test_nothing_is_heard_until_a_short_prebuffer_is_full() -> None:
    stand = Stand()
    track = stand.track(Fixed(50, RATE))
    stand.put(track, tone(300))
    assert not stand.play(200).any()
    stand.put(track, tone(99, start=301))
    assert not stand.play(200).any()
    stand.put(track, tone(1, start=400))
    assert np.array_equal(stand.play(400), tone(400))


def test_a_prebuffer_longer_than_the_ring_is_gathered_behind_it() -> None:
    stand = Stand()
    track = stand.track(Fixed(250, RATE))
    for n in range(6):
        stand.put(track, tone(300, start=1 + 300 * n))
        assert not stand.play(100).any()
    stand.put(track, tone(300, start=1801))
    stand.pump.close(track)
    assert np.array_equal(stand.play(2100), tone(2100))


@pytest.mark.parametrize("prebuffer", [100, 400])
def test_an_utterance_shorter_than_its_prebuffer_is_played_when_it_has_ended(
    prebuffer: int,
) -> None:
    stand = Stand()
    track = stand.track(Fixed(prebuffer, RATE))
    stand.put(track, tone(500))
    assert not stand.play(100).any()
    stand.pump.close(track)
    assert np.array_equal(sounding(stand.play(1000)), tone(500))
    assert stand.done == [track]
    assert track.stalls == []


def test_the_prebuffer_of_the_next_holds_while_the_last_is_still_on_its_way() -> None:
    stand = Stand()
    first = stand.track()
    stand.put(first, tone(100))
    stand.pump.close(first)
    stand.play(110, block=10)
    assert not stand.done  # handed over, and not heard yet
    second = stand.track(Fixed(50, RATE))
    stand.put(second, tone(100))
    assert not stand.play(100).any()
    stand.put(second, tone(300))
    assert stand.play(100).all()


def test_between_sentences_nothing_is_waited_for() -> None:
    stand = Stand()
    track = stand.track(Fixed(50, RATE))
    stand.put(track, tone(100))
    assert not stand.play(100).any()
    stand.pump.set_idle(track)
    assert np.array_equal(sounding(stand.play(150)), tone(100))


def test_an_idle_track_that_runs_dry_has_not_stalled() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(100))
    stand.pump.set_idle(track)
    stand.play(500)
    stand.put(track, tone(100))
    stand.pump.close(track)
    assert np.array_equal(sounding(stand.play(300)), tone(100))
    assert np.array_equal(sounding(stand.heard), np.concatenate([tone(100)] * 2))
    assert track.stalls == []
    assert track.level == 1  # and nothing was learned from it


def test_a_ring_that_no_block_has_found_empty_has_not_stalled() -> None:
    stand = Stand()
    track = stand.track()
    for part in range(20):  # in real time: each comes when the one before has just been taken
        stand.put(track, tone(100, start=1 + 100 * part))
        stand.play(100)
    stand.pump.close(track)
    stand.play(100)
    assert track.stalls == []
    assert track.level == 1
    np.testing.assert_array_equal(sounding(stand.heard), tone(2000))


def test_a_track_that_runs_dry_in_the_middle_has_stalled_and_gathers_more() -> None:
    stand = Stand(capacity=4000)
    track = stand.track()
    stand.put(track, tone(100))
    stand.play(300)
    stand.put(track, tone(100, start=101))
    assert track.level == 2400
    stand.play(100)
    stand.put(track, tone(2400, start=201))
    stand.pump.close(track)
    stand.play(3000)
    assert track.stalls == [300]
    assert stand.done == [track]


def test_tracks_join_without_a_gap_and_without_a_lost_frame() -> None:
    stand = Stand()
    tracks = [stand.track() for _ in range(4)]
    for n, track in enumerate(tracks):
        for part in range(7):
            stand.put(track, tone(100, start=1 + 700 * n + 100 * part))
        stand.pump.close(track)
    assert np.array_equal(stand.play(2800), tone(2800))
    assert not stand.play(200).any()
    assert stand.done == tracks
    spans = [(track.start, track.stop) for track in tracks]
    assert spans == [(0, 700), (700, 1400), (1400, 2100), (2100, 2800)]
    assert all(track.is_whole(track.position()) for track in tracks)


def test_an_utterance_is_done_only_when_its_last_frame_has_been_heard() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(100))
    stand.pump.close(track)
    stand.play(100, block=20)
    assert not stand.done
    stand.play(100, block=20)  # half as long again as the latency of 80 frames
    assert not stand.done
    stand.play(20, block=20)
    assert stand.done == [track]


def test_an_utterance_without_sound_is_done_at_once() -> None:
    stand = Stand()
    track = stand.track()
    stand.pump.close(track)
    assert stand.done == [track]
    assert track.played(track.position()) == 0


@pytest.mark.no_cover
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(60, 600), min_size=1, max_size=5),
    st.sets(st.integers(0, 4)),
    st.integers(0, 1000),
    st.sampled_from([1, 17, 50, 100]),
)
def test_whichever_tracks_are_cut_the_others_are_heard_whole(
    sizes: list[int], chosen: set[int], before: int, block: int
) -> None:
    stand = Stand(reserve=200)
    tracks = [stand.track() for _ in sizes]
    starts = np.cumsum([1, *sizes])
    for track, size, start in zip(tracks, sizes, starts, strict=False):
        stand.put(track, tone(size, start=int(start)))
        stand.pump.close(track)
    stand.play(before, block)
    cut = [track for n, track in enumerate(tracks) if n in chosen]
    handed_over = stand.playout.position
    stand.pump.cut(cut)
    stand.play(sum(sizes) + 500, block)
    assert sorted(map(id, stand.done)) == sorted(map(id, tracks))
    heard = sounding(stand.heard)
    for track, size, start in zip(tracks, sizes, starts, strict=False):
        played = track.played(track.position())
        if track not in cut:
            assert played == size
            assert is_within(tone(size, start=int(start)), heard)
        else:
            most = min(size, max(0, handed_over - (int(start) - 1)) + FADE)
            assert played <= most
            assert played == size or track.cut


def test_a_cut_is_silence_after_a_fade_and_what_waits_is_dropped() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(5000))
    stand.play(200)
    stand.pump.cut([track])
    heard = stand.render(500)
    assert heard[: FADE - 1].all()
    assert not heard[FADE:].any()
    stand.step()
    assert stand.done == [track]
    assert track.played(track.position()) == 200 + FADE
    stand.put(track, tone(100))  # what receives it has not been told of the cut yet
    assert not stand.play(200).any()


@pytest.mark.parametrize("cut_at", [200, 4900])
def test_what_follows_a_cut_is_heard_at_once_though_the_ring_was_full(cut_at: int) -> None:
    stand = Stand(reserve=300)
    first, second = stand.track(), stand.track()
    stand.put(first, tone(5000))
    stand.pump.close(first)
    stand.put(second, tone(200, start=5001))
    stand.pump.close(second)
    stand.play(cut_at)
    stand.pump.cut([first])
    heard = stand.render(FADE + 300)  # the loop has not stepped since
    assert heard[: FADE - 1].all()
    np.testing.assert_array_equal(heard[FADE:][:200], tone(200, start=5001))


def test_what_was_cut_between_two_others_leaves_no_gap() -> None:
    stand = Stand(reserve=300)
    tracks = [stand.track() for _ in range(3)]
    for track, size, start in zip(tracks, (500, 2000, 200), (1, 501, 2501), strict=True):
        stand.put(track, tone(size, start=start))
        stand.pump.close(track)
    stand.play(100)
    stand.pump.cut([tracks[1]])
    heard = stand.render(600)
    both = np.concatenate([tone(400, start=101), tone(200, start=2501)])
    np.testing.assert_array_equal(heard, both)


def test_what_was_cut_behind_something_short_is_not_heard_either() -> None:
    stand = Stand()
    tracks = [stand.track() for _ in range(3)]
    for track, start in zip(tracks, (1, 61, 121), strict=True):
        stand.put(track, tone(60, start=start))
        stand.pump.close(track)
    stand.pump.cut([tracks[0], tracks[2]])
    heard = stand.render(200)  # one block: the loop has no turn between the two cuts
    np.testing.assert_array_equal(sounding(heard), tone(60, start=61))


def test_a_fade_that_reaches_the_next_track_that_was_cut_leaves_what_follows_whole() -> None:
    stand = Stand()
    tracks = [stand.track() for _ in range(3)]
    for track, start in zip(tracks, (1, 61, 121), strict=True):
        stand.put(track, tone(60, start=start))
        stand.pump.close(track)
    stand.play(21, block=1)
    stand.pump.cut(tracks[:2])
    heard = sounding(stand.play(200, block=1))
    np.testing.assert_array_equal(heard[-60:], tone(60, start=121))


def test_the_reserve_stays_free_where_nothing_was_cut() -> None:
    stand = Stand(reserve=300)
    stand.put(stand.track(), tone(5000))
    assert stand.playout.written == CAPACITY


class Handler:
    """Cuts a track in the middle of another call of the same thread, as a signal's handler may."""

    def __init__(self, stand: Stand, track: Track) -> None:
        self.stand, self.track, self.called = stand, track, 0

    def __call__(self) -> None:
        self.called += 1
        if self.called == 1:
            with self.stand.pump._lock:
                self.stand.pump.cut([self.track])
                self.track.position()


@pytest.mark.parametrize("where", ["reading", "cutting"])
def test_a_signal_handler_may_cut_in_the_middle_of_another_call(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = Stand(reserve=300)
    tracks = [stand.track() for _ in range(3)]
    for track, start in zip(tracks, (1, 3001, 6001), strict=True):
        stand.put(track, tone(3000 if track is not tracks[2] else 100, start=start))
        stand.pump.close(track)
    stand.play(200)
    handler = Handler(stand, tracks[1])
    owner, name = (
        (stand.playout.journal, "read_notes")
        if where == "reading"
        else (stand.pump._queue, "_drop_waiting")
    )
    work = getattr(owner, name)

    def interrupted(*arguments: Any) -> Any:
        done = work(*arguments)
        handler()
        return done

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        stand.pump.cut([tracks[0]])
        tracks[0].position()
    assert handler.called
    heard = sounding(stand.play(400))
    np.testing.assert_array_equal(heard[FADE - 1 :], tone(100, start=6001))
    assert [track.played(track.position()) for track in tracks] == [200 + FADE, 0, 100]


def test_a_cut_before_its_first_frame_is_settled_at_once() -> None:
    stand = Stand()
    first, second = stand.track(), stand.track()
    stand.put(first, tone(2000))
    stand.put(second, tone(100))
    stand.pump.cut([second])
    stand.step()
    assert stand.done == [second]
    assert second.played(second.position()) == 0
    stand.pump.cut([second])  # once more, when it is no longer there
    assert stand.done == [second]


def test_what_was_heard_whole_cannot_be_cut() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(100))
    stand.pump.close(track)
    stand.play(110, block=10)
    stand.pump.cut([track])
    assert track.is_whole(track.position())


def test_a_skip_that_the_callback_has_just_done_does_not_count_as_heard() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(900))
    stand.play(100)
    stand.pump.cut([track])
    stand.render(500)  # the loop has not stepped since
    position = track.position()
    assert position == 900
    assert track.played(position) == 100 + FADE


def test_a_skip_between_the_notes_and_the_settling_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(900))
    stand.play(100)
    journal = stand.playout.journal
    take = journal.read_notes

    def take_and_be_called() -> list[Note]:
        notes = take()
        stand.render(100)
        return notes

    stand.pump.cut([track])
    with monkeypatch.context() as patch:
        patch.setattr(journal, "read_notes", take_and_be_called)
        stand.step()
    stand.step()
    assert stand.done == [track]
    assert track.played(track.position()) == 100 + FADE


def test_a_listener_of_a_tracks_end_does_not_hold_up_a_cut() -> None:
    stand = Stand()
    tracks = [stand.track(), stand.track()]
    stand.put(tracks[0], tone(100))
    stand.put(tracks[1], tone(100))
    cutting = threading.Thread(target=lambda: stand.pump.cut([tracks[1]]))

    def told() -> None:
        cutting.start()
        cutting.join(20)

    tracks[0].done.add_done_callback(lambda _: told())
    stand.pump.close(tracks[0])
    stand.play(400, block=20)
    assert not cutting.is_alive()
    assert tracks[1].closed


def test_what_is_heard_lags_what_was_handed_over() -> None:
    stand = Stand()
    assert stand.pump.untouched
    track = stand.track()
    stand.put(track, tone(900))
    assert not stand.pump.untouched
    stand.render(400)
    stand.now -= 100 / RATE
    assert track.heard() == pytest.approx(300, abs=1)
    assert track.position() == 400


def test_abandoning_settles_everything_and_what_was_played_stays_so() -> None:
    stand = Stand()
    tracks = [stand.track() for _ in range(3)]
    stand.put(tracks[0], tone(100))
    stand.pump.close(tracks[0])
    stand.play(110, block=10)
    stand.put(tracks[1], tone(500))
    stand.put(tracks[2], tone(500))
    stand.render(120)
    stand.pump.abandon()
    assert stand.done == tracks
    stand.render(400)  # the output is being closed, and has not heard of it
    played = [track.played(track.position()) for track in tracks]
    assert played == [100, 120, 0]
    assert tracks[0].is_whole(tracks[0].position())
    assert not tracks[1].is_whole(tracks[1].position())


def test_a_full_queue_makes_put_wait_and_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamplay.playback.queue, "QUEUE_BYTES", 8000)
    stand = Stand()
    track = stand.track(Fixed(60_000, RATE))  # cannot be held: what fits must do
    put = []

    async def produce() -> None:
        for n in range(40):
            await stand.pump.put_frames(track, tone(200, start=1 + 200 * n), stand.now)
            put.append(n)
        stand.pump.close(track)

    async def run() -> None:
        producing = asyncio.create_task(produce())
        await asyncio.sleep(0)
        waiting = len(put)
        assert 5 + 8000 // 1056 <= waiting <= 5 + 8000 // 1056 + 2
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(put) == waiting
        while not stand.done:
            stand.play(50)
            await asyncio.sleep(0)
        await producing

    asyncio.run(run())
    assert np.array_equal(sounding(stand.heard), tone(8000))
    assert track.stalls == []


@pytest.mark.parametrize("how", ["cut", "abandon"])
def test_who_waits_for_room_is_let_go_of(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamplay.playback.queue, "QUEUE_BYTES", 2000)
    stand = Stand()
    track = stand.track()

    async def run() -> None:
        await stand.pump.put_frames(track, tone(5000), 0.0)
        waiting = asyncio.create_task(stand.pump.put_frames(track, tone(10), 0.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        if how == "cut":
            stand.pump.cut([track])
            stand.step()
        else:
            stand.pump.abandon()
        await waiting

    asyncio.run(run())
    assert track.stop == (CAPACITY if how == "cut" else 0)


def clocked(
    scenario: Callable[
        [Pump, Playout, Callable[[], Track], list[Track]], Coroutine[Any, Any, None]
    ],
    *,
    latency: float = 0.02,
    fail_after: int | None = None,
) -> Frames:
    """Run a scenario before an output that asks as fast as it can; return what it got."""
    heard: list[Frames] = []

    async def run() -> None:
        output = SilentOutput(
            RATE,
            blocksize=40,
            latency=latency,
            speed=50.0,
            fail_after=fail_after,
            tap=lambda block: heard.append(np.array(block, np.float32)),
        )
        playout = Playout(RATE, 1, CAPACITY)
        loop = asyncio.get_running_loop()
        pump = Pump(output, playout, loop.time, asked=(RATE, 1))
        done: list[Track] = []

        def add() -> Track:
            track = Track()
            track.done.add_done_callback(lambda _: done.append(track))
            pump.add(track, Learning())
            return track

        running = asyncio.create_task(pump.run())
        output.start(playout)
        try:
            async with asyncio.timeout(20):
                acting = asyncio.create_task(scenario(pump, playout, add, done))
                await asyncio.wait([running, acting], return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    acting.cancel()
                    await running
                await acting
        finally:
            output.close()
            running.cancel()

    asyncio.run(run())
    return np.concatenate(heard).reshape(-1, 1)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(20_000):  # `clocked` ends it earlier
        if true():
            return
        await asyncio.sleep(0.001)


def test_a_clocked_output_gets_every_frame_of_every_track() -> None:
    async def scenario(
        pump: Pump, playout: Playout, add: Callable[[], Track], done: list[Track]
    ) -> None:
        tracks = []
        for n in range(4):
            tracks.append(add())
            await pump.put_frames(tracks[-1], tone(3000, start=1 + 3000 * n), 0.0)
            pump.close(tracks[-1])
        await until(lambda: len(done) == 4)
        assert done == tracks
        assert [track.played(track.position()) for track in tracks] == [3000] * 4
        await pump.drained()

    heard = sounding(clocked(scenario))
    # A loop that is kept from refilling the short ring shapes what it disturbs.
    assert len(heard) >= 12000
    assert np.array_equal(heard[:CAPACITY], tone(CAPACITY))


def test_an_interruption_from_the_loop_ends_all_tracks() -> None:
    async def scenario(
        pump: Pump, playout: Playout, add: Callable[[], Track], done: list[Track]
    ) -> None:
        tracks = [add(), add()]
        for track in tracks:
            await pump.put_frames(track, tone(200_000), 0.0)
        await until(lambda: playout.position > 500)
        await asyncio.to_thread(pump.cut, tracks)
        await until(lambda: len(done) == 2)
        position = tracks[0].position()
        assert 500 < tracks[0].played(position) < 200_000
        assert tracks[1].played(position) == 0

    clocked(scenario)


def test_an_output_that_stops_by_itself_is_lost() -> None:
    async def scenario(
        pump: Pump, playout: Playout, add: Callable[[], Track], done: list[Track]
    ) -> None:
        track = add()
        await pump.put_frames(track, tone(1000), 0.0)
        await until(lambda: bool(done))

    with pytest.raises(DeviceLost, match="silent clock stopped after 20 blocks"):
        clocked(scenario, fail_after=20)


def test_an_output_that_asks_for_nothing_is_lost_but_only_while_it_should_play() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        stand = Stand(loop.time)
        running = asyncio.create_task(stand.pump.run())
        await asyncio.sleep(100)
        track = stand.track()
        stand.put(track, tone(100))
        stand.render(10)
        stand.late = 100.0  # a pump that looks once has not looked for long
        await asyncio.sleep(0.5)
        assert not running.done()
        begun = loop.time()
        with pytest.raises(DeviceLost, match="the test's hand has asked for no sound for 0"):
            await running
        assert loop.time() - begun < QUIET_SECONDS

    run_virtually(run())


def test_another_output_goes_on_where_one_was_lost() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(200))
    stand.pump.close(track)
    stand.render(100)

    async def run() -> None:
        running = asyncio.create_task(stand.pump.run())
        stand.output.failure = DeviceLost("gone")
        with pytest.raises(DeviceLost):
            await running
        other = copy(stand.output)
        other.failure = None
        stand.playout.moved()
        stand.pump.go_on(other)
        running = asyncio.create_task(stand.pump.run())
        stand.play(1000)
        await asyncio.sleep(0.03)
        assert stand.done == [track]
        running.cancel()

    asyncio.run(run())


def test_an_output_that_was_lost_is_not_waited_for() -> None:
    stand = Stand()
    track = stand.track()
    stand.put(track, tone(100))
    stand.play(50)
    stand.pump.cut([track])
    stand.play(100)
    assert stand.done == [track]
    stand.output.failure = DeviceLost("gone")
    asyncio.run(stand.pump.drained())


def test_an_output_that_no_longer_asks_is_not_waited_for_long() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        stand = Stand(loop.time)
        track = stand.track()
        stand.put(track, tone(100))
        stand.pump.cut([track])
        stand.render(150)
        stand.step()
        begun = loop.time()
        await stand.pump.drained()
        assert 0.5 < loop.time() - begun < 2

    run_virtually(run())
