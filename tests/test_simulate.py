from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.policy.jitter import policy
from streamplay.policy.learning import Lessons, Memory, Source
from streamplay.policy.simulate import BLOCK_SECONDS, Played, play, play_in_blocks
from tests.support.arrivals import RATE, on_a_grid, steady, trace

ORPHEUS = Source("host", "orpheus", "tara")
PREBUFFERS = st.sampled_from(["auto", 0, 50, 300, 1000])


def taught(margin: float) -> Memory:
    memory = Memory()
    memory.keep(ORPHEUS, Lessons((margin,)))
    return memory


def same(a: Played, b: Played) -> bool:
    return (a.wait, *a.gaps, a.finished) == pytest.approx((b.wait, *b.gaps, b.finished), abs=1e-6)


@settings(deadline=None)
@given(on_a_grid(), PREBUFFERS, st.floats(0, 2))
def test_an_arrival_a_step_is_the_real_playout_a_block_a_step(
    arrivals: list[tuple[float, int]], prebuffer: float | str, margin: float
) -> None:
    recorded = trace(arrivals)
    by_arrival, by_block = (
        run(recorded, policy(prebuffer, RATE, memory=taught(margin), source=ORPHEUS))
        for run in (play, play_in_blocks)
    )
    assert same(by_arrival, by_block)


@settings(deadline=None)
@given(
    on_a_grid(),
    st.lists(st.floats(0, 0.009), min_size=30, max_size=30),
    st.floats(0, BLOCK_SECONDS),
)
def test_off_the_grid_they_agree_within_a_block(
    arrivals: list[tuple[float, int]], shifts: list[float], phase: float
) -> None:
    shifted = [(now + shift, n) for (now, n), shift in zip(arrivals, shifts, strict=False)]
    recorded = trace(shifted)
    by_arrival = play(recorded, policy(0, RATE))
    by_block = play_in_blocks(recorded, policy(0, RATE), blocks=[shifted[0][0] - phase])
    assert -1e-6 <= by_block.wait - by_arrival.wait <= BLOCK_SECONDS + 1e-6
    assert abs(by_block.gap - by_arrival.gap) <= BLOCK_SECONDS * (1 + len(by_block.gaps))
    assert -1e-6 <= by_block.finished - by_arrival.finished <= BLOCK_SECONDS + 1e-6


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


def test_what_ends_before_its_prebuffer_is_full_is_played_at_the_end() -> None:
    recorded = trace([(0.1, 2400), (0.7, 2400)])
    for run in (play, play_in_blocks):
        assert run(recorded, policy(5000, RATE)).wait == pytest.approx(0.6)


def test_what_broke_off_is_heard_and_teaches_nothing() -> None:
    for run in (play, play_in_blocks):
        memory = Memory()
        auto = policy("auto", RATE, memory=memory, source=ORPHEUS)
        played = run(trace([(0.1, 2400), (0.9, 2400)], how="ConnectionLost"), auto)
        assert played.gap == pytest.approx(0.7)
        assert memory.of(ORPHEUS) == Lessons()


def test_more_than_the_ring_holds_is_played_in_blocks_too() -> None:
    recorded = trace([(0.1, 10 * RATE), (10.6, RATE)])
    for run in (play, play_in_blocks):
        played = run(recorded, policy("auto", RATE))
        assert played.gaps == pytest.approx((0.5,))
        assert played.finished == pytest.approx(11.6)
