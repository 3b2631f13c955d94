"""A file with a line for each run, so that a trend can be seen: ``bench --append``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamplay.bench import side_by_side
from streamplay.bench.baseline import UNREADABLE
from streamplay.bench.export import writing
from streamplay.bench.table import number

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.bench.result import Result
    from streamplay.bench.side_by_side import PastRun


def load(path: Path) -> list[PastRun]:
    """Return the runs of a history; a line that holds none is left out. Without a file: none.

    Raises
    ------
    FileFailed
        If there is a file that cannot be read.
    """
    with writing(path):
        if not path.exists():
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
    runs: list[PastRun] = []
    for place, line in enumerate(text.splitlines(), 1):
        try:
            runs.append(side_by_side.of_dict(str(place), json.loads(line)))
        except UNREADABLE:
            continue
    return runs


def append(path: Path, result: Result) -> None:
    """Add a line with a result.

    Raises
    ------
    FileFailed
        If it cannot be written.
    """
    line = json.dumps(result.to_dict(), allow_nan=False) + "\n"
    with writing(path), path.open("a+b") as file:
        # A line that was cut off by a full disk stays a line of its own.
        if file.tell():
            file.seek(-1, 2)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode())


def sentences(runs: list[PastRun]) -> list[str]:
    """Return a sentence for each target: the last runs' median of the first voice."""
    told = []
    for target in side_by_side.target_names(runs[-1:]):
        found = [run.measure(target, "first_voice") for run in runs]
        values = [number(each["p50"]) for each in found if each is not None and each["p50"]]
        if len(values) > 1:
            shown = ", ".join(values[-8:])
            told.append(f"{target}: median first voice of the last runs, ms: {shown}")
    return told
