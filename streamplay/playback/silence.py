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


VOICE_LEVEL: Final = 0.01
"""−40 dBFS: louder than this, in the RMS of 10 ms, counts as voice."""

VOICE_WINDOW_SECONDS: Final = 0.010


class VoiceOnset:
    """Finds the first 10 ms that are louder than `VOICE_LEVEL`, whatever the chunks."""

    def __init__(self, samplerate: int) -> None:
        self._window = max(1, round(samplerate * VOICE_WINDOW_SECONDS))
        self._energy = 0.0
        self._filled = 0
        self._seen = 0
        self.frame: int | None = None

    def feed(self, frames: Frames) -> None:
        """Look at more frames, ``float32 (n, channels)``, until it is found."""
        import numpy as np

        if self.frame is not None or not len(frames):
            return
        power = np.square(frames, dtype=np.float64).mean(axis=1)
        edges = np.arange(self._window - self._filled, len(power), self._window)
        sums = np.add.reduceat(power, np.concatenate(([0], edges)))
        sums[0] += self._energy
        whole = sums if (len(power) + self._filled) % self._window == 0 else sums[:-1]
        loud = np.flatnonzero(whole / self._window > VOICE_LEVEL**2)
        if len(loud):
            self.frame = self._seen - self._filled + int(loud[0]) * self._window
        self._energy = 0.0 if len(whole) == len(sums) else float(sums[-1])
        self._seen += len(power)
        self._filled = (self._filled + len(power)) % self._window
