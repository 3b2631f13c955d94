"""Differences between two targets, or between two runs: intervals, and sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamplay.bench.measures import BY_NAME
from streamplay.bench.statistics import Interval, percentile, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Pair:
    """How two targets differ in one measure.

    Parameters
    ----------
    a, b : str
        The targets' names.
    measure : str
        The name of the measure.
    n : int
        The number of turns that both completed.
    difference : float or None
        The median of a − b over those turns.
    ci95 : tuple or None
        Its 95 % interval; None if there are too few turns.
    """

    a: str
    b: str
    measure: str
    n: int
    difference: float | None
    ci95: Interval | None

    @property
    def says(self) -> str:
        """A plain sentence."""
        title = BY_NAME[self.measure].title
        if self.ci95 is None:
            few = "1 pair is" if self.n == 1 else f"{self.n} pairs are"
            return f"cannot tell {self.a} from {self.b} in {title}: {few} too few"
        low, high = self.ci95
        if low <= 0 <= high:
            between = f"the difference is between {_signed(low)} and {_signed(high)}"
            return f"cannot tell {self.a} from {self.b} in {title}: {between}{self._unit}; 95 %"
        near, far = sorted((abs(low), abs(high)))
        span = f"{_plain(near)}–{_plain(far)}{self._unit}"
        return f"{self.a} is {span} {self._word(high < 0)} {title} than {self.b}; 95 %"

    @property
    def _unit(self) -> str:
        return " ms" if BY_NAME[self.measure].unit == "ms" else ""

    def _word(self, less: bool) -> str:
        if self.measure in {"rtf", "chunk_gap", "safe_start"}:
            return "lower in" if less else "higher in"
        return "sooner to" if less else "later to"


def pair(a: str, b: str, measure: str, values: Sequence[tuple[float, float]]) -> Pair:
    """Compare two targets by the turns that both completed.

    The interval is that of the median difference, from order statistics (the sign test), which
    assumes no shape of the distribution.

    Parameters
    ----------
    a, b, measure : str
        As in `Pair`.
    values : sequence of pairs
        The values of a and b in each turn.
    """
    ranked = sorted(mine - theirs for mine, theirs in values)
    ends = percentile_interval(ranked, 0.5)
    return Pair(a, b, measure, len(ranked), percentile(ranked, 0.5) if ranked else None, ends)


def ratio(new: float, new_ends: Interval, old: float, old_ends: Interval) -> Interval | None:
    """Return the interval of new / old for two independent runs; None unless both are above 0.

    By the method of variance estimates recovery, in logarithms (Zou and Donner, 2008,
    doi:10.1002/sim.3095, "MOVER").
    """
    if min(new, old, new_ends[0], old_ends[0]) <= 0:
        return None
    mine, low, high = (math.log(value) for value in (new, *new_ends))
    theirs, old_low, old_high = (math.log(value) for value in (old, *old_ends))
    middle = mine - theirs
    return (
        math.exp(middle - math.hypot(mine - low, old_high - theirs)),
        math.exp(middle + math.hypot(high - mine, theirs - old_low)),
    )


def difference(new: float, new_ends: Interval, old: float, old_ends: Interval) -> Interval:
    """Return the interval of new − old for two independent runs, by the same method."""
    middle = new - old
    low = middle - math.hypot(new - new_ends[0], old_ends[1] - old)
    return low, middle + math.hypot(new_ends[1] - new, old - old_ends[0])


def _plain(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{_plain(abs(value))}"
