"""Which request comes when."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest

from streamplay.bench import plan
from streamplay.bench.plan import Load

TEXTS = ("one", "two", "three")


def test_each_turn_asks_every_target_the_same_once() -> None:
    found = list(islice(plan.jobs(3, TEXTS, 1), 60))
    for turn in range(20):
        mine = [job for job in found if job.turn == turn]
        assert {job.target for job in mine} == {0, 1, 2}
        assert len({job.text for job in mine}) == 1


def test_targets_are_interleaved_at_random() -> None:
    firsts = Counter(job.target for job in islice(plan.jobs(2, TEXTS, 1), 0, 400, 2))
    assert 70 <= firsts[0] <= 130


def test_every_text_is_said_before_one_is_said_again() -> None:
    said = [job.text for job in islice(plan.jobs(1, TEXTS, 5), 9)]
    assert [set(said[n : n + 3]) for n in (0, 3, 6)] == [set(TEXTS)] * 3


def test_the_seed_decides_everything() -> None:
    first, again, other = (
        list(islice(plan.jobs(2, TEXTS, seed, rate=5.0), 50)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_poisson_arrivals_have_the_rate_and_the_spread() -> None:
    due = [job.due or 0.0 for job in islice(plan.jobs(1, TEXTS, 3, rate=50.0), 2001)]
    gaps = [b - a for a, b in pairwise(due)]
    assert sum(gaps) / 2000 == pytest.approx(1 / 50, rel=0.1)
    # Of an exponential distribution the spread is the mean.
    assert (sum(gap**2 for gap in gaps) / 2000) ** 0.5 == pytest.approx(2**0.5 / 50, rel=0.15)


def test_constant_arrivals_are_evenly_spaced() -> None:
    found = islice(plan.jobs(1, TEXTS, 3, rate=4.0, arrivals="constant"), 4)
    assert [job.due for job in found] == [0.0, 0.25, 0.5, 0.75]


def test_the_closed_loop_names_no_times() -> None:
    assert next(plan.jobs(1, TEXTS, 0)).due is None


def test_the_bound_on_characters_holds_for_warm_ups_too() -> None:
    load = Load(requests=None, duration=9.0, texts=("12345",), warmup=2, max_chars=22)
    assert len(list(load.jobs(1))) == 2


def test_the_cost_is_known_before_anything_is_sent() -> None:
    load = Load(requests=10, texts=("12345",), warmup=1)
    assert load.planned(2) == (22, 110, True)
