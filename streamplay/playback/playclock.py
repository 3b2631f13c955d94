"""The clock of what is heard: which frame leaves the loudspeaker now, and when another will.

Each block that the callback hands over is noted with the moment at which it will be heard (the
output's DAC time). Between these anchors the clock runs at the samplerate. Every block is a new
anchor, so that nothing drifts: neither with a device whose crystal is off, nor with an underflow,
which costs a period that the next block's DAC time tells of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.playback.ring import SLOTS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.playback.ring import Note

KEPT: Final = 2 * SLOTS
"""Blocks to remember: all that the journal may hold, and as many that were read before and are not
heard yet."""


class _Block(NamedTuple):
    heard_at: float
    position: int
    frames: int


class PlayClock:
    """Tells the position that is heard at a time; monotone. Time is an argument.

    Parameters
    ----------
    samplerate : float
        The output's rate, in its own time: a simulated one may be faster than real time.
    """

    def __init__(self, samplerate: float) -> None:
        self._samplerate = samplerate
        self._blocks: deque[_Block] = deque(maxlen=KEPT)
        self._heard = 0

    def add_notes(self, notes: Iterable[Note]) -> None:
        """Take in the callback's notes, oldest first."""
        self._blocks.extend(
            _Block(note.time + note.delay, note.position, note.frames)
            for note in notes
            if note.kind is Kind.PLAYED
        )

    def position(self, now: float) -> int:
        """Return the position in the playout that is heard at `now`; it never goes back."""
        blocks = self._blocks
        while len(blocks) > 1 and blocks[1].heard_at <= now:
            blocks.popleft()
        if blocks and blocks[0].heard_at <= now:
            since = int((now - blocks[0].heard_at) * self._samplerate)
            self._heard = max(self._heard, blocks[0].position + min(blocks[0].frames, since))
        return self._heard

    def time_of(self, position: int) -> float | None:
        """Return when all frames before `position` have been heard; None: nothing is known yet.

        What has not been handed over yet is expected right after the last block that has.
        """
        if not self._blocks:
            return None
        after = bisect_right(self._blocks, position - 1, key=attrgetter("position"))
        block = self._blocks[max(0, after - 1)]
        return block.heard_at + (position - block.position) / self._samplerate
