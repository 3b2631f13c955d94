"""How late the tool itself was, measured by a timer that should fire every few milliseconds."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Self

from streamplay.bench.statistics import percentile

if TYPE_CHECKING:
    from collections.abc import Callable

LAG_LIMIT_MS: Final = 5.0
"""A run with a p99 above this is invalid. The lag of the loop delays the note of an arrival; a
listener notices about 20 ms, and a comparison should resolve a few."""

LATE_START_MS: Final = 5.0
"""A request that began later than this after its intended start counts as a late start."""

_PERIOD_SECONDS: Final = 0.005

# The beats that are looked at before a moment: whatever was late then may have delayed its note.
_BEFORE_SECONDS: Final = 0.05

_TURNS: Final = 1.5

# A second in which one beat of twenty is late is the first of an overload; a single late beat is
# a garbage collection.
_SECOND: Final = round(1 / _PERIOD_SECONDS)
_LATE_SHARE: Final = 0.05


class Lag:
    """A context manager that measures the lag of the event loop, and processor time.

    The selector rounds its waits up to a whole millisecond, so that an idle loop shows a lag of up
    to about one. A loop that was blocked fires the timer once, late: each beat that it missed is
    counted with its own lag, because whatever arrived then had to wait for as long.

    Attributes
    ----------
    ms : list of float
        The lag of every beat; they are due at equal distances from `begun` on.
    begun : float
        When the first beat was due, by the clock.
    cpu_seconds : float
        Of this process, while it was measured.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.ms: list[float] = []
        self.begun = 0.0
        self.cpu_seconds = 0.0
        self._clock = clock

    async def __aenter__(self) -> Self:
        self._cpu = time.process_time()
        self.begun = self._due = self._clock() + _PERIOD_SECONDS
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        del self._task  # so that the rest can be pickled
        # A loop that was blocked until now has missed beats.
        self._due = self.beat(self._due, self._clock())
        self.cpu_seconds = time.process_time() - self._cpu

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._due - self._clock()))
            self._due = self.beat(self._due, self._clock())

    def beat(self, due: float, now: float) -> float:
        """Note the beats that were due from `due` until `now`; return when the next one is."""
        while now >= due:
            self.ms.append(1000 * (now - due))
            due += _PERIOD_SECONDS
        return due

    def facts(self) -> dict[str, Any]:
        """Return p50, p99 and max in ms; None if it ended before the first beat was due."""
        ranked = sorted(self.ms)
        if not ranked:
            return {"p50": None, "p99": None, "max": None}
        return {
            "p50": round(percentile(ranked, 0.5), 3),
            "p99": round(percentile(ranked, 0.99), 3),
            "max": round(ranked[-1], 3),
        }

    @property
    def valid(self) -> bool:
        """Whether the loop was quick enough; also where it ended before the first beat."""
        return (self.facts()["p99"] or 0.0) <= LAG_LIMIT_MS

    def worst(self, since: float, until: float) -> float:
        """Return the largest lag in ms of the beats that were due within a window; 0 without."""
        return max(self._window(since, until), default=0.0)

    def late_share(self, since: float, until: float) -> float:
        """Return the share of the beats due within a window that came later than the limit."""
        found = self._window(since, until)
        return sum(ms > LAG_LIMIT_MS for ms in found) / len(found) if found else 0.0

    def at(self, moment: float) -> float:
        """Return by how many ms the note of something at `moment` may be late; 0 within the limit.

        The loop notes an arrival in its second turn after the system has it, as it does a beat. So
        the beats that were due just before tell how long that has taken, and where they were late,
        those that were due since then. Half as much is added: a beat goes through every other turn,
        and the turns between may have been longer.
        """
        late, before = self.worst(moment - _BEFORE_SECONDS, moment), 0.0
        if late <= LAG_LIMIT_MS:
            return 0.0
        while late > before:
            before, late = late, self.worst(moment - _BEFORE_SECONDS - late / 1000, moment)
        return _TURNS * late

    def late_since(self) -> float | None:
        """Return when an overload began, by the clock; None if there was none."""
        for start in range(0, len(self.ms), _SECOND):
            part = self.ms[start : start + _SECOND]
            if sum(ms > LAG_LIMIT_MS for ms in part) > _LATE_SHARE * len(part):
                first = next(n for n, ms in enumerate(part, start) if ms > LAG_LIMIT_MS)
                return self.begun + first * _PERIOD_SECONDS
        return None

    def _window(self, since: float, until: float) -> list[float]:
        low = max(0, int((since - self.begun) / _PERIOD_SECONDS))
        high = max(0, int((until - self.begun) / _PERIOD_SECONDS) + 1)
        return self.ms[low:high]
