"""The watchdog: whether a device has stopped asking for sound.

Not every device that goes away reports it. When an audio server hangs, a sink is suspended or a
driver's thread dies, the only sign is that the callback is no longer called.
"""

from __future__ import annotations

from typing import Final

QUIET_SECONDS: Final = 0.8
"""Longest time without a call of the callback, besides the latency. A lost device is noticed
within a second; PulseAudio takes 0.1 s to move a stream, and a busy machine is late by less."""

FIRST_SECONDS: Final = 1.4
"""The same before the first call: a device may have to wake up. Bluetooth takes about a second."""

LOOK_SECONDS: Final = 0.15
"""The most that one look counts for: longer than the pieces of most servers are apart (100 ms),
each of which is looked at. Where the pump looks later, it was kept from looking, by a suspended
machine or by a thread that held the interpreter's lock, and so may the callback have been."""


class Watchdog:
    """Counts how long an output has asked for nothing. Time is an argument.

    Parameters
    ----------
    latency : float
        The output's, in seconds: it may ask for as much at a time.
    """

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._rendered = 0
        self._looked: float | None = None
        self._quiet = 0.0
        self._first = True

    def look(self, rendered: int, now: float) -> float | None:
        """Return for how many seconds no block was asked for, once that is too long.

        Parameters
        ----------
        rendered : int
            Frames that the output has taken so far.
        now : float
            The clock, in seconds.
        """
        since = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        if rendered != self._rendered:
            self._rendered, self._quiet, self._first = rendered, 0.0, False
            return None
        self._quiet += min(since, LOOK_SECONDS)
        limit = (FIRST_SECONDS if self._first else QUIET_SECONDS) + self._latency
        return self._quiet if self._quiet > limit else None

    def rest(self) -> None:
        """Begin to count anew: the output was not watched since the last look."""
        self._looked, self._quiet = None, 0.0
