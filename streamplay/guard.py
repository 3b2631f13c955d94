"""Recognises bytes that are not in the encoding they were said to be, without I/O.

Speech read in a wrong encoding, or one byte off, is loud: half of full scale
and more, where speech stays near a twentieth. And some other reading of the same
bytes is then quiet and smooth, which no wrong reading of sound audio ever is.
Both together are asked for, in windows of 20 ms, twice: what is only loud, or
only rough (hiss, clipped speech, music, noise) has no such other reading.

The measure of a reading is its variation: half the mean square of the step from
one sample to the next, which is its power times how unlike neighbours are. White
noise of full scale has 0.33, speech 0.00002, G.711 of random bytes 0.06 to 0.08.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.audio import AudioFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from streamplay.audio import Frames

WINDOW_SECONDS: Final = 0.02
"""Long enough for 160 samples at 8 kHz, short enough for a verdict within 100 ms."""

# Windows that must agree, and be at least half of those that were judged.
_AGREEING: Final = 2

# The least power of a window that is judged: a quarter of full scale for s16 and
# f32, whose wrong readings have half; an eighth for G.711, which s16 bytes fill less.
_LOUD: Final = {
    "pcm_s16le": 0.25**2,
    "pcm_f32le": 0.25**2,
    "pcm_mulaw": 0.12**2,
    "pcm_alaw": 0.12**2,
}

# How small another reading's variation must be: by itself (loud speech reaches it,
# no wrong reading of a loud window came below 0.04) and beside the one that was given.
_SMOOTH: Final = 0.02
_TIMES_SMOOTHER: Final = 16

# A signal of a few levels (a square wave, noise clipped to one bit) is rough, and
# its low bytes alone are smooth.
_FEWEST_VALUES: Final = 16

# Beyond this no sample of ours lies; below it only silence, and s16 read as f32.
_ABSURD: Final = 10.0
_TINY: Final = 1e-10

# -50 dBFS: what is quieter is silence here, whatever it is.
_SILENT: Final = 10 ** (-50 / 10)

_G711: Final = ("pcm_mulaw", "pcm_alaw")


@dataclass(frozen=True, slots=True)
class Reading:
    """A way to read the bytes.

    Parameters
    ----------
    encoding : str
        One of the raw encodings.
    shift : int
        Bytes to leave out at the start.
    """

    encoding: str
    shift: int = 0


class Guard:
    """Watches one stream.

    Parameters
    ----------
    told : AudioFormat
        What the bytes are said to be.

    Attributes
    ----------
    heard : int
        Frames in windows that were not silent.
    """

    def __init__(self, told: AudioFormat) -> None:
        self._told = told
        # A multiple of 8 frames: every reading's samples fit a window.
        self._window = max(8, told.frames(WINDOW_SECONDS) // 8 * 8)
        self._rest: list[tuple[bytes, Frames]] = []
        self._rest_frames = 0
        self._judged = 0
        self._agreed: dict[Reading, int] = {}
        self.heard = 0

    def look(self, data: bytes, frames: Frames) -> Reading | None:
        """Take the next bytes, and the frames that were read from them.

        Returns
        -------
        Reading or None
            What the bytes really seem to be, once that is certain.
        """
        ...


def alternatives(told: str) -> Iterator[Reading]:
    """Yield what bytes may be that are said to be `told`."""
    if told == "pcm_s16le":
        yield Reading(told, 1)
    elif told == "pcm_f32le":
        yield from (Reading(told, shift) for shift in (1, 2, 3))
    for encoding in ("pcm_s16le", "pcm_f32le", *(_G711 if told not in _G711 else ())):
        if encoding != told:
            yield Reading(encoding)
