"""What the callback did, told to the loop: a second ring, of plain notes.

The callback must not wait, so it writes a note and goes on. The loop reads the
notes when it comes round, and does all the book-keeping. Positions count the
frames of the playout since it was made; frame ``k`` is the ``k``-th frame that
was ever written to its ring.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

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

    It is a ring like `streamplay.sound.ring.Ring`, and the same proof holds.
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
