"""Bars: from asking to the first sound, cold and warm; readable on light and on dark pages."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.comparison.peers import PEERS
from benchmarks.comparison.rows import FIRST_BYTE_MS

if TYPE_CHECKING:
    from benchmarks.comparison.results import Results

LEFT, WIDTH, BAR, GAP, HEAD = 190, 420, 18, 8, 30

STYLE = """
.ground { fill: #ffffff }
text { fill: #24292f; font: 12px sans-serif } .title { font-weight: bold }
.ours { fill: #2a6f97 } .theirs { fill: #a9a9a9 } .range { stroke: #24292f }
.byte { stroke: #c1121f; stroke-dasharray: 4 } .note { fill: #c1121f; font-size: 11px }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 }
text { fill: #e6edf3 } .ours { fill: #61a5c2 } .theirs { fill: #6e7681 } .range { stroke: #e6edf3 }
.byte { stroke: #ff7b72 } .note { fill: #ff7b72 } }
"""


def picture(results: Results) -> str:
    """Return it as SVG, on a ground of its own: the page may be of the other kind."""
    parts, y = [], 0
    for title, row, fact, byte in (
        ("Cold: start of the process to first sound, ms", "start", "first", FIRST_BYTE_MS),
        ("Warm: first byte to first sound, ms", "stop", "after_byte", 0),
    ):
        drawn, y = _chart(results, title, (row, fact, byte), y)
        parts += drawn
    y += GAP
    size = f'viewBox="0 0 {LEFT + WIDTH + 90} {y}" width="{LEFT + WIDTH + 90}" height="{y}"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<title>From asking to the first sound, by player</title>\n"
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" width="100%" height="100%"/>\n{body}\n</svg>\n'
    )


def _chart(
    results: Results, title: str, figure: tuple[str, str, int], top: int
) -> tuple[list[str], int]:
    row, fact, byte = figure
    measured = {peer: results.values(row, peer.name, fact) for peer in PEERS}
    bars = sorted(
        ((statistics.median(values), peer, values) for peer, values in measured.items() if values),
        key=lambda bar: bar[0],
    )
    if not bars:
        return [], top
    scale = WIDTH / max(max(values) for *_, values in bars)
    parts = [f'<text class="title" x="{LEFT}" y="{top + 18}">{title} (median, range)</text>']
    y = top + HEAD
    for mid, peer, values in bars:
        kind, middle = ("ours" if peer.ours else "theirs"), y + BAR / 2
        long = max(1, scale * mid)
        low, high = (LEFT + max(0, scale * each) for each in (min(values), max(values)))
        parts += [
            f'<text x="{LEFT - 6}" y="{y + 13}" text-anchor="end">{peer.name}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{long:.0f}" height="{BAR}"/>',
            f'<path class="range" d="M{low:.0f} {middle}H{high:.0f}" fill="none"/>',
            f'<text x="{high + 6:.0f}" y="{y + 13}">{mid:.0f}</text>',
        ]
        y += BAR + GAP
    if byte:
        x = LEFT + byte * scale
        parts.append(f'<path class="byte" d="M{x:.0f} {top + HEAD - 4}V{y}"/>')
        parts.append(
            f'<text class="note" x="{x + 4:.0f}" y="{y + 8}">{byte} ms: the server takes that '
            "long, from the request</text>"
        )
        y += 12
    return parts, y + 12
