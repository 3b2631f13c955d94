from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.policy.jitter import (
    LATENESS_FACTOR,
    LONGEST_WAIT_SECONDS,
    RESUME_LIMIT_SECONDS,
    RESUME_SECONDS,
    START_SECONDS,
    Auto,
    Fixed,
    Stream,
    policy,
)
from streamplay.policy.learning import (
    LEVEL_STEP,
    NEVER,
    UNKNOWN_SECONDS,
    Lesson,
    Lessons,
    Memory,
    Source,
)
from streamplay.policy.simulate import play
from tests.support.arrivals import RATE, on_a_grid, steady, trace

ORPHEUS = Source("host", "orpheus", "tara")


def taught(*margins: float) -> Memory:
    memory = Memory()
    lessons = Lessons()
    for margin in margins:
        lessons = lessons.after(Lesson(margin, 150, 10.0))
    memory.keep(ORPHEUS, lessons)
    return memory


def auto(gap_weight: float = 20.0, memory: Memory | None = None) -> Auto:
    return Auto(RATE, gap_weight, memory, ORPHEUS)


@pytest.mark.parametrize("weight", [2.0, 20.0])
def test_one_stall_in_w_leaves_the_account_even(weight: float) -> None:
    memory, stalling, well = taught(), 0, 0
    for _ in range(60):
        before = memory.of(ORPHEUS).level
        one = auto(weight, memory)
        one.on_request(150)
        one.on_arrival(RATE, 0.0, dry=False)
        one.on_arrival(RATE, 2.0, dry=True)  # a second too late without a wait
        one.on_end(learn=True)
        if memory.of(ORPHEUS).level < before:
            assert before - memory.of(ORPHEUS).level == pytest.approx((weight - 1) * LEVEL_STEP)
            stalling += 1
        else:
            well += 1
    assert stalling >= 1
    assert well > stalling


# A fixed one


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


# The rule


@given(on_a_grid(), st.floats(0.01, 3))
def test_it_stalls_exactly_where_the_margin_needed_was_above_what_was_asked(
    arrivals: list[tuple[float, int]], threshold: float
) -> None:
    # Unknown length on both sides, so that the margins are of one scale.
    stream = Stream(UNKNOWN_SECONDS, 0.95 * START_SECONDS)
    for now, frames in arrivals:
        stream.add(frames / RATE, now)
    played = play(trace(arrivals), auto(memory=taught(threshold)))
    assert bool(played.gaps) == (stream.needed() > threshold)


@given(on_a_grid())
def test_at_weight_one_nothing_is_waited_for_whatever_was_learned(
    arrivals: list[tuple[float, int]],
) -> None:
    played = play(trace(arrivals), auto(1.0, taught(5.0, 5.0)))
    assert played == play(trace(arrivals), policy(0, RATE))
    assert played.wait == 0


@given(on_a_grid(), st.lists(st.floats(0, 50), max_size=3))
def test_no_wait_is_longer_than_the_stream_or_the_limit(
    arrivals: list[tuple[float, int]], margins: list[float]
) -> None:
    recorded = trace(arrivals)
    played = play(recorded, auto(memory=taught(*margins)))
    assert played.wait <= recorded.ended - arrivals[0][0] + 1e-9
    before = [now for now, _ in arrivals if now - arrivals[0][0] < LONGEST_WAIT_SECONDS]
    following = arrivals[len(before)][0] if len(before) < len(arrivals) else recorded.ended
    assert played.wait <= following - arrivals[0][0] + 1e-9


def test_what_is_not_known_starts_with_its_first_arrival() -> None:
    assert auto().on_arrival(2400, 7.0, dry=False) == 1


@pytest.mark.parametrize("pace", [0.0, 0.15, 0.9, 1.0])
def test_a_server_that_keeps_up_is_never_waited_for(pace: float) -> None:
    memory = Memory()
    for _ in range(50):
        played = play(steady(pace, seconds=3.0), auto(memory=memory))
        assert (played.wait, played.gaps) == (0.0, ())


def test_a_slow_server_stalls_the_first_time_and_not_the_second() -> None:
    memory = Memory()
    first, second = (play(steady(1.4, seconds=8.0), auto(memory=memory)) for _ in range(2))
    assert first.wait == 0
    assert first.gap >= first.safe_start
    assert second.gaps == ()
    assert second.safe_start <= second.wait < second.safe_start + 0.3


