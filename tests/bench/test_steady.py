"""A slow beginning, and the time in which the load was whole, on samples made for it."""

from __future__ import annotations

from random import Random

import pytest

from streamplay.bench import target
from streamplay.bench.load import LoadRun
from streamplay.bench.plan import Job
from streamplay.bench.result import Outcome, Result, conclude
from streamplay.bench.sample import Sample
from streamplay.bench.steady import slow_start, whole_load
from streamplay.bench.table import markdown

RATE = 24000


def values(seed: int, count: int = 60, slow: int = 0, factor: float = 2.0) -> list[float]:
    """Log-normal latencies around 400 ms, the first `slow` of them longer by a factor."""
    chance = Random(seed)
    drawn = [400 * chance.lognormvariate(0, 0.15) for _ in range(count)]
    return [value * (factor if place < slow else 1) for place, value in enumerate(drawn)]


def test_a_steady_server_seldom_seems_to_have_warmed_up() -> None:
    found = [slow_start("first_audio", values(seed)) for seed in range(400)]
    assert sum(each is not None for each in found) <= 8


def test_one_in_ten_that_is_slow_is_no_beginning() -> None:
    chance, alarms = Random(1), 0
    for seed in range(400):
        drawn = [each * (3 if chance.random() < 0.1 else 1) for each in values(seed)]
        alarms += slow_start("first_audio", drawn) is not None
    assert alarms <= 20


@pytest.mark.parametrize("slow", [1, 3, 12, 25])
def test_a_slow_beginning_is_found_with_its_length(slow: int) -> None:
    found = [slow_start("rtf", values(seed, slow=slow, factor=2.5)) for seed in range(100)]
    lengths = [0 if each is None else each.requests for each in found]
    assert sum(abs(length - slow) <= 1 for length in lengths) >= 95


def test_a_slow_beginning_is_told_by_both_medians() -> None:
    found = slow_start("rtf", [0.9] * 6 + [0.3] * 30)
    assert found is not None
    assert (found.requests, found.first, found.then) == (6, 0.9, 0.3)


@pytest.mark.parametrize(
    "given", [[], [5.0] * 19, [1.0] * 60, [1.05] * 5 + [1.0] * 55, [1.0] * 30 + [9.0] * 30]
)
def test_too_few_values_equal_ones_and_ones_that_rise_tell_of_none(given: list[float]) -> None:
    assert slow_start("rtf", given) is None


def test_the_load_is_whole_between_its_ramps() -> None:
    # Ten users, begun 0.1 s after one another, and each makes requests of 1 s for 10 s.
    users = [0.1 * user for user in range(10)]
    requests = [(begin + n, begin + n + 1) for begin in users for n in range(10)]
    assert whole_load(requests) == pytest.approx((0.8, 10.1))


def test_one_user_is_the_whole_load_from_the_first_request_to_the_last() -> None:
    assert whole_load([(n + 0.001, n + 1) for n in range(5)]) == (0.001, 5)
    assert whole_load([(1.0, 2.0)]) == (1.0, 2.0)
    assert whole_load([]) is None
    assert whole_load([(1.0, 1.0)]) is None


def answered(turn: int, begun: float, wait: float) -> Sample:
    """Return a request that is answered after `wait`, with 1 s of audio in ten pieces."""
    sample = Sample(Job(turn, 0, "Ten chars."), begun, begun, samplerate=RATE)
    sample.arrivals = [(begun + wait + 0.05 * n, RATE // 10) for n in range(10)]
    sample.moments = {"sent": begun, "first_byte": begun + wait}
    sample.voice_frame, sample.ended = 0, begun + wait + 0.5
    return sample


def concluded(samples: list[Sample]) -> tuple[Result, Outcome]:
    run = LoadRun(samples=samples, begun=0.0, ended=max(sample.ended for sample in samples))
    targets = target.read([], {"base_url": "http://127.0.0.1:1/v1"})
    result = conclude(run, targets, command="bench", seed=0, started="now")
    return result, result.outcomes[0]


def test_the_result_tells_of_both_and_counts_the_slow_requests_all_the_same() -> None:
    # Two users, each request 0.5 s after a wait of 1 s for the first four, then of 0.2 s.
    samples, at = [], [0.0, 0.35]
    for turn in range(60):
        user = turn % 2
        samples.append(answered(turn, at[user], 1.0 if turn < 4 else 0.2))
        at[user] = samples[-1].ended + 1e-6
    result, outcome = concluded(samples)
    told = result.to_dict()["targets"][0]
    assert told["warmup"] | {"until_s": 0} == {
        "measure": "first_audio",
        "requests": 4,
        "until_s": 0,
        "first": 1000.0,
        "then": 200.0,
    }
    assert told["warmup"]["until_s"] == pytest.approx(3.35, abs=0.01)
    steady = told["steady"]
    assert steady["since_s"] == pytest.approx(told["warmup"]["until_s"], abs=0.01)
    assert steady["until_s"] == pytest.approx(min(at), abs=0.01)
    assert 50 <= steady["requests"] <= 56
    # Two users: a request each 0.35 s, with a second of audio each.
    assert steady["throughput"]["requests_per_second"] == pytest.approx(1 / 0.35, rel=0.03)
    assert steady["throughput"]["audio_seconds_per_second"] == pytest.approx(1 / 0.35, rel=0.03)
    assert steady["measures"]["first_audio"]["max"] == pytest.approx(200)
    assert told["measures"]["first_audio"]["max"] == pytest.approx(1000)
    assert told["measures"]["first_audio"]["n"] == len(outcome.rows) == 60
    shown = markdown(result)
    assert "the first 4 requests, until 3.4 s, were slower: first_audio 1000 against 200" in shown
    assert "steady from 3.4 s" in shown


def test_a_run_that_is_steady_all_the_time_says_no_word_of_it() -> None:
    result, outcome = concluded([answered(turn, 0.7 * turn, 0.19) for turn in range(60)])
    assert outcome.slow_start is None
    assert outcome.steady is not None
    assert outcome.steady.requests == 60
    assert "steady" not in markdown(result)
