"""The watchdog: whether a device has stopped asking for sound.

Not every device that goes away says so. A server that hangs, a sink that is suspended, a driver
whose thread has died: all that is seen is that the callback is no longer called.
"""

from __future__ import annotations

from typing import Final

QUIET_SECONDS: Final = 0.8
"""Without a call of the callback, besides the latency: noticed within a second, and far longer
than PulseAudio takes to move a stream (0.1 s), or a busy machine to come back to its callback."""

FIRST_SECONDS: Final = 1.4
"""The same before the first call: a device may have to wake up. Bluetooth takes about one."""

LOOK_SECONDS: Final = 0.1
"""The most that one look counts for. Who comes late has been kept from looking: by a machine
that was asleep, or by a thread that would not give up the lock. The callback may have been too."""


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
        """Return the seconds for which nothing was asked, once these are too many.

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
        """Begin anew: nothing was watched since the last look."""
        self._looked, self._quiet = None, 0.0
