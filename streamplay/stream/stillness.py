"""Silence without end is no speech: how long a stream has held nothing else, without I/O.

Some servers fall into silence and never end: a model that does not find its end, a source of
samples that is not there. Real pauses are told from that by two measures, which must both be
reached: so much silence, and so long a wait for the server that sends it. A server that makes
speech faster than it is heard sends a pause at once; one that is paced makes its pauses no longer
than speech has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import Frames

# Peak to peak, of full scale ±1: dither, the smallest steps of A-law, what mp3 makes of zeros.
# Pauses in recorded speech hold 20 dB more.
_STILL: Final = 1e-3

LONGEST_PAUSE: Final = 30.0
"""Seconds inside speech. The longest pause that an SSML dialect allows is 20 s (Azure's ``break``),
other than MiniMax's ``<#x#>``, which the text tells."""

_MOST_AT_THE_START: Final = 120.0
_MOST: Final = 600.0
"""Seconds of silence that a server may send without a wait, before and inside speech."""

_TOLD_PAUSE: Final = re.compile(
    r"<#\s*(?P<plain>\d{1,3}(?:\.\d{1,3})?)\s*#>"
    r"|<break\b[^>]{0,80}?\btime\s*=\s*[\"']\s*(?P<ssml>\d{1,6}(?:\.\d{1,3})?)\s*(?P<unit>ms|s)"
    r"|\[\s*pause[\s:=]{1,3}(?P<mark>\d{1,3}(?:\.\d{1,3})?)\s*s",
    re.IGNORECASE,
)


def told_pauses(text: str) -> float:
    """Return the seconds of silence that a text asks for."""
    seconds = 0.0
    for found in _TOLD_PAUSE.finditer(text):
        number = float(found["plain"] or found["ssml"] or found["mark"])
        seconds += number / 1000 if (found["unit"] or "").lower() == "ms" else number
    return seconds


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How much silence is borne.

    Parameters
    ----------
    at_the_start : float
        Seconds of nothing but silence, and of waiting for the server meanwhile.
    inside : float
        The same, once something was heard.
    told : float
        Seconds of silence that the text asks for.
    """

    at_the_start: float
    inside: float = LONGEST_PAUSE
    told: float = 0.0


class Stillness:
    """Watches the frames of one answer.

    Parameters
    ----------
    borne : SilenceLimits
        How much silence is borne.

    Attributes
    ----------
    heard : bool
        Whether anything but silence has come.
    seconds : float
        Of silence, since the last sound.
    """

    def __init__(self, borne: SilenceLimits) -> None:
        self._borne = borne
        self.heard = False
        self.seconds = 0.0
        self._waited = 0.0  # for the server, until the last sound

    def exceeded(self, frames: Frames, samplerate: int, waited: float) -> float | None:
        """Take the next frames; return the limit that is passed, in seconds, or None.

        Parameters
        ----------
        frames : numpy.ndarray
            ``float32 (n, channels)``.
        samplerate : int
            Of them.
        waited : float
            Seconds that the client has waited for the server, since any moment.
        """
        if not len(frames):
            return None
        if not _is_still(frames):
            self.heard, self.seconds, self._waited = True, 0.0, waited
            return None
        self.seconds += len(frames) / samplerate
        limit, most = self._limits()
        both = min(self.seconds, waited - self._waited)
        if both >= limit or self.seconds >= most:
            return limit if both >= limit else most
        return None

    def _limits(self) -> tuple[float, float]:
        told = self._borne.told
        if self.heard:
            return self._borne.inside + told, _MOST + told
        return self._borne.at_the_start + told, _MOST_AT_THE_START + told


def _is_still(frames: Frames) -> bool:
    # Of speech, three samples tell mostly; all are looked at only where they do not.
    item, count = frames.item, len(frames)
    first, middle, last = item(0, 0), item(count // 2, 0), item(count - 1, 0)
    if max(first, middle, last) - min(first, middle, last) > _STILL:
        return False
    spread = frames.max(axis=0) - frames.min(axis=0)
    return bool((spread <= _STILL).all())
