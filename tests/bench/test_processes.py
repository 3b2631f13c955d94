"""Several processes share one load: each job is made once, and the result is one."""

from __future__ import annotations

import threading

import pytest

from streamplay.bench import processes, target
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.lag import Lag
from streamplay.bench.load import LoadRun
from streamplay.bench.plan import Load
from streamplay.bench.setup import Setup
from tests.support.server import running


def test_every_job_is_made_by_one_of_them_and_a_ctrl_c_ends_them_all() -> None:
    load = Load(requests=8, concurrency=4, processes=2, texts=("One.", "Two."), warmup=1)
    with running("--first-byte-ms", "20") as server:
        targets = target.read([], {"base_url": server.base_url})
        run = processes.run(Setup(targets, load), Interrupts())
        assert sorted(sample.job.turn for sample in run.samples) == list(range(8))
        assert not [sample.error for sample in run.samples if sample.error]
        assert (run.processes, len(run.warmups)) == (2, 2)
        assert all(sample.begun >= run.begun for sample in run.samples)
        assert run.lag.ms
    with running("--first-byte-ms", "60000") as hung:
        targets = target.read([], {"base_url": hung.base_url})
        interrupts = Interrupts()
        interrupts.count = 1
        timer = threading.Timer(0.1, interrupts.add)
        timer.start()
        run = processes.run(Setup(targets, load), interrupts)
        timer.join()
    assert run.interrupted
    assert run.samples == []


def test_the_worst_lag_is_that_of_the_run_and_the_costs_are_added() -> None:
    quick, slow = LoadRun(begun=1.0, ended=3.0), LoadRun(begun=1.1, ended=4.0, late_since=2.0)
    for run, ms in ((quick, 0.5), (slow, 30.0)):
        run.lag = Lag()
        run.lag.ms, run.lag.cpu_seconds = [ms] * 100, 1.5
    found = processes.merged([quick, slow])
    assert found.lag.facts()["p99"] == 30.0
    assert found.lag.cpu_seconds == 3.0
    assert (found.begun, found.ended, found.processes) == (1.0, 4.0, 2)


@pytest.mark.usefixtures("real_limit")
def test_an_overload_of_one_of_them_is_told() -> None:
    run = LoadRun(late_since=2.0)
    run.lag.ms = [30.0] * 100
    assert processes.merged([LoadRun(late_since=1.0), run]).late_since == 2.0
