"""The front as a picture: mean wait against mean gap, one point a rule. Plain SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 720
HEIGHT: Final = 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 40, 60

STEP: Final = 0.1
"""Seconds between two lines of the grid."""

STYLE: Final = """
.ground { fill: #ffffff } .ink { fill: #24292f } .grid { stroke: #d8dee4 }
.policy { fill: #0b62a4 } .line { stroke: #0b62a4 } .rule { fill: #b3261e }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } .ink { fill: #e6edf3 } .grid { stroke: #30363d }
.policy { fill: #79c0ff } .line { stroke: #79c0ff } .rule { fill: #ff7b72 } }
"""

LETTER: Final = (7.5, 13)
"""How wide and how high a letter is, about: names must not lie on one another."""

Point = tuple[str, float, float]


def draw_front(policy: Sequence[Point], rules: Sequence[Point], title: str) -> str:
    """Return an SVG: `policy` joined by a line, `rules` as single points.

    Parameters
    ----------
    policy, rules : sequence of (name, wait, gap)
        Seconds; the axes begin at 0, so that what costs the same lies on a straight line.
    title : str
        Above it.
    """
    axes = _Axes([*policy, *rules])
    names = _Names(axes)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (axes.place(w, g) for _, w, g in policy))
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f"<style>{STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text x="{LEFT}" y="24" font-size="15" class="ink">{title}</text>',
        *axes.lines(),
        f'<polyline points="{line}" class="line" fill="none" stroke-width="1.5"/>',
        *(names.mark(point, "rule", ("right above", "right below")) for point in _merged(rules)),
        *(names.mark(point, "policy", ("right above", "left below")) for point in policy),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axes:
    """Both from 0, with room for a name to the left of it."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._wait = 1.15 * max(wait for _, wait, _ in points)
        self._gap = 1.1 * max(gap for _, _, gap in points)
        self._zero = LEFT + 50

    def place(self, wait: float, gap: float) -> tuple[float, float]:
        """Return where a point lies in the picture."""
        x = self._zero + wait / self._wait * (WIDTH - RIGHT - self._zero)
        y = HEIGHT - BOTTOM - gap / self._gap * (HEIGHT - TOP - BOTTOM)
        return x, y

    def lines(self) -> list[str]:
        """Return the grid, with its numbers and names."""
        drawn = []
        for number in range(int(self._wait / STEP) + 1):
            x, _ = self.place(number * STEP, 0)
            drawn.append(f'<path d="M{x:.1f} {TOP} V{HEIGHT - BOTTOM}" class="grid"/>')
            where = f'x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle"'
            drawn.append(f'<text {where} class="ink">{number * STEP:.1f}</text>')
        for number in range(int(self._gap / STEP) + 1):
            _, y = self.place(0, number * STEP)
            drawn.append(f'<path d="M{LEFT} {y:.1f} H{WIDTH - RIGHT}" class="grid"/>')
            where = f'x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end"'
            drawn.append(f'<text {where} class="ink">{number * STEP:.1f}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        where = f'x="{middle}" y="{HEIGHT - 14}" text-anchor="middle"'
        drawn.append(f'<text {where} class="ink">mean wait before the first sound, s</text>')
        turned = f'transform="translate(18 {HEIGHT / 2}) rotate(-90)" text-anchor="middle"'
        drawn.append(f'<text {turned} class="ink">mean silence inside, s</text>')
        return drawn


class _Names:
    """Puts points, and each one's name where no other is."""

    def __init__(self, axes: _Axes) -> None:
        self._axes = axes
        self._taken: list[tuple[float, float, float]] = []  # left, right, baseline

    def mark(self, point: Point, kind: str, sides: Sequence[str]) -> str:
        """Return a point and its name, on the first of `sides` that is free."""
        name, wait, gap = point
        x, y = self._axes.place(wait, gap)
        width, height = LETTER[0] * len(name), LETTER[1]
        places = [
            (x - 7 - width if "left" in side else x + 7, y - 7 if "above" in side else y + 16)
            for side in sides
        ]
        left, base = next(
            (place for place in places if self._is_free(*place, width, height)), places[-1]
        )
        self._taken.append((left, left + width, base))
        end = left < x
        anchor = (
            f'x="{left + width if end else left:.1f}" text-anchor="{"end" if end else "start"}"'
        )
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{kind}"/>'
            f'<text {anchor} y="{base:.1f}" class="{kind}">{name}</text>'
        )

    def _is_free(self, left: float, base: float, width: float, height: float) -> bool:
        return not any(
            left < right and start < left + width and abs(base - other) < height
            for start, right, other in self._taken
        )


def _merged(points: Sequence[Point]) -> list[Point]:
    """Return the points by their wait, with one name for those that fall on one another."""
    names: dict[tuple[float, float], list[str]] = {}
    for name, wait, gap in sorted(points, key=lambda point: point[1]):
        names.setdefault((round(wait, 3), round(gap, 3)), []).append(name)
    return [(", ".join(same), wait, gap) for (wait, gap), same in names.items()]
