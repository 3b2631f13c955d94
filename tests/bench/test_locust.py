"""A master and two workers of Locust, and what they measure together.

In processes of their own: Locust's import replaces the sockets of the process that it is in.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.truth_server import Truth
from streamplay.bench.measures import MEASURES

if TYPE_CHECKING:
    from pathlib import Path


def nearest_rank(values: list[float], p: float) -> float:
    """The value whose rank is the nearest to p × n: what HdrHistogram calls a percentile."""
    return sorted(values)[max(1, int(p * len(values) + 0.5)) - 1]


def test_a_master_adds_up_what_two_workers_have_measured(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text("from streamplay.bench.locust import SpeechUser\n")
    with Truth(chunks=3, spread=0.01, error_share=0.4) as server:
        lines = run(tmp_path, server.base_url)
    rows = [line for line in lines if "id" in line]
    assert sum("lag" in line for line in lines) == 2
    good = [row["values"] for row in rows if not row["error"]]
    assert good
    result = json.loads((tmp_path / "merged.json").read_text())
    assert result["complete"]
    merged = result["targets"]["T"]
    assert merged["errors"] == {"ServerFailed": len(rows) - len(good)} != {"ServerFailed": 0}
    for name in ("first_byte", "first_voice", "total", "chunk_gap"):
        values = [row[name] for row in good]
        found = merged["measures"][name]
        assert found["n"] == len(values)
        for p in (0.5, 0.9):
            assert found[f"p{round(100 * p)}"] == pytest.approx(nearest_rank(values, p), rel=2e-3)
    shown = {each.name for each in MEASURES if each.unit != "share"}
    assert merged["measures"].keys() <= shown


def run(folder: Path, base_url: str) -> list[dict[str, Any]]:
    """Run a master and two workers for some seconds; return what the workers have kept."""
    shared = [sys.executable, "-m", "locust", "-f", "locustfile.py", "--speech-texts", "sentence"]
    shared += ["--speech-target", f"name=T,base_url={base_url}", "--speech-keep", "kept.jsonl"]
    ports = ["--master-bind-host", "127.0.0.1", "--master-bind-port", "25557"]
    load = ["--headless", "-u", "6", "-r", "6", "--run-time", "2s", "--stop-timeout", "5"]
    load += ["--expect-workers", "2", "--speech-result", "merged.json"]
    everyone = [[*shared, "--master", *ports, *load]]
    everyone += [[*shared, "--worker", "--master-port", "25557"]] * 2
    processes = [
        subprocess.Popen(
            words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for words in everyone
    ]
    told = [process.communicate(timeout=180)[1] for process in processes]
    # Locust's own status is 1 where a request has failed, as some do here.
    assert processes[0].returncode in {0, 1}, told
    kept = (folder / "kept.jsonl").read_text().splitlines()
    return [json.loads(line) for line in kept]
