from __future__ import annotations

import pytest

from streamplay.policy.jitter import Auto, Fixed, policy

RATE = 24000


@pytest.mark.parametrize(
    ("prebuffer", "level"), [(0, 1), (0.01, 1), (100, 2400), (12.5, 300), (60_000, 1_440_000)]
)
def test_a_fixed_prebuffer_is_milliseconds_whatever_happens(prebuffer: float, level: int) -> None:
    fixed = policy(prebuffer, RATE)
    assert isinstance(fixed, Fixed)
    fixed.on_request(100)
    assert {fixed.on_arrival(7, 0.0, dry=dry) for dry in (False, True, True)} == {level}
    assert fixed.on_end(learn=True) == level
    assert fixed.on_arrival(7, 9.0, dry=False) == level


def test_auto_is_told_by_its_name() -> None:
    assert isinstance(policy("auto", RATE), Auto)
