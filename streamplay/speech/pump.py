"""The pump: decoded frames from the queue into the playout, and its notes back.

It runs on the loop, where frames arrive; `cut` may be called from any thread,
because someone who wants silence does not wait for the loop. One lock stands
between the two. The callback knows nothing of it.

The ring is short, and what is further ahead waits in the queue, decoded: a fast
server is let finish. Only when the queue is full does `put` wait, and reading
stops.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost
from streamplay.outputs import DRAIN_FACTOR
from streamplay.outputs.watch import Watch
from streamplay.sound.playclock import PlayClock
from streamplay.speech.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamplay.audio import Frames
    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Output
    from streamplay.sound.native import AnyPlayout

__all__ = ["Lane", "Pump"]

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Decoded frames that wait behind the ring: eleven minutes of 24 kHz mono."""

ENTRY_BYTES: Final = 256
"""What an array, its view and its place in the queue take besides the samples."""

RING_SECONDS: Final = 2.0
"""Longer than a busy machine keeps the loop from refilling it (measured: over a second)."""

TICK_SECONDS: Final = 0.01
"""How often the pump comes round while something plays."""


class Pump:
    """Moves frames for all utterances of one output, in order, without gaps.

    Parameters
    ----------
    output : Output
        An output that was started on `playout`.
    playout : Playout
        Where frames are played.
    clock : callable
        Seconds, monotonic.
    asked : tuple of int
        The samplerate and channels that were asked for when it was opened.
    wake : float
        Seconds of silence to play first: a device that sleeps eats what wakes it.
    """

    def __init__(
        self,
        output: Output,
        playout: AnyPlayout,
        clock: Callable[[], float],
        *,
        asked: tuple[int, int],
        wake: float = 0.0,
    ) -> None:
        self.playout = playout
        self.asked = asked
        self.lock = threading.RLock()
        self._clock = clock
        self._heard = PlayClock(playout.samplerate)
        self._lanes: list[Lane] = []
        self._queue: deque[tuple[Lane, Frames]] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._wake = asyncio.Event()
        self._drained_at = 0  # the output's frame count by which all that ended has been heard
        self._wake_frames = round(wake * output.samplerate)
        self._begin(output)

    def _begin(self, output: Output) -> None:
        self.output = output
        self._watch = Watch(output.latency)
        self._drain = round(output.latency * DRAIN_FACTOR * output.samplerate)
        self._awake_at = self.playout.rendered + self._wake_frames

    @property
    def untouched(self) -> bool:
        """Whether nothing has been played or queued yet."""
        return not self._lanes and self.playout.written == 0

    @property
    def lost(self) -> bool:
        """Whether the output went away while nothing was said: nobody has been told."""
        return not self._lanes and self.output.failure is not None

    @property
    def resting(self) -> bool:
        """Whether something has been said, all of it heard, and nothing is to follow yet."""
        heard = self.playout.rendered >= self._drained_at
        return not self._lanes and self.playout.written > 0 and heard

    # On the loop

    def go_on(self, output: Output) -> None:
        """Take another output, started on the same playout, for one that is lost."""
        with self.lock:
            self._begin(output)

    def add(self, lane: Lane) -> None:
        """Take on another utterance, to be played after those before it."""
        with self.lock:
            self._lanes.append(lane)
        lane.heard, lane.catch_up = self.heard, self._catch_up
        self._watch.rest()
        self._wake.set()

    async def put(self, lane: Lane, frames: Frames) -> None:
        """Take frames of `lane`; wait only while the queue is full."""
        while self._bytes >= QUEUE_BYTES and not lane.closed:
            self._room.clear()
            await self._room.wait()
        with self.lock:
            if lane.closed:
                return
            dry = self._is_dry(lane)
            lane.level = lane.policy.on_arrival(len(frames), self._clock(), dry=dry)
            lane.idle = False
            self._queue.append((lane, frames))
            self._bytes += _weight(frames)
            lane.waiting += len(frames)
            self.step()

    def idle(self, lane: Lane) -> None:
        """Say that nothing of `lane` is on its way just now."""
        with self.lock:
            lane.idle = True
            self.step()

    def close(self, lane: Lane) -> None:
        """Say that nothing more of `lane` will come."""
        with self.lock:
            lane.closed = True
            self._note_stop(lane)
            self.step()
        self._wake.set()

    async def run(self) -> None:
        """Come round until cancelled; raise `OutputFailed` where the output is lost."""
        while True:
            if not self._lanes:
                self._wake.clear()
                await self._wake.wait()
            with self.lock:
                self.step()
            self._check_output()
            await asyncio.sleep(TICK_SECONDS)

    def step(self) -> None:
        """Move what can be moved, and settle what is done. Under the lock."""
        position = self.playout.position  # what settles by it has all its notes by then
        self._read_journal()
        self._publish_level()
        while self._queue and self.playout.space and self.playout.rendered >= self._awake_at:
            self._move_one()
        if self._bytes < QUEUE_BYTES:
            self._room.set()
        self._publish_level()
        self._mark_end()
        self._request_skip()
        self._settle(position)

    async def drained(self) -> None:
        """Wait until the last fade has been heard: an output that closes drops it."""
        watch = Watch(self.output.latency)
        while self.playout.rendered < self._drained_at and not self.output.failure:
            if watch.look(self.playout.rendered, self._clock()) is not None:
                return
            await asyncio.sleep(TICK_SECONDS)

    def abandon(self) -> None:
        """Drop everything: the output is gone, or is about to be closed."""
        with self.lock:
            with suppress(Exception):  # where a bug in there is the reason
                self.step()
            position = self.playout.position
            self._read_journal()
            for lane in self._lanes:
                self._give_up(lane, position)
            done, self._lanes = self._lanes, []
            self._room.set()
        for lane in done:
            lane.on_done()

    # From any thread

    def cut(self, lanes: Iterable[Lane]) -> None:
        """Silence `lanes` now: a fade in the callback, and nothing of them after it."""
        with self.lock:
            for lane in lanes:
                if lane not in self._lanes or lane.is_handed_over():
                    continue
                self._drop_waiting(lane)
                lane.closed = True
                if lane.span.start is not None and lane.span.stop is None:
                    lane.span.stop = self.playout.written
            self._request_skip()

    def wake(self) -> None:
        """Come round soon; on the loop."""
        self._room.set()
        self._wake.set()

    def heard(self) -> int:
        """Return the position that is heard now, by the output's own time."""
        with self.lock:
            self._read_journal()
            return self._heard.position(self._clock())

    # Inside, under the lock

    def _catch_up(self) -> None:
        with self.lock:
            self._read_journal()

    def _read_journal(self) -> None:
        notes = self.playout.journal.take()
        self._heard.feed(notes)
        for note in notes:
            for lane in self._lanes:
                lane.span.apply(note)

    def _move_one(self) -> None:
        lane, frames = self._queue.popleft()
        if lane.span.start is None:
            lane.span.start = self.playout.written
        taken = self.playout.write(frames)
        lane.waiting -= taken
        self._bytes -= _weight(frames)
        if taken < len(frames):
            rest = frames[taken:]
            self._queue.appendleft((lane, rest))
            self._bytes += _weight(rest)
        self._note_stop(lane)

    def _note_stop(self, lane: Lane) -> None:
        span = lane.span
        if lane.closed and not lane.waiting and span.start is not None and span.stop is None:
            span.stop = self.playout.written

    def _is_dry(self, lane: Lane) -> bool:
        """Whether sound has run out in the middle of `lane`: the network was late."""
        begun = lane.span.start is not None and not lane.idle
        return begun and not lane.waiting and self.playout.position == self.playout.written

    def _publish_level(self) -> None:
        """Tell the playout what must be in the ring for the first utterance to be heard.

        What waits behind the ring is ahead all the same. Where nothing more is to
        come, or no more can be held, there is nothing to wait for.
        """
        coming = (lane for lane in self._lanes if not lane.span.cut)
        lane = next((lane for lane in coming if not lane.is_handed_over()), None)
        if lane is None:
            return
        nothing_to_wait_for = lane.closed or lane.idle or self._bytes >= QUEUE_BYTES
        self.playout.start_level = 1 if nothing_to_wait_for else max(1, lane.level - lane.waiting)

    def _mark_end(self) -> None:
        """Nothing is on its way: running dry after what was written is no stall."""
        begun = [lane for lane in self._lanes if lane.span.start is not None]
        if begun and not self._queue and (begun[-1].closed or begun[-1].idle):
            self.playout.end()

    def _request_skip(self) -> None:
        """Ask the playout for the first stretch that was cut; one stands at a time."""
        position = self.playout.position
        for lane in self._lanes:
            span = lane.span
            if not span.cut or span.start is None or span.stop is None:
                continue
            if position < span.stop:
                self.playout.skip(span.start, self._cut_until(lane, span.stop))
                return

    def _cut_until(self, first: Lane, stop: int) -> int:
        """Return where the stretch that was cut, and begins with `first`, ends."""
        for lane in self._lanes[self._lanes.index(first) + 1 :]:
            if lane.span.cut and lane.span.start == stop and lane.span.stop is not None:
                stop = lane.span.stop
        return stop

    def _drop_waiting(self, lane: Lane) -> None:
        lane.span.cut = True
        kept = [(owner, frames) for owner, frames in self._queue if owner is not lane]
        self._queue = deque(kept)
        self._bytes = sum(_weight(frames) for _, frames in kept)
        lane.waiting = 0

    def _give_up(self, lane: Lane, position: int) -> None:
        """Settle that what was not handed over by `position` is not going to be."""
        span = lane.span
        if span.stop is None or span.stop > position:
            self._drop_waiting(lane)
            span.stop = None if span.start is None else max(span.start, position)
        lane.closed = True

    def _settle(self, position: int) -> None:
        """Let go of the utterances whose last frame has been heard."""
        for lane in list(self._lanes):
            if lane.closed and not lane.waiting and self._is_heard(lane, position):
                self._lanes.remove(lane)
                lane.on_done()

    def _is_heard(self, lane: Lane, position: int) -> bool:
        span, playout = lane.span, self.playout
        if span.start is None or span.stop is None:
            return True
        if position < span.stop:
            return False
        if lane.drained_at is None:
            # What was played is still on its way. For what was cut nobody waits, but who closes.
            self._drained_at = playout.rendered + self._drain
            lane.drained_at = playout.rendered if span.cut else self._drained_at
        return playout.rendered >= lane.drained_at

    def _check_output(self) -> None:
        failure: OutputFailed | None = self.output.failure
        quiet = self._watch.look(self.playout.rendered, self._clock()) if self._lanes else None
        if failure is None and quiet is not None:
            failure = DeviceLost(
                f"{self.output.name} has asked for no sound for {quiet:.1f} s",
                remedy="Choose another device with device (--device)",
            )
        if failure is not None:
            raise failure


def _weight(frames: Frames) -> int:
    """Bytes that frames occupy in the queue: small chunks weigh more than their samples."""
    return frames.nbytes + ENTRY_BYTES
