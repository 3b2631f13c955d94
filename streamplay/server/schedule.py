"""When each chunk is due: pace, stalls and jitter. Reads no clock."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.server.scenario import Scenario

# A Pareto distribution of this shape has a finite mean, twice its least value,
# and no variance: now and then a chunk is very late, as on a bad network.
_PARETO_SHAPE: Final = 2.0


class Schedule:
    """The times of a scenario, for one request.

    Parameters
    ----------
    scenario : Scenario
        Its pace, stalls, jitter and seed.
    number : int
        Which request this is: each draws its own jitter.
    """

    def __init__(self, scenario: Scenario, number: int) -> None:
        self._scenario = scenario
        self._random = random.Random(f"{scenario.seed}/{number}")  # noqa: S311  no secrets here
        self._stalls = scenario.stall_points
        self._latest = 0.0

    def due(self, sent: float) -> float:
        """Return when the chunk that follows `sent` seconds of audio may leave.

        Returns
        -------
        float
            Seconds since the request. Chunks stay in order: none is due before
            the one asked about last.
        """
        pace = self._scenario.pace
        paced = sent / pace if pace and math.isfinite(pace) else 0.0
        stalled = sum(wait for at, wait in self._stalls if at <= sent)
        planned = self._scenario.first_byte_ms / 1000 + paced + stalled
        self._latest = max(self._latest, planned + self._late())
        return self._latest

    def _late(self) -> float:
        mean = self._scenario.jitter_ms / 1000
        draw = self._random
        match self._scenario.jitter:
            case "uniform":
                return draw.uniform(0, 2 * mean)
            case "normal":
                return max(0.0, draw.gauss(mean, mean / 2))
            case "exponential":
                return draw.expovariate(1 / mean) if mean else 0.0
            case "pareto":
                return (
                    mean * (_PARETO_SHAPE - 1) / _PARETO_SHAPE * draw.paretovariate(_PARETO_SHAPE)
                )
            case _:
                return 0.0
