"""Load on real servers: what is asked when, and what is seen of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.truth_server import Truth, waits_for_a_freeze
from streamplay.bench import runner, target
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.load import Runner, between_users
from streamplay.bench.plan import Load
from streamplay.bench.statistics import PERCENTILES, percentile
from tests.support.server import running

if TYPE_CHECKING:
    from streamplay.bench.load import LoadRun
    from streamplay.bench.result import Result


TEXTS = ("One two.", "Three.")


def measured(base_url: str, *words: str, **load: Any) -> Result:
    targets = target.read(words, {"base_url": base_url})
    given = {"texts": TEXTS, "requests": 6, **load}
    return runner.run(targets, Load(**given), command="bench")


def made(base_url: str, **load: Any) -> LoadRun:
    return measured(base_url, **load).run


def values(result: Result, name: str, index: int = 0) -> list[float]:
    return result.outcomes[index].values(name)


def test_the_closed_loop_has_so_many_at_a_time() -> None:
    with running("--first-byte-ms", "60", "--capacity", "3") as server:
        run = made(server.base_url, requests=12, concurrency=3)
        refused = made(server.base_url, requests=12, concurrency=4)
    assert not [sample.error for sample in run.samples if sample.error]
    assert {sample.status for sample in refused.samples if sample.error} == {429}


def test_a_failure_is_counted_and_never_retried() -> None:
    with running("--status", "503", "--times", "2") as server:
        result = measured(server.base_url, requests=6, warmup=0)
    (outcome,) = result.outcomes
    assert outcome.errors == {"ServerFailed": 2}
    assert outcome.complete == 4
    assert result.to_dict()["targets"][0]["measures"]["total"]["n"] == 4


def test_a_stream_that_breaks_off_is_an_error_with_what_came() -> None:
    with running("--fault", "reset") as server:
        run = made(server.base_url, requests=2, warmup=0)
    assert {sample.error for sample in run.samples} == {"ConnectionLost"}
    assert all(sample.arrivals for sample in run.samples)


def test_the_open_loop_does_not_wait_for_those_before() -> None:
    with running("--first-byte-ms", "400") as server:
        run = made(server.base_url, requests=8, rate=50.0, arrivals="constant")
    begun = [sample.intended for sample in run.samples]
    assert max(begun) - min(begun) == pytest.approx(7 / 50)
    assert all(sample.begun >= sample.intended for sample in run.samples)


def test_no_pool_queues_in_secret() -> None:
    with running("--headers-ms", "3000") as server:
        run = made(server.base_url, requests=130, rate=300.0, warmup=0)
    # httpx's own pool would let 100 through, and the rest wait for them.
    sent = max((sample.moments["sent"] or 0) for sample in run.samples)
    assert sent < min(sample.ended for sample in run.samples)


def test_a_duration_ends_the_load() -> None:
    with running("--first-byte-ms", "50") as server:
        run = made(server.base_url, requests=None, duration=0.4, warmup=0)
        opened = made(server.base_url, requests=None, duration=0.4, rate=20.0, arrivals="constant")
    assert 1 <= len(run.samples) <= 9
    assert len(opened.samples) == 8


def test_a_server_that_stands_still_is_seen_by_all_who_would_have_come() -> None:
    """Coordinated omission: the percentiles are those that the schedule foretells."""
    requests, rate, freeze = 120, 40.0, {"freeze_at": 0.3, "freeze_for": 2.0}
    quick = {"headers": 0.0, "first_byte": 0.0, "spread": 1e-6, "chunks": 1}
    texts = tuple(f"Request {number}." for number in range(requests))
    load = {"requests": requests, "rate": rate, "arrivals": "constant", "warmup": 0}
    with Truth(**quick, **freeze) as server:
        result = measured(server.base_url, texts=texts, **load)
        notes = server.notes()
    intended = sorted(sample.intended - result.run.begun for sample in result.run.samples)
    assert intended == pytest.approx([number / rate for number in range(requests)])
    known = waits_for_a_freeze(requests, rate, result.run.begun, notes, freeze)
    waits = sorted(1000 * wait for wait in known)
    total = result.outcomes[0].summaries["total"]
    assert total is not None
    for name in ("p50", "p90", "p95"):
        assert (total.percentiles[name] or 0) >= percentile(waits, PERCENTILES[name])
    # A closed loop would have seen one slow request of 120.
    assert sum(value > 100 for value in values(result, "total")) >= 70


def test_a_stopped_run_ends_with_what_is_on_its_way() -> None:
    with running("--first-byte-ms", "50") as server:
        targets = target.read([], {"base_url": server.base_url})
        runner = Runner(
            targets, Load(texts=TEXTS, requests=500, warmup=0), watch=lambda _: runner.stop()
        )
        run = asyncio.run(runner())
    assert len(run.samples) == 1
    assert run.samples[0].complete


def test_users_begin_one_after_the_other_however_many_they_are() -> None:
    assert between_users(3) == pytest.approx(0.01)
    assert 1000 * between_users(1000) == pytest.approx(5.0)


def test_a_second_ctrl_c_cuts_off_what_a_hanging_server_keeps() -> None:
    """Before, it lost the whole result."""
    interrupts = Interrupts()

    def twice(_: object) -> None:
        if not interrupts.count:  # a third would end the process
            interrupts.add()
            interrupts.add()

    texts = ("One.", "Two.")
    with running("--first-byte-ms", "30") as server, running("--first-byte-ms", "60000") as hung:
        words = (f"base_url={server.base_url},name=a", f"base_url={hung.base_url},name=b")
        load = Load(texts=texts, requests=4, concurrency=4, warmup=0)
        targets = target.read(words, {})
        result = runner.run(targets, load, command="bench", watch=twice, interrupts=interrupts)
    quick, hanging = (len(outcome.rows) for outcome in result.outcomes)
    assert quick >= 1
    assert hanging == 0
    assert result.run.cut_off >= 1
    assert "cut off" in result.notes[0]


def test_a_ctrl_c_during_the_warm_up_leaves_an_empty_result() -> None:
    interrupts = Interrupts()
    with running("--first-byte-ms", "60000") as hung:
        targets = target.read([], {"base_url": hung.base_url})
        runner_ = Runner(targets, Load(texts=TEXTS, warmup=1), interrupts=interrupts)

        async def interrupted() -> LoadRun:
            asyncio.get_running_loop().call_later(0.2, interrupts.add)
            return await runner_()

        run = asyncio.run(interrupted())
    assert run.interrupted
    assert run.samples == run.warmups == []
