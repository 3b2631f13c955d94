"""The pump: moves decoded frames from the queue into the ring, and reads the callback's notes.

It runs on the player's loop, where frames arrive. `cut` may be called from any thread, because an
interruption must not wait for the loop. One lock stands between the two; the audio callback never
takes it.

The ring is short. What is further ahead waits in the queue, decoded, so that a fast server can
finish. Only when the queue is full does `put_frames` wait, and reading from the network stops.

When it wakes
-------------
The pump sleeps until something is due, and misses nothing that is:

1. What falls due by time alone is due after a number of frames of output, which `PlaybackQueue`
   tells from counters that only the callback advances, and that the callback advances no faster
   than the output's rate and its buffer. After every step the pump sleeps until the first of
   these, and while it has tracks never longer than the watchdog's next look. By then the journal
   cannot be half full, unless an output is faster than real time: then it is reckoned with too.
   Every step is a look of the watchdog's: frames that come from a server spare the pump a wake.
2. Everything else is a change: frames put, a track closed, cut, idle or with another level, a
   pause, an output lost or replaced. Each of these steps at once where it happens on the loop, or
   posts a step to the loop where it happens on another thread, and wakes the pump where that has
   brought the next due time forward. Nothing is awaited between looking and going to sleep.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost
from streamplay.outputs.base import DRAIN_FACTOR
from streamplay.outputs.watchdog import LOOK_SECONDS, Watchdog
from streamplay.playback.changes import Changes
from streamplay.playback.playclock import PlayClock
from streamplay.playback.queue import PlaybackQueue
from streamplay.playback.ring import RESERVED, SLOTS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Future

    from streamplay.audio import Frames
    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Output
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.ring import Note
    from streamplay.playback.track import Track
    from streamplay.policy.jitter import Policy

RING_SECONDS: Final = 2.0
"""Longer than a busy machine keeps the loop from refilling it (measured: over a second)."""

RESERVE_SECONDS: Final = 0.5
"""Room in the ring for what follows a stretch that was cut and still lies there: it is heard
without waiting for the loop."""

BLOCK_SECONDS: Final = 0.005
"""An output's usual block: its counters do not move more often, so nothing is looked at sooner."""

SHORTEST_SECONDS: Final = 0.001
"""The shortest sleep, before an output that is faster than real time."""

WATCH_SECONDS: Final = 0.8 * LOOK_SECONDS
"""The watchdog looks so often while there are tracks: each look counts `LOOK_SECONDS` at most, and
a timer that is a little late must not cost any of that."""

LATER_SECONDS: Final = 0.02
"""The alarm is set anew only where it would ring so much too early: a fast server's frames come
every millisecond."""

FASTEST: Final = 1e6
"""Times real time: stands for an output that is as fast as it can be."""

HALF_FULL: Final = (SLOTS - RESERVED) // 2
"""Notes of handed-over blocks in the journal when it is read at the latest."""

SMALLEST_BLOCK: Final = 16
"""Frames that a block is taken to have at least."""


