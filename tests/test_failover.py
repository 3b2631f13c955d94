"""Which of several servers speaks, by a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamplay.failover import (
    AGAIN_SECONDS,
    LONGEST_AGAIN,
    STAY_SECONDS,
    WINDOW_SECONDS,
    Failover,
)


def test_servers_stand_in_in_order_and_then_none() -> None:
    failover = Failover(3)
    assert [failover.failed(0.0), failover.failed(0.1), failover.failed(0.2)] == [1, 2, None]
    assert failover.current == 2


def test_after_the_last_one_the_first_is_asked_again_once_its_time_is_up() -> None:
    failover = Failover(2)
    assert failover.failed(0.0) == 1
    assert not failover.has_next(AGAIN_SECONDS - 1)
    assert failover.has_next(AGAIN_SECONDS)
    assert failover.failed(AGAIN_SECONDS) == 0


def test_the_first_is_tried_again_with_the_next_utterance_after_a_while() -> None:
    failover = Failover(2)
    failover.failed(0.0)
    assert failover.try_again(AGAIN_SECONDS - 0.1) is None
    assert failover.try_again(AGAIN_SECONDS, only_reached=True) is None
    assert failover.try_again(AGAIN_SECONDS) == 0
    assert failover.current == 0


def test_a_server_that_a_probe_has_reached_is_tried_at_once() -> None:
    failover = Failover(2)
    failover.failed(0.0)
    failover.reached(0)
    assert failover.try_again(2.0, only_reached=True) == 0


def test_what_the_server_asked_to_wait_is_waited() -> None:
    failover = Failover(2)
    failover.failed(0.0, wait=100.0)
    assert failover.try_again(99.0) is None
    assert failover.try_again(100.0) == 0


def test_after_two_changes_within_a_minute_it_stays() -> None:
    failover = Failover(2)
    failover.failed(0.0)
    assert not failover.is_staying
    failover.reached(0)
    assert failover.try_again(20.0) == 0
    assert failover.failed(21.0) == 1  # it does not fall silent for that
    assert failover.is_staying
    failover.reached(0)
    assert failover.try_again(22.0) is None
    assert failover.try_again(21.0 + STAY_SECONDS - 1) is None
    assert failover.try_again(21.0 + STAY_SECONDS) == 0


def test_changes_that_are_far_apart_are_no_reason_to_stay() -> None:
    failover = Failover(2)
    failover.failed(0.0)
    failover.reached(0)
    assert failover.try_again(WINDOW_SECONDS) == 0
    assert failover.failed(2 * WINDOW_SECONDS) == 1
    assert not failover.is_staying


def test_a_server_that_fails_each_time_is_asked_less_and_less_often() -> None:
    failover, now, waits = Failover(2), 0.0, []
    for _ in range(8):
        failover.failed(now)
        begun = now
        while failover.try_again(now) is None:
            now += 1.0
        waits.append(now - begun)
    assert waits == sorted(waits)
    assert max(waits) >= min(LONGEST_AGAIN, STAY_SECONDS)


ACTS = st.tuples(st.sampled_from(["fail", "again", "reached", "spoke"]), st.floats(0, 90))


@given(st.integers(1, 4), st.lists(ACTS, max_size=40))
def test_whatever_happens_a_server_of_the_list_speaks(
    count: int, acts: list[tuple[str, float]]
) -> None:
    failover, now, failed = Failover(count), 0.0, dict[int, float]()
    for act, later in acts:
        now += later
        before, told = failover.current, None
        if act == "fail":
            failed[before] = now
            told = failover.failed(now)
            if told is not None and told in failed:
                assert now - failed[told] >= AGAIN_SECONDS
        elif act == "again":
            told = failover.try_again(now)
            assert told is None or told < before
        elif act == "reached":
            failover.reached(0)
        else:
            failover.spoke(before)
            failed.pop(before, None)
        assert failover.current == (before if told is None else told)
        assert 0 <= failover.current < count
