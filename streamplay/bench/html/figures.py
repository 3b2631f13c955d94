"""The figures of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.bench.curves import (
    PHASES,
    PREBUFFERS,
    medians,
    share_below,
    stall_shares,
    thin,
    traces_of,
)
from streamplay.bench.html.figure import Figure
from streamplay.bench.html.svg import SERIES, Plot
from streamplay.bench.html.swept import swept
from streamplay.bench.measures import BY_NAME
from streamplay.bench.statistics import PERCENTILES, percentile, summarise
from streamplay.bench.table import cell, number, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamplay.bench.result import Outcome, Result
    from streamplay.trace import Trace

DISTRIBUTIONS: Final = (
    *("first_byte", "first_audio", "first_sound", "first_voice", "total", "rtf"),
    *("chunk_gap", "safe_start"),
)

# The most streams to draw: more of them show nothing more, and take long to draw.
_MOST_CURVES: Final = 60
_MOST_DOTS: Final = 2000

# The bars of more targets lie upon one another, and hide the lines.
_MOST_BARS: Final = 4

_MOST_LETTERS: Final = 48
"""As many as fit in a figure on a narrow page."""


def figures(result: Result) -> Iterator[Figure]:
    """Yield every figure for which the result has data."""
    yield from swept(result.capacity or result.sweep)
    yield from _distributions(result.outcomes)
    yield from _waterfall(result.outcomes)
    for index, outcome in enumerate(result.outcomes):
        yield from _arrivals(outcome, index)
    yield from _stalls(result.outcomes)
    yield from _series(result)


def _named(outcomes: Sequence[Outcome], shape: str = "line") -> tuple[tuple[str, str], ...]:
    """Return the legend of several targets; empty for one."""
    names = [
        (each.target.name, f"{shape} s{index % SERIES}") for index, each in enumerate(outcomes)
    ]
    return tuple(names) if len(names) > 1 else ()


def _distributions(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    for name in DISTRIBUTIONS:
        values = [outcome.values(name) for outcome in outcomes]
        if any(values):
            yield _distribution(name, outcomes, values)


def _distribution(
    name: str, outcomes: Sequence[Outcome], values: Sequence[Sequence[float]]
) -> Figure:
    bars = len(outcomes) <= _MOST_BARS
    where = "Thick bars" if bars else "In the numbers"
    about = (
        f"{BY_NAME[name].definition} For each value on the axis, the share of requests at or below "
        f"it. {where}: the 95 % intervals of the percentiles that are stated."
    )
    high = max(max(found) for found in values if found)
    plot = Plot(title(name), about, (0, high * 1.02 or 1), (0, 1), title(name), "share of requests")
    plot.percent = True
    rows = []
    for index, (outcome, found) in enumerate(zip(outcomes, values, strict=True)):
        kind = f"s{index % SERIES}"
        corners = share_below(found)
        ends = [*corners, (plot.x[1], 1.0)] if corners else []
        plot.steps(ends, f"line {kind}", outcome.target.name)
        summary = summarise(found)
        for key, (low, upper) in summary.ci95.items() if bars else ():
            at = PERCENTILES[key]
            hint = f"{outcome.target.name}: {key} {number(summary.percentiles[key])}, 95 %: "
            hint += f"{number(low)} to {number(upper)}"
            plot.line([(low, at), (upper, at)], f"interval {kind}", hint)
        cells = (cell(summary, key) for key in PERCENTILES)
        rows.append((outcome.target.name, str(summary.n), *cells, number(summary.max)))
    columns = ("Target", "n", *PERCENTILES, "max")
    heading = _upper(BY_NAME[name].title)
    return Figure(heading, about, plot.svg(), columns, tuple(rows), _named(outcomes))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _waterfall(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    found_medians = [medians(outcome) for outcome in outcomes]
    if not any(found_medians):
        return
    about = (
        "Medians: where a request's time goes until the first voice. A vertical line shows when "
        "all had been received."
    )
    high = max(max(found.values()) for found in found_medians if found)
    plot = Plot(
        "Where the time goes", about, (0, high * 1.02 or 1), (0, len(outcomes)),
        "ms since the intended start", "", height=90 + 50 * len(outcomes),
    )  # fmt: skip
    rows = []
    for index, (outcome, found) in enumerate(zip(outcomes, found_medians, strict=True)):
        low = len(outcomes) - index - 0.8
        name, without = outcome.target.name, "" if found else ": no median"
        says = _short(name, _MOST_LETTERS - len(without)) + without
        plot.text(0, low + 0.58, says, hint=name)
        before = 0.0
        for place, phase in enumerate(PHASES):
            if phase in found:
                hint = f"until {BY_NAME[phase].title}: {number(found[phase])} ms"
                plot.bar((before, found[phase]), (low, low + 0.5), f"phase p{place}", hint)
                before = found[phase]
        if "total" in found:
            ends = [(found["total"], low - 0.05), (found["total"], low + 0.55)]
            plot.line(ends, "mark", f"all received: {number(found['total'])} ms")
        cells = (number(found.get(name)) for name in (*PHASES, "total"))
        rows.append((outcome.target.name, *cells))
    columns = ("Target", *(BY_NAME[name].title for name in (*PHASES, "total")))
    legend = tuple(
        (BY_NAME[phase].title, f"phase p{place}")
        for place, phase in enumerate(PHASES)
        if any(phase in found for found in found_medians)
    )
    yield Figure("Where the time goes", about, plot.svg(), columns, tuple(rows), legend)


def _short(name: str, most: int = _MOST_LETTERS) -> str:
    """Return a name with its middle left out if it is long: names often differ at the end."""
    half = most // 2
    return name if len(name) <= most else f"{name[:half]}…{name[1 - half :]}"


def _arrivals(outcome: Outcome, index: int) -> Iterator[Figure]:
    traces = traces_of(outcome)
    if not traces:
        return
    ranked = sorted(traces, key=lambda each: each[1].safe_start)
    worst, typical = ranked[-1][1], ranked[len(ranked) // 2][1]
    about = (
        "Audio received against time, both since the first audio; faint: other requests. The "
        "straight lines are the playout. Where the curve lies below its line, there is silence."
    )
    shown = [trace for _, trace in ranked[:: max(1, len(ranked) // _MOST_CURVES)]]
    ends = [trace.arrivals[-1][0] - trace.arrivals[0][0] for trace in (*shown, worst)]
    longest = max(trace.frames / trace.samplerate for trace in (*shown, worst))
    across = max(*ends, 0.4 * longest, longest if worst.safe_start > 0.005 else 0.0)
    plot = Plot(
        f"Arrivals, {outcome.target.name}", about, (0, across), (0, longest * 1.04),
        "seconds since the first audio", "seconds of audio",
    )  # fmt: skip
    for trace in shown:
        plot.steps(_curve(trace), "faint")
    kind = f"s{index % SERIES}"
    plot.steps(_curve(typical), f"line thin {kind}", "the median request")
    plot.steps(_curve(worst), f"line {kind}", "the request with the largest least safe start")
    for start, dash in ((0.0, "playout"), (worst.safe_start, "playout safe")):
        length = min(worst.frames / worst.samplerate, across - start)
        hint = f"playout from {1000 * start:.0f} ms"
        plot.line([(start, 0), (start + length, length)], dash, hint)
    says = f"least safe start: {1000 * worst.safe_start:.0f} ms"
    plot.text(across, longest * 0.06, says, "label end")
    rows = tuple(
        (which, number(1000 * trace.safe_start), number(1000 * trace.arrivals[-1][0]),
         f"{trace.frames / trace.samplerate:.2f}", str(len(trace.arrivals)))
        for which, trace in (("median", typical), ("largest", worst))
    )  # fmt: skip
    columns = ("Request", "least safe start, ms", "last audio, ms", "audio, s", "chunks")
    legend = (
        ("the median request", f"line thin {kind}"),
        ("largest least safe start", f"line {kind}"),
        ("playout from the first audio", "playout"),
        ("playout from that least safe start", "playout safe"),
    )
    yield Figure(f"Arrivals: {outcome.target.name}", about, plot.svg(), columns, rows, legend)


def _curve(trace: Trace) -> list[tuple[float, float]]:
    """Return the seconds of audio received by each moment."""
    first, frames, points = trace.arrivals[0][0], 0, [(0.0, 0.0)]
    for when, count in trace.arrivals:
        frames += count
        points.append((when - first, frames / trace.samplerate))
    return thin(points, 200)


def _stalls(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    shares = [stall_shares(outcome) for outcome in outcomes]
    if not any(shares):
        return
    about = "The share of requests that would stall, by how much audio is ahead when sound starts."
    plot = Plot(
        "Stalls over prebuffer", about, (0, PREBUFFERS[-1]), (0, 1),
        "prebuffer, ms", "requests with a stall", percent=True,
    )  # fmt: skip
    for index, found in enumerate(shares):
        kind = f"s{index % SERIES}"
        name = outcomes[index].target.name
        plot.line(found, f"line {kind}", name)
        for at, share in found:
            plot.dot(at, share, f"dot {kind}", f"{name}, {at:g} ms ahead: {share:.1%} stall")
    rows = tuple(
        (outcome.target.name, *(f"{share:.1%}" for _, share in found))
        for outcome, found in zip(outcomes, shares, strict=True)
        if found
    )
    columns = ("Target", *(f"{ms} ms" for ms in PREBUFFERS))
    yield Figure("Stalls over prebuffer", about, plot.svg(), columns, rows, _named(outcomes))


def _series(result: Result) -> Iterator[Figure]:
    """Yield the first voice of every request over the time of the run."""
    begun = result.run.begun
    points = [
        [
            (row.sample.intended - begun, row.values.get("first_voice"), row.sample.error)
            for row in outcome.rows
        ]
        for outcome in result.outcomes
    ]
    values = [value for found in points for _, value, _ in found if value is not None]
    if not values:
        return
    about = "First voice of each request, by when it was to begin. Crosses: requests that failed."
    over = max(result.run.ended - begun, *(when for found in points for when, _, _ in found))
    plot = Plot(
        "First voice over time", about, (0, over or 1), (0, max(values) * 1.08 or 1),
        "seconds since the run's beginning", title("first_voice"),
    )  # fmt: skip
    for index, found in enumerate(points):
        name, kind = result.outcomes[index].target.name, f"s{index % SERIES}"
        for when, value, error in found[:: max(1, len(found) // _MOST_DOTS)]:
            if value is not None:
                plot.dot(when, value, f"dot {kind}", f"{name}: {number(value)} ms")
            elif error is not None:
                plot.cross(when, plot.y[1] * 0.97, f"cross {kind}", f"{name}: {error}")
    rows = tuple(_thirds(outcome, begun) for outcome in result.outcomes)
    columns = ("Target", "median, first third", "second third", "last third", "failed")
    legend = _named(result.outcomes, "dot")
    yield Figure("First voice over time", about, plot.svg(), columns, rows, legend)


def _thirds(outcome: Outcome, begun: float) -> tuple[str, ...]:
    ranked = sorted(outcome.rows, key=lambda row: row.sample.intended - begun)
    size = max(1, -(-len(ranked) // 3))
    cells = []
    for start in (0, size, 2 * size):
        part = (row.values.get("first_voice") for row in ranked[start : start + size])
        values = sorted(value for value in part if value is not None)
        cells.append(number(percentile(values, 0.5)) if values else "-")
    return (outcome.target.name, *cells, str(sum(outcome.errors.values())))
