"""Write docs/reliability.md of the scorecard's results.

.venv/bin/python -m benchmarks.trust --json docs/reliability.json
.venv/bin/python -m benchmarks.trust.page
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from benchmarks.trust.__main__ import ROWS
from benchmarks.trust.mutate import reasons
from benchmarks.trust.row import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.trust.row import Row

RESULTS: Final = ROOT / "docs" / "reliability.json"
PAGE: Final = ROOT / "docs" / "reliability.md"

_HEAD: Final = """\
# Reliability

What is promised of streamplay, tried out: {holds} of {rows} rows hold, {fails} do not, {not_run}
were not run. Of those that hold, {short} came short of the count that is planned for an hour on an
idle machine.

Run it with `python -m benchmarks.trust` (`--budget MINUTES`, `--only WORD`, `--list`); a tenth and
more of what is planned counts as run. What found a fault is kept as a test; quick forms of the rows
are in the test suite (`scripts/test`). This page is written by `python -m benchmarks.trust.page`
from [reliability.json](reliability.json).

Machine: {system}, {processors} processors, Python {python}. Other programs ran beside it: the rows
are about what is right, and not about time.

| Row | Result | Done | Planned | Faults | Seed | Time | Date |
|---|---|---|---|---|---|---|---|
"""


def page(found: dict[str, Any]) -> str:
    """Return the page of the results."""
    run = {each["row"]: each for each in found["rows"]}
    rows = [run.get(name) or _not_yet(one) for name, one in ROWS.items()]
    counts = {name: sum(each["result"] == name for each in rows) for name in _RESULTS}
    head = _HEAD.format(
        rows=len(rows),
        holds=counts["holds"],
        fails=counts["fails"],
        not_run=counts["not run"],
        short=sum(_is_short(each) for each in rows),
        **found["machine"],
    )
    table = "".join(f"| {' | '.join(_cells(each))} |\n" for each in rows)
    return (
        head
        + table
        + "\n"
        + "\n".join(line for each in rows for line in _told(each)).rstrip()
        + "\n"
    )


def _is_short(row: dict[str, Any]) -> bool:
    return bool(row["result"] == "holds" and row["done"] < row["planned"])


def _not_yet(one: Row) -> dict[str, Any]:
    blank = {"done": 0, "faults": 0, "seed": "", "seconds": 0.0, "date": "", "facts": {}}
    named = {"row": one.name, "about": one.about, "unit": one.unit, "planned": one.planned}
    return blank | named | {"shown": [], "result": "not run", "reason": "it was not run yet"}


_RESULTS: Final = ("holds", "fails", "not run")


def _cells(row: dict[str, Any]) -> Iterator[str]:
    yield f"[{row['row']}](#{row['row'].replace(' ', '-')})"
    yield row["result"]
    yield f"{row['done']:,} {row['unit']}"
    yield f"{row['planned']:,}"
    yield f"{row['faults']:,}"
    yield str(row["seed"])
    yield f"{row['seconds']:.0f} s"
    yield row["date"]


def _told(row: dict[str, Any]) -> Iterator[str]:
    yield f"## {row['row']}\n"
    about = row["about"]
    yield f"{about[0].upper()}{about[1:]}\n"
    if row["reason"]:
        yield f"*Not run*: {row['reason']}.\n"
    if _is_short(row):
        yield "*Short of the plan*: its share of the budget was over.\n"
    for name, value in row["facts"].items():
        yield f"- {name}: {value}"
    for fault in row["shown"]:
        yield f"- fault: `{fault.replace('`', chr(39))}`"
    yield ""
    if row["row"] == "mutations":
        yield from _survivors()


def _survivors() -> Iterator[str]:
    yield "Changes that no test notices, and why (`benchmarks/trust/survivors.toml`):\n"
    groups: dict[tuple[str, str], list[str]] = {}
    for (module, change), why in reasons().items():
        groups.setdefault((module, why), []).append(change)
    for (module, why), changed in groups.items():
        yield f"- `{module}`: {why}"
        yield from (f"    - `{change.replace('`', chr(39))}`" for change in changed)
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text())), encoding="utf-8")
