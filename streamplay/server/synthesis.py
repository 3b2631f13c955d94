"""What every engine returns, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SynthesisFailed(RuntimeError):
    """An engine cannot speak a text: it returned an error, or its data are missing."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word, and where it begins, in seconds from the start of its piece."""

    text: str
    start: float


@dataclass(frozen=True, slots=True)
class Sound:
    """What came of one piece of text.

    Parameters
    ----------
    frames : numpy.ndarray
        ``float32 (n,)``, mono, full scale ±1.0.
    samplerate : int
        Frames per second.
    words : tuple of SpokenWord
        When each word begins; empty where the engine does not tell.
    """

    frames: NDArray[np.float32]
    samplerate: int
    words: tuple[SpokenWord, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.frames) / self.samplerate
