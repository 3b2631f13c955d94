"""Where the voice begins: the leading silence is not speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import Frames

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