class Pump:
    """Moves frames for all utterances of one output, in order, without gaps.

    Parameters
    ----------
    output : Output
        An output that was started on `playout`, or is going to be.
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
        self._play_clock = PlayClock(playout.samplerate * min(output.speed, FASTEST))
        self._smallest_block = SMALLEST_BLOCK
        self._reading = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = Changes()
        self._earlier = Changes()
        self._sleeps_until = -inf
        self._alarm: asyncio.TimerHandle | None = None  # there is one while `run` sleeps
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

    async def run(self) -> None:
        """Move frames until cancelled; raise `OutputFailed` where the output is lost."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self.step()
                self._check_output()
                self._set_alarm(self.next_due())
                await self._earlier.wait()
        finally:
            self._set_alarm(inf)

    def step(self) -> None:
        """Move what can be moved, and end the tracks that are done."""
        with self._lock:
            position = self.playout.position  # a track that ended by now has all its notes below
            self._read_notes()
            self._queue.step()
            settled = self._queue.settle(position)
        if not self._queue.is_full:
            self._room.notify()
        # Outside the lock, so that `cut` never waits for a listener.
        for track in settled:
            track.end()
        due = self.next_due()
        if due < self._sleeps_until:
            self._earlier.notify()
        elif self._alarm is not None and due > self._sleeps_until + LATER_SECONDS:
            if self._failure() is None:
                self._set_alarm(due)
            else:
                self._earlier.notify()  # `run` raises it

    def next_due(self) -> float:
        """Return the time of the clock at which the next step is due; infinity: by no time."""
        tracks = self._queue.tracks
        if not tracks:
            return inf
        with self._lock:
            due = self._queue.due_in()
        half_full = HALF_FULL * self._smallest_block
        frames = half_full if due is None else min(due, half_full)
        return self._clock() + min(WATCH_SECONDS, self._seconds(frames))

    def add(self, track: Track, policy: Policy) -> None:
        """Take on another track, to be played after those before it."""
        with self._lock:
            track.pump, track.policy = self, policy
            if track not in self._queue.tracks:
                self._queue.tracks.append(track)
            if track.wanted_speed != track.tape.speed:
                self._set_speed(track, track.wanted_speed)
        self._watchdog.rest()
        self._changed()

    def reserve(self, track: Track, following: Sequence[Track]) -> None:
        """Keep a place for a track before those that follow it; `add` comes with its policy."""
        with self._lock:
            track.pump = self
            self._queue.insert(track, following)
        self._watchdog.rest()
        self._changed()

    async def put_frames(self, track: Track, frames: Frames, at: float) -> None:
        """Queue frames of `track` that arrived at time `at`; wait only while the queue is full."""
        while self._queue.is_full and not track.closed:
            await self._room.wait()
        assert track.policy is not None, "Pump.add comes first"
        with self._lock:
            if track.closed:
                return
            dry = self._queue.is_dry(track)
            track.level = track.policy.on_arrival(len(frames), at, dry=dry)
            track.idle = False
            self._queue.put_frames(track, frames)
        self._changed()

    def take_back(self, track: Track, frames: int) -> int:
        """Drop the last `frames` frames of `track`; return how many could still be dropped."""
        with self._lock:
            dropped = self._queue.take_back(track, frames)
        self._changed()
        return dropped

    def set_level(self, track: Track, frames: int) -> None:
        """Set how many frames must be ahead before `track` starts or resumes."""
        with self._lock:
            track.level = frames
        self._changed()

    def set_idle(self, track: Track) -> None:
        """Note that nothing of `track` is on its way until more is put."""
        with self._lock:
            self._queue.set_idle(track)
        self._changed()

    def move(self, track: Track, place: int) -> None:
        """Let `track` be heard from another place on: see `PlaybackQueue.move`."""
        with self._lock:
            self._queue.move(track, place)
        self._changed()

    def skip_rest(self, track: Track) -> Future[None]:
        """Let nothing more of `track` be heard until its next piece begins; return when it does."""
        with self._lock:
            next_piece = track.await_piece()
            self._queue.move(track, track.tape.end)
        self._changed()
        return next_piece

    def set_speed(self, track: Track, speed: float) -> None:
        """Have what is written of `track` from now on heard at another speed."""
        with self._lock:
            self._set_speed(track, speed)
        self._changed()

    def _set_speed(self, track: Track, speed: float) -> None:
        from streamplay.codecs.tempo import TempoChanger  # only another speed needs it

        make = partial(TempoChanger, self.playout.samplerate, self.playout.channels)
        self._queue.set_speed(track, speed, make)

    def close(self, track: Track) -> None:
        """Note that nothing more of `track` will come."""
        with self._lock:
            self._queue.close(track)
        self._changed()

    def set_paused(self, *, paused: bool) -> None:
        """Hold the sound, with a fade, or let it return."""
        self.hold(paused=paused)
        self._changed()

    def go_on(self, output: Output) -> None:
        """Take another output, started on the same playout, for one that is lost."""
        with self._lock:
            self._begin(output)
        self._changed()

    async def drained(self) -> None:
        """Wait until the last fade has been heard: an output that closes drops it."""
        watchdog = Watchdog(self.output.latency)
        while (left := self._queue.drained_at - self.playout.rendered) > 0:
            quiet = watchdog.look(self.playout.rendered, self._clock())
            if self.output.failure or quiet is not None:
                return
            await self._earlier.wait(min(WATCH_SECONDS, self._seconds(left)))

    def abandon(self, error: OutputFailed | None = None) -> None:
        """Drop everything: the output is gone, or is about to be closed.

        Parameters
        ----------
        error : OutputFailed, optional
            Why the output is lost: what ends the tracks that were not heard to their ends.
        """
        self._abandoned = True
        with suppress(Exception):  # a bug in `step` may be why everything is dropped
            self.step()
        with self._lock:
            position = self.playout.position
            self._read_notes()
            given_up = self._queue.give_up(position)
        self._room.notify()
        for track in given_up:
            track.end(error)

    def _changed(self) -> None:
        """Step after a change, and wake what waits for one."""
        self.step()
        self._room.notify()
        for track in self._queue.tracks:
            track.changes.notify()

    # From any thread

    def hold(self, *, paused: bool) -> None:
        """Do what the callback has to do for `set_paused`, which is to follow on the loop."""
        with self._lock:
            if paused:
                self.playout.pause()
            else:
                self.playout.resume()

    def cut(self, tracks: Iterable[Track]) -> None:
        """Silence `tracks` now: the callback fades out, and nothing of them is heard after that."""
        with self._lock:
            self._queue.cut(tracks)
        self.wake()

    def wake(self) -> None:
        """Step soon: the output has been lost, or something else has changed."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._woken)

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

    def seconds_to_play(self, frames: float, since: int) -> float | None:
        """Return how long handing over so many frames after `since` takes.

        Parameters
        ----------
        frames : float
            How many.
        since : int
            The position that the caller looked at: the callback has gone on meanwhile, maybe to
            the last frame that there is.

        Returns
        -------
        float or None
            Seconds; None: nothing moves until a change.
        """
        playout = self.playout
        if playout.paused:
            return None
        position = playout.position
        left, ahead = frames - (position - since), playout.written - position
        if not ahead and left > 0 and not any(track.waiting for track in self._queue.tracks):
            return None
        # Below its level a gate may be closed, which only a change opens, or open until it is dry.
        return self._seconds(left if ahead >= playout.start_level else min(left, ahead))

    def seconds_until_heard(self, position: int) -> float | None:
        """Return when all before `position` may have been heard; None: not before a change."""
        with self._lock:
            self._read_notes()
            position -= self._queue.skipped_before(position)
            at = self._play_clock.time_of(position)
        reached = self.playout.position
        left = position - reached
        handed_over_in = self.seconds_to_play(left, reached) if left > 0 else 0.0
        if handed_over_in is None:
            return None
        return max(handed_over_in, 0.0 if at is None else at - self._clock())

    # In between

    def _woken(self) -> None:
        self._changed()
        self._earlier.notify()

    def _seconds(self, frames: float) -> float:
        """Return how long the output takes for so many frames, and at least for a block."""
        seconds = max(frames / self.playout.samplerate, BLOCK_SECONDS) / self.output.speed
        return max(seconds, SHORTEST_SECONDS)

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
            self._play_clock.add_notes(notes)
            for note in notes:
                for track in self._queue.tracks:
                    track.apply(note)
            self._smallest_block = _smallest_block(notes) or self._smallest_block
        finally:
            self._reading = False

    def _set_alarm(self, due: float) -> None:
        """Have `run` woken at a time of the clock, and not when it was to be woken before."""
        self._sleeps_until = due
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due != inf and self._loop is not None:
            seconds = max(0.0, due - self._clock())
            self._alarm = self._loop.call_later(seconds, self._earlier.notify)

    def _check_output(self) -> None:
        failure = self._failure()
        if failure is not None:
            raise failure

    def _failure(self) -> OutputFailed | None:
        """Look at the output, and whether it still asks for sound; return why it is lost."""
        if not self._queue.tracks:
            return None
        failure: OutputFailed | None = self.output.failure
        quiet = self._watchdog.look(self.playout.rendered, self._clock())
        if failure is None and quiet is not None:
            failure = DeviceLost(
                f"{self.output.name} has asked for no sound for {quiet:.1f} s",
                remedy="Choose another device with device (--device)",
            )
        return failure


def _smallest_block(notes: Iterable[Note]) -> int | None:
    """Return the fewest frames of a block, but for those that a track's end cut short."""
    blocks = (note.frames for note in notes if note.kind is Kind.PLAYED)
    return min((frames for frames in blocks if frames >= SMALLEST_BLOCK), default=None)
