"""What a player hands to its output, held against what the sink has recorded.

A sink that runs dry on a busy machine repeats nothing, but puts silence between two blocks, and
its recorder may lose some; its log tells of most of these and not of all. The player's own
reference (`Player.reference`) has every block as the callback left it. A trial is judged by what
was handed over, and counts only where the recording has the same frames, in one stretch.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamplay import Player

    Samples = NDArray[np.int16]

ROUNDING = 1  # of float32 to the sink's int16
HEAD = 64  # frames by which a stretch is looked for


class HandedOver:
    """Keeps the blocks of one player from now on, until that is closed.

    Attributes
    ----------
    lost : int
        Frames that came too fast for the thread that keeps them.
    """

    def __init__(self, player: Player) -> None:
        self._reference = player.reference(block=240)
        self._blocks: list[Samples] = []
        self._taken = 0
        threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        for block in self._reference:
            self._blocks.append(np.round(block.frames[:, 0] * 32768).astype(np.int16))

    @property
    def lost(self) -> int:
        """Frames that were not read in time."""
        return self._reference.lost

    def take(self) -> Samples:
        """Return what was handed over since the last call."""
        blocks = self._blocks[self._taken :]
        self._taken += len(blocks)
        return np.concatenate(blocks) if blocks else np.empty(0, np.int16)


def sounding(frames: Samples) -> Samples:
    """Return frames from the first that is not silent to the last."""
    loud = np.flatnonzero(frames)
    return frames[loud[0] : loud[-1] + 1] if len(loud) else frames[:0]


def place_of(stretch: Samples, recorded: Samples, begin: int = 0) -> int | None:
    """Return where the recording has a stretch of sound, in one piece; None: nowhere."""
    stretch = sounding(stretch)
    if not len(stretch):
        return begin
    wanted = stretch.astype(np.int32)
    last = len(recorded) - len(stretch)
    near = np.abs(recorded[begin : last + 1].astype(np.int32) - wanted[0]) <= ROUNDING
    for place in np.flatnonzero(near) + begin:
        for stop in (HEAD, len(wanted)):
            found = recorded[place : place + stop].astype(np.int32)
            if (np.abs(found - wanted[:stop]) > ROUNDING).any():
                break
        else:
            return int(place)
    return None


def holes(stretch: Samples, recorded: Samples) -> str:
    """Tell in one line how the recording differs from what was handed over."""
    stretch = sounding(stretch)
    at = 0
    told: list[str] = []
    place = place_of(stretch[:HEAD], recorded)
    while place is not None and at < len(stretch) and len(told) < 4:
        length = min(len(stretch) - at, len(recorded) - place)
        off = np.abs(recorded[place : place + length].astype(np.int32) - stretch[at : at + length])
        wrong = np.flatnonzero(off > ROUNDING)
        if not len(wrong):
            break
        at, place = at + int(wrong[0]), place + int(wrong[0])
        again = place_of(stretch[at : at + HEAD], recorded, place)
        if again is None:
            told.append(f"not found behind frame {at}")
            break
        told.append(f"{again - place} frames put in behind frame {at}")
        place = again
    return "; ".join(told) or "its beginning is not there"
