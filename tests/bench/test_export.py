"""Files of what was measured: a row a request, a trace a request."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from streamplay.bench.export import write_csv
from streamplay.bench.load import LoadRun
from streamplay.bench.result import conclude
from streamplay.cli import main
from streamplay.trace import load

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.server.child import LocalServer


@pytest.fixture
def words(speech_server: LocalServer) -> list[str]:
    return ["bench", "--base-url", speech_server.base_url, "--texts", "short", "--requests", "6"]


def test_the_files_hold_a_row_and_a_trace_for_each_request(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, notes, traces = tmp_path / "rows.csv", tmp_path / "notes.md", tmp_path / "traces"
    extra = ["--csv", str(rows), "--markdown", str(notes), "--traces", str(traces)]
    assert main([*words, *extra]) == 0
    with rows.open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 6
    assert {row["tls"] for row in read} == {""}
    assert all(float(row["first_audio"]) > 0 for row in read)
    kept = [load(path) for path in sorted(traces.iterdir())]
    assert len(kept) == 6
    assert all(trace.complete and trace.arrivals for trace in kept)
    assert notes.read_text(encoding="utf-8").count("| first_voice ms |") == 1
    capsys.readouterr()


def test_targets_with_like_names_have_traces_of_their_own(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = ["name=a b,voice=tara", "name=a/b,voice=leo"]
    assert main([*words[:5], *targets, "--requests", "2", "--traces", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 4
    capsys.readouterr()


def test_a_run_in_which_nothing_was_begun_has_a_heading_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    write_csv(file, conclude(LoadRun(), [], command="bench", seed=0, started="now"))
    assert file.read_text().startswith("target,intended_s,turn,")
