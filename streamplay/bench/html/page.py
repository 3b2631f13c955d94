"""The page of the report: summary, objectives, tables, figures, and how the run was made."""

from __future__ import annotations

import os
import platform
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from streamplay.bench import table
from streamplay.bench.html.figure import document, drawn, table_html
from streamplay.bench.html.figures import figures
from streamplay.bench.html.svg import SERIES
from streamplay.bench.html.trend import trend
from streamplay.bench.measures import LEFT_OUT, MEASURES, SINCE
from streamplay.bench.table import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.bench.result import Outcome, Result
    from streamplay.bench.side_by_side import PastRun
    from streamplay.bench.statistics import Summary


def page(result: Result, history: Sequence[PastRun] = ()) -> str:
    """Return the whole report as one HTML document; `history`: the runs of ``--append``."""
    names = ", ".join(outcome.target.name for outcome in result.outcomes)
    trends = trend(history, ("first_voice", "rtf")) if len(history) > 1 else ()
    return document(
        f"streamplay bench: {names}",
        [
            *_head(result),
            *_verdicts(result),
            *_summary(result),
            *_said(result),
            *drawn([*trends, *figures(result)]),
            *_tables(result),
            *_definitions(),
            *_making(result),
        ],
    )


def _head(result: Result) -> Iterator[str]:
    seconds = result.run.ended - result.run.begun
    yield "<h1>streamplay bench</h1>"
    yield f'<p class="soft">{escape(result.started)}, {seconds:.1f} s</p>'
    yield f"<pre>{escape(result.command)}</pre>"


def _verdicts(result: Result) -> Iterator[str]:
    for fault in result.invalid:
        yield _verdict("bad", "not valid", fault)
    if result.valid:
        lag = result.run.lag.facts()["p99"]
        how = "it was over at once" if lag is None else f"the tool's own lag was {lag} ms at p99"
        yield _verdict("good", "valid", how)
    for each in result.verdicts:
        kind = {"met": "good", "missed": "bad", "not judged": "bad"}.get(each["verdict"], "")
        yield _verdict(kind, each["verdict"], each["says"])


def _verdict(kind: str, word: str, says: str) -> str:
    return f'<p class="verdict {kind}"><strong>{escape(word)}</strong> {escape(says)}</p>'


def _summary(result: Result) -> Iterator[str]:
    """Yield three figures for each target: cards for one, a table for several."""
    voices = [outcome.summaries["first_voice"] for outcome in result.outcomes]
    # One percentile for all: p95 only where every target has requests enough.
    key = "p95" if all(each and each.percentiles["p95"] is not None for each in voices) else "p50"
    names = (f"First voice, {key}", "Without a stall from 100 ms", "Real-time factor, p50")
    found = [(outcome, _three(outcome, key)) for outcome in result.outcomes]
    if len(found) == 1:
        yield '<ul class="cards">'
        for name, (value, more) in zip(names, found[0][1], strict=True):
            yield f"<li><span>{name}</span><strong>{escape(value)}</strong>"
            yield f"<span>{escape(more)}</span></li>"
        yield "</ul>"
        return
    rows = [
        (
            outcome.target.name,
            *(f"{value} {more}".strip() for value, more in three),
            str(len(outcome.rows) - outcome.complete),
        )
        for outcome, three in found
    ]
    keys = [f"line s{index % SERIES}" for index in range(len(rows))]
    yield table_html(("Target", *names, "Failed"), rows, "In brackets: 95 % intervals.", keys)


def _three(outcome: Outcome, key: str) -> list[tuple[str, str]]:
    """Return the three figures of the summary, each with its interval."""
    whole = outcome.summaries["continuity_100"]
    share = ("-", "")
    if whole is not None:
        ends = [number(end, percent=True) for end in whole.ci95.get("mean", ())]
        share = number(whole.mean, percent=True), _ends(ends)
    voice = _percentile(outcome.summaries["first_voice"], key, " ms")
    return [voice, share, _percentile(outcome.summaries["rtf"], "p50", "")]


def _percentile(summary: Summary | None, name: str, unit: str) -> tuple[str, str]:
    """Return a percentile and its interval; a dash where there are too few requests."""
    if summary is None or summary.percentiles[name] is None:
        return "-", ""
    ends = [number(end) for end in summary.ci95.get(name, ())]
    return f"{number(summary.percentiles[name])}{unit}", _ends(ends)


def _ends(shown: Sequence[str]) -> str:
    return f"[{shown[0]}–{shown[1]}]" if shown else ""


def _tables(result: Result) -> Iterator[str]:
    for outcome in result.outcomes:
        yield f"<h2>{escape(outcome.target.name)}</h2>"
        told = table.throughput(outcome), table.steady(outcome)
        for sentence in filter(None, (table.heading(outcome), *told)):
            yield f'<p class="soft">{escape(sentence)}</p>'
        if outcome.complete:
            yield _measures(outcome)


def _said(result: Result) -> Iterator[str]:
    said = [s for s in table.sentences(result) if not s.startswith(_TOLD_ABOVE)]
    if not said:
        return
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    yield "<h2>What can be said</h2>"
    if len(said) > _MOST_SAID:  # of many targets each pair has its own
        yield f"<details><summary>{len(said)} sentences</summary><ul>{listed}</ul></details>"
    else:
        yield f"<ul>{listed}</ul>"


_MOST_SAID: Final = 30

_TOLD_ABOVE: Final = ("NOT VALID", "met:", "missed:", "cannot tell:", "not judged:")


def _measures(outcome: Outcome) -> str:
    caption = "Moments in ms since the request's intended start; in brackets 95 % intervals."
    return table_html(table.COLUMNS, list(table.rows(outcome)), caption)


def _definitions() -> Iterator[str]:
    yield f"<h2>Definitions</h2><p>{escape(SINCE)} {escape(LEFT_OUT)}</p><dl>"
    for each in MEASURES:
        yield f"<dt><code>{each.name}</code></dt><dd>{escape(each.definition)}</dd>"
    yield "</dl>"


def _making(result: Result) -> Iterator[str]:
    lag = result.run.lag.facts()
    facts = {
        "streamplay": version("streamplay"),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "System": platform.platform(),
        "Processors": str(os.cpu_count()),
        "Seed": str(result.seed),
        "Tool's own lag, ms": ", ".join(f"{name} {value}" for name, value in lag.items()),
        "Processes": str(result.run.processes),
        "Late starts": str(result.run.late_starts),
        "Failed while the tool was late": str(sum(each.unjudged for each in result.outcomes)),
        "Processor time, s": f"{result.run.lag.cpu_seconds:.2f}",
    }
    yield "<h2>How it was made</h2><dl>"
    yield from (f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    yield "</dl>"
