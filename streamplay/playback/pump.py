"""The pump: moves decoded frames from the queue into the ring, and reads the callback's notes.

It runs on the player's loop, where frames arrive. `cut` may be called from any thread, because an
interruption must not wait for the loop. One lock stands between the two; the audio callback never
takes it.

The ring is short. What is further ahead waits in the queue, decoded, so that a fast server can
finish. Only when the queue is full does `put_frames` wait, and reading from the network stops.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost
from streamplay.outputs.base import DRAIN_FACTOR
from streamplay.outputs.watchdog import Watchdog
from streamplay.playback.playclock import PlayClock
from streamplay.playback.queue import PlaybackQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamplay.audio import Frames
    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Output
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.track import Track
    from streamplay.policy.jitter import Policy

RING_SECONDS: Final = 2.0
"""Longer than a busy machine keeps the loop from refilling it (measured: over a second)."""

RESERVE_SECONDS: Final = 0.5
"""Room in the ring for what follows a stretch that was cut and still lies there: it is heard
without waiting for the loop."""

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
        Seconds, monotonic; the same clock as the output's.
    asked : tuple of int
        The samplerate and channels that were asked for when the output was opened.
    wake : float
        Seconds of silence to play first: a device that sleeps swallows what wakes it.
    reserve : int
        Frames of the ring that are kept free for what follows a cut.
    """

    def __init__(
        self,
        output: Output,
        playout: AnyPlayout,
        clock: Callable[[], float],
        *,
        asked: tuple[int, int],
        wake: float = 0.0,
        reserve: int = 0,
    ) -> None:
        self.playout = playout
        self.asked = asked
        # A signal handler can call `cut` on the thread that is in here (RLock).
        self._lock = threading.RLock()
        self._clock = clock
        self._queue = PlaybackQueue(playout, reserve)
        self._play_clock = PlayClock(playout.samplerate)
        self._reading = False
        self._room = asyncio.Event()
        self._wake = asyncio.Event()
        self._abandoned = False
        self._wake_frames = round(wake * output.samplerate)
        self._begin(output)

    def _begin(self, output: Output) -> None:
        self.output = output
        self._watchdog = Watchdog(output.latency)
        self._queue.drain = round(output.latency * DRAIN_FACTOR * output.samplerate)
        self._queue.opens_at = self.playout.rendered + self._wake_frames

    @property
    def untouched(self) -> bool:
        """Whether nothing has been played or queued yet."""
        return not self._queue.tracks and self.playout.written == 0

    @property
    def lost(self) -> bool:
        """Whether the output went away while nothing was said, so that no utterance failed."""
        return self._abandoned or (not self._queue.tracks and self.output.failure is not None)

    @property
    def resting(self) -> bool:
        """Whether something has been said, all of it heard, and nothing is to follow yet."""
        heard = self.playout.rendered >= self._queue.drained_at
        return not self._queue.tracks and self.playout.written > 0 and heard

    # On the loop

    def go_on(self, output: Output) -> None:
        """Take another output, started on the same playout, for one that is lost."""
        with self._lock:
            self._begin(output)

    def add(self, track: Track, policy: Policy) -> None:
        """Take on another track, to be played after those before it."""
        with self._lock:
            track.pump, track.policy = self, policy
            self._queue.tracks.append(track)
        self._watchdog.rest()
        self._wake.set()

    async def put_frames(self, track: Track, frames: Frames, at: float) -> None:
        """Queue frames of `track` that arrived at time `at`; wait only while the queue is full."""
        while self._queue.is_full and not track.closed:
            self._room.clear()
            await self._room.wait()
        assert track.policy is not None, "Pump.add comes first"
        with self._lock:
            if track.closed:
                return
            dry = self._queue.is_dry(track)
            track.level = track.policy.on_arrival(len(frames), at, dry=dry)
            track.idle = False
            self._queue.put_frames(track, frames)
        self.step()

    def set_level(self, track: Track, frames: int) -> None:
        """Set how many frames must be ahead before `track` starts or resumes."""
        with self._lock:
            track.level = frames
        self.step()

    def set_idle(self, track: Track) -> None:
        """Note that nothing of `track` is on its way until more is put."""
        with self._lock:
            track.idle = True
        self.step()

    def close(self, track: Track) -> None:
        """Note that nothing more of `track` will come."""
        with self._lock:
            self._queue.close(track)
        self.step()
        self._wake.set()

    async def run(self) -> None:
        """Move frames until cancelled; raise `OutputFailed` where the output is lost."""
        while True:
            if not self._queue.tracks:
                self._wake.clear()
                await self._wake.wait()
            self.step()
            self._check_output()
            await asyncio.sleep(TICK_SECONDS)

    def step(self) -> None:
        """Move what can be moved, and end the tracks that are done."""
        with self._lock:
            position = self.playout.position  # a track that ended by now has all its notes below
            self._read_notes()
            self._queue.step()
            settled = self._queue.settle(position)
        if not self._queue.is_full:
            self._room.set()
        _end(settled)

    async def drained(self) -> None:
        """Wait until the last fade has been heard: an output that closes drops it."""
        watchdog = Watchdog(self.output.latency)
        while self.playout.rendered < self._queue.drained_at and not self.output.failure:
            if watchdog.look(self.playout.rendered, self._clock()) is not None:
                return
            await asyncio.sleep(TICK_SECONDS)

    def abandon(self) -> None:
        """Drop everything: the output is gone, or is about to be closed."""
        self._abandoned = True
        with suppress(Exception):  # a bug in `step` may be why everything is dropped
            self.step()
        with self._lock:
            position = self.playout.position
            self._read_notes()
            given_up = self._queue.give_up(position)
            self._room.set()
        _end(given_up)

    def wake(self) -> None:
        """Step soon: something has changed."""
        self._room.set()
        self._wake.set()

    # From any thread

    def cut(self, tracks: Iterable[Track]) -> None:
        """Silence `tracks` now: the callback fades out, and nothing of them is heard after that."""
        with self._lock:
            self._queue.cut(tracks)

    def position(self) -> int:
        """Return the position of the next frame to be handed over, its notes read."""
        position = self.playout.position
        with self._lock:
            self._read_notes()  # after the position: the callback notes a skip before it moves
        return position

    def heard(self) -> int:
        """Return the position that is heard now, by the output's own time."""
        with self._lock:
            self._read_notes()
            return self._play_clock.position(self._clock())

    def has_run_dry(self, track: Track) -> bool:
        """Whether all of `track` that came has been heard, and more of it is on its way."""
        expected = track.start is not None and not (track.closed or track.idle or track.waiting)
        if not expected or self.playout.paused:
            return False
        return self.playout.position == self.playout.written <= self.heard()

    def _read_notes(self) -> None:
        """Take in the callback's notes since the last call; under the lock.

        A signal handler can call this in the middle of it on the same thread: the call that was
        interrupted reads to the end.
        """
        if self._reading:
            return
        self._reading = True
        try:
            notes = self.playout.journal.read_notes()
            self._play_clock.feed(notes)
            for note in notes:
                for track in self._queue.tracks:
                    track.apply(note)
        finally:
            self._reading = False

    def _check_output(self) -> None:
        failure: OutputFailed | None = self.output.failure
        tracks, rendered = self._queue.tracks, self.playout.rendered
        quiet = self._watchdog.look(rendered, self._clock()) if tracks else None
        if failure is None and quiet is not None:
            failure = DeviceLost(
                f"{self.output.name} has asked for no sound for {quiet:.1f} s",
                remedy="Choose another device with device (--device)",
            )
        if failure is not None:
            raise failure


def _end(tracks: Iterable[Track]) -> None:
    """Set the tracks' futures; outside the lock, so that `cut` never waits for a listener."""
    for track in tracks:
        if not track.done.done():  # a task that awaited it may have cancelled it
            track.done.set_result(None)
