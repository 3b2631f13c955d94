"""The main figures as one picture, for a document: with matplotlib (the extra ``bench``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamplay.bench.curves import PHASES, medians, share_below, stall_shares
from streamplay.bench.export import writing
from streamplay.bench.measures import BY_NAME
from streamplay.bench.table import title
from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.bench.result import Outcome, Result

# The palette of Okabe and Ito, made for every kind of colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def write_png(path: Path, result: Result) -> None:
    """Draw the figures: first voice, parts of the time, audio received, stalls over prebuffer.

    Raises
    ------
    FileFailed
        If matplotlib is not installed, or the file cannot be written.
    """
    canvas, make = matplotlib()
    figure = make(figsize=(11, 7.5), layout="constrained")
    canvas(figure)
    (first, second), (third, fourth) = figure.subplots(2, 2)
    _distribution(first, result, "first_voice")
    _waterfall(second, result.outcomes)
    _distribution(third, result, "total")
    _stalls(fourth, result.outcomes)
    for axes in (first, third, fourth):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
    valid = "" if result.valid else "   NOT VALID: the tool itself was too late"
    figure.suptitle(f"streamplay bench, {result.started}{valid}", fontsize=11)
    with writing(path):
        figure.savefig(path, dpi=150, format="png")


def matplotlib() -> tuple[Any, Any]:
    """Return matplotlib's canvas and its figure class.

    Raises
    ------
    FileFailed
        If it is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise FileFailed(
            "--png needs matplotlib, not installed here",
            remedy="Install it with: pip install 'streamplay[bench]'",
        ) from error
    return FigureCanvasAgg, Figure


def _distribution(axes: Any, result: Result, name: str) -> None:
    for index, outcome in enumerate(result.outcomes):
        corners = share_below(outcome.values(name))
        if corners:
            x, y = zip(*corners, strict=True)
            axes.step(x, y, where="post", color=_colour(index), label=outcome.target.name)
    axes.set(xlabel=title(name), ylabel="share of requests", ylim=(0, 1.02))
    axes.set_xlim(left=0)
    axes.grid(visible=True, alpha=0.3)


def _waterfall(axes: Any, outcomes: list[Outcome]) -> None:
    for index, outcome in enumerate(outcomes):
        found, before = medians(outcome), 0.0
        axes.text(0, index - 0.3, outcome.target.name, va="bottom", fontsize=9)
        for place, phase in enumerate(PHASES):
            if phase in found:
                colour = f"C{place}"
                axes.barh(index, found[phase] - before, left=before, color=colour, height=0.5)
                before = found[phase]
    shown = {phase for outcome in outcomes for phase in medians(outcome)}
    for place, phase in enumerate(PHASES):
        if phase in shown:
            axes.barh(0, 0, color=f"C{place}", label=BY_NAME[phase].title)
    axes.set_yticks([])
    axes.set_ylim(len(outcomes) - 0.5, -0.7)
    axes.set(xlabel="ms since the intended start (medians)")
    if shown:
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12), "ncols": 4}
        axes.legend(frameon=False, fontsize=8, **below)


def _stalls(axes: Any, outcomes: list[Outcome]) -> None:
    for index, outcome in enumerate(outcomes):
        shares = stall_shares(outcome)
        if shares:
            x, y = zip(*shares, strict=True)
            axes.plot(x, y, marker="o", ms=3, color=_colour(index), label=outcome.target.name)
    axes.set(xlabel="prebuffer, ms", ylabel="requests with a stall", ylim=(-0.02, 1.02))
    axes.grid(visible=True, alpha=0.3)


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]
