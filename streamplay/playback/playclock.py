"""The clock of what is heard: which frame leaves the loudspeaker now.

Each block that the callback hands over is noted with the moment it will be heard
(the output's DAC time). Between these anchors the clock runs at the samplerate;
every block is a new anchor, so that nothing can drift: not a device whose
crystal is off, and not an underflow, which costs a period that the next block's
DAC time already tells of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.playback.ring import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.playback.ring import Note

KEPT: Final = 512
"""Blocks to remember: 2.5 s of 5 ms, far more than any output's latency."""


class _Block(NamedTuple):
    heard_at: float
    position: int
    frames: int


class PlayClock:
    """Tells the position that is heard at a time; monotone. Time is an argument.

    Parameters
    ----------
    samplerate : int
        The output's rate.
    """

    def __init__(self, samplerate: int) -> None:
        self._samplerate = samplerate
        self._blocks: tuple[_Block, ...] = ()
        self._heard = 0

    def feed(self, notes: Iterable[Note]) -> None:
        """Take in the callback's notes, oldest first."""
        fresh = [
            _Block(note.time + note.delay, note.position, note.frames)
            for note in notes
            if note.kind is Kind.PLAYED
        ]
        if fresh:
            self._blocks = (*self._blocks, *fresh)[-KEPT:]

    def position(self, now: float) -> int:
        """Return the position in the playout that is heard at `now`; it never goes back."""
        begun = [block for block in self._blocks if block.heard_at <= now]
        if begun:
            last = begun[-1]
            since = int((now - last.heard_at) * self._samplerate)
            self._heard = max(self._heard, last.position + min(last.frames, since))
        return self._heard
