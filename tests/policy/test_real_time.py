"""Frames that come in real time, from a call or another player: there is no slack to make up for.

An empty ring is their usual state, and no stall: only silence that was rendered is one.
"""

from __future__ import annotations

import random

import pytest

from streamplay.policy.jitter import START_SECONDS, Auto, Fixed
from streamplay.policy.learning import Memory, Source
from streamplay.policy.simulate import Played, play
from tests.support.arrivals import RATE, trace

CALL = Source("host", "call", "")

FEEDS = [(480, 1.0), (480, 1.05), (960, 1.0), (2400, 1.0), (2400, 1.05)]
"""Frames a piece, and how many times as fast as they are heard they come."""

PREBUFFER_MS = 60
"""What is usual before such a feed: nothing that `Auto` does may be worse."""


def feed(piece: int, pace: float, jitter: float, seed: str) -> list[tuple[float, int]]:
    """Five seconds, each piece late by up to `jitter` seconds."""
    draw = random.Random(seed)
    count = 5 * RATE // piece
    late = (draw.uniform(0, jitter) for _ in range(count))
    return sorted((0.1 + n * piece / RATE / pace + by, piece) for n, by in enumerate(late))


@pytest.mark.no_cover
@pytest.mark.parametrize("jitter", [0.0, 0.002, 0.01, 0.02, 0.04])
@pytest.mark.parametrize(("piece", "pace"), FEEDS)
def test_there_is_no_more_silence_than_with_a_fixed_prebuffer(
    piece: int, pace: float, jitter: float
) -> None:
    ours: list[Played] = []
    fixed: list[Played] = []
    for player in range(12):
        memory = Memory()
        for turn in range(3):
            recorded = trace(feed(piece, pace, jitter, f"{player} {turn}"))
            if recorded.safe_start >= 0.02:
                continue
            ours.append(play(recorded, Auto(RATE, memory=memory, source=CALL)))
            fixed.append(play(recorded, Fixed(PREBUFFER_MS, RATE)))
    assert max((gap for each in ours for gap in each.gaps), default=0.0) <= 0.15
    assert sum(each.gap for each in ours) <= sum(each.gap for each in fixed) + 1e-9


def test_a_call_starts_with_a_little_in_hand() -> None:
    auto = Auto(RATE, source=CALL)
    levels = [auto.on_arrival(480, 0.02 * number, dry=False) for number in range(4)]
    may_start = [level <= 480 * (number + 1) for number, level in enumerate(levels)]
    assert may_start == [480 * (number + 1) >= START_SECONDS * RATE for number in range(4)]


def test_where_a_gap_costs_no_more_than_waiting_it_starts_with_the_first_piece() -> None:
    assert Auto(RATE, 1.0, source=CALL).on_arrival(480, 0.0, dry=False) == 1


def test_the_speech_of_a_text_starts_with_its_first_frames() -> None:
    auto = Auto(RATE, source=CALL)
    auto.on_request(40)
    assert auto.on_arrival(480, 0.0, dry=False) == 1


def test_a_server_that_sends_no_faster_than_it_is_heard_costs_one_gap_once() -> None:
    memory = Memory()
    utterances = [trace(feed(480, 1.0, 0.005, f"speech {turn}"), chars=75) for turn in range(8)]
    played = [play(each, Auto(RATE, memory=memory, source=CALL)) for each in utterances]
    first, *later = played
    assert len(first.gaps) == 1
    assert first.gap <= 2 * START_SECONDS
    assert not any(each.gaps for each in later)
