"""Three rings between the audio callback and other threads: frames, notes and echoed blocks.

Each has one writer and one reader, and no lock.

========= ================== ======================== ==========================================
Ring      Written by         Read by                  Holds
========= ================== ======================== ==========================================
`Ring`    the loop           the callback             frames to be played
`Journal` the callback       the loop                 notes of what the callback did
`Echo`    the callback       one reader, any thread   blocks as they were rendered
========= ================== ======================== ==========================================

The proof, for all three
------------------------
Two counters only ever grow: `written`, advanced by the writer alone, and `read`, advanced by the
reader alone. Item number ``k`` lies in slot ``k % capacity``.

1. The writer copies items into slots ``written … written + n`` first, and advances `written`
   after the copy. So every item below `written` is whole by the time the reader can see it.
2. The reader copies items out of slots ``read … read + n`` first, and advances `read` after the
   copy. So the writer reuses a slot only when the reader no longer needs it.
3. ``written - read <= capacity``, always: the writer measures the space with a `read` that may be
   old, and an old `read` is smaller, so it can only see less space than there is. The reader
   measures what is available with a `written` that may be old, and can only see fewer items than
   there are.

Each counter is replaced as a whole, by one attribute store, and CPython makes one thread's stores
visible to another in their order. The native twin (`_playout.c`) needs release stores and acquire
loads in the same two places. tests/playback/test_ring_model.py checks every interleaving.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from streamplay.audio import Block, Frames

T = TypeVar("T")

SLOTS: Final = 1024
"""Notes held. At the usual 5 ms a block, a loop that is 4 s late loses none."""

RESERVED: Final = 64
"""Slots that notes of handed-over blocks leave free for the rarer kinds, because a
block can be derived from its neighbours and a skip cannot."""

BLOCKS: Final = 1024
"""Echoed blocks held: 5 s of the usual 5 ms."""


class Counters:
    """The two counters of a ring: see the proof.

    Parameters
    ----------
    capacity : int
        How many items it holds.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.written = 0
        self.read = 0

    @property
    def available(self) -> int:
        """Items that the reader may take."""
        return self.written - self.read

    @property
    def space(self) -> int:
        """Items that the writer may put."""
        return self.capacity - (self.written - self.read)


class Ring(Counters):
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
        super().__init__(capacity)
        self.channels = channels
        self._slots = memoryview(bytearray(4 * capacity * channels)).cast("f")

    def write_frames(self, frames: Frames) -> int:
        """Put as many of `frames` as fit; the writer's side.

        Parameters
        ----------
        frames : numpy.ndarray
            ``float32 (n, channels)``, C order.

        Returns
        -------
        int
            How many were put.
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

    def read_frames(self, out: Block, at: int, count: int) -> None:
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

    def drop_frames(self, count: int) -> None:
        """Give back `count` frames unread; the reader's side."""
        self.read += count


class _Items(Counters, Generic[T]):
    """A ring of Python objects."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._slots: list[T | None] = [None] * capacity

    def write_item(self, item: T) -> None:
        """Put one item; the writer's side. There must be space for it."""
        self._slots[self.written % self.capacity] = item
        self.written += 1  # after the copy: see the proof, 1

    def read_items(self) -> list[T]:
        """Take all items, oldest first; the reader's side."""
        items = []
        for number in range(self.read, self.written):
            item = self._slots[number % self.capacity]
            assert item is not None, "published before it was copied"
            items.append(item)
        self.read += len(items)  # after the copy: see the proof, 2
        return items


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
    """Notes from the callback to the loop.

    Attributes
    ----------
    lost : int
        Notes that found it full.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._notes: _Items[Note] = _Items(slots)
        self.lost = 0

    def write_note(
        self, kind: Kind, position: int, frames: int, time: float, delay: float = 0.0
    ) -> None:
        """Write a note; the callback's side. A full journal counts what it loses."""
        if self._notes.space <= (RESERVED if kind is Kind.PLAYED else 0):
            self.lost += 1
            return
        self._notes.write_item(Note(kind, position, frames, time, delay))

    def read_notes(self) -> list[Note]:
        """Return all notes since the last call, oldest first; the loop's side."""
        return self._notes.read_items()


class Echoed(NamedTuple):
    """One block: the output's frame count before it, when that is heard, float32 samples."""

    first: int
    heard_at: float
    samples: bytes


class Echo:
    """Blocks from the callback to one reader.

    It is bounded twice: by frames, which its reader chooses, and by `BLOCKS`.

    Attributes
    ----------
    lost : int
        Frames that found it full.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._blocks: _Items[Echoed] = _Items(BLOCKS)
        self._frames = Counters(0)
        self.lost = 0

    def start(self, capacity: int) -> None:
        """Begin to keep up to `capacity` frames; the reader's side."""
        self._frames.capacity = capacity

    def stop(self) -> None:
        """Keep nothing more."""
        self._frames.capacity = 0

    def write_block(self, out: Block, index: int, heard_at: float) -> None:
        """Keep a block; the callback's side."""
        if not self._frames.capacity:
            return
        frames = len(out) // self._channels
        if self._frames.space < frames or not self._blocks.space:
            self.lost += frames
            return
        self._frames.written += frames
        self._blocks.write_item(Echoed(index, heard_at, bytes(out)))

    def read_blocks(self) -> list[Echoed]:
        """Return what was kept since the last call, oldest first; the reader's side."""
        blocks = self._blocks.read_items()
        self._frames.read += sum(len(block.samples) for block in blocks) // (4 * self._channels)
        return blocks
