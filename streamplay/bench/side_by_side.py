"""Several runs side by side: what ``bench compare`` tells, and the trend of a history.

A run is what ``bench --json`` has printed. A file whose name ends in ``.jsonl`` holds several, a
line for each, as ``bench --append`` writes them. Each run is compared with the first one. Two runs
were made at different times: as two targets of one run they would be compared turn by turn, which
is more precise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench import baseline, compare
from streamplay.bench.measures import BY_NAME, MEASURES, SCHEMA
from streamplay.bench.table import number, row, title
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from streamplay.bench.statistics import Interval

TOLD: Final = (
    *("first_byte", "first_audio", "first_voice", "total", "rtf", "chunk_gap", "safe_start"),
    *("continuity_0", "continuity_100", "continuity_200"),
)
"""The measures that are compared."""

COLUMNS: Final = ("RUN", "N", "p50", "p95", "CHANGE, 95 %")

_NAME: Final = 30


@dataclass(frozen=True)
class PastRun:
    """One run.

    Parameters
    ----------
    name : str
        Of its file, and its line in it.
    started : str
        When it was made.
    valid : bool
        Whether the tool itself was quick enough.
    targets : list of dict
        As in the result.
    """

    name: str
    started: str
    valid: bool
    targets: list[dict[str, Any]]

    @property
    def requests(self) -> int:
        """The number of requests to all targets."""
        return sum(each["requests"] for each in self.targets)

    @property
    def failed(self) -> int:
        """The number of requests that failed, for which no other figure stands."""
        return sum(sum(each["errors"].values()) + each["unjudged"] for each in self.targets)

    def measure(self, target: str, name: str) -> dict[str, Any] | None:
        """Return a measure of a target; None if there is none."""
        for each in self.targets:
            if each["name"] == target:
                found: dict[str, Any] | None = each["measures"].get(name)
                return found
        return None


def load(paths: Sequence[Path]) -> list[PastRun]:
    """Read the runs of all files, in their order.

    Raises
    ------
    InvalidRequest
        If a file cannot be read, or holds no result.
    """
    return [run for path in paths for run in _load(path)]


def _load(path: Path) -> Iterator[PastRun]:
    try:
        text = path.read_text(encoding="utf-8")
        many = path.suffix == ".jsonl"
        parts = [line for line in text.splitlines() if line.strip()] if many else [text]
        for place, part in enumerate(parts, 1):
            name = f"{path.stem} {place}" if many else path.stem
            yield of_dict(name, json.loads(part))
    except OSError as error:
        raise baseline.unreadable("compare", path, error) from None
    except baseline.UNREADABLE as error:
        allowed = "what bench --json has printed, or --append has written"
        raise InvalidRequest("compare", f"{path} is no result", allowed=allowed) from error


def of_dict(name: str, content: Any) -> PastRun:
    """Return the run that a result's JSON value tells."""
    started, valid = str(content["started"]), bool(content["valid"])
    return PastRun(name, started, valid, baseline.read(content))


def target_names(runs: Iterable[PastRun]) -> list[str]:
    """Return the names of all targets, in the order in which they first appear."""
    return list(dict.fromkeys(each["name"] for run in runs for each in run.targets))


def statistic(name: str) -> str:
    """Return which statistic of a measure is compared: the mean of a share, a median."""
    return "mean" if BY_NAME[name].unit == "share" else "p50"


def change(
    run: PastRun, first: PastRun, target: str, name: str
) -> tuple[float, Interval, str] | None:
    """Return how a measure has changed since the first run: the change, its interval, a unit.

    In percent of the earlier median (``%``), or in percentage points of a share. None if one of
    the figures has no interval, or is 0.
    """
    new, old = run.measure(target, name), first.measure(target, name)
    key = statistic(name)
    if new is None or old is None or key not in new["ci95"] or key not in old["ci95"]:
        return None
    figures = new[key], new["ci95"][key], old[key], old["ci95"][key]
    if key == "mean":
        low, high = compare.difference(*figures)
        return 100 * (new[key] - old[key]), (100 * low, 100 * high), " points"
    ends = compare.ratio(*figures)
    if ends is None:
        return None
    return 100 * (new[key] / old[key] - 1), (100 * (ends[0] - 1), 100 * (ends[1] - 1)), "%"


def rows(runs: Sequence[PastRun], target: str, name: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each run that has a measure, in the order of `COLUMNS`."""
    for run in runs:
        found = run.measure(target, name)
        if found is None:
            continue
        if statistic(name) == "mean":
            shown = (number(found["mean"], percent=True), "-")
        else:
            shown = (number(found["p50"]), number(found["p95"]))
        mark = "" if run.valid else " (NOT VALID)"
        told = "-" if run is runs[0] else told_change(run, runs[0], target, name)
        yield (_short(run.name) + mark, str(found["n"]), *shown, told)


def told_change(run: PastRun, first: PastRun, target: str, name: str) -> str:
    """Return a change in a few words; a question mark where nothing can be told."""
    found = change(run, first, target, name)
    if found is None:
        return "cannot tell"
    middle, (low, high), unit = found
    same = " cannot tell" if low <= 0 <= high else ""
    return f"{middle:+.3g}{unit} [{low:+.3g} to {high:+.3g}]{same}"


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def to_dict(runs: Sequence[PastRun]) -> dict[str, Any]:
    """Return the comparison as JSON-ready dictionaries."""
    return {
        "schema": SCHEMA,
        "runs": [{"name": r.name, "started": r.started, "valid": r.valid} for r in runs],
        "targets": [
            {
                "name": target,
                "measures": {
                    each.name: [_entry(run, runs[0], target, each.name) for run in runs]
                    for each in MEASURES
                    if each.name in TOLD and any(run.measure(target, each.name) for run in runs)
                },
            }
            for target in target_names(runs)
        ],
    }


def _entry(run: PastRun, first: PastRun, target: str, name: str) -> dict[str, Any] | None:
    found = run.measure(target, name)
    if found is None:
        return None
    changed = None if run is first else change(run, first, target, name)
    facts = {key: found[key] for key in ("n", "p50", "p95", "mean", "ci95")}
    if changed is None:
        return {**facts, "change": None}
    middle, ends, unit = changed
    told = {"value": round(middle, 4), "ci95": [round(end, 4) for end in ends]}
    return {**facts, "change": {**told, "unit": "percent" if unit == "%" else "points"}}


def markdown(runs: Sequence[PastRun]) -> str:
    """Return the comparison as Markdown."""
    lines = ["# streamplay bench compare", ""]
    for target in target_names(runs):
        for name in TOLD:
            found = list(rows(runs, target, name))
            if found:
                lines += [f"{target}: {title(name)}", "", row(COLUMNS), row(["---"] * len(COLUMNS))]
                lines += [*map(row, found), ""]
    return "\n".join(lines)
