"""The search for the rate that a server bears, on servers that are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import capacity, objective, target
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.lag import Lag
from streamplay.bench.load import LoadRun
from streamplay.bench.plan import Job, Load
from streamplay.bench.result import Result, conclude
from streamplay.bench.sample import Sample
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 24000


def run_of(
    load: Load,
    latency: Callable[[int], float],
    *,
    refuse: float = 0,
    lag: float = 0.1,
    retry_after: float | None = None,
) -> Result:
    """What a server would have made of `load` whose n-th answer takes so long."""
    assert load.rate is not None
    requests = load.requests or int(load.rate * (load.duration or 0))
    run = LoadRun(begun=0.0, ended=requests / load.rate)
    run.lag = Lag()
    run.lag.ms = [lag] * 100
    for number in range(requests):
        begun = number / load.rate
        sample = Sample(Job(number, 0, "One."), begun, begun, samplerate=RATE)
        voice = begun + latency(number)
        sample.arrivals = [(voice, RATE // 10), (voice + 0.01, RATE)]
        sample.moments, sample.voice_frame, sample.ended = {"sent": begun}, 0, voice + 0.02
        if number < refuse:
            sample.error, sample.status = "RateLimited", 429
            sample.retry_after = retry_after
        run.samples.append(sample)
    targets = target.read([], {"base_url": "http://127.0.0.1:1/v1"})
    return conclude(run, targets, command="bench", seed=0, started="now")


def search(
    measure: Callable[[Load], Result],
    *,
    asked: str = "first_voice.p50 <= 500",
    sleep: Callable[[float], object] = lambda _: None,
    **load: Any,
) -> capacity.Capacity:
    given = {"rate": 2.0, "duration": 10.0, "texts": ("One.",), **load}
    return capacity.search(measure, Load(**given), [objective.parse(asked)], sleep=sleep)[0]


def test_the_knee_is_found_within_its_sharpness() -> None:
    found = search(lambda load: run_of(load, lambda _: 0.1 if (load.rate or 0) <= 23 else 0.9))
    assert found.knee is not None
    assert 23 / capacity.SHARPNESS <= found.knee <= 23
    assert found.bounded
    assert "first_voice.p50" in found.says
    curve = found.to_dict()["curve"]
    assert [step["rate"] for step in curve] == sorted(step["rate"] for step in curve)
    assert curve[0]["first_voice"]["p95"] == pytest.approx(100)


def test_a_first_rate_that_is_too_high_is_lowered() -> None:
    found = search(
        lambda load: run_of(load, lambda _: 0.1 if (load.rate or 0) <= 3 else 0.9), rate=16.0
    )
    assert found.knee is not None
    assert 2.5 <= found.knee <= 3


def test_the_result_is_that_of_the_highest_rate_that_held() -> None:
    for first in (2.0, 16.0):
        found, result = capacity.search(
            lambda load: run_of(load, lambda _: 0.1 if (load.rate or 0) <= 3 else 0.9),
            Load(rate=first, duration=10.0, texts=("One.",)),
            [objective.parse("first_voice.p50 <= 500")],
        )
        assert found.knee is not None
        assert result.run.ended == pytest.approx(len(result.run.samples) / found.knee)
        assert max(result.outcomes[0].values("first_voice")) == pytest.approx(100)


def test_a_server_that_bears_nothing_is_given_up() -> None:
    found = search(lambda load: run_of(load, lambda _: 2.0), rate=16.0)
    assert found.knee is None
    assert found.says.startswith("not even 1 requests a second hold")


def test_requests_that_are_turned_away_are_counted_and_end_a_step() -> None:
    found = search(lambda load: run_of(load, lambda _: 0.1, refuse=(load.rate or 0) - 8))
    assert found.knee is not None
    assert found.knee < 10.5
    assert any(step.limited for step in found.steps)
    assert "429" in found.says


def test_a_step_takes_as_many_requests_as_the_objective_needs() -> None:
    """A rate of 1 for ten seconds has no p95; that it is unmeasured is not the server's fault."""
    found = search(
        lambda load: run_of(load, lambda _: 0.1 if (load.rate or 0) < 30 else 0.9),
        asked="first_voice.p95 <= 500",
        rate=1.0,
    )
    assert found.knee is not None
    assert 30 / capacity.SHARPNESS <= found.knee <= 30
    assert min(step.requests for step in found.steps) >= 59


