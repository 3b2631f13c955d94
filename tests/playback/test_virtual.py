from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.playout import FADE_SECONDS
from streamplay.playback.virtual import play_in_blocks
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Lessons, Memory, Source
from streamplay.policy.simulate import BLOCK_SECONDS, RAMP_SECONDS, Played, play
from tests.support.arrivals import RATE, on_a_grid, trace

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


# Seconds, in whole microseconds: both take an arrival less than a nanosecond beside a block for one
# on its edge, and which edge that is may differ.
SHIFTS = st.integers(0, 9000).map(lambda microseconds: microseconds / 1_000_000)


@pytest.mark.no_cover
@settings(deadline=None)
@given(on_a_grid(), st.lists(SHIFTS, min_size=30, max_size=30), PREBUFFERS)
def test_off_the_grid_they_agree_as_well(
    arrivals: list[tuple[float, int]], shifts: list[float], prebuffer: float | str
) -> None:
    recorded = trace([(now + by, n - 7) for (now, n), by in zip(arrivals, shifts, strict=False)])
    assert same(
        play(recorded, policy(prebuffer, RATE)), play_in_blocks(recorded, policy(prebuffer, RATE))
    )


def real_time(frames: int, pace: float) -> st.SearchStrategy[list[tuple[float, int]]]:
    """Pieces of `frames` at a pace, each late by up to 20 ms: as from a call, or another player."""
    late = st.lists(st.floats(0, 0.02), min_size=40, max_size=80)
    return late.map(
        lambda each: [(0.1 + n * frames / RATE / pace + by, frames) for n, by in enumerate(each)]
    )


@pytest.mark.no_cover
@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([(480, 1.0), (2400, 1.0), (2400, 1.05), (480, 1.05)]).flatmap(
        lambda feed: real_time(*feed)
    ),
    st.sampled_from(["auto", 0, 60]),
)
def test_on_frames_that_come_in_real_time_they_agree_as_well(
    arrivals: list[tuple[float, int]], prebuffer: float | str
) -> None:
    recorded = trace(sorted(arrivals))
    assert same(
        play(recorded, policy(prebuffer, RATE)), play_in_blocks(recorded, policy(prebuffer, RATE))
    )


def test_the_simulations_ramp_is_the_playouts() -> None:
    assert RAMP_SECONDS == FADE_SECONDS


@pytest.mark.no_cover
@settings(deadline=None)
@given(
    on_a_grid(),
    st.lists(SHIFTS, min_size=30, max_size=30),
    st.floats(0, BLOCK_SECONDS),
)
def test_before_a_device_of_another_phase_they_agree_within_a_block(
    arrivals: list[tuple[float, int]], shifts: list[float], phase: float
) -> None:
    shifted = [(now + shift, n) for (now, n), shift in zip(arrivals, shifts, strict=False)]
    recorded = trace(shifted)
    by_arrival = play(recorded, policy(0, RATE))
    by_block = play_in_blocks(recorded, policy(0, RATE), blocks=[shifted[0][0] - phase])
    assert -1e-6 <= by_block.wait - by_arrival.wait <= BLOCK_SECONDS + 1e-6
    assert abs(by_block.gap - by_arrival.gap) <= BLOCK_SECONDS * (1 + len(by_block.gaps))
    # A stall that one of them just avoids lasts a ramp at least in the other.
    most = BLOCK_SECONDS + RAMP_SECONDS + 1e-6
    assert abs(by_block.finished - by_arrival.finished) <= most


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


def test_a_block_that_is_asked_for_late_is_heard_late() -> None:
    recorded = trace([(0.1, 2400), (0.1, 2400)])
    regular = play_in_blocks(recorded, policy(0, RATE), blocks=[0.0, 0.05])
    late = play_in_blocks(recorded, policy(0, RATE), blocks=[0.0, 0.05, 0.118, 0.118, 0.118])
    assert regular.wait == pytest.approx(0)
    assert late.wait == pytest.approx(0.018)
    assert late.finished == pytest.approx(0.118 + 0.2 - 2 * BLOCK_SECONDS)


def test_where_a_block_falls_decides_whether_there_was_a_gap() -> None:
    recorded = trace([(0.1, 240), (0.112, 2400)])
    early = play_in_blocks(recorded, policy(0, RATE), blocks=[0.1, 0.105, 0.110])
    late = play_in_blocks(recorded, policy(0, RATE), blocks=[0.1, 0.105, 0.113])
    assert early.gaps == pytest.approx((BLOCK_SECONDS,))
    assert late.gaps == ()
