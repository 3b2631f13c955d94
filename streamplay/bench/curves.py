"""The data of the figures, as SVG or PNG: distributions, medians, stalls over prebuffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.bench.statistics import percentile
from streamplay.policy.jitter import policy
from streamplay.policy.simulate import play

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamplay.bench.result import Outcome, Row
    from streamplay.trace import Trace

PHASES: Final = (
    *("dns", "connect", "tls", "sent", "headers", "first_byte", "first_audio", "first_sound"),
    "first_voice",
)
"""The moments that divide the time of a request."""

PREBUFFERS: Final = (0, 20, 40, 60, 80, 100, 150, 200, 250, 300, 400, 500, 650, 800, 1000)
"""Milliseconds."""

# More streams show nothing more, and take long to draw.
_MOST_SIMULATED: Final = 300


def thin(points: Sequence[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    """Return at most about `most` of the points, always the first and the last."""
    step = max(1, len(points) // most)
    return [*points[:-1:step], *points[-1:]]


def share_below(values: Iterable[float]) -> list[tuple[float, float]]:
    """Return the corners of the empirical distribution: (value, share at or below it)."""
    ranked = sorted(values)
    # Of equal values, the last one has the share of them all.
    corners = {value: rank / len(ranked) for rank, value in enumerate(ranked, 1)}
    return [(ranked[0], 0.0), *thin(list(corners.items()))] if ranked else []


def medians(outcome: Outcome) -> dict[str, float]:
    """Return the median of each moment that most requests have (not of a connection made once)."""
    found = {name: sorted(outcome.values(name)) for name in (*PHASES, "total")}
    most = outcome.complete / 2
    return {n: percentile(ranked, 0.5) for n, ranked in found.items() if len(ranked) > most}


def traces_of(outcome: Outcome) -> list[tuple[Row, Trace]]:
    """Return the complete streams that arrived in more than one piece."""
    target = outcome.target
    return [
        (row, row.sample.trace(target.base_url, target.model))
        for row in outcome.rows
        if row.sample.complete and len(row.sample.arrivals) > 1
    ]


def stall_shares(outcome: Outcome) -> list[tuple[float, float]]:
    """Return the share of requests that would stall, for each prebuffer in ms."""
    traces = [trace for _, trace in traces_of(outcome)]
    traces = traces[:: max(1, len(traces) // _MOST_SIMULATED)]
    if not traces:
        return []
    return [
        (ms, sum(bool(play(t, policy(ms, t.samplerate)).gaps) for t in traces) / len(traces))
        for ms in PREBUFFERS
    ]