def test_a_server_that_asks_to_wait_is_not_asked_before() -> None:
    waits: list[float] = []

    def limited(load: Load) -> Result:
        return run_of(load, lambda _: 0.1, refuse=(load.rate or 0) - 8, retry_after=7.0)

    found = search(limited, sleep=waits.append)
    assert len(waits) == len(found.steps)
    after = [step.limited > 0 for step in found.steps[:-1]]
    assert waits == [0.0, *(7.0 if turned_away else 0.0 for turned_away in after)]
    assert 7.0 in waits


def test_an_interruption_while_the_server_has_asked_to_wait_leaves_the_result() -> None:
    """Before, Ctrl-C in that minute lost every step."""
    interrupts = Interrupts()

    def limited(load: Load) -> Result:
        return run_of(load, lambda _: 0.1, refuse=(load.rate or 0) - 8, retry_after=60.0)

    def waiting(seconds: float) -> None:
        if seconds:
            interrupts.add()

    given = Load(rate=4.0, duration=10.0, texts=("One.",))
    found, result = capacity.search(limited, given, [], sleep=waiting, interrupts=interrupts)
    assert [(step.rate, step.limited > 0) for step in found.steps] == [
        (4, False),
        (8, False),
        (16, True),
    ]
    assert (found.knee, found.ended_by) == (8, "interrupt")
    assert result.run.interrupted


def test_a_search_that_is_interrupted_tells_what_it_knows() -> None:
    def stopped(load: Load) -> Result:
        result = run_of(load, lambda _: 0.1)
        result.run.interrupted = (load.rate or 0) > 4
        return result

    given = Load(rate=2.0, duration=10.0, texts=("One.",))
    found, result = capacity.search(stopped, given, [])
    assert [step.rate for step in found.steps] == [2, 4, 8]
    assert (found.knee, found.bounded) == (4, False)
    assert found.says == "at least 4 requests a second hold; it was interrupted"
    assert result.run.interrupted


def test_a_queue_that_grows_is_no_rate_that_holds() -> None:
    """The median is within the objective yet; a longer step would not be."""

    def queue(load: Load) -> Result:
        late = max(0.0, 1 - 10 / (load.rate or 1)) / (load.rate or 1)
        return run_of(load, lambda number: 0.05 + number * late)

    found = search(queue, duration=8.0)
    assert found.knee is not None
    assert found.knee <= 11.5
    assert "falls behind" in found.says or "first_voice" in found.says


@pytest.mark.usefixtures("real_limit")
def test_a_tool_that_is_too_late_learns_nothing_of_the_server() -> None:
    found = search(lambda load: run_of(load, lambda _: 0.1, lag=50.0))
    assert (found.knee, len(found.steps)) == (None, 1)
    assert found.says.startswith("nothing was learned")
    later = search(lambda load: run_of(load, lambda _: 0.1, lag=(load.rate or 0) - 5))
    assert later.knee == 8.0
    assert not later.bounded
    assert later.says.startswith("at least 8")
    assert later.ended_by == "tool"
    assert later.says.endswith("that is the tool's own limit, and not the server's")


def test_the_characters_are_a_bound_on_the_whole_search() -> None:
    # 20, 40 and 80 requests of four characters, and one to warm up.
    found = search(lambda load: run_of(load, lambda _: 0.1), max_chars=600, arrivals="constant")
    assert [step.rate for step in found.steps] == [2, 4, 8]
    assert "used up" in found.says
    with pytest.raises(InvalidRequest, match="first rate"):
        search(lambda load: run_of(load, lambda _: 0.1), max_chars=50)


def test_a_step_is_told_in_a_line() -> None:
    found = search(lambda load: run_of(load, lambda _: 0.1 if (load.rate or 0) < 4 else 0.9))
    lines = [capacity.told(step) for step in found.steps]
    assert lines[0] == "2 a second: 2 ended, p95 of first voice 100 ms: holds"
    assert lines[1].endswith("first_voice.p50 <= 500 (canopylabs/orpheus-3b-0.1-ft): 900 [900–900]")
