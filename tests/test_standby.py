"""Which of several servers speaks, by a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamplay.standby import (
    AGAIN_SECONDS,
    LONGEST_AGAIN,
    STAY_SECONDS,
    WINDOW_SECONDS,
    Standby,
)


def test_servers_stand_in_in_order_and_then_none() -> None:
    standby = Standby(3)
    assert [standby.failed(0.0), standby.failed(0.1), standby.failed(0.2)] == [1, 2, None]
    assert standby.current == 2


def test_after_the_last_one_the_first_is_asked_again_once_its_time_is_up() -> None:
    standby = Standby(2)
    assert standby.failed(0.0) == 1
    assert not standby.has_next(AGAIN_SECONDS - 1)
    assert standby.has_next(AGAIN_SECONDS)
    assert standby.failed(AGAIN_SECONDS) == 0


def test_the_first_is_tried_again_with_the_next_utterance_after_a_while() -> None:
    standby = Standby(2)
    standby.failed(0.0)
    assert standby.try_again(AGAIN_SECONDS - 0.1) is None
    assert standby.try_again(AGAIN_SECONDS, only_reached=True) is None
    assert standby.try_again(AGAIN_SECONDS) == 0
    assert standby.current == 0


def test_a_server_that_a_probe_has_reached_is_tried_at_once() -> None:
    standby = Standby(2)
    standby.failed(0.0)
    standby.reached(0)
    assert standby.try_again(2.0, only_reached=True) == 0


def test_what_the_server_asked_to_wait_is_waited() -> None:
    standby = Standby(2)
    standby.failed(0.0, wait=100.0)
    assert standby.try_again(99.0) is None
    assert standby.try_again(100.0) == 0


def test_after_two_changes_within_a_minute_it_stays() -> None:
    standby = Standby(2)
    standby.failed(0.0)
    assert not standby.is_staying
    standby.reached(0)
    assert standby.try_again(20.0) == 0
    assert standby.failed(21.0) == 1  # it does not fall silent for that
    assert standby.is_staying
    standby.reached(0)
    assert standby.try_again(22.0) is None
    assert standby.try_again(21.0 + STAY_SECONDS - 1) is None
    assert standby.try_again(21.0 + STAY_SECONDS) == 0


def test_changes_that_are_far_apart_are_no_reason_to_stay() -> None:
    standby = Standby(2)
    standby.failed(0.0)
    standby.reached(0)
    assert standby.try_again(WINDOW_SECONDS) == 0
    assert standby.failed(2 * WINDOW_SECONDS) == 1
    assert not standby.is_staying


def test_a_server_that_fails_each_time_is_asked_less_and_less_often() -> None:
    standby, now, waits = Standby(2), 0.0, []
    for _ in range(8):
        standby.failed(now)
        begun = now
        while standby.try_again(now) is None:
            now += 1.0
        waits.append(now - begun)
    assert waits == sorted(waits)
    assert max(waits) >= min(LONGEST_AGAIN, STAY_SECONDS)


ACTS = st.tuples(st.sampled_from(["fail", "again", "reached", "spoke"]), st.floats(0, 90))


@given(st.integers(1, 4), st.lists(ACTS, max_size=40))
def test_whatever_happens_a_server_of_the_list_speaks(
    count: int, acts: list[tuple[str, float]]
) -> None:
    standby, now, failed = Standby(count), 0.0, dict[int, float]()
    for act, later in acts:
        now += later
        before, told = standby.current, None
        if act == "fail":
            failed[before] = now
            told = standby.failed(now)
            if told is not None and told in failed:
                assert now - failed[told] >= AGAIN_SECONDS
        elif act == "again":
            told = standby.try_again(now)
            assert told is None or told < before
        elif act == "reached":
            standby.reached(0)
        else:
            standby.spoke(before)
            failed.pop(before, None)
        assert standby.current == (before if told is None else told)
        assert 0 <= standby.current < count
