"""The result for programs: CSV with a row for each request, and arrival traces."""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat
from streamplay.bench.measures import BY_NAME
from streamplay.bench.sample import FACTS, facts
from streamplay.errors import FileFailed
from streamplay.trace import COMPLETE, TraceWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.bench.result import Outcome, Result, Row


def write_csv(path: Path, result: Result) -> None:
    """Write a row for each request: its facts and every measure; empty if it was not measured.

    Raises
    ------
    FileFailed
        If it cannot be written.
    """
    with writing(path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        for outcome in result.outcomes:
            writer.writerows(_cells(outcome, row, result.run.begun) for row in outcome.rows)


_COLUMNS: Final = ("target", "intended_s", *FACTS, *BY_NAME)


def _cells(outcome: Outcome, row: Row, begun: float) -> dict[str, Any]:
    return {
        "target": outcome.target.name,
        "intended_s": round(row.sample.intended - begun, 6),
        **facts(row.sample),
        **{name: None if value is None else round(value, 4) for name, value in row.values.items()},
    }


def check(path: Path) -> None:
    """Check before the first request that a file can be written; do not change it.

    Raises
    ------
    FileFailed
        If it cannot.
    """
    with writing(path):
        new = not path.exists()
        path.open("ab").close()
        if new:
            path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a whole file.

    Raises
    ------
    FileFailed
        If it cannot be written.
    """
    with writing(path):
        path.write_text(text, encoding="utf-8")


def write_traces(folder: Path, result: Result) -> None:
    """Write each request's arrivals into `folder`: ``TARGET-TURN.jsonl``.

    Raises
    ------
    FileFailed
        If one cannot be written.
    """
    make_folder(folder)
    for number, outcome in enumerate(result.outcomes):
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", outcome.target.name)
        # Two names may differ only in characters that a file name cannot hold.
        stem = f"{number}-{stem}" if len(result.outcomes) > 1 else stem
        for row in outcome.rows:
            if row.sample.arrivals:
                _write_trace(folder / f"{stem}-{row.sample.job.turn:05}.jsonl", outcome, row)


def make_folder(folder: Path) -> None:
    """Make a folder if there is none.

    Raises
    ------
    FileFailed
        If that cannot be.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _write_trace(path: Path, outcome: Outcome, row: Row) -> None:
    sample = row.sample
    writer = TraceWriter(path, force=True)
    writer.begin(
        base_url=outcome.target.base_url,
        model=outcome.target.model,
        voice=sample.voice,
        chars=len(sample.job.text),
        audio=AudioFormat(sample.encoding, sample.samplerate, sample.channels),
    )
    for when, frames in sample.arrivals:
        writer.arrival(when - sample.begun, frames)
    writer.end(sample.ended - sample.begun, sample.error or COMPLETE)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` into `FileFailed`."""
    try:
        yield
    except OSError as error:
        raise FileFailed(
            f"cannot write {path}: {error.strerror}", remedy="Choose another file"
        ) from error
