"""The page of the report: objectives, tables, figures, and how the run was made."""

from __future__ import annotations

import os
import platform
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from streamplay.bench import table
from streamplay.bench.html.figures import Figure, figures
from streamplay.bench.measures import LEFT_OUT, MEASURES, SINCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.bench.result import Outcome, Result

# The page loads nothing, whatever a name or a text in the result holds.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# An empty icon: otherwise a browser requests one.
_NO_ICON: Final = '<link rel="icon" href="data:,">'


def page(result: Result) -> str:
    """Return the whole report as one HTML document."""
    names = ", ".join(outcome.target.name for outcome in result.outcomes)
    style = files("streamplay.bench.html").joinpath("report.css").read_text(encoding="utf-8")
    return "".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>streamplay bench: {escape(names)}</title>{_NO_ICON}",
            f"<style>{style}</style></head><body><main>",
            *_head(result),
            *_verdicts(result),
            *_tables(result),
            *_figures(result),
            *_definitions(),
            *_making(result),
            "</main></body></html>\n",
        ]
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
        kind = {"met": "good", "missed": "bad"}.get(each["verdict"], "")
        yield _verdict(kind, each["verdict"], each["says"])


def _verdict(kind: str, word: str, says: str) -> str:
    return f'<p class="verdict {kind}"><strong>{escape(word)}</strong> {escape(says)}</p>'


def _tables(result: Result) -> Iterator[str]:
    for outcome in result.outcomes:
        yield f"<h2>{escape(outcome.target.name)}</h2>"
        yield f'<p class="soft">{escape(table.heading(outcome))}</p>'
        if outcome.complete:
            yield _measures(outcome)
    said = [s for s in table.sentences(result) if not s.startswith(_TOLD_ABOVE)]
    if said:
        yield "<h2>What can be said</h2><ul>"
        yield from (f"<li>{escape(sentence)}</li>" for sentence in said)
        yield "</ul>"


_TOLD_ABOVE: Final = ("NOT VALID", "met:", "missed:", "cannot tell:")


def _measures(outcome: Outcome) -> str:
    caption = "Moments in ms since the request's intended start; in brackets 95 % intervals."
    return _table(table.COLUMNS, list(table.rows(outcome)), caption)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in columns)
    body = "".join(_row(cells) for cells in rows)
    told = f"<caption><span>{escape(caption)}</span></caption>"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    numbers = "".join(f"<td>{_dim(cell)}</td>" for cell in rest)
    return f'<tr><th scope="row">{escape(first)}</th>{numbers}</tr>'


def _dim(cell: str) -> str:
    """Return a cell with its interval set smaller."""
    value, bracket, ends = cell.partition(" [")
    dimmed = f' <span class="ends">[{escape(ends)}</span>' if bracket else ""
    return escape(value) + dimmed


def _figures(result: Result) -> Iterator[str]:
    drawn = [_figure(each) for each in figures(result)]
    if drawn:
        yield '<h2>Figures</h2><div class="figures">'
        yield from drawn
        yield "</div>"


def _figure(figure: Figure) -> str:
    numbers = _table(figure.columns, figure.rows, f"{figure.heading} in numbers")
    return (
        f"<figure><h3>{escape(figure.heading)}</h3>{figure.svg}{_legend(figure)}"
        f"<figcaption>{escape(figure.about)}</figcaption>"
        f"<details><summary>In numbers</summary>{numbers}</details></figure>"
    )


def _legend(figure: Figure) -> str:
    items = "".join(f"<li>{_key(kind)}{escape(words)}</li>" for words, kind in figure.legend)
    return f'<ul class="legend">{items}</ul>' if items else ""


def _key(kind: str) -> str:
    """Return a small sample of a line or a bar, for the legend."""
    line, bar = 'path d="M0 5H30"', 'rect width="30" height="10"'
    shape = line if kind.startswith("line") else bar
    return f'<svg viewBox="0 0 30 10" aria-hidden="true"><{shape} class="{kind}"/></svg>'


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
        "Late starts": str(result.run.late_starts),
        "Processor time, s": f"{result.run.lag.cpu_seconds:.2f}",
    }
    yield "<h2>How it was made</h2><dl>"
    yield from (f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    yield "</dl>"
