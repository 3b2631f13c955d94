"""A track: one utterance's way through the pump, and what the callback's notes say of it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Protocol

from streamplay.playback.changes import Changes
from streamplay.playback.ring import Kind
from streamplay.playback.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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

    def seconds_to_play(self, frames: float, since: int) -> float | None:
        """Return how long handing over so many frames after the position `since` takes.

        None: nothing moves until a change.
        """

    def seconds_until_heard(self, position: int) -> float | None:
        """Return when all before `position` may have been heard; None: not before a change."""

    def move(self, track: Track, place: int) -> None:
        """Let `track` be heard from another place on; on the loop."""

    def skip_rest(self, track: Track) -> Future[None]:
        """Let nothing more of `track` be heard until its next piece begins; return when it does.

        On the loop.
        """

    def set_speed(self, track: Track, speed: float) -> None:
        """Have what is written of `track` from now on heard at another speed; on the loop."""


@dataclass(slots=True)
class TrackPart:
    """Where frames of a track lie in the playout.

    Attributes
    ----------
    begin, stop : int
        The positions of the first frame and behind the last one.
    place, end : int
        Which frames of the track these stand for: see `streamplay.playback.tape`.
    speed : float
        How many of the track's frames one of them stands for.
    """

    begin: int
    stop: int
    place: int
    end: int
    speed: float = 1.0

    def place_at(self, position: int) -> int:
        """Return which frame of the track begins at a position of this part."""
        into, whole = position - self.begin, self.stop - self.begin
        return self.place + (into if self.speed == 1.0 else into * self._length // max(1, whole))

    def position_of(self, place: int) -> int:
        """Return the position before which all frames up to `place` lie."""
        into, whole = place - self.place, self.stop - self.begin
        if self.speed == 1.0:
            return self.begin + into
        return self.begin + ceil(into * whole / max(1, self._length))

    @property
    def _length(self) -> int:
        return self.end - self.place


@dataclass(slots=True, eq=False)
class Track:
    """One utterance's frames: where they lie in the playout, and what became of them.

    Positions and frames are the playout's, at the output's rate. `Pump.add` takes the track on;
    the pump changes it under its lock. Any thread may read it; what waits does so on the loop.

    Where the listener goes back, forward or changes the speed, the *position* in the playout goes
    on, and the *place* in the track goes elsewhere: each part of the playout that is its own tells
    for which of its frames it stands. What was heard is the union of these, so that a frame that
    is heard twice counts once.

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
        cut, paused, resumed, moved, another output. The code that makes its frames notifies it too.
    first : bool
        It is heard in the gap of a track before it that is idle.
    keeps : bool
        What was heard is kept, as far as the queue's bound allows, so that it can be heard again.
    next_piece : Future or None
        Where the listener has gone on to a piece that is to come: done when that begins.
    closed : bool
        Nothing more will come; what came is played to its end.
    idle : bool
        Nothing is on its way just now (the text has not come): running dry is no stall.
    wanted_speed : float
        At which it is to be heard; 1 is the voice's own.
    tape : Tape
        Its frames: those that wait behind the ring, and those that are kept.
    level : int
        Frames that must be ahead before it starts or resumes.
    parts : list of TrackPart
        Where its frames lie in the playout, in order; other tracks' may lie between them.
    stop : int or None
        The position after its last frame, known when that was written and the track was closed.
    moved_at, moved_to : int
        The position from which on the last move is heard, and the place where it leads.
    moves : int
        How often the listener has gone elsewhere.
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
    keeps: bool = False
    next_piece: Future[None] | None = None
    closed: bool = False
    idle: bool = False
    wanted_speed: float = 1.0
    tape: Tape = field(default_factory=Tape)
    level: int = 1
    parts: list[TrackPart] = field(default_factory=list)
    stop: int | None = None
    moved_at: int = 0
    moved_to: int = 0
    moves: int = 0
    cut: bool = False
    skips: list[tuple[int, int]] = field(default_factory=list)
    voice_offset: int | None = None
    first_sound: float | None = None
    first_voice: float | None = None
    stalls: list[int] = field(default_factory=list)
    underflows: int = 0
    starved: int = 0
    drained_at: int | None = None

    # On the loop

    def await_piece(self) -> Future[None]:
        """Let nothing that comes be heard until the next piece begins; return when that is."""
        if self.next_piece is None:
            self.next_piece = Future()
        return self.next_piece

    def begin_piece(self) -> None:
        """Let what comes be heard: another piece begins, or the listener has gone elsewhere."""
        awaited, self.next_piece = self.next_piece, None
        if awaited is not None:
            awaited.set_result(None)

    # For any thread

    @property
    def start(self) -> int | None:
        """The position of its first frame, known when that is written to the ring."""
        return self.parts[0].begin if self.parts else None

    @property
    def waiting(self) -> int:
        """Frames in the queue, behind the ring."""
        return self.tape.waiting

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

    def place_at(self, position: int) -> int:
        """Return which of its frames is the next to be heard at a position of the playout.

        As soon as the listener has asked to go elsewhere, that is where it leads.
        """
        behind = self.parts[-1].stop if self.parts else 0
        if self.moves and (position < self.moved_at or behind <= self.moved_at):
            return self.moved_to
        for part in reversed(self.parts):
            if self.moves and part.stop <= self.moved_at:
                break
            own = list(_without((part.begin, min(part.stop, position)), self.skips))
            if own:
                stop = own[-1][1]
                return part.end if stop == part.stop else part.place_at(stop)
        return self.moved_to

    def played(self, position: int) -> int:
        """Return how many of its frames were handed over by `position`, each counted once."""
        return sum(stop - start for start, stop in joined(self._handed_over(position)))

    def replayed(self, position: int) -> int:
        """Return how many of its frames were handed over again by `position`."""
        handed_over = self._handed_over(position)
        return sum(stop - start for start, stop in handed_over) - self.played(position)

    def _handed_over(self, position: int) -> list[tuple[int, int]]:
        """Return the places of what was handed over by `position`: from, up to."""
        reached = position if self.stop is None else min(position, self.stop)
        return [
            (part.place_at(begin), part.end if stop == part.stop else part.place_at(stop))
            for part in self.parts
            for begin, stop in _without((part.begin, min(part.stop, reached)), self.skips)
        ]

    def position_of(self, place: int) -> int | None:
        """Return the position by which all up to a place has been played; None: not known.

        What is not in the ring yet is expected right behind what is.
        """
        if not self.parts:
            return None
        for part in reversed(self.parts):
            if part.place < place <= part.end and part.stop > self.moved_at:
                return part.position_of(place)
        first, last = self.parts[0], self.parts[-1]
        if place <= first.place:
            return first.begin
        at, behind = (last.stop, last.end) if last.stop > self.moved_at else self._moved()
        return at + max(0, ceil((place - behind) / self.tape.speed))

    def _moved(self) -> tuple[int, int]:
        return self.moved_at, self.moved_to

    def is_whole(self, position: int) -> bool:
        """Whether all that came had been handed over by `position`."""
        written = self.stop is not None and not self.cut and position >= self.stop
        return written and self.played(position) == self.tape.end

    def is_handed_over(self, position: int) -> bool:
        """Whether by `position` nothing of it was left to be cut."""
        return self.closed and self.stop is not None and position >= self.stop

    # On the loop

    async def progress(self, frames: float | None, since: int) -> None:
        """Wait until so many frames after `since` may have been handed over, or for a change.

        Parameters
        ----------
        frames : float or None
            How many; None: a change alone is waited for.
        since : int
            The position at which the caller counted them. They may have been handed over since,
            and that wakes no task: it is no change.
        """
        seconds = None
        if frames is not None and self.pump is not None:
            seconds = self.pump.seconds_to_play(frames / self.tape.speed, since)
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

    def add_part(self, begin: int, count: int, place: int, end: int) -> None:
        """Note that `count` frames at a position stand for those from `place` up to `end`."""
        speed, last = self.tape.speed, self.parts[-1] if self.parts else None
        follows = last is not None and (last.stop, last.end, last.speed) == (begin, place, speed)
        if last is not None and follows and begin != self.moved_at:
            last.stop, last.end = begin + count, end
        else:
            self.parts.append(TrackPart(begin, begin + count, place, end, speed))

    def move(self, place: int, at: int, fade: int) -> None:
        """Go on at another place; what was written before the position `at` is not heard any more.

        The first `fade` frames fade in.
        """
        self.tape.move(place, fade)
        self.stop = self.drained_at = None
        self.moved_at, self.moved_to = at, self.tape.place
        self.moves += 1

    def apply(self, note: Note) -> None:
        """Take what concerns this track out of a note of the callback."""
        if not self.parts:
            return
        if note.kind is Kind.PLAYED and self._count_own(note.position, note.frames):
            self._note_played(note)
        elif note.kind is Kind.SKIPPED and self._count_own(note.position, note.frames):
            self.skips.append((note.position, note.position + note.frames))
        elif note.kind is Kind.STALLED and self._is_at(note.position):
            self.stalls.append(note.frames)
        elif note.kind is Kind.UNDERFLOWED and self._is_at(note.position):
            self.underflows += 1

    def _count_own(self, position: int, frames: int) -> int:
        """Return how many of these frames of the playout are its own."""
        end = position + frames if self.stop is None else min(self.stop, position + frames)
        return sum(_overlap((part.begin, part.stop), (position, end)) for part in self.parts)

    def _is_at(self, position: int) -> bool:
        """Whether the frame at a position is its own, or is going to be."""
        awaited = self.stop is None and position == self.parts[-1].stop
        return awaited or self._count_own(position, 1) > 0

    def _note_played(self, note: Note) -> None:
        if self.first_sound is None:
            self.first_sound = note.time
        if self.first_voice is not None or self.voice_offset is None:
            return
        begins = self.position_of(self.voice_offset)
        if begins is not None and begins < note.position + note.frames:
            self.first_voice = note.time


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _without(
    stretch: tuple[int, int], skips: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield what of a stretch is in none of `skips`, which are in order and apart."""
    at, stop = stretch
    for begin, end in skips:
        if at < min(begin, stop):
            yield at, min(begin, stop)
        at = max(at, end)
    if at < stop:
        yield at, stop


def joined(stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches in order; those that touch are one."""
    whole: tuple[int, int] | None = None
    for start, stop in sorted(stretches):
        if whole is not None and start <= whole[1]:
            whole = whole[0], max(whole[1], stop)
            continue
        if whole is not None:
            yield whole
        whole = start, stop
    if whole is not None:
        yield whole
