"""One rate after another, on servers that are simulated: the knee, and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamplay.bench import objective, sweep
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.plan import Load
from tests.bench.test_capacity import run_of

if TYPE_CHECKING:
    from streamplay.bench.result import Result

RATES = (2.0, 4.0, 8.0, 16.0)
LOAD = Load(duration=10.0, texts=("One.",))


def slower(load: Load, *, lag: float = 0.1) -> Result:
    """A server whose answers take the longer the more are asked for."""
    return run_of(load, lambda _: 0.05 * (load.rate or 0), lag=lag)


def test_the_knee_is_the_highest_rate_up_to_which_all_hold() -> None:
    asked = [objective.parse("first_voice.p50 <= 500")]
    found, result = sweep.sweep(slower, LOAD, RATES, asked)
    assert [step.good for step in found.steps] == [True, True, True, False]
    assert (found.knee, found.ended_by) == (8.0, "rates")
    assert found.says.startswith("of 4 rates the highest that holds is 8 a second, 16 does not:")
    assert len(result.outcomes[0].rows) == 80


def test_without_an_objective_twice_the_first_latency_is_too_much() -> None:
    found, _ = sweep.sweep(slower, LOAD, RATES, [])
    assert found.knee == 4.0
    assert "was 100 at 2 a second" in found.says


def test_the_curve_tells_concurrency_throughput_and_where_rtf_passes_1() -> None:
    def heavy(load: Load) -> Result:
        return run_of(load, lambda _: 0.3 * (load.rate or 0))

    data = sweep.sweep(heavy, LOAD, RATES, [])[0].to_dict()
    (passes,) = data["rtf_passes_1"]
    curve = data["curve"]
    # 1.1 s of audio made in 0.3 s times the rate: as fast as it is heard at 3.6 a second.
    assert passes["rate"] == pytest.approx(3.6, abs=0.1)
    assert curve[0]["concurrency"] < passes["concurrency"] < curve[1]["concurrency"]
    assert curve[0]["concurrency"] == pytest.approx(2 * 0.62, rel=0.1)
    throughput = curve[0]["targets"][0]["throughput"]
    assert throughput["requests_per_second"] == pytest.approx(2.0)
    assert throughput["audio_seconds_per_second"] == pytest.approx(2.2)
    assert throughput["characters_per_second"] == pytest.approx(8.0)


@pytest.mark.usefixtures("real_limit")
def test_the_tools_own_limit_ends_it_and_is_no_knee() -> None:
    found, _ = sweep.sweep(lambda load: slower(load, lag=(load.rate or 0) - 1), LOAD, RATES, [])
    assert (len(found.steps), found.knee, found.ended_by) == (3, 4.0, "tool")
    assert "no limit of the server" in found.says


def test_an_interruption_leaves_the_curve_so_far() -> None:
    interrupts = Interrupts()

    def then_stop(load: Load) -> Result:
        if load.rate == 4:
            interrupts.add()
        return slower(load)

    found, result = sweep.sweep(then_stop, LOAD, RATES, [], interrupts=interrupts)
    assert [step.rate for step in found.steps] == [2, 4]
    assert found.ended_by == "interrupt"
    assert result.run.interrupted

    before = Interrupts()
    before.add()

    def cut(load: Load) -> Result:
        result = slower(load)
        result.run.interrupted = True
        return result

    found, _ = sweep.sweep(cut, LOAD, RATES, [], interrupts=before)
    assert found.says == "no rate was tried to its end; then it was interrupted"
