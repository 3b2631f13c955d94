"""How often the 95 % intervals of `streamplay bench` hold the truth, over simulated benchmarks.

    .venv/bin/python -m benchmarks.intervals [--runs 5000] [--sizes 50 100 300]

Latencies are drawn from distributions whose percentiles are known: log-normal, and a mixture in
which one request in ten is slow. A percentile that is not stated (too few requests) is shown as a
dash. Exit status 1 where an interval holds the truth in less than 94 % of the runs.
"""

from __future__ import annotations

import argparse
import math
import sys
from statistics import NormalDist

import numpy as np

from streamplay.bench import compare, statistics

LEAST = 0.94
SPREAD = 0.4  # of the logarithm: p95 is twice the median, as of the APIs that were looked at


def log_normal(dice: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.exp(SPREAD * dice.standard_normal(shape))


def log_normal_truth(p: float) -> float:
    return math.exp(SPREAD * NormalDist().inv_cdf(p))


def mixture(dice: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One request in ten takes three times as long."""
    return log_normal(dice, shape) * np.where(dice.random(shape) < 0.1, 3, 1)


def mixture_truth(p: float) -> float:
    """By bisection of the mixture's distribution function."""
    below = NormalDist(0, SPREAD).cdf
    low, high = 0.01, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        share = 0.9 * below(math.log(middle)) + 0.1 * below(math.log(middle / 3))
        low, high = (middle, high) if share < p else (low, middle)
    return low


def share(hits: list[bool]) -> str:
    return f"{100 * sum(hits) / len(hits):.1f} %" if hits else "-"


def percentiles(name: str, draw: object, truth: object, n: int, runs: int) -> dict[str, list[bool]]:
    assert callable(draw)
    assert callable(truth)
    values = np.sort(draw(np.random.default_rng(n), (runs, n)), axis=1).tolist()
    found: dict[str, list[bool]] = {}
    for key, p in statistics.PERCENTILES.items():
        ends = [statistics.percentile_interval(run, p) for run in values]
        at = truth(p)
        found[f"{name} {key}"] = [low <= at <= high for low, high in filter(None, ends)]
    return found


def pairs(n: int, runs: int) -> dict[str, list[bool]]:
    """Two targets that share what a turn is like; b is later by a skewed amount."""
    dice = np.random.default_rng(n + 1)
    common = 200 * log_normal(dice, (runs, n))
    gap = dice.exponential(40, (runs, n))
    truth = -40 * math.log(2)
    found = []
    for mine, extra in zip(common, gap, strict=True):
        both = list(zip(mine.tolist(), (mine + extra).tolist(), strict=True))
        ends = compare.pair("a", "b", "total", both).ci95
        if ends:
            found.append(ends[0] <= truth <= ends[1])
    return {"paired difference": found}


def ratios(n: int, runs: int) -> dict[str, list[bool]]:
    """Two runs, unpaired, of which the second is a tenth slower: the change of each percentile."""
    dice = np.random.default_rng(n + 2)
    before = np.sort(log_normal(dice, (runs, n)), axis=1).tolist()
    after = np.sort(1.1 * log_normal(dice, (runs, n)), axis=1).tolist()
    found: dict[str, list[bool]] = {}
    for key, p in statistics.PERCENTILES.items():
        hits = found[f"change of {key}"] = []
        for old, new in zip(before, after, strict=True):
            mine = statistics.percentile_interval(new, p)
            theirs = statistics.percentile_interval(old, p)
            if mine is None or theirs is None:
                continue
            ends = compare.ratio(
                statistics.percentile(new, p), mine, statistics.percentile(old, p), theirs
            )
            assert ends is not None
            hits.append(ends[0] <= 1.1 <= ends[1])
    return found


def shares(n: int, runs: int) -> dict[str, list[bool]]:
    dice = np.random.default_rng(n + 3)
    found: dict[str, list[bool]] = {}
    for truth in (0.99, 0.9, 0.5):
        counts = dice.binomial(n, truth, runs).tolist()
        ends = {count: statistics.proportion_interval(count, n) for count in set(counts)}
        found[f"share of {truth:.0%}"] = [ends[c][0] <= truth <= ends[c][1] for c in counts]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 300])
    args = parser.parse_args()
    columns = [
        percentiles("log-normal", log_normal, log_normal_truth, n, args.runs)
        | percentiles("mixture", mixture, mixture_truth, n, args.runs)
        | pairs(n, args.runs)
        | ratios(n, args.runs)
        | shares(n, args.runs)
        for n in args.sizes
    ]
    print(f"{'95 % intervals that hold the truth':<36}", *(f"n = {n:<8}" for n in args.sizes))
    for name in columns[0]:
        print(f"{name:<36}", *(f"{share(column[name]):<12}" for column in columns))
    rates = [sum(hits) / len(hits) for column in columns for hits in column.values() if hits]
    print(f"worst: {min(rates):.1%}")
    return int(min(rates) < LEAST)


if __name__ == "__main__":
    sys.exit(main())
