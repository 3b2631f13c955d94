"""The backlog: decoded frames behind the ring, in the order in which they are to be heard."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import Frames
    from streamplay.speech.lane import Lane

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Decoded frames that wait behind the ring: eleven minutes of 24 kHz mono."""

ENTRY_BYTES: Final = 256
"""What an array, its view and its place in the queue take besides the samples."""


class Backlog:
    """A queue of frames, each with its lane; bounded by whoever asks whether it is full."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Lane, Frames]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be put."""
        return self._bytes >= QUEUE_BYTES

    def put(self, lane: Lane, frames: Frames) -> None:
        """Take frames of `lane`, behind all others."""
        self._queue.append((lane, frames))
        self._bytes += _weight(frames)
        lane.waiting += len(frames)

    @property
    def first(self) -> Lane:
        """Whose frames are next."""
        return self._queue[0][0]

    def take(self, count: int) -> Frames:
        """Give the next frames, all of one lane: `count` at most."""
        lane, frames = self._queue.popleft()
        taken, rest = frames[:count], frames[count:]
        self._bytes -= _weight(frames)
        if len(rest):
            self._queue.appendleft((lane, rest))
            self._bytes += _weight(rest)
        lane.waiting -= len(taken)
        return taken

    def drop(self, lane: Lane) -> None:
        """Forget what waits of `lane`."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not lane)
        self._bytes = sum(_weight(frames) for _, frames in self._queue)
        lane.waiting = 0


def _weight(frames: Frames) -> int:
    """Bytes that frames occupy in the queue: small chunks weigh more than their samples."""
    return frames.nbytes + ENTRY_BYTES
