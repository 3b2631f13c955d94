"""Silence between two pieces, cut to a set pause: pure, and nothing is ever added.

What is quiet at the end of one piece and at the beginning of the next is one
stretch. Its first frames, up to the pause, pass at once; what is longer is held
until it is known what follows: voice of the same piece, and all of it was meant,
or voice of the next one, and it goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import Frames

QUIET: Final = 0.003
"""About −50 dBFS: below the breath of a speaker, above the noise of 8-bit encodings."""


@dataclass(slots=True)
class Cut:
    """Frames that were trimmed: at the end of a piece, and at the beginning of the next."""

    end: int = 0
    beginning: int = 0


class Joints:
    """Cuts the silence at the joints of one utterance's pieces.

    Parameters
    ----------
    pause : int
        Frames of it that stay.
    """

    def __init__(self, pause: int) -> None:
        self._pause = pause
        self._held: list[Frames] = []
        self._passed = 0  # quiet frames that have passed since the last voice
        self._voiced = False
        self._joint: int | None = None  # quiet frames held before the joint

    def joint(self) -> None:
        """Take what follows for the beginning of another piece."""
        if self._voiced and self._joint is None:
            self._joint = self._length()

    def feed(self, frames: Frames) -> tuple[list[Frames], Cut]:
        """Take more frames; return those that pass now, and what was trimmed."""
        import numpy as np

        loud = np.flatnonzero(np.abs(frames).max(axis=1) > QUIET)
        if not self._voiced and not len(loud):
            return [frames], Cut()  # the utterance's own beginning is left as it is
        if not len(loud):
            return self._quiet(frames), Cut()
        begin, end = int(loud[0]), int(loud[-1]) + 1
        passing = self._quiet(frames[:begin])
        held, cut = self._release()
        passing += [*held, frames[begin:end]]
        self._voiced = True
        return passing + self._quiet(frames[end:]), cut

    def finish(self) -> list[Frames]:
        """Return what is held at the utterance's end: that is left as it is."""
        held, self._held = self._held, []
        return held

    def _quiet(self, frames: Frames) -> list[Frames]:
        if not self._voiced:
            return [frames] if len(frames) else []
        free = min(len(frames), max(0, self._pause - self._passed))
        self._passed += free
        if free < len(frames):
            self._held.append(frames[free:])
        return [frames[:free]] if free else []

    def _release(self) -> tuple[list[Frames], Cut]:
        held, joint, length = self._held, self._joint, self._length()
        self._held, self._joint, self._passed = [], None, 0
        if joint is None:
            return held, Cut()
        return [], Cut(joint, length - joint)

    def _length(self) -> int:
        return sum(map(len, self._held))
