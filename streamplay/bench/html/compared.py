"""The page of ``bench compare``: several runs side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from streamplay.bench import side_by_side
from streamplay.bench.html.figure import document, drawn, table_html
from streamplay.bench.html.trend import trend
from streamplay.bench.table import title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.bench.side_by_side import PastRun


def compared(runs: Sequence[PastRun]) -> str:
    """Return the whole comparison as one HTML document."""
    names = ", ".join(run.name for run in runs)
    return document(
        f"streamplay bench compare: {names}",
        [*_head(runs), *drawn(trend(runs)), *_tables(runs)],
    )


def _head(runs: Sequence[PastRun]) -> Iterator[str]:
    yield "<h1>streamplay bench compare</h1>"
    rows = [
        (f"{place}: {run.name}", "valid" if run.valid else "NOT VALID",
         str(run.requests), str(run.failed), run.started)
        for place, run in enumerate(runs, 1)
    ]  # fmt: skip
    columns = ("Run", "", "requests", "failed", "made")
    yield table_html(columns, rows, "Every run is compared with the first.")
    yield (
        '<p class="soft">Runs were made at different times. As targets of one run they would be '
        "compared turn by turn, which is more precise.</p>"
    )


def _tables(runs: Sequence[PastRun]) -> Iterator[str]:
    targets = side_by_side.target_names(runs)
    # Of many targets the tables fill dozens of screens; the figures hold the same numbers.
    folded = len(targets) > _MOST_OPEN
    yield "<h2>Each target, run by run</h2>" if folded else ""
    for target in targets:
        yield f"<details><summary>{escape(target)}</summary>" if folded else ""
        yield "" if folded else f"<h2>{escape(target)}</h2>"
        for name in side_by_side.TOLD:
            rows = list(side_by_side.rows(runs, target, name))
            if rows:
                yield table_html(side_by_side.COLUMNS, rows, title(name))
        yield "</details>" if folded else ""


_MOST_OPEN: Final = 3
"""Targets whose tables are shown without being asked for."""
