"""The result as tables, for a terminal or in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.bench.measures import BY_NAME, MEASURES
from streamplay.bench.statistics import PERCENTILES, needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.bench.result import Outcome, Result
    from streamplay.bench.statistics import Interval, Summary

COLUMNS: Final = ("MEASURE", "N", "p50", "p90", "p95", "p99", "MAX", "MEAN", "SD")

NARROW: Final = ("MEASURE", "N", "MIDDLE", "95 %", "p90", "p95", "p99", "MAX")
"""The columns for a terminal of 80: MIDDLE is the median, or a share."""

_NONE: Final = "-"


def narrow_rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """Yield a row for each measure that has a value, in the order of `NARROW`."""
    for label, summary, percent in _summaries(outcome):
        name = "mean" if percent else "p50"
        middle = summary.mean if percent else summary.percentiles[name]
        rest = (summary.percentiles[key] for key in PERCENTILES if key != "p50")
        yield (
            *(label, str(summary.n), number(middle, percent=percent)),
            _ends(summary.ci95.get(name), percent=percent).strip() or _NONE,
            *(number(value) for value in rest),
            _NONE if percent else number(summary.max),
        )


def _summaries(outcome: Outcome) -> Iterator[tuple[str, Summary, bool]]:
    """Yield the measures that have a value: its name with its unit, and whether it is a share."""
    for each in MEASURES:
        summary = outcome.summaries[each.name]
        if summary is not None:
            unit = " ms" if each.unit == "ms" and not each.name.endswith("_ms") else ""
            yield each.name + unit, summary, each.unit == "share"


def rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """Yield a row for each measure that has a value, in the order of `COLUMNS`."""
    for label, summary, percent in _summaries(outcome):
        yield (label, str(summary.n), *_cells(summary, share=percent))


def _cells(summary: Summary, *, share: bool) -> Iterator[str]:
    if share:
        yield from [_NONE] * 5
        yield number(summary.mean, percent=True) + _ends(summary.ci95.get("mean"), percent=True)
        yield _NONE
        return
    for name in PERCENTILES:
        yield cell(summary, name)
    yield from (number(summary.max), number(summary.mean), number(summary.sd))


def cell(summary: Summary, name: str) -> str:
    """Return a percentile with its interval in brackets."""
    return number(summary.percentiles[name]) + _ends(summary.ci95.get(name))


def _ends(interval: Interval | None, *, percent: bool = False) -> str:
    if interval is None:
        return ""
    low, high = (number(end, percent=percent) for end in interval)
    return f" [{low}–{high}]"


def number(value: float | None, *, percent: bool = False) -> str:
    """Return a number with three significant digits or more; a dash for None."""
    if value is None:
        return _NONE
    if percent:
        return f"{100 * value:.4g}%"
    if value == 0:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def heading(outcome: Outcome) -> str:
    """Return one line: the target, and how many of its requests were complete."""
    failed = "".join(f", {count} {kind}" for kind, count in sorted(outcome.errors.items()))
    own = sorted(outcome.own_errors.items())
    failed += "".join(f", {count} {kind} while the tool was late" for kind, count in own)
    target = outcome.target
    who = f"{target.name}: {target.model}, {outcome.voice}, {target.base_url}"
    return f"{who}: {outcome.complete} of {len(outcome.rows)} complete{failed}"


def throughput(outcome: Outcome) -> str:
    """Return one line: what the complete requests gave in a second; empty if there are none."""
    facts = outcome.throughput
    if not outcome.complete or not all(facts.values()):
        return ""
    audio, characters, requests = map(number, facts.values())
    return f"in a second: {audio} s of audio, {characters} characters, {requests} requests"


_NEARLY_ALL: Final = 0.98


def steady(outcome: Outcome) -> str:
    """Return one line on the steady part of the run; empty where that is nearly all of it."""
    part = outcome.steady
    if part is None or part.until - part.since > _NEARLY_ALL * outcome.seconds:
        return ""
    audio, _, requests = map(number, part.throughput.values())
    voice = part.summary("first_voice")
    median = None if voice is None else voice.percentiles["p50"]
    heard = "" if median is None else f", first voice p50 {number(median)} ms"
    since, until = part.since - outcome.begun, part.until - outcome.begun
    return (
        f"steady from {since:.1f} s to {until:.1f} s ({part.requests} requests): "
        f"in a second {audio} s of audio, {requests} requests{heard}"
    )


def sentences(result: Result) -> Iterator[str]:
    """Yield the sentences below the tables."""
    yield from (each.says for each in result.pairs)
    yield from remarks(result)


def remarks(result: Result) -> Iterator[str]:
    """Yield the sentences that compare no targets."""
    yield from _missing(result.outcomes)
    yield from result.notes
    if result.run.late_starts:
        yield (
            f"{result.run.late_starts} requests began late; their latency counts from when they "
            "should have, unless more than a tenth of it may be the tool's"
        )
    lag = result.run.lag.facts()
    if lag["p99"] is not None:
        yield f"the tool's own lag: p50 {lag['p50']} ms, p99 {lag['p99']} ms, max {lag['max']} ms"
    yield from (f"NOT VALID: {fault}" for fault in result.invalid)
    yield from (f"{verdict['verdict']}: {verdict['says']}" for verdict in result.verdicts)


def _missing(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield which percentiles are not stated, and how many requests they need."""
    for outcome in outcomes:
        lacking = [name for name, p in PERCENTILES.items() if outcome.complete < needed(p)]
        # If no request is complete, the errors say so.
        if lacking and outcome.complete:
            wants = ", ".join(f"{name} needs {needed(PERCENTILES[name])}" for name in lacking)
            too_few = f"too few requests for some percentiles: {wants}"
            yield f"{outcome.target.name}: {too_few}; there are {outcome.complete}"


def markdown(result: Result) -> str:
    """Return the result as Markdown."""
    lines = ["# streamplay bench", "", f"`{result.command}`", ""]
    for outcome in result.outcomes:
        lines += [heading(outcome), "", throughput(outcome), "", steady(outcome), ""]
        lines += [row(COLUMNS), row(["---"] * len(COLUMNS))]
        lines += map(row, rows(outcome))
        lines.append("")
    lines += [f"- {sentence}" for sentence in sentences(result)]
    lines += ["", "In brackets: 95 % intervals. Moments in ms since the request's intended start."]
    return "\n".join(lines) + "\n"


def row(cells: Sequence[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def title(name: str) -> str:
    """Return a measure's title with its unit."""
    measure = BY_NAME[name]
    return f"{measure.title}, ms" if measure.unit == "ms" else measure.title
