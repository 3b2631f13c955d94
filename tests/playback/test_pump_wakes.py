"""When the pump wakes: as late as it may, and never too late. In virtual time.

The invariant
-------------
A pump that sleeps until something is due is heard as one that steps at every block is: the same
samples in the same blocks; and each track ends at most `LATER` after it does there. It steps only
as often as something happens, and not at all while there is nothing to play.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from streamplay.errors import DeviceLost, OutputFailed
from streamplay.playback import queue
from streamplay.playback.playout import Playout
from streamplay.playback.pump import BLOCK_SECONDS, WATCH_SECONDS, Pump
from streamplay.playback.track import Track
from tests.playback.test_pump import RATE, Hand, Learning, sounding, tone
from tests.support.virtual_time import run_virtually

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from streamplay.audio import Frames

CAPACITY = 500  # less than the watchdog's looks are apart: the pump has to refill it in time

ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 1500)),
    st.tuples(st.just("put"), st.integers(1, 200)),
    st.tuples(st.just("put"), st.integers(1, 200)),
    st.tuples(st.just("next"), st.none()),
    st.tuples(st.just("cut"), st.integers(0, 3)),
    st.tuples(st.just("idle"), st.none()),
    st.tuples(st.just("first"), st.integers(1, 400)),
    st.tuples(st.just("level"), st.integers(1, 1200)),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("resume"), st.none()),
)
"""What happens, and with what; `cut` counts tracks back from the last."""

SCHEDULES = st.lists(st.tuples(st.integers(0, 120), ACTIONS), max_size=30)
"""Milliseconds after what happened before."""


@dataclass
class Heard:
    """What a pump has made of a schedule."""

    blocks: list[bytes] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    steps: int = 0
    lost: int = 0
    full: bool = False  # something was cut or said first while the ring was full

    @property
    def frames(self) -> Frames:
        return np.frombuffer(b"".join(self.blocks), np.float32).reshape(-1, 1)


class Bench:
    """A pump in virtual time, before a device that asks for a block of `block` frames at a time."""

    def __init__(self, block: int, *, sleeping: bool, reserve: int = 0, wake: float = 0.0) -> None:
        self.heard = Heard()
        self.playout = Playout(RATE, 1, CAPACITY + reserve)
        self.now = asyncio.get_running_loop().time
        self.output = Hand()
        self.pump = Pump(
            self.output, self.playout, self.now, asked=(RATE, 1), reserve=reserve, wake=wake
        )
        self.tracks: list[Track] = []
        self.current = Track()
        self.plugged = True
        self.positions: list[tuple[float, int]] = []  # after each block, and when it began
        self._block = block
        self._sleeping = sleeping
        self._next_tone = 1
        self._step = self.pump.step
        self.pump.step = self._count_step  # type: ignore[method-assign]

    def _count_step(self) -> None:
        self.heard.steps += 1
        self._step()

    async def ask_for_blocks(self) -> None:
        """Be the device; step the pump around every block where it does not step by itself."""
        block = np.zeros((self._block, 1), np.float32)
        number = 0
        while self.plugged:
            if not self._sleeping:
                self._step()
            self.playout.render(block.data.cast("B").cast("f"), self.now(), delay=0.01)
            self.heard.blocks.append(block.tobytes())
            self.positions.append((self.now(), self.playout.position))
            if not self._sleeping:
                self._step()
            number += 1
            await asyncio.sleep(number * self._block / RATE - self.now())

    def begin(self) -> None:
        """Add another track, whose frames follow."""
        self.current = self._add()

    def _add(self, *, first: bool = False) -> Track:
        track = Track()
        ended = self.heard.ended
        place = len(ended)
        ended.append(-1.0)

        def end(_: object) -> None:
            ended[place] = self.now()

        track.done.add_done_callback(end)
        if first:
            self.pump.reserve(track, [])
        self.pump.add(track, Learning())
        self.tracks.append(track)
        return track

    async def put(self, count: int, track: Track | None = None) -> None:
        frames = tone(count, start=self._next_tone)
        self._next_tone += count
        await self.pump.put_frames(track or self.current, frames, self.now())

    async def act(self, action: str, argument: Any) -> None:
        last = self.current
        self._note_full(action)
        match action:
            case "put":
                await self.put(argument)
            case "next":
                self.pump.close(last)
                self.begin()
            case "cut":
                self.pump.cut(self.tracks[-1 - argument :][:1])
            case "first":
                first = self._add(first=True)
                await self.put(argument, first)
                self.pump.close(first)
            case "idle":
                self.pump.set_idle(last)
            case "level":
                self.pump.set_level(last, argument)
            case _:
                self.pump.set_paused(paused=action == "pause")
        self._note_full(action)

    def _note_full(self, action: str) -> None:
        full = any(track.waiting for track in self.tracks)
        self.heard.full |= full and action in ("cut", "first")


async def on_bench(scenario: Callable[[Bench], Coroutine[Any, Any, None]], bench: Bench) -> Heard:
    """Run a scenario; the device and, where it sleeps, the pump run beside it."""
    device = asyncio.create_task(bench.ask_for_blocks())
    pumping = asyncio.create_task(bench.pump.run()) if bench._sleeping else None
    try:
        await scenario(bench)
    finally:
        bench.plugged = False
        device.cancel()
        if pumping is not None:
            pumping.cancel()
            await asyncio.wait([pumping])
    bench.heard.lost = bench.playout.journal.lost
    return bench.heard


def play(
    schedule: list[tuple[int, tuple[str, Any]]], block: int, *, sleeping: bool, reserve: int = 0
) -> Heard:
    async def scenario(bench: Bench) -> None:
        bench.begin()
        # Between blocks, so that it does not matter which of two things comes first.
        await asyncio.sleep(0.00037)
        for milliseconds, (action, argument) in schedule:
            await asyncio.sleep(milliseconds / 1000)
            await bench.act(action, argument)
        bench.pump.set_paused(paused=False)
        bench.pump.close(bench.current)
        left = bench.playout.written - bench.playout.position
        left += sum(track.waiting for track in bench.tracks)
        await asyncio.sleep(left / RATE + 0.15)

    async def main() -> Heard:
        return await on_bench(scenario, Bench(block, sleeping=sleeping, reserve=reserve))

    return run_virtually(main())


@pytest.mark.no_cover
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULES, st.sampled_from([(17, 300), (40, 0), (40, 300), (120, 0), (200, 0), (200, 300)]))
@example([(0, ("put", 100)), (5, ("next", None)), (0, ("put", 50)), (90, ("put", 90))], (40, 0))
def test_a_pump_that_sleeps_is_heard_as_one_that_never_does(
    schedule: list[tuple[int, tuple[str, Any]]], ring: tuple[int, int]
) -> None:
    block, reserve = ring
    awake = play(schedule, block, sleeping=False, reserve=reserve)
    asleep = play(schedule, block, sleeping=True, reserve=reserve)
    # Where a full ring has room again, a pump that sleeps sees it `BLOCK_SECONDS` later at most:
    # what is put meanwhile may come before what is said first, and silence may end a block later.
    assume(not (awake.full or asleep.full))
    np.testing.assert_array_equal(asleep.frames, awake.frames)
    later = 2 * (BLOCK_SECONDS + block / RATE) + 1e-6
    assert min(awake.ended) >= 0
    for sooner, then in zip(awake.ended, asleep.ended, strict=True):
        assert -later <= then - sooner <= later
    assert asleep.lost == 0


def running(
    scenario: Callable[[Bench], Coroutine[Any, Any, None]], block: int = 40, **bench: Any
) -> Heard:
    async def main() -> Heard:
        return await on_bench(scenario, Bench(block, sleeping=True, **bench))

    return run_virtually(main())


def test_while_nothing_is_to_be_played_it_does_not_wake() -> None:
    async def scenario(bench: Bench) -> None:
        bench.begin()
        await bench.put(400)
        bench.pump.close(bench.tracks[0])
        await asyncio.sleep(1)
        before = bench.heard.steps
        await asyncio.sleep(3600 * BLOCK_SECONDS)
        assert bench.heard.steps == before

    running(scenario)


@pytest.mark.parametrize("ahead", [0, 4000])
def test_while_it_plays_it_steps_for_what_comes_and_for_the_watchdog(ahead: int) -> None:
    async def scenario(bench: Bench) -> None:
        bench.begin()
        await bench.put(500 + ahead)
        before = bench.heard.steps
        for _ in range(40):
            await asyncio.sleep(0.05)
            await bench.put(400)
        refills = 2 / (CAPACITY / queue.REFILLS / RATE) if ahead else 0
        assert bench.heard.steps - before <= 40 + 2 / WATCH_SECONDS + refills + 2
        assert not bench.tracks[0].stalls

    running(scenario)


def test_the_silence_that_wakes_a_device_is_over_in_time() -> None:
    async def scenario(bench: Bench) -> None:
        bench.begin()
        await bench.put(300)
        bench.pump.close(bench.tracks[0])
        await asyncio.sleep(1)

    frames = running(scenario, wake=0.25).frames
    first = int(np.flatnonzero(frames)[0])
    assert 0.25 * RATE <= first <= (0.25 + 2 * BLOCK_SECONDS) * RATE
    np.testing.assert_array_equal(sounding(frames), tone(300))


def test_a_full_queue_is_read_on_as_the_ring_is_refilled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "QUEUE_BYTES", 4000)

    async def scenario(bench: Bench) -> None:
        bench.begin()
        for _ in range(80):
            await bench.put(100)
        bench.pump.close(bench.tracks[0])
        await asyncio.wrap_future(bench.tracks[0].done)
        assert not bench.tracks[0].stalls

    np.testing.assert_array_equal(sounding(running(scenario).frames), tone(8000))


def test_an_output_that_is_lost_is_told_at_once() -> None:
    async def main() -> float:
        bench = Bench(40, sleeping=True)
        bench.begin()
        await bench.put(400)
        running = asyncio.create_task(bench.pump.run())
        await asyncio.sleep(0.01)
        bench.output.failure = DeviceLost("gone")
        before = bench.now()
        bench.pump.wake()
        with pytest.raises(OutputFailed, match="gone"):
            await running
        return bench.now() - before

    assert run_virtually(main()) == 0


def test_who_waits_for_sound_is_woken_by_it_or_by_a_change() -> None:
    async def scenario(bench: Bench) -> None:
        bench.begin()
        (track,) = bench.tracks
        await bench.put(400)
        await asyncio.sleep(0.0001)
        begun = bench.now()
        while (left := 300 - track.position()) > 0:
            await track.progress(left, track.position())
        assert bench.now() - begun <= 300 / RATE + BLOCK_SECONDS
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(track.progress(5, track.position()))
        await asyncio.sleep(10)
        assert not waiting.done()  # dry: nothing moves before a change
        bench.pump.set_paused(paused=True)
        await asyncio.sleep(0)
        assert waiting.done()

    running(scenario)


def test_what_was_played_between_looking_and_waiting_keeps_no_task_waiting() -> None:
    """The callback does not wait for a task that has just looked: it slept for ever."""

    async def scenario(bench: Bench) -> None:
        bench.begin()
        (track,) = bench.tracks
        await bench.put(400)
        seen, left = track.position(), 400 - track.position()
        await asyncio.sleep(1)  # all of it is played, and nothing follows
        begun = bench.now()
        await track.progress(left, seen)
        assert bench.now() - begun <= BLOCK_SECONDS

    running(scenario)
