"""The front as a picture: mean wait against mean gap, one point a rule. Plain SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 720
HEIGHT: Final = 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 40, 60

INK: Final = "#4a5568"
POLICY: Final = "#1f77b4"
RULE: Final = "#d1495b"

Point = tuple[str, float, float]


def draw_front(policy: Sequence[Point], rules: Sequence[Point], title: str) -> str:
    """Return an SVG: `policy` joined by a line, `rules` as single points.

    Parameters
    ----------
    policy, rules : sequence of (name, wait, gap)
        Seconds; drawn on logarithmic axes.
    title : str
        Above it.
    """
    axes = _Axes([*policy, *rules])
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (axes.place(w, g) for _, w, g in policy))
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15" fill="{INK}">{title}</text>',
        *axes.lines(),
        f'<polyline points="{line}" fill="none" stroke="{POLICY}" stroke-width="1.5"/>',
        *(_mark(axes, point, POLICY, above=True) for point in policy),
        *(_mark(axes, point, RULE, above=False) for point in _merged(rules)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axes:
    """Logarithmic axes around all points; below the least, the least is drawn."""

    def __init__(self, points: Sequence[Point]) -> None:
        waits = [max(wait, 0.01) for _, wait, _ in points]
        gaps = [max(gap, 0.001) for _, _, gap in points]
        self._x = (math.log10(min(waits)) - 0.1, math.log10(max(waits)) + 0.25)
        self._y = (math.log10(min(gaps)) - 0.1, math.log10(max(gaps)) + 0.1)

    def place(self, wait: float, gap: float) -> tuple[float, float]:
        across = (math.log10(max(wait, 0.01)) - self._x[0]) / (self._x[1] - self._x[0])
        up = (math.log10(max(gap, 0.001)) - self._y[0]) / (self._y[1] - self._y[0])
        x = LEFT + across * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def lines(self) -> list[str]:
        """Return the grid, with its numbers and names."""
        drawn = []
        for value in _round_numbers(*self._x):
            x, _ = self.place(value, 1)
            drawn.append(f'<path d="M{x:.1f} {TOP} V{HEIGHT - BOTTOM}" stroke="#e2e8f0"/>')
            where = f'x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle"'
            drawn.append(f'<text {where} fill="{INK}">{value:g}</text>')
        for value in _round_numbers(*self._y):
            _, y = self.place(1, value)
            drawn.append(f'<path d="M{LEFT} {y:.1f} H{WIDTH - RIGHT}" stroke="#e2e8f0"/>')
            where = f'x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end"'
            drawn.append(f'<text {where} fill="{INK}">{value:g}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        where = f'x="{middle}" y="{HEIGHT - 14}" text-anchor="middle"'
        drawn.append(f'<text {where} fill="{INK}">mean wait before the first sound, s</text>')
        turned = f'transform="translate(18 {HEIGHT / 2}) rotate(-90)" text-anchor="middle"'
        drawn.append(f'<text {turned} fill="{INK}">mean silence inside, s</text>')
        return drawn


def _round_numbers(low: float, high: float) -> list[float]:
    numbers = [step * 10.0**power for power in range(-4, 4) for step in (1, 2, 5)]
    return [number for number in numbers if low <= math.log10(number) <= high]


def _merged(points: Sequence[Point]) -> list[Point]:
    """Return the points, with one name for those that fall on one another."""
    names: dict[tuple[float, float], list[str]] = {}
    for name, wait, gap in points:
        names.setdefault((round(wait, 3), round(gap, 3)), []).append(name)
    return [(", ".join(same), wait, gap) for (wait, gap), same in names.items()]


def _mark(axes: _Axes, point: Point, colour: str, *, above: bool) -> str:
    name, wait, gap = point
    x, y = axes.place(wait, gap)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
        f'<text x="{x + 7:.1f}" y="{y + (-6 if above else 15):.1f}" fill="{colour}">{name}</text>'
    )
