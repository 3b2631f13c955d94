"""Runs side by side: each change with its interval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import side_by_side
from streamplay.bench.plan import Load
from streamplay.errors import InvalidRequest
from tests.bench.test_capacity import run_of

if TYPE_CHECKING:
    from pathlib import Path


def data(latency: float) -> dict[str, Any]:
    load = Load(rate=10.0, duration=8.0, texts=("One.",))
    return run_of(load, lambda number: latency * (1 + number / 1000)).to_dict()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    first, later = tmp_path / "first.json", tmp_path / "later.jsonl"
    first.write_text(json.dumps(data(0.1)))
    later.write_text("".join(json.dumps(data(latency)) + "\n" for latency in (0.1, 0.2)))
    return [first, later]


def test_every_run_is_compared_with_the_first(files: list[Path]) -> None:
    runs = side_by_side.load(files)
    assert [run.name for run in runs] == ["first", "later 1", "later 2"]
    (target,) = side_by_side.target_names(runs)
    rows = list(side_by_side.rows(runs, target, "first_voice"))
    assert [row[0] for row in rows] == ["first", "later 1", "later 2"]
    assert rows[0][4] == "-"
    assert rows[1][4].endswith("cannot tell")
    assert rows[2][4].startswith("+100% [+")
    told = side_by_side.to_dict(runs)["targets"][0]["measures"]
    assert told["first_voice"][2]["change"]["value"] == pytest.approx(100)
    share = told["continuity_100"][2]["change"]
    assert (share["value"], share["unit"]) == (0, "points")
    assert share["ci95"][0] < 0 < share["ci95"][1]
    assert all(len("  ".join(row)) <= 80 for row in rows)
    assert "| later 2 |" in side_by_side.markdown(runs)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "started": "", "valid": true}', "nan"])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(InvalidRequest, match="is no result"):
        side_by_side.load([tmp_path / "odd.json"])
