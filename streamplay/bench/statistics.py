"""Percentiles of a sample, with intervals that hold for any distribution.

Every interval is made of order statistics: the number of values below a percentile is binomial,
whatever the distribution. A percentile is stated only if its 95 % interval has two ends, which
needs 6 values for p50, 29 for p90, 59 for p95 and 299 for p99. (The bootstrap would state them all,
and be wrong: at n = 100 its 95 % intervals contain p99 62 times in 100.) benchmarks.intervals shows
how often these intervals contain the true value.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONFIDENCE: Final = 0.95

PERCENTILES: Final = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of one measure.

    Parameters
    ----------
    n : int
        The number of values.
    mean, sd, max : float or None
        None without values; `sd` needs two.
    percentiles : dict
        By name; None if there are too few values.
    ci95 : dict
        The intervals of the stated percentiles, and of the mean of a share.
    outliers : int
        Values beyond 1.5 interquartile ranges above the third quartile (Tukey's fence). They
        are counted, never removed.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    max: float | None = None
    percentiles: dict[str, float | None] = field(default_factory=dict)
    ci95: dict[str, Interval] = field(default_factory=dict)
    outliers: int = 0

    def value(self, name: str) -> float | None:
        """Return the statistic `name`: ``mean``, ``sd``, ``max`` or a percentile."""
        if name in PERCENTILES:
            return self.percentiles.get(name)
        value: float | None = getattr(self, name)
        return value


def summarise(values: Sequence[float], *, share: bool = False) -> Summary:
    """Return the statistics of `values`; each is 0 or 1 for a `share`."""
    n = len(values)
    if not n:
        return Summary(0, percentiles=dict.fromkeys(PERCENTILES))
    mean = math.fsum(values) / n
    if share:
        ends = {"mean": proportion_interval(round(math.fsum(values)), n)}
        return Summary(n, mean, percentiles=dict.fromkeys(PERCENTILES), ci95=ends)
    ranked = sorted(values)
    intervals = {name: percentile_interval(ranked, p) for name, p in PERCENTILES.items()}
    return Summary(
        n,
        mean,
        math.sqrt(math.fsum((v - mean) ** 2 for v in ranked) / (n - 1)) if n > 1 else None,
        ranked[-1],
        {n_: percentile(ranked, PERCENTILES[n_]) if ci else None for n_, ci in intervals.items()},
        {name: interval for name, interval in intervals.items() if interval},
        _outliers(ranked),
    )


def percentile(ranked: Sequence[float], p: float) -> float:
    """Return the p-quantile of ascending values, interpolated linearly as numpy does."""
    place = p * (len(ranked) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)


def percentile_interval(
    ranked: Sequence[float], p: float, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the interval of the true p-quantile; None if there are too few values."""
    ranks = _ranks(len(ranked), p, confidence)
    return (ranked[ranks[0]], ranked[ranks[1]]) if ranks else None


def needed(p: float, confidence: float = CONFIDENCE) -> int:
    """Return how many values the interval of a p-quantile needs."""
    n = 1
    while 1 - p**n - (1 - p) ** n < confidence:
        n += 1
    return n


@lru_cache(maxsize=1024)
def _ranks(n: int, p: float, confidence: float) -> tuple[int, int] | None:
    """Return the closest two ranks, from 0, that enclose the quantile with this confidence.

    Of n values, B lie below the quantile; B is binomial. The values of ranks l and u, from 1,
    enclose it if l <= B < u. Of all pairs with enough confidence, the one with the fewest ranks
    between is chosen, and of those the one with the highest confidence.
    """
    if n < needed(p, confidence):
        return None
    below = _binomial(n, p)
    best: tuple[int, float, int, int] | None = None
    for low in range(1, n):
        floor = below[low - 1]
        high = bisect_left(below, floor + confidence, low) + 1
        if high > n:
            break
        sureness = below[high - 1] - floor
        found = (high - low, -sureness, low, high)
        best = found if best is None else min(best, found)
    return (best[2] - 1, best[3] - 1) if best else None


def _binomial(n: int, p: float) -> list[float]:
    """Return P(B <= k) for k = 0 … n."""
    log_p, log_q = math.log(p), math.log1p(-p)
    total, sums = 0.0, list[float]()
    for k in range(n + 1):
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        total += math.exp(ways + k * log_p + (n - k) * log_q)
        sums.append(min(total, 1.0))
    return sums


def proportion_interval(hits: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Clopper and Pearson's interval of a share, which is never too short."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _solve(lambda p: 1 - _binomial(n, p)[hits - 1] >= tail)
    high = 1.0 if hits == n else _solve(lambda p: _binomial(n, p)[hits] < tail)
    return low, high


def _solve(reached: Callable[[float], bool]) -> float:
    """Return the value in (0, 1) from which a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def _outliers(ranked: Sequence[float]) -> int:
    if len(ranked) < 4:
        return 0
    first, third = percentile(ranked, 0.25), percentile(ranked, 0.75)
    fence = third + 1.5 * (third - first)
    return sum(value > fence for value in ranked)
