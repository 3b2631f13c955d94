"""Silence in decoded frames: cut between two pieces, and found before the first voice. Pure.

Two thresholds, for two questions. A frame is quiet below `QUIET`: it may be cut. Ten milliseconds
are voice above `VOICE_LEVEL`: a listener hears that speech has begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import Frames

QUIET: Final = 0.003
"""About −50 dBFS: below the breath of a speaker, above the noise of 8-bit encodings."""

VOICE_LEVEL: Final = 0.01
"""−40 dBFS, as the RMS of `VOICE_WINDOW_SECONDS`."""

VOICE_WINDOW_SECONDS: Final = 0.010


@dataclass(slots=True)
class Trimmed:
    """Frames that were left out: at the end of a piece, and at the beginning of the next."""

    end: int = 0
    beginning: int = 0


class PauseTrimmer:
    """Shortens the silence between the pieces of one utterance to a set pause; adds none.

    The quiet end of a piece and the quiet beginning of the next are one pause. Its first frames
    pass at once. The rest is held until it is known what follows: if that is voice of the same
    piece, all of it passes; if it is voice of the next piece, the rest is dropped.

    Parameters
    ----------
    pause : int
        Frames of silence that stay.
    """

    def __init__(self, pause: int) -> None:
        self._pause = pause
        self._held: list[Frames] = []
        self._passed = 0  # quiet frames that have passed since the last voice
        self._voiced = False
        self._held_before: int | None = None  # frames held when the next piece began

    @property
    def held(self) -> int:
        """Frames that are held until it is known what follows."""
        return sum(map(len, self._held))

    def begin_piece(self) -> None:
        """Take the frames that follow for the beginning of another piece."""
        if self._voiced and self._held_before is None:
            self._held_before = self.held

    def pass_frames(self, frames: Frames) -> tuple[list[Frames], Trimmed]:
        """Take more frames; return those that pass now, and how many were left out."""
        import numpy as np

        loud = np.flatnonzero(np.abs(frames).max(axis=1) > QUIET)
        if not self._voiced and not len(loud):
            return [frames], Trimmed()  # the utterance's own beginning stays as it is
        if not len(loud):
            return self._pass_quiet(frames), Trimmed()
        begin, end = int(loud[0]), int(loud[-1]) + 1
        passing = self._pass_quiet(frames[:begin])
        held, trimmed = self._release()
        passing += [*held, frames[begin:end]]
        self._voiced = True
        return passing + self._pass_quiet(frames[end:]), trimmed

    def finish(self) -> list[Frames]:
        """Return what is held at the utterance's end, which stays as it is."""
        held, self._held = self._held, []
        return held

    def _pass_quiet(self, frames: Frames) -> list[Frames]:
        if not self._voiced:
            return [frames] if len(frames) else []
        free = min(len(frames), max(0, self._pause - self._passed))
        self._passed += free
        if free < len(frames):
            self._held.append(frames[free:])
        return [frames[:free]] if free else []

    def _release(self) -> tuple[list[Frames], Trimmed]:
        held, before, count = self._held, self._held_before, self.held
        self._held, self._held_before, self._passed = [], None, 0
        if before is None:
            return held, Trimmed()
        return [], Trimmed(before, count - before)


class VoiceOnset:
    """Finds the first `VOICE_WINDOW_SECONDS` louder than `VOICE_LEVEL`, however frames are split.

    Attributes
    ----------
    frame : int or None
        Where they begin; None until they have been found.
    """

    def __init__(self, samplerate: int) -> None:
        self.frame: int | None = None
        self._window = max(1, round(samplerate * VOICE_WINDOW_SECONDS))
        self._energy = 0.0  # of the window that is not complete yet
        self._filled = 0
        self._seen = 0

    def search(self, frames: Frames) -> None:
        """Look at more frames, ``float32 (n, channels)``; at none once it has been found."""
        import numpy as np

        if self.frame is not None or not len(frames):
            return
        power = np.square(frames, dtype=np.float64).mean(axis=1)
        edges = np.arange(self._window - self._filled, len(power), self._window)
        sums = np.add.reduceat(power, np.concatenate(([0], edges)))
        sums[0] += self._energy
        complete = sums if (len(power) + self._filled) % self._window == 0 else sums[:-1]
        loud = np.flatnonzero(complete / self._window > VOICE_LEVEL**2)
        if len(loud):
            self.frame = self._seen - self._filled + int(loud[0]) * self._window
        self._energy = 0.0 if len(complete) == len(sums) else float(sums[-1])
        self._seen += len(power)
        self._filled = (self._filled + len(power)) % self._window
