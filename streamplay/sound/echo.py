"""What was rendered, kept for an echo canceller: a second ring, which never holds up the first.

The callback copies each block that it has filled, and goes on; where there is no
room it only counts. `streamplay.speech.reference` reads.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from streamplay.sound.ring import Block

BLOCKS: Final = 1024
"""Blocks held: 5 s of the usual 5 ms."""


class Echoed(NamedTuple):
    """One block: the output's frame count before it, when that is heard, float32 samples."""

    first: int
    heard_at: float
    samples: bytes


class Echo:
    """Blocks from the callback to one reader; no lock.

    The counters have one writer each, as those of `streamplay.sound.ring.Ring`.

    Attributes
    ----------
    lost : int
        Frames that found it full.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._capacity = 0
        self._written = 0
        self._read = 0
        self._blocks: deque[Echoed] = deque()
        self.lost = 0

    def start(self, capacity: int) -> None:
        """Begin to keep up to `capacity` frames; the reader's side."""
        self._capacity = capacity

    def stop(self) -> None:
        """Keep nothing more."""
        self._capacity = 0

    def put(self, out: Block, index: int, heard_at: float) -> None:
        """Keep a block; the callback's side."""
        if not self._capacity:
            return
        frames, held = len(out) // self._channels, self._written - self._read
        if held + frames > self._capacity or len(self._blocks) >= BLOCKS:
            self.lost += frames
            return
        self._blocks.append(Echoed(index, heard_at, bytes(out)))
        self._written += frames

    def take(self) -> list[Echoed]:
        """Read what was kept since the last call, oldest first; the reader's side."""
        taken = [self._blocks.popleft() for _ in range(len(self._blocks))]
        self._read += sum(len(block.samples) for block in taken) // (4 * self._channels)
        return taken
