"""How fast the parts of a text come, and after what silence it has paused. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

QUIET_SECONDS: Final = 0.3
"""After this long without a token behind a whole sentence, the model has paused: say it."""

UNKNOWN_SECONDS: Final = 2.0
"""The same while the pace of the tokens is not known: slower models are not spoken live."""

LONGEST_QUIET_SECONDS: Final = 6.0
"""Upper bound of that wait, for any pace."""

_GAPS: Final = 16
"""Gaps that are remembered. A server may send several tokens at once, then none for a while."""

_FACTOR: Final = 4
"""A pause is this many times as long as the gap between two tokens."""

_KNOWN: Final = 4
"""The pace is known after so many gaps."""


class Pace:
    """Learns from the times at which parts come."""

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._last: float | None = None

    @property
    def last(self) -> float | None:
        """When the last part came."""
        return self._last

    def note(self, now: float) -> None:
        """Note that a part came at the time `now`."""
        if self._last is not None and now > self._last:
            self._gaps.append(now - self._last)
        self._last = now

    def pause(self, *, sure: bool) -> float:
        """Return after how many seconds without a part the model has paused.

        Parameters
        ----------
        sure : bool
            Whether the last word is known to be complete: white space stands behind it, or
            the part was a sentence of its own.
        """
        least = QUIET_SECONDS if sure or len(self._gaps) >= _KNOWN else UNKNOWN_SECONDS
        if not self._gaps:
            return least
        # One long gap among the short ones was a pause itself.
        typical = sorted(self._gaps)[-2] if len(self._gaps) > 1 else self._gaps[0]
        return min(max(least, _FACTOR * typical), LONGEST_QUIET_SECONDS)
