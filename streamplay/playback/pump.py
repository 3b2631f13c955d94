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
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost
from streamplay.outputs import DRAIN_FACTOR
from streamplay.outputs.watchdog import Watchdog
from streamplay.playback.hearing import Hearing
from streamplay.playback.queue import PlaybackQueue
from streamplay.playback.track import Track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamplay.audio import Frames
    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Output
    from streamplay.playback.native import AnyPlayout

__all__ = ["Pump", "Track"]

RING_SECONDS: Final = 2.0
"""Longer than a busy machine keeps the loop from refilling it (measured: over a second)."""

RESERVE_SECONDS: Final = 0.5
"""Room in the ring for what follows a stretch that was cut and still lies there: it is heard
without waiting for the next tick."""

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
        self.lock = threading.RLock()
        self._clock = clock
        self._conveyor = PlaybackQueue(playout, reserve)
        self._tracks = self._conveyor.tracks
        self._hearing = Hearing(playout, self._tracks, clock)
        self._room = asyncio.Event()
        self._wake = asyncio.Event()
        self._abandoned = False
        self._wake_frames = round(wake * output.samplerate)
        self._begin(output)

    def _begin(self, output: Output) -> None:
        self.output = output
        self._watch = Watchdog(output.latency)
        self._conveyor.drain = round(output.latency * DRAIN_FACTOR * output.samplerate)
        self._conveyor.opens_at = self.playout.rendered + self._wake_frames

    @property
    def untouched(self) -> bool:
        """Whether nothing has been played or queued yet."""
        return not self._tracks and self.playout.written == 0

    @property
    def lost(self) -> bool:
        """Whether the output went away while nothing was said: nobody has been told."""
        return self._abandoned or (not self._tracks and self.output.failure is not None)

    @property
    def resting(self) -> bool:
        """Whether something has been said, all of it heard, and nothing is to follow yet."""
        heard = self.playout.rendered >= self._conveyor.drained_at
        return not self._tracks and self.playout.written > 0 and heard

    # On the loop

    def go_on(self, output: Output) -> None:
        """Take another output, started on the same playout, for one that is lost."""
        with self.lock:
            self._begin(output)

    def add(self, track: Track) -> None:
        """Take on another utterance, to be played after those before it."""
        with self.lock:
            self._tracks.append(track)
        track.heard, track.catch_up = self.heard, self._catch_up
        self._watch.rest()
        self._wake.set()

    async def put(self, track: Track, frames: Frames, at: float) -> None:
        """Take frames of `track`, that came `at` this time; wait only while the queue is full."""
        backlog = self._conveyor.backlog
        while backlog.is_full and not track.closed:
            self._room.clear()
            await self._room.wait()
        with self.lock:
            if track.closed:
                return
            dry = self._conveyor.is_dry(track)
            track.level = track.policy.on_arrival(len(frames), at, dry=dry)
            track.idle = False
            backlog.put(track, frames)
        self.step()

    def idle(self, track: Track) -> None:
        """Say that nothing of `track` is on its way just now."""
        with self.lock:
            track.idle = True
        self.step()

    def close(self, track: Track) -> None:
        """Say that nothing more of `track` will come."""
        with self.lock:
            self._conveyor.close(track)
        self.step()
        self._wake.set()

    async def run(self) -> None:
        """Come round until cancelled; raise `OutputFailed` where the output is lost."""
        while True:
            if not self._tracks:
                self._wake.clear()
                await self._wake.wait()
            self.step()
            self._check_output()
            await asyncio.sleep(TICK_SECONDS)

    def step(self) -> None:
        """Move what can be moved, and settle what is done."""
        with self.lock:
            position = self.playout.position  # what settles by it has all its notes by then
            self._hearing.read()
            self._conveyor.step()
            settled = self._conveyor.settle(position)
        if not self._conveyor.backlog.is_full:
            self._room.set()
        for track in settled:  # without the lock: whoever cuts in does not wait for who is told
            track.on_done()

    async def drained(self) -> None:
        """Wait until the last fade has been heard: an output that closes drops it."""
        watch = Watchdog(self.output.latency)
        while self.playout.rendered < self._conveyor.drained_at and not self.output.failure:
            if watch.look(self.playout.rendered, self._clock()) is not None:
                return
            await asyncio.sleep(TICK_SECONDS)

    def abandon(self) -> None:
        """Drop everything: the output is gone, or is about to be closed."""
        self._abandoned = True
        with suppress(Exception):  # where a bug in there is the reason
            self.step()
        with self.lock:
            position = self.playout.position
            self._hearing.read()
            given_up = self._conveyor.give_up(position)
            self._room.set()
        for track in given_up:
            track.on_done()

    # From any thread

    def cut(self, tracks: Iterable[Track]) -> None:
        """Silence `tracks` now: a fade in the callback, and nothing of them after it."""
        with self.lock:
            self._conveyor.cut(tracks)

    def wake(self) -> None:
        """Come round soon; on the loop."""
        self._room.set()
        self._wake.set()

    def heard(self) -> int:
        """Return the position that is heard now, by the output's own time."""
        with self.lock:
            return self._hearing.position()

    def _catch_up(self) -> None:
        with self.lock:
            self._hearing.read()

    def _check_output(self) -> None:
        failure: OutputFailed | None = self.output.failure
        quiet = self._watch.look(self.playout.rendered, self._clock()) if self._tracks else None
        if failure is None and quiet is not None:
            failure = DeviceLost(
                f"{self.output.name} has asked for no sound for {quiet:.1f} s",
                remedy="Choose another device with device (--device)",
            )
        if failure is not None:
            raise failure
