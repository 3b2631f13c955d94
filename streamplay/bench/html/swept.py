"""The figures of a sweep over rates, or of a search for the capacity: what the load changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamplay.bench.html.figure import Figure
from streamplay.bench.html.svg import SERIES, Plot
from streamplay.bench.table import number, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Curve = Sequence[Mapping[str, Any]]


def swept(found: Mapping[str, Any] | None) -> Iterator[Figure]:
    """Yield the curves over rate and over concurrency; nothing where one rate was measured."""
    curve = [step for step in (found or {}).get("curve", ()) if step["targets"]]
    if found is None or not curve:
        return
    names = [each["name"] for each in curve[0]["targets"]]
    knee = found["rate"]
    yield from _first_voice(curve, names, knee)
    yield from _over_concurrency(curve, names, knee)
    yield from _real_time(curve, names)
    yield _throughput(curve, names, knee)


def _of(step: Mapping[str, Any], target: int, measure: str, key: str) -> float | None:
    value: float | None = step["targets"][target][measure][key]
    return value


def _points(
    curve: Curve, target: int, across: str, measure: str, key: str
) -> list[tuple[float, float]]:
    found = ((step[across], _of(step, target, measure, key)) for step in curve)
    return sorted((x, y) for x, y in found if y is not None)


def _legend(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = tuple((name, f"line s{index % SERIES}") for index, name in enumerate(names))
    return found if len(names) > 1 else ()


def _knee(plot: Plot, x: float, says: str) -> None:
    """Draw the knee, and write beside it, on the side where there is more room."""
    plot.line([(x, 0), (x, plot.y[1])], "knee", says)
    left = x > plot.x[1] / 2
    words, kind = (
        (f"{says}\N{NO-BREAK SPACE}", "label end")
        if left
        else (f"\N{NO-BREAK SPACE}{says}", "label")
    )
    plot.text(x, plot.y[1] * 0.95, words, kind)


def _lines(plot: Plot, curve: Curve, names: Sequence[str], across: str, measure: str) -> None:
    """Draw the median thin and p95 thick, a colour for each target; a cross where a step failed."""
    for index in range(len(names)):
        kind = f"s{index % SERIES}"
        plot.line(_points(curve, index, across, measure, "p50"), f"line thin {kind}")
        plot.line(_points(curve, index, across, measure, "p95"), f"line {kind}")
        for step in curve:
            value = _of(step, index, measure, "p95")
            if value is None:
                continue
            hint = f"{names[index]}, {step['rate']:g} a second: "
            if step["good"]:
                plot.dot(step[across], value, f"dot {kind}", f"{hint}{number(value)}")
            else:
                plot.cross(step[across], value, f"cross {kind}", hint + step["why"])


def _high(curve: Curve, measure: str) -> float:
    values = [
        each[measure][key] for step in curve for each in step["targets"] for key in ("p50", "p95")
    ]
    return max((value for value in values if value is not None), default=0.0)


def _first_voice(curve: Curve, names: Sequence[str], knee: float | None) -> Iterator[Figure]:
    high = _high(curve, "first_voice")
    if not high:
        return
    about = (
        "Median (thin) and p95 of the first voice at each rate that was held; crosses: the rate "
        "does not hold. The vertical line is the knee: the highest rate that holds. Of a rate with "
        "few requests (in the numbers) p95 is the largest of them, and no interval is stated."
    )
    plot = Plot(
        "First voice over rate", about, (0, curve[-1]["rate"] * 1.05), (0, high * 1.08),
        "requests a second", title("first_voice"),
    )  # fmt: skip
    _lines(plot, curve, names, "rate", "first_voice")
    if knee is not None:
        _knee(plot, knee, f"{knee:g} a second")
    rows = tuple(
        (f"{step['rate']:g}", f"{step['ended']:g}", f"{step['concurrency']:.3g}",
         str(step["requests"]), str(step["limited"]), str(step["failed"]),
         number(step["first_voice"]["p50"]), number(step["first_voice"]["p95"]),
         step["why"] or "holds")
        for step in curve
    )  # fmt: skip
    whose = ", all targets" if len(names) > 1 else ""
    latencies = (f"p50{whose}", f"p95{whose}")
    columns = ("Rate", "ended", "at a time", "requests", "429", "failed", *latencies, "")
    yield Figure("First voice over rate", about, plot.svg(), columns, rows, _legend(names))


def _over_concurrency(curve: Curve, names: Sequence[str], knee: float | None) -> Iterator[Figure]:
    high, wide = _high(curve, "first_voice"), max(step["concurrency"] for step in curve)
    if not high or not wide:
        return
    about = (
        "The same over how many requests were on their way at a time, on average. The vertical "
        "line is where the knee is."
    )
    plot = Plot(
        "First voice over concurrency", about, (0, wide * 1.05), (0, high * 1.08),
        "requests at a time", title("first_voice"),
    )  # fmt: skip
    _lines(plot, curve, names, "concurrency", "first_voice")
    at = [step["concurrency"] for step in curve if step["rate"] == knee]
    if at:
        _knee(plot, at[0], f"{at[0]:.3g} at a time")
    columns, rows = _table(curve, names, "first_voice")
    heading = "First voice over concurrency"
    yield Figure(heading, about, plot.svg(), columns, rows, _legend(names))


def _real_time(curve: Curve, names: Sequence[str]) -> Iterator[Figure]:
    high, wide = _high(curve, "rtf"), max(step["concurrency"] for step in curve)
    if not high or not wide:
        return
    about = (
        "Median (thin) and p95 of the real-time factor. Above the dotted line speech is made more "
        "slowly than it is heard."
    )
    plot = Plot(
        "Real-time factor over concurrency", about, (0, wide * 1.05), (0, max(1.1, high * 1.08)),
        "requests at a time", title("rtf"),
    )  # fmt: skip
    plot.line([(0, 1), (plot.x[1], 1)], "limit", "as fast as it is heard")
    _lines(plot, curve, names, "concurrency", "rtf")
    columns, rows = _table(curve, names, "rtf")
    heading = "Real-time factor over concurrency"
    yield Figure(heading, about, plot.svg(), columns, rows, _legend(names))


def _throughput(curve: Curve, names: Sequence[str], knee: float | None) -> Figure:
    about = (
        "Seconds of audio that each second of the run has given. Where the curve bends, the server "
        "is full."
    )

    def audio(step: Mapping[str, Any], index: int) -> float:
        return step["targets"][index]["throughput"]["audio_seconds_per_second"] or 0.0

    high = max(audio(step, index) for step in curve for index in range(len(names)))
    plot = Plot(
        "Throughput", about, (0, curve[-1]["rate"] * 1.05), (0, high * 1.08 or 1),
        "requests a second", "audio, s a second",
    )  # fmt: skip
    for index, name in enumerate(names):
        kind = f"s{index % SERIES}"
        points = [(step["rate"], audio(step, index)) for step in curve]
        plot.line(points, f"line {kind}")
        for x, y in points:
            plot.dot(x, y, f"dot {kind}", f"{name}, {x:g} a second: {number(y)} s of audio")
    if knee is not None:
        _knee(plot, knee, f"{knee:g} a second")
    rows = tuple(
        (f"{step['rate']:g}", name, number(audio(step, index)))
        for step in curve
        for index, name in enumerate(names)
    )
    columns = ("Rate", "target", "audio, s a second")
    return Figure("Throughput", about, plot.svg(), columns, rows, _legend(names))


def _table(
    curve: Curve, names: Sequence[str], measure: str
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    rows = tuple(
        (
            f"{step['concurrency']:.3g}",
            f"{step['rate']:g}",
            name,
            *(number(_of(step, index, measure, key)) for key in ("p50", "p95")),
        )
        for step in curve
        for index, name in enumerate(names)
    )
    return ("At a time", "rate", "target", "p50", "p95"), rows
