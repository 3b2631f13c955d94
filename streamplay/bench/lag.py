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


class Lag:
    """A context manager that measures the lag of the event loop, and processor time.

    The selector rounds its waits up to a whole millisecond, so that an idle loop shows a lag of up
    to about one. A loop that was blocked fires the timer once, late: each beat that it missed is
    counted with its own lag, because whatever arrived then had to wait for as long.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.ms: list[float] = []
        self.cpu_seconds = 0.0
        self._clock = clock

    async def __aenter__(self) -> Self:
        self._cpu = time.process_time()
        self._due = self._clock() + _PERIOD_SECONDS
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
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
