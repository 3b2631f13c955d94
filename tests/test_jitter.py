from __future__ import annotations

import pytest

from streamplay.jitter import RESUME_LIMIT_SECONDS, RESUME_SECONDS, Auto, Fixed, policy

RATE = 24000


def test_an_undisturbed_stream_starts_at_once() -> None:
    auto = Auto(RATE)
    levels = {auto.on_arrival(2400, 0.1 * n, dry=False) for n in range(20)}
    assert levels == {1}


def test_each_stall_asks_for_more_ahead_up_to_a_limit() -> None:
    auto = Auto(RATE)
    gathered = [auto.on_arrival(2400, 0.0, dry=True) / RATE for _ in range(8)]
    expected = [min((n + 1) * RESUME_SECONDS, RESUME_LIMIT_SECONDS) for n in range(8)]
    assert gathered == pytest.approx(expected)


def test_what_a_stall_taught_is_kept() -> None:
    auto = Auto(RATE)
    taught = auto.on_arrival(1, 0.0, dry=True)
    assert auto.on_arrival(1, 1.0, dry=False) == taught


@pytest.mark.parametrize(
    ("prebuffer", "level"), [(0, 1), (0.01, 1), (100, 2400), (12.5, 300), (60_000, 1_440_000)]
)
def test_a_fixed_prebuffer_is_milliseconds_whatever_happens(prebuffer: float, level: int) -> None:
    fixed = policy(prebuffer, RATE)
    assert isinstance(fixed, Fixed)
    assert {fixed.on_arrival(7, 0.0, dry=dry) for dry in (False, True, True)} == {level}


def test_auto_is_told_by_its_name() -> None:
    assert isinstance(policy("auto", RATE), Auto)
