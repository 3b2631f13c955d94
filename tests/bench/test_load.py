"""Load on real servers: what is asked when, and what is seen of it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.truth_server import CERTIFICATE, Truth, waits_for_a_freeze
from streamplay.bench import runner, target
from streamplay.bench.lag import Lag
from streamplay.bench.load import Runner
from streamplay.bench.plan import Load
from streamplay.bench.statistics import PERCENTILES, percentile
from tests.support.server import running

if TYPE_CHECKING:
    from streamplay.bench.load import LoadRun
    from streamplay.bench.result import Result
    from streamplay.server.child import LocalServer

TEXTS = ("One two.", "Three.")

ORDER = ("dns", "connect", "tls", "sent", "headers", "first_byte", "first_audio", "total")


def measured(base_url: str, *words: str, **load: Any) -> Result:
    targets = target.read(words, {"base_url": base_url})
    given = {"texts": TEXTS, "requests": 6, **load}
    return runner.run(targets, Load(**given), command="bench")


def made(base_url: str, **load: Any) -> LoadRun:
    return measured(base_url, **load).run


def values(result: Result, name: str, index: int = 0) -> list[float]:
    return result.outcomes[index].values(name)


def test_every_request_is_measured_in_the_order_of_its_life(speech_server: LocalServer) -> None:
    result = measured(speech_server.base_url, requests=6, warmup=1)
    (outcome,) = result.outcomes
    assert outcome.complete == 6
    for row in outcome.rows:
        order = ("sent", "headers", "first_byte", "first_audio", "first_voice")
        moments = [row.values[name] or -1.0 for name in order]
        assert moments[0] >= 0
        assert moments == sorted(moments)
        assert (row.values["total"] or -1.0) >= moments[3]
        assert row.sample.voice.startswith("eSpeak NG")
    assert len(result.run.warmups) == 1
    assert result.to_dict()["targets"][0]["measures"]["connect"] is None


def test_a_cold_request_makes_a_connection_and_a_warm_one_does_not(
    speech_server: LocalServer,
) -> None:
    for cold, found in ((True, 6), (False, 0)):
        result = measured(speech_server.base_url, cold=cold)
        assert len(values(result, "connect")) == found
        assert values(result, "tls") == values(result, "dns") == []


def test_a_name_that_is_resolved_is_seen(speech_server: LocalServer) -> None:
    result = measured(speech_server.base_url.replace("127.0.0.1", "localhost"), cold=True)
    for row in result.outcomes[0].rows:
        assert 0 < (row.values["dns"] or 0) <= (row.values["connect"] or 0)


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


def test_two_targets_are_compared_turn_by_turn(speech_server: LocalServer) -> None:
    with running("--first-byte-ms", "250") as slow:
        words = (f"name=slow,base_url={slow.base_url}", "name=quick")
        result = measured(speech_server.base_url, *words, requests=8)
    (found,) = (pair for pair in result.pairs if pair.measure == "first_byte")
    assert found.n == 8
    assert found.says.startswith("slow is ")
    assert "later to first byte than quick" in found.says


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


def test_tls_is_noted_as_the_server_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    texts = tuple(f"Request {number}." for number in range(6))
    with Truth(tls=True, chunks=2) as server:
        base_url = server.base_url.replace("127.0.0.1", "localhost")
        result = measured(base_url, texts=texts, cold=True, requests=6)
        warm = measured(base_url, texts=("Warm.",), requests=2)
        notes = server.notes()
    for row in result.outcomes[0].rows:
        note, start = notes[row.sample.job.text], row.sample.intended
        assert note.secured is not None
        seen = [start + (row.values[name] or 0) / 1000 for name in ORDER]
        assert seen == sorted(seen)
        dns, connect, tls, _, headers, *_ = seen
        # What has to lie before what, whichever side has noted it.
        assert start < dns < connect < note.secured < note.read
        assert tls < note.read < headers
    assert values(warm, "dns") == values(warm, "connect") == values(warm, "tls") == []


def test_only_the_servers_own_name_counts_as_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through a proxy it is the proxy's name that is resolved here."""
    resolve = socket.getaddrinfo

    def elsewhere(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if host == "proxy.invalid" else host, *args, **kwargs)

    with running("--allow-host", "speech.invalid") as server:
        port = server.base_url.split(":")[2].split("/")[0]
        monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
        monkeypatch.setenv("HTTP_PROXY", f"http://proxy.invalid:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        result = measured("http://speech.invalid/v1", cold=True, requests=2)
    assert len(values(result, "connect")) == 2
    assert values(result, "dns") == []


def test_a_busy_loop_makes_the_run_invalid(
    speech_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from streamplay.bench import load

    async def busy(*args: Any, **more: Any) -> Any:
        time.sleep(0.05)  # noqa: ASYNC251  the very thing that is to be noticed
        return await observe(*args, **more)

    observe = load.observe
    monkeypatch.setattr(load, "observe", busy)
    result = measured(speech_server.base_url, requests=10)
    assert not result.valid
    assert "late at p99" in result.invalid[0]
    assert result.to_dict()["tool"]["loop_lag_ms"]["max"] > 30


def test_a_loop_that_hangs_is_late_for_every_beat_that_it_missed() -> None:
    lag = Lag()
    assert lag.beat(10.0, 10.023) == pytest.approx(10.025)
    assert lag.ms == pytest.approx([23, 18, 13, 8, 3])
    assert lag.facts()["max"] == pytest.approx(23)
    assert Lag().facts()["p50"] is None


def test_a_stopped_run_ends_with_what_is_on_its_way() -> None:
    with running("--first-byte-ms", "50") as server:
        targets = target.read([], {"base_url": server.base_url})
        runner = Runner(
            targets, Load(texts=TEXTS, requests=500, warmup=0), watch=lambda _: runner.stop()
        )
        run = asyncio.run(runner())
    assert len(run.samples) == 1
    assert run.samples[0].complete
