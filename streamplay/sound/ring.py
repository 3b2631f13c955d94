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

from typing import TYPE_CHECKING

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
