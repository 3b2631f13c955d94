"""A history of runs: a line each, and what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.bench import history
from streamplay.bench.plan import Load
from tests.bench.test_capacity import run_of

if TYPE_CHECKING:
    from pathlib import Path


def test_every_run_is_a_line_and_a_line_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    file, load = tmp_path / "runs.jsonl", Load(rate=10.0, duration=2.0, texts=("One.",))
    assert history.load(file) == []
    for latency in (0.1, 0.2):
        history.append(file, run_of(load, lambda _, late=latency: late))  # type: ignore[misc]
    file.write_text(file.read_text() + '{"schema": 1, "sta')
    history.append(file, run_of(load, lambda _: 0.4))
    runs = history.load(file)
    assert [run.name for run in runs] == ["1", "2", "4"]
    assert history.sentences(runs)[0].endswith(
        "median first voice of the last runs, ms: 100, 200, 400"
    )
