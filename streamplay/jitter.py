"""When may sound start, and when may it resume? A pure policy, without a clock.

With ``D*`` the least start delay that would have avoided every stall (known
only afterwards), start + total stall = max(start, D*): starting early never
delays the end, it only moves the waiting into gaps. So an undisturbed stream
starts at once, and after each stall a little more is gathered than before.
"""

from __future__ import annotations

from typing import Final, Protocol

RESUME_SECONDS: Final = 0.3
"""Gathered after the first stall. A stall shows that the server's pauses are longer
than what was ahead; a fixed 0.3 s is what streaming players commonly gather."""

RESUME_LIMIT_SECONDS: Final = 1.5
"""The most that is gathered after repeated stalls."""


class Policy(Protocol):
    """What a policy is asked."""

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Take note of an arrival; return the start level.

        Parameters
        ----------
        frames : int
            How many have come, at the output's rate.
        now : float
            When, in seconds.
        dry : bool
            Sound had begun and had run out before they came.

        Returns
        -------
        int
            Frames that must be ahead before sound starts or resumes.
        """


class Fixed:
    """Always the same start level.

    Parameters
    ----------
    prebuffer_ms : float
        Milliseconds of audio ahead.
    samplerate : int
        The output's rate.
    """

    def __init__(self, prebuffer_ms: float, samplerate: int) -> None:
        self._level = max(1, round(prebuffer_ms * samplerate / 1000))

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Return the fixed level, whatever came."""
        del frames, now, dry
        return self._level


class Auto:
    """Starts at once; after each stall gathers `RESUME_SECONDS` more than before."""

    def __init__(self, samplerate: int) -> None:
        self._samplerate = samplerate
        self._gather = 0.0

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Return the level that the stalls so far have taught."""
        del frames, now
        if dry:
            self._gather = min(self._gather + RESUME_SECONDS, RESUME_LIMIT_SECONDS)
        return max(1, round(self._gather * self._samplerate))


def policy(prebuffer: float | str, samplerate: int) -> Policy:
    """Return the policy that `prebuffer` names: ``"auto"``, or milliseconds ahead."""
    if prebuffer == "auto":
        return Auto(samplerate)
    return Fixed(float(prebuffer), samplerate)
