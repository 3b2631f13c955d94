"""A track: one utterance's way through the pump, and what the callback's notes say of it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from streamplay.playback.changes import Changes
from streamplay.playback.ring import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.errors import OutputFailed
    from streamplay.playback.ring import Note
    from streamplay.policy.jitter import Policy


class Positions(Protocol):
    """What a track asks of the pump that plays it; for any thread."""

    def position(self) -> int:
        """Return the position of the next frame to be handed over, its notes read."""

    def heard(self) -> int:
        """Return the position that is heard now, by the output's own time."""

    def has_run_dry(self, track: Track) -> bool:
        """Whether all of `track` that came has been heard, and more of it is on its way."""

    def seconds_to_play(self, frames: float) -> float | None:
        """Return how long handing over so many frames takes; None: nothing moves until a change."""

    def seconds_until_heard(self, position: int) -> float | None:
        """Return when all before `position` may have been heard; None: not before a change."""


@dataclass(slots=True, eq=False)
class Track:
    """One utterance's frames: where they lie in the playout, and what became of them.

    Positions and frames are the playout's, at the output's rate. `Pump.add` takes the track on;
    the pump changes it under its lock. Any thread may read it; what waits does so on the loop.

    Attributes
    ----------
    pump, policy : Pump, Policy
        What plays it and what decides when it may start; None until `Pump.add`.
    done : Future
        Done on the loop, once the last frame has been heard or nothing more of it is going to be;
        `OutputFailed` where its output was lost. For any thread; the loop awaits it with
        `asyncio.wrap_future`.
    changes : Changes
        Notified when something has happened to it that no time could tell: frames put, closed,
        cut, paused, resumed, another output. The code that makes its frames notifies it too.
    first : bool
        It is heard in the gap of a track before it that is idle.
    closed : bool
        Nothing more will come; what came is played to its end.
    idle : bool
        Nothing is on its way just now (the text has not come): running dry is no stall.
    waiting : int
        Frames in the queue, behind the ring.
    level : int
        Frames that must be ahead before it starts or resumes.
    start, stop : int or None
        The position of its first frame, known when that is written to the ring; and the position
        after its last one, known when that was written and the track was closed.
    others : list of (int, int)
        Stretches between `start` and `stop` that are another track's, heard in a gap of this one.
    cut : bool
        Not all that came was written to the ring.
    skips : list of (int, int)
        Stretches that were dropped unheard: from, up to.
    voice_offset : int or None
        Frames before the first voice.
    first_sound, first_voice : float or None
        When its first frame, and its first voice, were handed to the output; seconds.
    stalls : list of int
        How long each stall was, in frames.
    underflows : int
        How often the callback came late while it played.
    starved : int
        The playout's count of silence rendered for a dry ring, when its last frames were put.
    drained_at : int or None
        The output's frame count by which its last frame has been heard.
    """

    pump: Positions | None = None
    policy: Policy | None = None
    done: Future[None] = field(default_factory=Future)
    changes: Changes = field(default_factory=Changes)
    first: bool = False
    closed: bool = False
    idle: bool = False
    waiting: int = 0
    level: int = 1
    start: int | None = None
    stop: int | None = None
    others: list[tuple[int, int]] = field(default_factory=list)
    cut: bool = False
    skips: list[tuple[int, int]] = field(default_factory=list)
    voice_offset: int | None = None
    first_sound: float | None = None
    first_voice: float | None = None
    stalls: list[int] = field(default_factory=list)
    underflows: int = 0
    starved: int = 0
    drained_at: int | None = None

    # For any thread

    def position(self) -> int:
        """Return the position in the playout of the next frame to be handed over; 0 before it."""
        return 0 if self.pump is None else self.pump.position()

    def heard(self) -> int:
        """Return the position in the playout that is heard now; 0 before it is played."""
        return 0 if self.pump is None else self.pump.heard()

    def has_run_dry(self) -> bool:
        """Whether all of it that came has been heard, and more of it is on its way."""
        return self.pump is not None and self.pump.has_run_dry(self)

    def seconds_until_heard(self, position: int) -> float | None:
        """Return when all before `position` may have been heard; None: not before a change."""
        return None if self.pump is None else self.pump.seconds_until_heard(position)

    def played(self, position: int) -> int:
        """Return how many of its frames were handed over by `position`."""
        if self.start is None:
            return 0
        reached = max(self.start, position if self.stop is None else min(position, self.stop))
        own = list(self.own_stretches(reached))
        skipped = sum(_overlap(stretch, skip) for stretch in own for skip in self.skips)
        return sum(stop - start for start, stop in own) - skipped

    def own_stretches(self, stop: int) -> Iterator[tuple[int, int]]:
        """Yield where its frames lie, up to the position `stop`: from, up to."""
        at = stop if self.start is None else self.start
        for begin, end in self.others:
            if at < min(begin, stop):
                yield at, min(begin, stop)
            at = max(at, end)
        if at < stop:
            yield at, stop

    def position_of(self, frames: int) -> int | None:
        """Return the position by which so many of its frames have been played; None: not known."""
        if self.start is None:
            return None
        position = self.start + frames
        for begin, end in self.others:
            if begin < position:
                position += end - begin
        return position

    def is_whole(self, position: int) -> bool:
        """Whether all that came had been handed over by `position`."""
        written = self.stop is not None and not self.cut and not self.skips
        return written and self.stop is not None and position >= self.stop

    def is_handed_over(self, position: int) -> bool:
        """Whether by `position` nothing of it was left to be cut."""
        return self.closed and self.stop is not None and position >= self.stop

    # On the loop

    async def progress(self, frames: float | None) -> None:
        """Wait until so many frames more may have been handed over, or for a change.

        Without a number of frames, for a change alone.
        """
        seconds = None
        if frames is not None and self.pump is not None:
            seconds = self.pump.seconds_to_play(frames)
        await self.changes.wait(seconds)

    def end(self, error: OutputFailed | None = None) -> None:
        """Set its future: nothing more of it is going to be heard."""
        if self.done.done():  # a task that awaited it may have cancelled it
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self.changes.notify()

    # Under the pump's lock

    def apply(self, note: Note) -> None:
        """Take what concerns this track out of a note of the callback."""
        if self.start is None:
            return
        overlap = self._count_own(note.position, note.frames)
        if note.kind is Kind.PLAYED and overlap:
            self._note_played(note)
        elif note.kind is Kind.SKIPPED and overlap:
            self.skips.append((note.position, note.position + note.frames))
        elif note.kind is Kind.STALLED and self._count_own(note.position, 1):
            self.stalls.append(note.frames)
        elif note.kind is Kind.UNDERFLOWED and self._count_own(note.position, 1):
            self.underflows += 1

    def _count_own(self, position: int, frames: int) -> int:
        """Return how many of these frames of the playout are its own."""
        end = position + frames if self.stop is None else min(self.stop, position + frames)
        return sum(_overlap(stretch, (position, end)) for stretch in self.own_stretches(end))

    def _note_played(self, note: Note) -> None:
        if self.first_sound is None:
            self.first_sound = note.time
        if self.first_voice is not None or self.voice_offset is None or self.start is None:
            return
        begins = self.position_of(self.voice_offset)
        if begins is not None and begins < note.position + note.frames:
            self.first_voice = note.time


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