def test_a_slow_server_is_waited_for_as_long_as_the_text_asks_for() -> None:
    memory = Memory()
    for seconds in (4.0, 8.0, 12.0, 5.0):
        play(steady(1.4, seconds=seconds), auto(memory=memory))
    short, long = (play(steady(1.4, seconds=s), auto(memory=memory)) for s in (3.0, 12.0))
    assert long.wait > 3 * short.wait
    assert short.gap <= 0.1
    assert long.gap <= 0.1


def test_one_stall_in_hundred_is_let_happen_and_one_in_ten_is_not() -> None:
    rare = (NEVER,) * 99 + (1.0,)
    often = (NEVER,) * 90 + (1.0,) * 10
    assert auto(20.0, taught(*rare[::-1])).on_arrival(2400, 0.0, dry=False) == 1
    assert auto(20.0, taught(*often)).on_arrival(2400, 0.0, dry=False) > 2400


def test_before_the_start_the_level_is_out_of_reach() -> None:
    waiting = auto(memory=taught(10.0))
    waiting.on_request(150)
    assert [waiting.on_arrival(2400, 0.1 * n, dry=False) for n in range(3)] == [2401, 4801, 7201]


# After a stall


def test_each_stall_gathers_more_up_to_a_limit() -> None:
    stalling = auto(1e9)
    stalling.on_request(1500)  # much more is expected, and a second comes in no time
    stalling.on_arrival(RATE, 0.0, dry=False)
    gathered = [stalling.on_arrival(2400, 10.0, dry=True) / RATE for _ in range(20)]
    expected = [min(RESUME_SECONDS * n, RESUME_LIMIT_SECONDS) for n in range(1, 21)]
    assert gathered == pytest.approx(expected, abs=1 / RATE)


def test_towards_the_end_no_more_is_gathered_than_for_a_first_stall() -> None:
    stalling = auto(1e9)
    stalling.on_request(1)
    stalling.on_arrival(RATE, 0.0, dry=False)
    gathered = {stalling.on_arrival(2400, 10.0, dry=True) for _ in range(8)}
    assert gathered == {round(RESUME_SECONDS * RATE)}


def test_what_was_late_by_little_gathers_little() -> None:
    stalling = auto(1e9)
    stalling.on_request(1)
    stalling.on_arrival(RATE, 0.0, dry=False)
    late = [0.001, 0.02, 0.04, 0.045, 0.2]
    gathered = [stalling.on_arrival(1, 1 + by, dry=True) / RATE for by in late]
    expected = [min(max(START_SECONDS, LATENESS_FACTOR * by), RESUME_SECONDS) for by in late]
    assert gathered == pytest.approx(expected, abs=20 / RATE)


def test_what_a_stall_asks_for_holds_until_the_next() -> None:
    stalling = auto()
    stalling.on_request(1)
    stalling.on_arrival(RATE, 0.0, dry=False)
    asked = stalling.on_arrival(2400, 1.5, dry=True)
    assert asked > 1
    assert stalling.on_arrival(2400, 1.6, dry=False) == asked


def test_a_slow_server_that_surprised_is_waited_for_not_shredded() -> None:
    played = play(steady(1.5, seconds=12.0), auto())
    shredded = play(steady(1.5, seconds=12.0), policy(0, RATE))
    assert len(shredded.gaps) > 50
    assert len(played.gaps) <= 8
    assert played.gap < 1.15 * shredded.gap


def test_one_burst_does_not_make_a_server_slow() -> None:
    arrivals = [(0.06 * n + (2.0 if n > 10 else 0.0), 2400) for n in range(100)]
    played = play(trace(arrivals), auto())
    assert played.gaps == pytest.approx((played.safe_start,), abs=0.06)


# Learning


def test_a_stream_that_broke_off_teaches_nothing() -> None:
    memory = Memory()
    play(steady(1.5, seconds=5.0, how="ConnectionLost"), auto(memory=memory))
    assert memory.of(ORPHEUS) == Lessons()
    play(steady(1.5, seconds=5.0), auto(memory=memory))
    assert len(memory.of(ORPHEUS).margins) == 1


