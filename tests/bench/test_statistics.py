"""Percentiles, their intervals, and differences of pairs."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.bench import compare
from streamplay.bench.statistics import (
    PERCENTILES,
    needed,
    percentile,
    percentile_interval,
    proportion_interval,
    summarise,
)

values = st.lists(st.floats(0, 1e6), min_size=1, max_size=400)


@given(values, st.sampled_from(sorted(PERCENTILES.values())))
def test_a_percentile_is_the_one_that_numpy_gives(numbers: list[float], p: float) -> None:
    assert percentile(sorted(numbers), p) == pytest.approx(np.quantile(numbers, p), abs=1e-6)


@given(values, st.sampled_from(sorted(PERCENTILES.values())))
def test_an_interval_holds_its_percentile(numbers: list[float], p: float) -> None:
    ranked = sorted(numbers)
    ends = percentile_interval(ranked, p)
    assert ends is None or ends[0] <= percentile(ranked, p) <= ends[1]


def test_a_percentile_is_stated_from_as_many_values_as_its_interval_needs() -> None:
    assert [needed(p) for p in PERCENTILES.values()] == [6, 29, 59, 299]
    for name, p in PERCENTILES.items():
        few = summarise([float(n) for n in range(needed(p) - 1)])
        enough = summarise([float(n) for n in range(needed(p))])
        assert few.percentiles[name] is None
        assert name not in few.ci95
        assert enough.percentiles[name] is not None
        assert name in enough.ci95


@pytest.mark.parametrize("n", [59, 100, 300])
def test_the_interval_of_p95_holds_the_truth_often_enough(n: int) -> None:
    dice = random.Random(n)
    hits = 0
    for _ in range(1000):
        ends = percentile_interval(sorted(dice.random() for _ in range(n)), 0.95)
        assert ends is not None
        hits += ends[0] <= 0.95 <= ends[1]
    # Three standard errors of 1000 draws below 95 %.
    assert hits >= 929


def test_nothing_is_said_of_no_values() -> None:
    nothing = summarise([])
    assert (nothing.n, nothing.mean, nothing.max, nothing.value("p50")) == (0, None, None, None)


def test_one_value_has_no_spread() -> None:
    one = summarise([3.0])
    assert (one.mean, one.sd, one.max) == (3.0, None, 3.0)


def test_outliers_are_counted_and_still_count() -> None:
    summary = summarise([*map(float, range(20)), 1000.0])
    assert summary.outliers == 1
    assert summary.max == 1000.0


def test_a_share_has_the_exact_interval_of_clopper_and_pearson() -> None:
    # Of the tables in Newcombe, 1998: 81 of 263, 15 of 148, 0 of 20.
    assert proportion_interval(81, 263) == pytest.approx((0.2527, 0.3676), abs=1e-4)
    assert proportion_interval(15, 148) == pytest.approx((0.0578, 0.1617), abs=1e-4)
    assert proportion_interval(0, 20) == pytest.approx((0.0, 0.1684), abs=1e-4)
    assert proportion_interval(20, 20)[1] == 1.0


def test_a_share_is_its_mean_and_has_no_percentiles() -> None:
    summary = summarise([1.0] * 9 + [0.0], share=True)
    assert summary.mean == 0.9
    assert set(summary.percentiles.values()) == {None}
    assert summary.ci95["mean"][0] < 0.9 < summary.ci95["mean"][1]


def test_the_change_between_two_runs_is_a_ratio_with_an_interval() -> None:
    assert compare.ratio(110.0, (105.0, 115.0), 100.0, (100.0, 100.0)) == pytest.approx(
        (1.05, 1.15)
    )
    wide = compare.ratio(110.0, (105.0, 115.0), 100.0, (95.0, 105.0))
    assert wide is not None
    assert wide[0] < 1.05
    assert wide[1] > 1.15
    assert compare.ratio(1.0, (0.0, 2.0), 1.0, (0.5, 2.0)) is None
