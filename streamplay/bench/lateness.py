"""What of a request may be the tool's own lateness: judged by the lag within its window. Pure.

A tool that is too late sees everything late: it sends late, reads late, and gives up while an
answer lies in the socket. None of that may be counted against the server. Whatever was noted while
the tool was late is read in the server's favour, and the rest is counted as the tool's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamplay.bench.lag import LATE_START_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamplay.bench.arrival_times import ArrivalTimes
    from streamplay.bench.lag import Lag

OWN_SHARE: Final = 0.1
"""A measure is the tool's if more than this share of it may be the tool's lateness, and a time-out
if the tool was late for more than this share of the request's time."""

_OWN_ERRORS: Final = frozenset({"TimedOut"})
"""A refused or broken connection is the server's, however late the tool was."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the tool was during one request.

    Parameters
    ----------
    start : float
        By how many ms the request began late.
    share : float
        The share of the request's time in which the tool was late.
    arrivals : tuple of float
        By how many seconds the note of each arrival may be late.
    worst : mapping
        The worst lag in ms from the intended start to each moment, by name.
    """

    start: float = 0.0
    share: float = 0.0
    arrivals: tuple[float, ...] = ()
    worst: Mapping[str, float] = field(default_factory=dict)

    def owns_error(self, error: str | None) -> bool:
        """Return whether a failure may be the tool's: a time-out while it was late."""
        return error in _OWN_ERRORS and self.share > OWN_SHARE

    def owns(self, moment: str, value: float) -> bool:
        """Return whether too much of a moment, in ms since the intended start, may be ours."""
        return max(self.start, self.worst.get(moment, 0.0)) > OWN_SHARE * abs(value)

    def earliest(self, arrivals: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
        """Return the arrivals as early as they may really have come; the first where it was.

        So a gap is as short as it may have been: what is still a stall is the server's.
        """
        moved, before = [], arrivals[0][0]
        for place, (when, frames) in enumerate(arrivals):
            early = self.arrivals[place] if place else 0.0
            before = max(before, when - early)
            moved.append((before, frames))
        return moved


def judge(
    lag: Lag,
    *,
    intended: float,
    begun: float,
    ended: float,
    moments: Mapping[str, float | None],
    arrivals: ArrivalTimes | Sequence[tuple[float, int]],
) -> Lateness | None:
    """Return how late the tool was during a request; None if it was in time.

    Parameters
    ----------
    lag : Lag
        The lag of the loop that made the request.
    intended, begun, ended : float
        When it was due, began and ended, by the lag's clock.
    moments : mapping
        When each moment came, by name.
    arrivals : sequence of pairs
        When how many frames arrived.
    """
    start = 1000 * (begun - intended)
    start = start if start > LATE_START_MS else 0.0
    share = lag.late_share(intended, ended)
    if not start and not share:
        return None
    at = {name: when for name, when in moments.items() if when is not None}
    at["total"] = ended
    if arrivals:
        at["first_audio"], at["last_audio"] = arrivals[0][0], arrivals[-1][0]
    return Lateness(
        start,
        share,
        tuple(lag.at(when) / 1000 for when, _ in arrivals),
        {name: lag.worst(intended, when) for name, when in at.items()},
    )
