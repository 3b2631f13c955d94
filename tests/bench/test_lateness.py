"""What happened while the tool was late is the tool's, and a stall of the server's stays one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.bench import target
from streamplay.bench.lag import Lag
from streamplay.bench.lateness import Lateness
from streamplay.bench.load import LoadRun
from streamplay.bench.plan import Job
from streamplay.bench.result import Outcome, Result, conclude
from streamplay.bench.sample import Sample

RATE = 24000
PIECE = RATE // 10

pytestmark = pytest.mark.usefixtures("real_limit")


def lag_of(blocked: dict[float, float], seconds: float = 20.0) -> Lag:
    """Return the lag of a loop that was blocked at some moments, each for so long."""
    lag, now = Lag(), 0.005
    lag.begun = due = now
    for at, duration in sorted(blocked.items()):
        while due < at:
            due = lag.beat(due, due)
        due = lag.beat(due, at + duration)
    while due < seconds:
        due = lag.beat(due, due)
    return lag


def request(
    turn: int, intended: float, arrivals: list[float], *, begun: float = 0.0, error: str = ""
) -> Sample:
    sample = Sample(Job(turn, 0, "One."), intended, begun or intended, samplerate=RATE)
    sample.arrivals = [(intended + when, PIECE) for when in arrivals]
    sample.moments = {"sent": sample.begun + 0.001, "first_byte": intended + arrivals[0]}
    sample.voice_frame, sample.ended = 0, intended + arrivals[-1] + 0.001
    sample.error = error or None
    return sample


def concluded(lag: Lag, *samples: Sample) -> tuple[Result, Outcome]:
    run = LoadRun(samples=list(samples), lag=lag, begun=0.0, ended=20.0)
    run.judge_lateness()
    targets = target.read([], {"base_url": "http://127.0.0.1:1/v1"})
    result = conclude(run, targets, command="bench", seed=0, started="now")
    return result, result.outcomes[0]


def steady(first: float = 0.2, pieces: int = 20, gap: float = 0.1) -> list[float]:
    return [first + gap * number for number in range(pieces)]


def test_a_time_out_while_the_tool_was_late_is_the_tools() -> None:
    lag = lag_of({1.0 + 0.3 * number: 0.25 for number in range(20)})
    late = request(0, 1.0, [0.5, 5.0], error="TimedOut")
    in_time = request(1, 9.0, [0.5, 5.0], error="TimedOut")
    refused = request(2, 1.0, [0.5, 5.0], error="RateLimited")
    result, outcome = concluded(lag, late, in_time, refused)
    assert outcome.own_errors == {"TimedOut": 1}
    assert outcome.errors == {"TimedOut": 1, "RateLimited": 1}
    found = result.to_dict()
    assert found["tool"]["errors"] == {"TimedOut": 1}
    assert (found["targets"][0]["unjudged"], outcome.complete) == (1, 0)


def test_a_short_lateness_excuses_no_long_wait() -> None:
    lag = lag_of({3.0: 0.3})
    _, outcome = concluded(lag, request(0, 1.0, [0.5, 9.0], error="TimedOut"))
    assert outcome.errors == {"TimedOut": 1}


def test_a_stall_that_the_tools_lateness_explains_is_the_tools() -> None:
    """What lay in the socket while the loop was blocked had come in time."""
    pieces = steady()
    pieces[8:14] = [1.65] * 6  # all noted at the end of 650 ms in which the loop was blocked
    lag = lag_of({1.0 + 0.95: 0.7})
    result, outcome = concluded(lag, request(0, 1.0, pieces))
    assert outcome.rows[0].values["stalls"] == 0
    assert outcome.rows[0].values["stall_ms"] == 0
    assert outcome.rows[0].values["continuity_0"] == 1
    assert result.to_dict()["tool"]["stalls"] == 1


def test_a_stall_of_the_server_stays_the_servers_in_an_overload() -> None:
    pieces = [when + (0.8 if when > 1.0 else 0.0) for when in steady()]
    lag = lag_of({0.5 + 0.1 * number: 0.06 for number in range(60)})
    result, outcome = concluded(lag, request(0, 1.0, pieces))
    assert outcome.rows[0].values["stalls"] == 1
    assert (outcome.rows[0].values["stall_ms"] or 0) > 600
    assert result.to_dict()["tool"]["stalls"] == 0


def test_of_a_late_start_only_what_cannot_be_the_tools_is_kept() -> None:
    result, outcome = concluded(lag_of({}), request(0, 1.0, steady(0.3), begun=1.05))
    values = outcome.rows[0].values
    assert values["first_byte"] is None
    assert values["first_audio"] is values["first_sound"] is values["first_voice"] is None
    assert values["total"] == pytest.approx(2201)  # of which 50 ms are a fortieth
    assert result.to_dict()["tool"]["late_starts"] == 1
    assert result.valid


def test_an_invalid_run_tells_since_when_and_beyond_how_many_streams() -> None:
    lag = lag_of({4.0 + 0.1 * number: 0.05 for number in range(100)})
    long = [request(number, 1.0 + number, steady(0.2, 60)) for number in range(3)]
    result, _ = concluded(lag, *long)
    tool = result.to_dict()["tool"]
    assert tool["invalid_since_s"] == pytest.approx(4.0, abs=0.01)
    assert tool["streams_at_invalid"] == 3
    assert "since 4.0 s, and beyond 3 streams" in result.invalid[0]


def test_one_request_at_a_time_cannot_be_fewer() -> None:
    # It said: beyond 0 streams: ask for fewer at a time.
    lag = lag_of({4.0 + 0.1 * number: 0.05 for number in range(100)})
    result, _ = concluded(lag, *(request(turn, 1.0 + 4 * turn, steady()) for turn in range(3)))
    assert result.invalid[0].endswith("beyond 5 ms, since 4.0 s: measure on an idle machine")


def test_moments_that_are_not_counted_are_told() -> None:
    late, in_time = request(0, 1.0, steady(0.3), begun=1.05), request(1, 5.0, steady(0.3))
    result, _ = concluded(lag_of({}), late, in_time)
    assert any("moments of 1 of 2 requests are not counted" in note for note in result.notes)


def test_a_tool_that_was_in_time_changes_nothing() -> None:
    sample = request(0, 1.0, steady())
    result, outcome = concluded(lag_of({15.0: 0.3}), sample)
    assert sample.late is None
    assert outcome.rows[0].values["first_byte"] == pytest.approx(200)
    assert not result.valid  # 300 ms of 20 s are more than a hundredth


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 0.5)), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=20, max_size=20),
)
def test_arrivals_are_never_moved_later_nor_out_of_order(
    pieces: list[tuple[float, float]], late: list[float]
) -> None:
    arrivals = [(when, 1) for when, _ in sorted(pieces)]
    moved = Lateness(arrivals=tuple(late[: len(arrivals)])).earliest(arrivals)
    assert moved[0] == arrivals[0]
    assert [when for when, _ in moved] == sorted(when for when, _ in moved)
    assert all(new <= old for (new, _), (old, _) in zip(moved, arrivals, strict=True))
