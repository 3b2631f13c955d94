"""Converts the rate and the channels of a stream; loses no frame.

`Adapter` converts one format to another: a stream's to an output's. `Uniform` keeps a stream in its
first format: a server may change its rate or its channels in mid-stream (chained files, another
voice, a header or an event that says so), and what hears the stream is told one format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamplay.audio import Frames


Shape = tuple[int, int]
"""Samplerate and channels."""


class Adapter:
    """Converts the frames of one stream; passes them unchanged where the formats are equal.

    Parameters
    ----------
    source : tuple of int
        Samplerate and channels of the stream.
    target : tuple of int
        Samplerate and channels of the output.
    """

    def __init__(self, source: tuple[int, int], target: tuple[int, int]) -> None:
        self.source, self.target = source, target
        self._resampler: Any = None
        if source[0] != target[0]:
            import soxr

            self._resampler = soxr.ResampleStream(
                source[0], target[0], target[1], dtype="float32", quality="HQ"
            )

    def convert(self, frames: Frames) -> Frames:
        """Convert the next frames, ``float32 (n, source channels)``."""
        if self.source[1] != self.target[1]:
            frames = _remix(frames, self.target[1])
        return frames if self._resampler is None else self._resample(frames, last=False)

    def finish(self) -> Frames:
        """Return the last frames, which the resampler has held back."""
        import numpy as np

        nothing = np.empty((0, self.target[1]), np.float32)
        return nothing if self._resampler is None else self._resample(nothing, last=True)

    def _resample(self, frames: Frames, *, last: bool) -> Frames:
        import numpy as np

        converted = self._resampler.resample_chunk(frames, last=last)
        # A loud edge overshoots by a quarter and more; some devices wrap around beyond full scale.
        limited = np.clip(converted, -1, 1, dtype=np.float32)
        return np.ascontiguousarray(limited).reshape(-1, self.target[1])


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


def _remix(frames: Frames, channels: int) -> Frames:
    """Copy mono to every channel; mix other layouts by their mean, which cannot clip."""
    import numpy as np

    mono = frames.mean(axis=1, dtype=np.float32, keepdims=True)
    return np.ascontiguousarray(np.repeat(mono, channels, axis=1))
