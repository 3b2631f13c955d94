"""The ring: frames from one writer to one reader, without a lock.

The proof
---------
Two counters only ever grow: `written`, advanced by the writer alone, and
`read`, advanced by the reader alone. Frame number ``k`` of the stream lives in
slot ``k % capacity``.

1. The writer copies frames into slots ``written … written + n`` first, and
   advances `written` after the copy. So every frame below `written` is whole
   by the time the reader can see it.
2. The reader copies frames out of slots ``read … read + n`` first, and advances
   `read` after the copy. So a slot is given back only when nothing needs it.
3. ``written - read <= capacity``, always: the writer measures the space with a
   `read` that may be old, and an old `read` is smaller, so it can only see less
   space than there is. The reader measures what is available with a `written`
   that may be old, and can only see fewer frames than there are.

Each counter is replaced as a whole, by one attribute store, and CPython makes
one thread's stores visible to another in their order. The native twin needs
release stores and acquire loads in the same two places.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from streamplay.audio import Frames

    Block = memoryview[float]
    """Interleaved float32 samples, format ``f``: an output's buffer, filled in place."""


class Ring:
    """A preallocated ring of float32 frames.

    Parameters
    ----------
    capacity : int
        How many frames it holds.
    channels : int
        Samples per frame.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        if capacity < 1 or channels < 1:
            raise ValueError(f"impossible ring: {capacity} frames of {channels} channels")
        self.capacity = capacity
        self.channels = channels
        self.written = 0
        self.read = 0
        self._slots = memoryview(bytearray(4 * capacity * channels)).cast("f")

    @property
    def available(self) -> int:
        """Frames that the reader may take."""
        return self.written - self.read

    @property
    def space(self) -> int:
        """Frames that the writer may put."""
        return self.capacity - (self.written - self.read)

    def write(self, frames: Frames) -> int:
        """Put as many of `frames` as fit; the writer's side.

        Parameters
        ----------
        frames : numpy.ndarray
            ``float32 (n, channels)``, C order.

        Returns
        -------
        int
            How many were taken.
        """
        count = min(len(frames), self.space)
        if count == 0:
            return 0
        source = frames[:count].data.cast("B").cast("f")
        ch, start = self.channels, self.written % self.capacity
        first = min(count, self.capacity - start)
        self._slots[start * ch : (start + first) * ch] = source[: first * ch]
        self._slots[: (count - first) * ch] = source[first * ch :]
        self.written += count  # after the copy: see the proof, 1
        return count

    def take(self, out: Block, at: int, count: int) -> None:
        """Move `count` frames into `out` from frame `at` on; the reader's side.

        Parameters
        ----------
        out : memoryview
            Of format ``f``: interleaved samples.
        at, count : int
            Frames; ``count <= available``.
        """
        ch, start = self.channels, self.read % self.capacity
        first = min(count, self.capacity - start)
        middle = (at + first) * ch
        out[at * ch : middle] = self._slots[start * ch : (start + first) * ch]
        out[middle : (at + count) * ch] = self._slots[: (count - first) * ch]
        self.read += count  # after the copy: see the proof, 2

    def drop(self, count: int) -> None:
        """Give back `count` frames unread; the reader's side."""
        self.read += count


SLOTS: Final = 1024
"""Notes held. At the usual 5 ms a block, a loop that is 4 s late loses none."""

RESERVED: Final = 64
"""Slots that notes of handed-over blocks leave free for the rarer kinds, because a
block can be derived from its neighbours and a skip cannot."""


class Kind(IntEnum):
    """What a note tells."""

    PLAYED = 0  # `frames` from `position` on were handed to the output
    SKIPPED = 1  # `frames` from `position` on were dropped unheard
    STALLED = 2  # before `position`, the ring was dry for `frames`
    UNDERFLOWED = 3  # the device ran out: the callback came late


class Note(NamedTuple):
    """One note; `time` is the clock at the block's start, in seconds.

    What was handed over at `time` is heard `delay` seconds later.
    """

    kind: Kind
    position: int
    frames: int
    time: float
    delay: float = 0.0


class Journal:
    """Notes from the callback to the loop; one writer, one reader, no lock.

    It is a ring like `streamplay.playback.ring.Ring`, and the same proof holds.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._slots: list[Note | None] = [None] * slots
        self._written = 0
        self._read = 0
        self.lost = 0

    def put(self, kind: Kind, position: int, frames: int, time: float, delay: float = 0.0) -> None:
        """Write a note; the callback's side. A full journal counts what it loses."""
        free = len(self._slots) - (self._written - self._read)
        if free <= (RESERVED if kind is Kind.PLAYED else 0):
            self.lost += 1
            return
        self._slots[self._written % len(self._slots)] = Note(kind, position, frames, time, delay)
        self._written += 1

    def take(self) -> list[Note]:
        """Read all notes since the last call, oldest first; the loop's side."""
        notes = []
        while self._read < self._written:
            note = self._slots[self._read % len(self._slots)]
            assert note is not None
            notes.append(note)
            self._read += 1
        return notes


BLOCKS: Final = 1024
"""Blocks held: 5 s of the usual 5 ms."""


class Echoed(NamedTuple):
    """One block: the output's frame count before it, when that is heard, float32 samples."""

    first: int
    heard_at: float
    samples: bytes


class Echo:
    """Blocks from the callback to one reader; no lock.

    The counters have one writer each, as those of `streamplay.playback.ring.Ring`.

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
