"""When a run was warm, and when its load was whole. Pure.

A server may be slow at first: it loads a model, compiles, fills its caches. And while users still
join, or the last requests end, it has less to do than it was meant to have. Both are told, with the
figures of the time between; nothing is removed from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.bench.statistics import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.bench.sample import Sample

FEWEST: Final = 20
"""Values that tell a slow beginning from chance: ten to compare with."""

_FENCE: Final = 3.0
"""Interquartile ranges above the third quartile: Tukey's outer fence ("Exploratory Data Analysis",
1977). Of log-normal values (sigma 0.3) one in 200 lies beyond it."""

_SLOW_SHARE: Final = 0.75
"""So many of the first values lie beyond the fence: a few may be quick by chance."""

_LEAST_FACTOR: Final = 1.1
"""What is less than a tenth slower than the middle is of no interest, however regular the rest."""

WHOLE_SHARE: Final = 0.9
"""The load is whole from the first to the last moment at which so much of its usual number of
requests is on its way."""


@dataclass(frozen=True, slots=True)
class SlowStart:
    """The first requests of a target were slower than those of the run's second half.

    Parameters
    ----------
    measure : str
        Of which measure.
    requests : int
        How many.
    first, then : float
        The median of theirs, and of the second half.
    """

    measure: str
    requests: int
    first: float
    then: float


def slow_start(measure: str, values: Sequence[float]) -> SlowStart | None:
    """Return the slow beginning of values in the order of their requests; None without one.

    The longest beginning, of half the values at most, that ends beyond the fence of the second
    half and of which three quarters lie beyond it. A single value must exceed the whole second
    half.
    """
    half = len(values) // 2
    if len(values) < FEWEST:
        return None
    rest = sorted(values[half:])
    first, third = percentile(rest, 0.25), percentile(rest, 0.75)
    then = percentile(rest, 0.5)
    fence = max(third + _FENCE * (third - first), _LEAST_FACTOR * then)
    count = beyond = 0
    for place, value in enumerate(values[:half], start=1):
        beyond += value > fence
        if value > fence and beyond >= _SLOW_SHARE * place:
            count = place
    if not count or (count == 1 and values[0] <= rest[-1]):
        return None
    return SlowStart(measure, count, percentile(sorted(values[:count]), 0.5), then)


def whole_load(requests: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Return from when until when the load was whole; None without requests.

    Parameters
    ----------
    requests : sequence of pairs
        When each request began and ended.
    """
    steps = sorted([(begun, 1) for begun, _ in requests] + [(ended, -1) for _, ended in requests])
    if not steps:
        return None
    levels: list[tuple[float, float, int]] = []  # from, until, requests on their way
    going = 0
    for place, (at, change) in enumerate(steps):
        going += change
        until = steps[place + 1][0] if place + 1 < len(steps) else at
        if until > at:
            levels.append((at, until, going))
    if not levels:
        return None
    enough = WHOLE_SHARE * _usual(levels)
    whole = [(at, until) for at, until, count in levels if count >= enough]
    return whole[0][0], whole[-1][1]


def _usual(levels: Sequence[tuple[float, float, int]]) -> int:
    """Return the number of requests that were on their way for half of the time, or more were."""
    left = sum(until - at for at, until, _ in levels) / 2
    for at, until, count in sorted(levels, key=lambda level: -level[2]):
        left -= until - at
        if left <= 0:
            return count
    return levels[-1][2]


def given_between(samples: Sequence[Sample], since: float, until: float) -> dict[str, float]:
    """Return what complete requests gave in a second of a window.

    Audio counts when it arrives, characters and requests when the request has ended.
    """
    seconds = until - since
    ended = [sample for sample in samples if since < sample.ended <= until]
    audio = sum(
        frames / sample.samplerate
        for sample in samples
        for when, frames in sample.arrivals
        if since < when <= until
    )
    return {
        "audio_seconds_per_second": audio / seconds,
        "characters_per_second": sum(len(sample.job.text) for sample in ended) / seconds,
        "requests_per_second": len(ended) / seconds,
    }
