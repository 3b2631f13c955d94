"""A server that changes: which share of stalls can come, which came, and what another would cost.

    .venv/bin/python -m benchmarks.policy.changing [--count 10000] [--docs docs/policy.md]

The family ``changing`` is one of five kinds of server for some 200 utterances, then another. A kind
that would stall less often than asked for, if it were started at once, cannot stall more often. So
the share that can come over all of them is the mean of the smaller of both, utterance by utterance.
Printed: that share beside the one that came, kind by kind, in the first utterances after a change
and later; and the front: the policy set to other weights, what share it then stalls, and what that
costs at the weight asked for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.documented import replace_part
from benchmarks.policy.cost import REPORTED, Score, fixed, interval, learners, score
from benchmarks.policy.families import utterances

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS: Final = (2, 5, 10, 20)

OTHERS: Final = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0)
"""Weights to which the policy is set for the front."""

SETTLED: Final = 40
"""Utterances after a change: by then the older ones have a quarter of the weight."""


def run(count: int) -> list[str]:
    """Return the report: Markdown."""
    drawn = list(utterances("changing", count, REPORTED))
    kinds = np.array([kind for kind, _ in drawn])
    traces = [trace for _, trace in drawn]
    since = np.array(_since_change(list(kinds)))
    at_once = score(traces, fixed("immediate")).stalled
    made = {weight: score(traces, learners(weight, cold=False)) for weight in (*WEIGHTS, *OTHERS)}
    most = {kind: float(at_once[kinds == kind].mean()) for kind in dict.fromkeys(kinds)}
    return [*_shares(made, kinds, since, most), "", *_front(made)]


def _since_change(kinds: list[str]) -> list[int]:
    """Return for each utterance how many of its kind came before it without a break."""
    counts: list[int] = []
    before = ""
    for kind in kinds:
        counts.append(counts[-1] + 1 if kind == before else 0)
        before = kind
    return counts


def _shares(
    made: dict[float, Score],
    kinds: NDArray[np.str_],
    since: NDArray[np.int_],
    most: dict[str, float],
) -> list[str]:
    lines = ["| % | at once | " + " | ".join(f"w = {w}: {100 / w:g}" for w in WEIGHTS) + " |"]
    lines.append("|" + " --- |" * (2 + len(WEIGHTS)))
    for kind, limit in most.items():
        cells = []
        for weight in WEIGHTS:
            stalled, mine = made[weight].stalled, kinds == kind
            early, late = mine & (since < SETTLED), mine & (since >= SETTLED)
            cells.append(f"{_percent(stalled[early])}, then {_percent(stalled[late])}")
        lines.append(f"| {kind} | {100 * limit:.1f} | " + " | ".join(cells) + " |")
    can = [
        100 * float(np.mean([min(1 / weight, most[kind]) for kind in kinds])) for weight in WEIGHTS
    ]
    lines.append("| can come | | " + " | ".join(f"{share:.2f}" for share in can) + " |")
    came = [interval(100 * made[weight].stalled) for weight in WEIGHTS]
    shown = [f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in came]
    lines.append("| came | | " + " | ".join(shown) + " |")
    return lines


def _percent(stalled: NDArray[np.float64]) -> str:
    return f"{100 * stalled.mean():.1f}" if len(stalled) else "–"


def _front(made: dict[float, Score]) -> list[str]:
    lines = ["| set to | stalls, % | " + " | ".join(f"cost at w = {w}" for w in WEIGHTS) + " |"]
    lines.append("|" + " --- |" * (2 + len(WEIGHTS)))
    least = {w: min(made[other].cost(w).mean() for other in OTHERS) for w in WEIGHTS}
    for other in OTHERS:
        cells = []
        for weight in WEIGHTS:
            cost = float(made[other].cost(weight).mean())
            shown = f"{cost:.3f}"
            cells.append(f"**{shown}**" if cost == least[weight] else shown)
        share = 100 * float(made[other].stalled.mean())
        lines.append(f"| {other:g} | {share:.1f} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="utterances (10000)")
    parser.add_argument("--docs", type=Path, help="put the tables into this page")
    args = parser.parse_args()
    lines = run(args.count)
    print("\n".join(lines))
    if args.docs:
        replace_part(args.docs, "changing", lines)


if __name__ == "__main__":
    main()
