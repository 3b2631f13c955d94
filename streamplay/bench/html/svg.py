"""Plots in SVG: axes, lines, steps, dots and bars.

The style sheet sets colours and strokes, by class. Text stays text, so that it can be read aloud,
searched and enlarged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Points = Iterable[tuple[float, float]]

WIDTH: Final = 640
HEIGHT: Final = 320

# Room for words of 19 units, to which the style sheet enlarges them on a narrow page.
_LEFT: Final = 92
_RIGHT: Final = 24
_TOP: Final = 14
_BOTTOM: Final = 60

SERIES: Final = 12
"""The number of colours and dashes in the style sheet; further series use them again."""


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Return round numbers between `low` and `high`, both ends allowed."""
    if not high > low:
        return [low]
    step = 10 ** math.floor(math.log10((high - low) / about))
    step *= next(f for f in (1, 2, 5, 10) if (high - low) / (step * f) <= about)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


@dataclass
class Plot:
    """A frame with two linear axes.

    Parameters
    ----------
    title, about : str
        What it shows, and what can be seen in it, for screen readers.
    x, y : tuple of float
        The ends of the axes.
    x_label, y_label : str
        Their names, with units.
    percent : bool
        Whether y is a share, shown in percent.
    height : int
        In the picture's own units.
    whole : bool
        Whether x counts something, and only whole numbers are written.
    """

    title: str
    about: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str
    y_label: str
    percent: bool = False
    height: int = HEIGHT
    whole: bool = False
    parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point in the picture."""
        (x0, x1), (y0, y1) = self.x, self.y
        across = (x - x0) / ((x1 - x0) or 1)
        up = (y - y0) / ((y1 - y0) or 1)
        wide, high = WIDTH - _LEFT - _RIGHT, self.height - _TOP - _BOTTOM
        return _LEFT + across * wide, _TOP + (1 - up) * high

    def line(self, points: Points, kind: str, hint: str = "") -> None:
        """Draw straight lines from point to point."""
        self._path([self.at(x, y) for x, y in points], kind, hint)

    def steps(self, points: Points, kind: str, hint: str = "") -> None:
        """Draw a line that keeps each value until the next point."""
        corners: list[tuple[float, float]] = []
        for x, y in points:
            if corners:
                corners.append((x, corners[-1][1]))
            corners.append((x, y))
        self.line(corners, kind, hint)

    def dot(self, x: float, y: float, kind: str, hint: str = "") -> None:
        """Draw a dot."""
        px, py = self.at(x, y)
        tag = f'<circle class="{kind}" cx="{px:.1f}" cy="{py:.1f}" r="3"'
        self.parts.append(_with_hint("circle", tag, hint))

    def cross(self, x: float, y: float, kind: str, hint: str = "") -> None:
        """Draw a cross."""
        px, py = self.at(x, y)
        arms = f"M{px - 4:.1f} {py - 4:.1f}l8 8m0 -8l-8 8"
        self.parts.append(_with_hint("path", f'<path class="{kind}" d="{arms}"', hint))

    def bar(self, x: tuple[float, float], y: tuple[float, float], kind: str, hint: str) -> None:
        """Draw a filled rectangle between two corners."""
        (left, bottom), (right, top) = self.at(x[0], y[0]), self.at(x[1], y[1])
        place = f'x="{left:.1f}" y="{top:.1f}"'
        size = f'width="{max(0.5, right - left):.1f}" height="{bottom - top:.1f}"'
        self.parts.append(_with_hint("rect", f'<rect class="{kind}" {place} {size}', hint))

    def text(self, x: float, y: float, words: str, kind: str = "label", *, hint: str = "") -> None:
        """Write at a point."""
        px, py = self.at(x, y)
        more = f"<title>{escape(hint)}</title>" if hint else ""
        place = f'class="{kind}" x="{px:.1f}" y="{py:.1f}"'
        self.parts.append(f"<text {place}>{escape(words)}{more}</text>")

    def svg(self) -> str:
        """Return the picture."""
        name = escape(self.title, quote=True)
        head = f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{name}">'
        told = f"<title>{escape(self.title)}</title><desc>{escape(self.about)}</desc>"
        return "".join([head, told, *self._frame(), *self.parts, "</svg>"])

    def _path(self, points: Sequence[tuple[float, float]], kind: str, hint: str) -> None:
        if points:
            way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            self.parts.append(_with_hint("path", f'<path class="{kind}" d="{way}"', hint))

    def _frame(self) -> Iterable[str]:
        """Yield the axes: lines, numbers, names."""
        bottom = self.height - _BOTTOM
        for x in ticks(*self.x):
            if self.whole and x % 1:
                continue
            px, _ = self.at(x, self.y[0])
            yield f'<path class="grid" d="M{px:.1f} {_TOP}V{bottom}"/>'
            yield f'<text class="tick" x="{px:.1f}" y="{bottom + 22}">{x:g}</text>'
        for y in ticks(*self.y, about=5) if self.y_label else ():
            _, py = self.at(self.x[0], y)
            shown = f"{100 * y:g}%" if self.percent else f"{y:g}"
            yield f'<path class="grid" d="M{_LEFT} {py:.1f}H{WIDTH - _RIGHT}"/>'
            yield f'<text class="tick end" x="{_LEFT - 6}" y="{py + 5:.1f}">{shown}</text>'
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        yield f'<text class="axis" x="{middle}" y="{self.height - 8}">{escape(self.x_label)}</text>'
        up = (_TOP + bottom) / 2
        turned = f'transform="translate(20 {up:.0f}) rotate(-90)"'
        yield f'<text class="axis" {turned}>{escape(self.y_label)}</text>'


def _with_hint(tag: str, opening: str, hint: str) -> str:
    return f"{opening}><title>{escape(hint)}</title></{tag}>" if hint else f"{opening}/>"
