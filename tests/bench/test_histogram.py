from __future__ import annotations

import json

import pytest

from streamplay.bench.histogram import Histograms


def test_histograms_are_merged_as_if_one_had_seen_all() -> None:
    whole, master = Histograms(), Histograms()
    workers = [Histograms(), Histograms()]
    for number in range(1000):
        values = {"total": 100.0 + number, "rtf": 0.25, "continuity_0": 1.0, "tls": None}
        whole.record("T", values)
        workers[number % 10 == 0].record("T", values)
    workers[0].errors["T", "TimedOut"] += 2
    whole.errors["T", "TimedOut"] += 2
    for worker in workers:
        master.merge(json.loads(json.dumps(worker.encoded())))
        assert worker.to_dict()["targets"] == {}
    assert master.to_dict() == whole.to_dict()
    found = master.to_dict()["targets"]["T"]
    assert found["errors"] == {"TimedOut": 2}
    assert set(found["measures"]) == {"total", "rtf"}
    assert found["measures"]["total"]["p95"] == pytest.approx(1049, rel=1e-3)
    assert found["measures"]["rtf"]["max"] == pytest.approx(0.25, rel=1e-3)
