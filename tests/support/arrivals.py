"""Streams in virtual time, for what decides when sound starts."""

from __future__ import annotations

from hypothesis import strategies as st

from streamplay.trace import Trace

RATE = 24000

# 10 ms: two blocks of 120 frames, so that what falls on this grid falls between blocks.
GRID = 240


def trace(arrivals: list[tuple[float, int]], *, chars: int = 0, how: str = "complete") -> Trace:
    ended = arrivals[-1][0]
    return Trace(
        "host", "orpheus", "tara", chars, "pcm_s16le", RATE, 1, tuple(arrivals), ended, how
    )


def steady(pace: float, *, seconds: float, how: str = "complete") -> Trace:
    """Pieces of 0.1 s at a steady pace, for a text of fifteen characters a second."""
    count = round(10 * seconds)
    arrivals = [(0.3 + 0.1 * pace * number, RATE // 10) for number in range(count)]
    return trace(arrivals, chars=round(15 * seconds), how=how)


def on_a_grid() -> st.SearchStrategy[list[tuple[float, int]]]:
    """Arrivals whose times and lengths are multiples of 10 ms, at most one at a time."""
    step = st.tuples(st.integers(1, 60), st.integers(1, 60))
    return st.lists(step, min_size=1, max_size=30).map(_add_up)


def _add_up(steps: list[tuple[int, int]]) -> list[tuple[float, int]]:
    arrivals, now = [], 0
    for gap, frames in steps:
        now += gap
        arrivals.append((now * GRID / RATE, frames * GRID))
    return arrivals
