"""The page of the report: summary, objectives, tables, figures, and how the run was made."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from streamplay.bench import table
from streamplay.bench.html.figure import document, drawn, table_html
from streamplay.bench.html.figures import figures
from streamplay.bench.html.svg import SERIES
from streamplay.bench.html.trend import trend
from streamplay.bench.measures import LEFT_OUT, MEASURES, SINCE
from streamplay.bench.statistics import PERCENTILES, needed
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
            *_happened(result),
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


def _happened(result: Result) -> Iterator[str]:
    """Yield what the figures below must be read with: failures, an interruption, the knee."""
    failed = sum(len(outcome.rows) - outcome.complete for outcome in result.outcomes)
    if failed:
        asked = sum(len(outcome.rows) for outcome in result.outcomes)
        kinds: Counter[str] = Counter()
        for outcome in result.outcomes:
            kinds.update(outcome.errors)
            kinds.update({f"{k} while the tool was late": n for k, n in outcome.own_errors.items()})
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        says = f"{failed} of {asked} requests ({told}); they are in no percentile"
        yield _verdict("bad", "failed", says)
    for note in result.notes:
        if note.startswith(_INTERRUPTED):
            yield _verdict("", _INTERRUPTED, note.removeprefix(_INTERRUPTED).strip())
    found = result.sweep or result.capacity
    if found and found["curve"]:
        knee, tried = found["rate"], found["curve"][0]["rate"]
        which = f"{tried:g} a second, the first" if knee is None else f"{knee:g} a second"
        says = f"{_load_says(result)}. The figures of the targets are of {which}."
        yield _verdict("", "sweep" if result.sweep else "capacity", says.removeprefix(". "))


def _load_says(result: Result) -> str:
    """Return the sentence of a sweep or of a search, which is the last note; empty without one."""
    return result.notes[-1] if result.notes and (result.sweep or result.capacity) else ""


_INTERRUPTED: Final = "interrupted"


def _verdict(kind: str, word: str, says: str) -> str:
    # An option is not broken after its hyphens.
    kept = re.sub(r"--[a-z-]+", r'<span class="keep">\g<0></span>', escape(says))
    return f'<p class="verdict {kind}"><strong>{escape(word)}</strong> {kept}</p>'


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
            why = _missing(found[0][0], name) if value == _NONE else more
            yield f"<li><span>{name}</span><strong>{escape(value)}</strong>"
            yield f"<span>{escape(why)}</span></li>"
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


_NONE: Final = "-"


def _missing(outcome: Outcome, name: str) -> str:
    """Return why one of the three figures is not stated."""
    if not outcome.complete:
        return "no request was complete"
    key = name.rpartition(", ")[2]
    if key in PERCENTILES and outcome.complete < needed(PERCENTILES[key]):
        return f"needs {needed(PERCENTILES[key])} requests; there are {outcome.complete}"
    return "measured in too few requests"


def _three(outcome: Outcome, key: str) -> list[tuple[str, str]]:
    """Return the three figures of the summary, each with its interval."""
    whole = outcome.summaries["continuity_100"]
    share = (_NONE, "")
    if whole is not None:
        ends = [number(end, percent=True) for end in whole.ci95.get("mean", ())]
        share = number(whole.mean, percent=True), _ends(ends)
    voice = _percentile(outcome.summaries["first_voice"], key, " ms")
    return [voice, share, _percentile(outcome.summaries["rtf"], "p50", "")]


def _percentile(summary: Summary | None, name: str, unit: str) -> tuple[str, str]:
    """Return a percentile and its interval; a dash where there are too few requests."""
    if summary is None or summary.percentiles[name] is None:
        return _NONE, ""
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
    """Yield the sentences: of targets in pairs only the first voice is not folded away."""
    voices = [each.says for each in result.pairs if each.measure == "first_voice"]
    first = [*voices[:_MOST_PAIRS], *table.remarks(result)]
    shown = [s for s in first if not s.startswith(_TOLD_ABOVE) and s != _load_says(result)]
    rest = [each.says for each in result.pairs if each.says not in first]
    if shown or rest:
        yield "<h2>What can be said</h2>"
    if len(shown) > _MOST_SAID:
        yield _folded(f"{len(shown)} sentences", shown)
    elif shown:
        yield _list(shown)
    if rest:
        yield _folded(f"The targets in pairs: {len(rest)} more sentences", rest)


def _folded(summary: str, sentences: Sequence[str]) -> str:
    return f"<details><summary>{summary}</summary>{_list(sentences)}</details>"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


_MOST_SAID: Final = 16
_MOST_PAIRS: Final = 6

_TOLD_ABOVE: Final = (_INTERRUPTED, "NOT VALID", "met:", "missed:", "cannot tell:", "not judged:")


def _measures(outcome: Outcome) -> str:
    caption = (
        "Moments in ms since the request's intended start; in brackets 95 % intervals. N: the "
        "requests in which it was measured."
    )
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
