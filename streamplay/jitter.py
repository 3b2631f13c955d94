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
    """What a policy is asked; frames are at the output's rate, `now` in seconds."""

    def on_arrival(self, frames: int, now: float) -> int:
        """Take note of an arrival; return the start level, in frames ahead."""

    def on_stall(self) -> int:
        """Take note that the ring ran dry; return the start level to resume at."""


class Fixed:
    """Always the same start level (``prebuffer`` in milliseconds)."""

    def __init__(self, prebuffer_ms: float, samplerate: int) -> None:
        self._level = max(1, round(prebuffer_ms * samplerate / 1000))

    def on_arrival(self, frames: int, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the fixed level."""
        return self._level

    def on_stall(self) -> int:
        """Return the fixed level."""
        return self._level


class Auto:
    """Starts at once; after each stall gathers `RESUME_SECONDS` more than before."""

    def __init__(self, samplerate: int) -> None:
        self._samplerate = samplerate
        self._level_seconds = 0.0

    def on_arrival(self, frames: int, now: float) -> int:  # noqa: ARG002 - the protocol's
        """Return the level that the stalls so far have taught."""
        return max(1, round(self._level_seconds * self._samplerate))

    def on_stall(self) -> int:
        """Raise the level, up to its limit."""
        self._level_seconds = min(self._level_seconds + RESUME_SECONDS, RESUME_LIMIT_SECONDS)
        return max(1, round(self._level_seconds * self._samplerate))


def policy(prebuffer: float | str, samplerate: int) -> Policy:
    """Return the policy that `prebuffer` names: ``"auto"``, or milliseconds ahead."""
    if prebuffer == "auto":
        return Auto(samplerate)
    return Fixed(float(prebuffer), samplerate)