def test_an_answer_without_audio_teaches_nothing() -> None:
    memory = Memory()
    silent = auto(memory=memory)
    silent.on_request(100)
    silent.on_end(learn=True)
    assert memory.of(ORPHEUS) == Lessons()


def test_what_comes_after_the_longest_wait_is_not_remembered() -> None:
    stream = Stream(10.0)
    stream.add(1.0, 0.0)
    for late in (1.0, 2.0):
        stream.add(1.0, LONGEST_WAIT_SECONDS + late)
    only_the_first = 1.0 / math.sqrt(10.0)
    assert stream.needed() == pytest.approx(only_the_first)
    assert stream.late == LONGEST_WAIT_SECONDS


def test_what_stalled_less_than_a_millisecond_is_the_clocks_doing() -> None:
    stream = Stream(1.0)
    for number in range(10):
        stream.add(0.1, 0.1 * number + 0.0009 * (number > 5))
    assert stream.late == pytest.approx(0.0009)
    assert stream.needed() == NEVER
    stream.add(0.1, 1.0 + 0.0011)
    assert stream.needed() > 0


def test_a_stream_knows_its_pace_and_what_the_rest_will_lack() -> None:
    stream = Stream(10.0, start=0.5)
    assert not stream.may_start
    for seconds, now in ((0.5, 7.0), (0.1, 7.5), (0.1, 8.0)):
        stream.add(seconds, now)
        assert stream.may_start
    assert (stream.arrivals, stream.elapsed) == (3, 1.0)
    assert (stream.audio, stream.rest) == (pytest.approx(0.7), pytest.approx(9.3))
    # 0.2 s of audio in a second, and 0.3 s at real-time pace before it; without a pause of 0.5 s.
    assert stream.lack == pytest.approx((1.3 / 0.5 - 1) * 9.3)
    assert stream.least_lack == pytest.approx((0.8 / 0.5 - 1) * 9.3)


def test_what_came_before_sound_may_start_is_no_start_that_would_have_stalled() -> None:
    stream = Stream(10.0, start=1.0)
    stream.add(0.5, 0.0)
    stream.add(0.6, 1.0)
    assert stream.late == 0.5
    assert stream.needed() == NEVER


def test_arrivals_of_one_moment_are_remembered_once() -> None:
    stream = Stream(10.0)
    stream.add(0.1, 0.0)
    for number in range(100):
        stream.add(0.001, 1.0 + number * 1e-6)
    assert len(stream._moments) == len(stream._margins) == 2


@pytest.mark.parametrize(("second", "remembered"), [(20.0, 2), (21.0, 1)])
def test_starts_are_remembered_up_to_the_longest_wait(second: float, remembered: int) -> None:
    stream = Stream(10.0)
    for now in (0.0, second, 60.0):
        stream.add(1.0, now)
    assert len(stream._moments) == remembered
    assert stream.needed() == stream._margins[-1]


def test_before_a_request_is_told_its_length_is_unknown() -> None:
    lessons = []
    for told in (False, True):
        memory = Memory()
        one = auto(memory=memory)
        if told:
            one.on_request(0)
        one.on_arrival(RATE, 0.0, dry=False)
        assert one.on_end(learn=True) == 1
        lessons.append(memory.of(ORPHEUS))
    assert lessons[0] == lessons[1]


def test_after_twenty_seconds_nothing_is_waited_for_any_more() -> None:
    waiting = auto(memory=taught(1e6))
    waiting.on_request(150)
    levels = [waiting.on_arrival(2400, now, dry=False) for now in (0.0, 19.9, 20.0)]
    assert levels[2] == 1
    assert min(levels[:2]) > 2400


def test_where_a_gap_costs_what_a_wait_costs_nothing_is_gathered() -> None:
    stalling = auto(1.0)
    stalling.on_arrival(RATE, 0.0, dry=False)
    assert stalling.on_arrival(2400, 10.0, dry=True) == 1


def test_no_more_is_gathered_than_half_of_what_is_expected_still() -> None:
    stalling = auto(1e9)
    stalling.on_arrival(round((UNKNOWN_SECONDS - 0.5) * RATE), 0.0, dry=False)
    gathered = [stalling.on_arrival(1, 60.0, dry=True) / RATE for _ in range(4)]
    assert gathered == pytest.approx([0.1, 0.2, 0.25, 0.25], abs=20 / RATE)
