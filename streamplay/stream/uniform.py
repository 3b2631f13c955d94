"""Frames of several formats in one stream → frames of the first one, without I/O.

A server may change its rate or its channels in mid-stream: chained files, another voice, a header
or an event that says so. What hears the stream is told one format, so what follows is resampled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.resample import Adapter

if TYPE_CHECKING:
    from streamplay.audio import Frames

Shape = tuple[int, int]
"""Samplerate and channels."""


class Uniform:
    """Converts what comes to the rate and the channels of what came first.

    Parameters
    ----------
    first : tuple of int
        Samplerate and channels of what came first.
    """

    def __init__(self, first: Shape) -> None:
        self.first = first
        self._now = first
        self._adapter: Adapter | None = None

    def length(self, frames: int) -> int:
        """Return how long so many frames of the present rate are at the first one."""
        return round(frames * self.first[0] / self._now[0])

    def change(self, now: Shape) -> None:
        """Convert from another format from now on; the same one changes nothing.

        Call `finish` before: a resampler holds back the last frames.
        """
        if now != self._now:
            self._now = now
            self._adapter = None if now == self.first else Adapter(now, self.first)

    def convert(self, frames: Frames) -> Frames:
        """Convert the next frames, ``float32 (n, channels)`` of the present format."""
        return frames if self._adapter is None else self._adapter.convert(frames)

    def finish(self) -> Frames:
        """Return the last frames of the present format."""
        import numpy as np

        adapter, self._adapter = self._adapter, None
        self._now = self.first
        if adapter is None:
            return np.empty((0, self.first[1]), np.float32)
        return adapter.finish()
