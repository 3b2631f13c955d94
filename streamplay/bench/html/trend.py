"""Figures of several runs: each measure run by run, with its intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.bench.html.figure import Figure
from streamplay.bench.html.svg import SERIES, Plot
from streamplay.bench.measures import BY_NAME
from streamplay.bench.side_by_side import TOLD, statistic, target_names, told_change
from streamplay.bench.table import number, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.bench.side_by_side import PastRun


_MOST_THICK: Final = 4
"""Targets beside one another whose bars have room to be thick."""


def trend(runs: Sequence[PastRun], names: Sequence[str] = TOLD) -> Iterator[Figure]:
    """Yield a figure for each measure that any of the runs has."""
    targets = target_names(runs)
    for name in names:
        if any(run.measure(target, name) for run in runs for target in targets):
            yield _figure(runs, targets, name)


def _figure(runs: Sequence[PastRun], targets: Sequence[str], name: str) -> Figure:
    key, percent = statistic(name), BY_NAME[name].unit == "share"
    what = "The share of requests" if percent else "The median (dots) and p95 (thin)"
    about = (
        f"{what} in each run, numbered in the order in which they are compared; bars: 95 % "
        "intervals. Crosses: runs that were not valid."
    )
    high = 1.0 if percent else 1.08 * _largest(runs, targets, name) or 1.0
    heading = BY_NAME[name].title[:1].upper() + BY_NAME[name].title[1:]
    plot = Plot(
        f"{heading}, run by run", about, (0.5, len(runs) + 0.5), (0, high),
        "run", "ms" if BY_NAME[name].unit == "ms" else title(name), percent=percent, whole=True,
    )  # fmt: skip
    bar = "interval" if len(targets) <= _MOST_THICK else "interval slim"
    for index, target in enumerate(targets):
        kind, shift = f"s{index % SERIES}", _beside(index, len(targets))
        found = [(place, run, run.measure(target, name)) for place, run in enumerate(runs, 1)]
        whole = [(place + shift, run, each) for place, run, each in found if each is not None]
        middles = [(x, each[key]) for x, _, each in whole if each[key] is not None]
        plot.line(middles, f"line {kind}", target)
        if not percent:
            p95 = [(x, each["p95"]) for x, _, each in whole if each["p95"] is not None]
            plot.line(p95, f"line thin {kind}", f"{target}, p95")
        for x, run, each in whole:
            if each[key] is None:
                continue
            hint = f"{target}, {run.name}, {run.started}: {number(each[key], percent=percent)}"
            if key in each["ci95"]:
                low, upper = each["ci95"][key]
                plot.line([(x, low), (x, upper)], f"{bar} {kind}", hint)
            mark = plot.dot if run.valid else plot.cross
            mark(x, each[key], f"dot {kind}" if run.valid else f"cross {kind}", hint)
    legend = tuple((t, f"line s{i % SERIES}") for i, t in enumerate(targets))
    rows = tuple(_rows(runs, targets, name))
    columns = ("Run", "target", "n", key, "p95", "change, 95 %")
    shown = legend if len(targets) > 1 else ()
    return Figure(f"{heading}, run by run", about, plot.svg(), columns, rows, shown)


def _beside(index: int, count: int) -> float:
    """Return how far a target's dots stand beside the run's place, so that none hides another."""
    return (index - (count - 1) / 2) * min(0.12, 0.6 / count)


def _largest(runs: Sequence[PastRun], targets: Sequence[str], name: str) -> float:
    found = [run.measure(target, name) for run in runs for target in targets]
    values = [
        value
        for each in found
        if each is not None
        for value in (each["p50"], each["p95"], *each["ci95"].get("p50", ()))
        if value is not None
    ]
    return max(values, default=0.0)


def _rows(runs: Sequence[PastRun], targets: Sequence[str], name: str) -> Iterator[tuple[str, ...]]:
    key = statistic(name)
    for target in targets:
        for place, run in enumerate(runs, 1):
            found = run.measure(target, name)
            if found is None:
                continue
            label = run.name if run.name == str(place) else f"{place}: {run.name}"
            share = key == "mean"
            change = "-" if run is runs[0] else told_change(run, runs[0], target, name)
            p95 = "-" if share else number(found["p95"])
            middle = number(found[key], percent=share)
            yield (label, target, str(found["n"]), middle, p95, change)
