"""The tables, made of what was kept."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.comparison.peers import PEERS
from benchmarks.comparison.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.comparison.peers import Peer
    from benchmarks.comparison.results import Results

NOTHING: Final = "–"


@dataclass(frozen=True)
class Column:
    """One figure of every player; less is better."""

    title: str
    row: str
    fact: str
    digits: int = 0
    scale: Callable[[float], float] = lambda value: value

    def values(self, results: Results, peer: Peer) -> list[float]:
        """Return what was measured of it, run by run."""
        return [self.scale(value) for value in results.values(self.row, peer.name, self.fact)]


COLD: Final = [
    Column("cold start to first sound, ms", "start", "first"),
    Column("head lost, ms", "start", "head", 1),
    Column("lost inside, ms", "start", "lost", 1),
    Column("silence inside, ms", "start", "inserted", 1),
    Column("glitches", "start", "breaks"),
    Column("tail lost, ms", "start", "tail", 1),
    Column("silence for a stall of 800 ms", "stall", "inserted"),
    Column("gaps of that stall", "stall", "breaks"),
    Column("CPU of it all, s", "start", "cpu", 2),
    Column("memory, MB", "start", "rss"),
]

WARM: Final = [
    Column("first byte to first sound, ms", "stop", "after_byte"),
    Column("stop to silence, ms", "stop", "stop"),
    Column("CPU s a minute of sound", "stop", "busy", 2, lambda share: 60 * share),
]

LOADS: Final = [name for name in ROWS if name.startswith("load-")]


def middle(values: Sequence[float], digits: int = 0) -> str:
    """Median, and the range around it."""
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return NOTHING
    # A minus that is only the sign of a zero tells nothing.
    low, mid, high = (
        f"{round(each, digits) + 0.0:.{digits}f}"
        for each in (min(values), statistics.median(values), max(values))
    )
    return f"{mid} ({low}–{high})" if high != low else mid


def tables(results: Results) -> str:
    """Return all of it, in Markdown."""
    return "\n\n".join(
        [
            _when(results),
            "*From a cold start:*",
            _table(results, COLD, {"the server dies": _death}),
            "*With all of it open:*",
            _table(results, WARM, {}),
            "*While Python is busy* (glitches; ms lost or of silence put in):",
            _loads(results),
        ]
    )


def _when(results: Results) -> str:
    moments = sorted(run["when"] for run in results)
    machines = ", then ".join(dict.fromkeys(run["machine"] for run in results))
    runs = [results.count(row, peer.name) for row in ROWS for peer in _shown(results, row)]
    loads = sorted(run["load"] for run in results)
    return (
        f"{moments[0]} to {moments[-1]}, {machines}; {min(runs)}"
        + (f" to {max(runs)}" if max(runs) > min(runs) else "")
        + f" runs of each, load {loads[0]:.1f}–{loads[-1]:.1f}. Median (range)."
    )


def _shown(results: Results, row: str) -> list[Peer]:
    return [peer for peer in PEERS if results.count(row, peer.name)]


def _table(
    results: Results, columns: Sequence[Column], more: dict[str, Callable[[Results, Peer], str]]
) -> str:
    lines = [_line(["Player", *(column.title for column in columns), *more])]
    lines.append("|---" * (1 + len(columns) + len(more)) + "|")
    for peer in PEERS:
        cells = [middle(column.values(results, peer), column.digits) for column in columns]
        cells += [tell(results, peer) for tell in more.values()]
        if set(cells) == {NOTHING}:
            cells[0] = f"could not be run: {results.trouble(peer.name) or 'not tried'}"
        lines.append(_line([peer.name, *cells]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _death(results: Results, peer: Peer) -> str:
    walls = results.values("dies", peer.name, "wall")
    if not walls:
        return NOTHING
    if statistics.median(walls) > ROWS["dies"].patience - 0.1:
        return f"does not return in {ROWS['dies'].patience:.0f} s"
    statuses = {f"{value:.0f}" for value in results.values("dies", peer.name, "status")}
    return f"exit {' or '.join(sorted(statuses))} after {statistics.median(walls):.1f} s"


def _loads(results: Results) -> str:
    lines = [_line(["Player", *(name.removeprefix("load-") for name in LOADS)])]
    lines.append("|---" * (1 + len(LOADS)) + "|")
    for peer in PEERS:
        cells = [_glitches(results, peer, row) for row in LOADS] if peer.python else ["no lock"]
        lines.append(_line([peer.name, *cells, *[NOTHING] * (len(LOADS) - len(cells))]))
    return "\n".join(lines)


def _glitches(results: Results, peer: Peer, row: str) -> str:
    breaks = results.values(row, peer.name, "breaks")
    facts = (results.values(row, peer.name, name) for name in ("head", "lost", "inserted", "tail"))
    missing = [sum(each) for each in zip(*facts, strict=True)]
    if not breaks:
        return NOTHING
    return f"{middle(breaks)}; {middle(missing)} ms"


def better(results: Results) -> list[str]:
    """Name each figure in which a peer is ahead of streamplay: each needs a sentence."""
    ours, *_ = PEERS
    found = []
    for column in (*COLD, *WARM):
        mine = column.values(results, ours)
        ahead = [
            f"{peer.name} ({middle(theirs, column.digits)})"
            for peer in PEERS
            if not peer.ours
            and mine
            and (theirs := column.values(results, peer))
            and round(statistics.median(theirs), column.digits)
            < round(statistics.median(mine), column.digits)
        ]
        if ahead:
            found.append(
                f"{column.title}: {middle(mine, column.digits)}, behind {', '.join(ahead)}"
            )
    return found
