from __future__ import annotations

from itertools import pairwise
from statistics import mean
from typing import Any

import pytest

from streamplay.server.scenario import Scenario
from streamplay.server.schedule import Schedule


def times(count: int, number: int = 1, **keys: Any) -> list[float]:
    """Return when chunks of 100 ms are due."""
    schedule = Schedule(Scenario(**keys), number)
    return [schedule.due(index / 10) for index in range(count)]


def test_without_a_pace_everything_is_due_at_once() -> None:
    assert times(3, first_byte_ms=200) == [0.2, 0.2, 0.2]
    assert times(3, pace=float("inf")) == [0, 0, 0]


def test_at_a_pace_audio_comes_by_a_factor_of_real_time() -> None:
    assert times(3, pace=2) == pytest.approx([0, 0.05, 0.1])
    assert times(3, pace=0.5, first_byte_ms=1000) == pytest.approx([1, 1.2, 1.4])


def test_a_stall_holds_up_what_comes_after_it() -> None:
    stalls = ("200:500", "100:50")
    assert times(4, stalls=stalls) == pytest.approx([0, 0.05, 0.55, 0.55])


@pytest.mark.parametrize("jitter", ["uniform", "normal", "exponential", "pareto"])
def test_jitter_has_its_mean_and_keeps_the_order(jitter: str) -> None:
    late = []
    for number in range(400):
        due = times(5, number, jitter=jitter, jitter_ms=20, pace=1)
        assert all(a <= b for a, b in pairwise(due))
        late.append(due[0])
    assert min(late) >= 0
    # Pareto's heavy tail makes its sample mean wander.
    assert mean(late) == pytest.approx(0.02, rel=0.35)


def test_jitter_without_a_mean_is_none() -> None:
    assert times(2, jitter="exponential") == [0, 0]


def test_each_request_draws_its_own_jitter_and_a_seed_repeats_it() -> None:
    keys = {"jitter": "uniform", "jitter_ms": 50.0}
    assert times(5, 1, **keys) == times(5, 1, **keys)
    assert times(5, 1, **keys) != times(5, 2, **keys)
    assert times(5, 1, **keys) != times(5, 1, seed=1, **keys)
