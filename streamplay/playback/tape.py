"""A tape: the frames of one track, those that wait and those that may be heard again. Pure.

A *place* counts the track's frames from its first one, at the output's rate and at the voice's own
speed. `place` is that of the next frame to be written to the ring::

    0 ────── begin ──────────── place ────────────── end
    forgotten      may be heard       waits              has not come
                   again

`put_frames` moves `end`, `read_frames` moves `place`, `move` sets it to any place from `begin` to
`end`, and `forget_behind` moves `begin`. Nothing else does, so that ``begin <= place <= end``,
and that frame number ``k`` is the same whenever and at whatever speed it is heard. Only `cut_end`
moves `end` back, where other frames are to follow.

At another speed than 1 a *stretcher* makes other frames of them, of the same pitch. It is given
more than it returns, so `place` is then where the frame stands that it returns next.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.audio import Frames

ENTRY_BYTES: Final = 256
"""What an array, its view and its place in the queue take besides the samples."""

FED: Final = 2048
"""Frames that a stretcher is given at a time: it needs about as many before it returns any."""


class Stretcher(Protocol):
    """Changes the speed of what passes, and not its pitch."""

    def convert(self, frames: Frames) -> Frames:
        """Return what can be given after these frames, ``float32 (n, channels)``."""

    def finish(self) -> Frames:
        """Return the last frames, which were held back."""


class TapeFrames(NamedTuple):
    """Frames to be written to the ring, and the places for which they stand."""

    frames: Frames
    begin: int
    end: int


class Tape:
    """See the head of this module.

    Attributes
    ----------
    begin, end : int
        The places of the first frame that is kept, and of the next that comes.
    kept_bytes, waiting_bytes : int
        What all that is kept takes, and what of it waits.
    speed : float
        How many of its frames are heard in the time of one.
    """

    def __init__(self) -> None:
        self.begin = self.end = 0
        self.kept_bytes = self.waiting_bytes = 0
        self.speed = 1.0
        self._chunks: list[Frames] = []
        self._places: list[int] = []  # where each chunk begins
        self._taken = 0  # the place up to which frames were returned, or given to the stretcher
        self._more = True  # more may be on its way
        self._stretching: _Stretching | None = None
        self._blend: _Blend | None = None

    @property
    def place(self) -> int:
        """The place of the next frame to be written to the ring."""
        return self._taken if self._stretching is None else int(self._stretching.place)

    @property
    def waiting(self) -> int:
        """Frames that wait to be written; 0 where `read_frames` has none to return."""
        held = self._stretching is not None and self._stretching.holds(ending=not self._more)
        return max(1, self.end - self.place) if held or self._taken < self.end else 0

    # What comes

    def put_frames(self, frames: Frames) -> None:
        """Take frames behind all that came before; they are kept until they are forgotten."""
        self._more = True
        self._chunks.append(frames)
        self._places.append(self.end)
        self.end += len(frames)
        self.kept_bytes += weight(frames)
        self.waiting_bytes += weight(frames)

    def finish(self) -> None:
        """Note that nothing is on its way now: a stretcher need not hold anything back."""
        self._more = False

    # What goes

    def read_frames(self, room: int) -> TapeFrames:
        """Return the next frames, `room` at most; none where none can be returned yet."""
        begin, stretching = self.place, self._stretching
        if stretching is None:
            frames = self._take(room)
        else:
            while not stretching.ready and self._taken < self.end:
                stretching.feed(self._take(FED))
            if self._taken == self.end and not self._more:
                stretching.finish(self.end)
            frames = stretching.take(room)
        if self._blend is not None and len(frames):
            frames = self._blend.apply(frames)
            self._blend = None if self._blend.is_over else self._blend
        return TapeFrames(frames, begin, self.place)

    def move(self, place: int, fade: int) -> None:
        """Go on at a place, or at the nearest that is kept; the first `fade` frames fade in."""
        self._go_to(place)
        self._blend = _Blend(fade) if self._taken else None  # its own beginning is no disturbance

    def set_speed(self, speed: float, make: Callable[[float], Stretcher], fade: int) -> None:
        """Go on at another speed, from the same place.

        Parameters
        ----------
        speed : float
            1 is the voice's own.
        make : callable
            Makes a stretcher for a speed.
        fade : int
            Over so many frames what came before passes into what follows.
        """
        place = self.place
        tail = None if self._stretching is None else self._stretching.tail(fade)
        self.speed = speed
        self._stretching = None if speed == 1.0 else _Stretching(speed, make)
        self._go_to(place)
        if tail is not None and len(tail):
            self._blend = _Blend(len(tail), tail)

    def forget_behind(self, bound: int) -> None:
        """Forget the oldest frames that were written, until `kept_bytes` is at most `bound`."""
        place, count = self.place, 0
        for chunk, start in zip(self._chunks, self._places, strict=True):
            if self.kept_bytes <= bound or start + len(chunk) > place:
                break
            self.kept_bytes -= weight(chunk)
            count += 1
        if count:
            del self._chunks[:count], self._places[:count]
            self.begin = self._places[0] if self._places else self.end

    def cut_end(self, place: int) -> None:
        """Drop all frames from a place on: others follow those before it."""
        index = bisect_right(self._places, place) - 1
        if index >= 0 and place < self.end:
            kept = self._chunks[index][: place - self._places[index]]
            self._chunks[index:] = [kept] if len(kept) else []
            del self._places[len(self._chunks) :]
        elif place < self.begin:
            self._chunks, self._places = [], []
        self.end, self.begin = min(place, self.end), min(place, self.begin)
        self.kept_bytes = sum(map(weight, self._chunks))
        self._go_to(min(self.place, self.end))

    def drop_waiting(self) -> None:
        """Let nothing more of it be written."""
        self._stretching = self._blend = None
        self._taken, self.waiting_bytes, self.speed = self.end, 0, 1.0

    # In between

    def _go_to(self, place: int) -> None:
        self._taken = min(max(place, self.begin), self.end)
        if self._stretching is not None:
            self._stretching.restart(self._taken)
        ahead = range(self._index(self._taken), len(self._chunks))
        starts = (max(0, self._taken - self._places[index]) for index in ahead)
        left = (self._chunks[index][start:] for index, start in zip(ahead, starts, strict=True))
        self.waiting_bytes = sum(map(weight, left))

    def _index(self, place: int) -> int:
        """Return which chunk holds a place; one beyond the last where that has not come."""
        return len(self._chunks) if place >= self.end else bisect_right(self._places, place) - 1

    def _take(self, room: int) -> Frames:
        """Return the next frames of one chunk."""
        index = self._index(self._taken)
        if index == len(self._chunks):
            return _no_frames()
        chunk, start = self._chunks[index], self._taken - self._places[index]
        frames = chunk[start : start + room]
        self._taken += len(frames)
        whole = start + len(frames) == len(chunk)
        self.waiting_bytes -= weight(frames) if whole else frames.nbytes
        return frames


class _Stretching:
    """A stretcher, what it has returned and is not taken yet, and where that stands."""

    def __init__(self, speed: float, make: Callable[[float], Stretcher]) -> None:
        self._speed, self._make = speed, make
        self.restart(0)

    def restart(self, place: int) -> None:
        """Begin at a place."""
        self.place = float(place)
        self._fed = place
        self._stretcher: Stretcher | None = None
        self._frames: list[Frames] = []

    @property
    def ready(self) -> bool:
        """Whether frames can be taken."""
        return bool(self._frames)

    def holds(self, *, ending: bool) -> bool:
        """Whether frames can be taken, or could where nothing follows."""
        return self.ready or (ending and self._stretcher is not None)

    def feed(self, frames: Frames) -> None:
        """Give the stretcher frames."""
        if self._stretcher is None:
            self._stretcher = self._make(self._speed)
        self._fed += len(frames)
        self._keep(self._stretcher.convert(frames))

    def finish(self, end: int) -> None:
        """Have the stretcher return what it holds back: nothing follows for now."""
        if self._stretcher is not None:
            self._keep(self._stretcher.finish())
            self._stretcher = None
        if not self._frames:
            self.place = float(end)

    def take(self, room: int) -> Frames:
        """Return frames, `room` at most."""
        if not self._frames:
            return _no_frames()
        frames, rest = self._frames[0][:room], self._frames[0][room:]
        self._frames[:1] = [rest] if len(rest) else []
        self.place = min(float(self._fed), self.place + len(frames) * self._speed)
        if self._stretcher is None and not self._frames:
            self.place = float(self._fed)
        return frames

    def tail(self, count: int) -> Frames | None:
        """Return what would be taken next, about `count` frames; it is used up."""
        if not self._frames and self._stretcher is not None:
            self._keep(self._stretcher.finish())
        return self._frames[0][:count] if self._frames else None

    def _keep(self, frames: Frames) -> None:
        if len(frames):
            self._frames.append(frames)


class _Blend:
    """Lets frames rise from silence, or out of other frames, linearly."""

    def __init__(self, length: int, before: Frames | None = None) -> None:
        self._length, self._before = length, before
        self._done = 0

    @property
    def is_over(self) -> bool:
        """Whether what follows passes unchanged."""
        return self._done >= self._length

    def apply(self, frames: Frames) -> Frames:
        """Return the next frames, blended."""
        import numpy as np

        count = min(self._length - self._done, len(frames))
        steps = np.arange(self._done + 1, self._done + count + 1, dtype=np.float32)
        rising = (steps / np.float32(self._length))[:, None]
        head = frames[:count] * rising
        if self._before is not None:
            head += self._before[self._done : self._done + count] * (1 - rising)
        self._done += count
        return np.concatenate((head, frames[count:]))


def _no_frames() -> Frames:
    import numpy as np

    return np.empty((0, 1), np.float32)


def weight(frames: Frames) -> int:
    """Return the bytes that frames occupy: small chunks weigh more than their samples."""
    return frames.nbytes + ENTRY_BYTES
