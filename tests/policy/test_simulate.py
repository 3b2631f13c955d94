from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.policy.jitter import policy
from streamplay.policy.simulate import play
from tests.support.arrivals import RATE, on_a_grid, steady, trace


@given(on_a_grid(), st.integers(0, 2000))
def test_starting_early_never_delays_the_end(
    arrivals: list[tuple[float, int]], prebuffer: int
) -> None:
    recorded = trace(arrivals)
    at_once = play(recorded, policy(0, RATE))
    later = play(recorded, policy(prebuffer, RATE))
    assert at_once.gap == pytest.approx(recorded.safe_start)
    assert at_once.finished <= later.finished + 1e-9
    assert later.wait + later.gap >= max(later.wait, recorded.safe_start) - 1e-9


def test_what_is_played_is_told_in_the_traces_own_time() -> None:
    played = play(trace([(0.5, 2400), (0.8, 2400)]), policy(0, RATE))
    assert played.wait == 0
    assert played.gaps == pytest.approx((0.2,))
    assert played.safe_start == pytest.approx(0.2)
    assert played.finished == pytest.approx(0.9)
    assert played.regret == 0
    assert played.cost(20) == pytest.approx(4.0)


def test_regret_is_what_was_waited_in_vain() -> None:
    played = play(steady(0.5, seconds=2.0), policy(300, RATE))
    assert played.regret == played.wait == pytest.approx(0.1)
