"""Families of servers, as arrival traces: what the start policy is tuned and scored on.

Pieces are 0.1 s of audio, as of a server that streams 2400 frames at 24 kHz at a time. Texts are
log-normal, a hundred characters at the median; audio is 15 characters a second, give or take a
tenth. Every draw comes from the seed alone.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from streamplay.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RATE: Final = 24000
PIECE: Final = RATE // 10

CHANGES_EVERY: Final = 200
"""Utterances, on average, until a server that changes becomes another."""

Arrivals = list[tuple[float, int]]


def family(name: str, count: int, seed: str) -> Iterator[Trace]:
    """Yield `count` utterances of the family `name`."""
    for _, trace in utterances(name, count, seed):
        yield trace


def utterances(name: str, count: int, seed: str) -> Iterator[tuple[str, Trace]]:
    """Yield the same, each with the kind of server that it came from."""
    draw = random.Random(f"{name} {seed}")
    kinds = list(_KINDS)
    kind = name if name in _KINDS else draw.choice(kinds)
    for _ in range(count):
        # The cold meet a server for the first time each; the changing keep it for a while.
        if name == "cold" or (name == "changing" and draw.random() < 1 / CHANGES_EVERY):
            kind = draw.choice(kinds)
        yield kind, _trace(draw, _KINDS[kind])


def _trace(draw: random.Random, kind: Callable[[random.Random, int], Arrivals]) -> Trace:
    characters = round(min(600.0, max(15.0, draw.lognormvariate(4.7, 0.7))))
    seconds = max(0.4, characters / 15 * draw.lognormvariate(0, 0.1))
    first_byte = draw.lognormvariate(-1.6, 0.4)
    arrivals = kind(draw, round(seconds * RATE))
    moved = tuple((first_byte + now, frames) for now, frames in arrivals)
    who = ("host", "model", "voice")
    return Trace(*who, characters, "pcm_s16le", RATE, 1, moved, moved[-1][0])


def _paced(draw: random.Random, frames: int, pace: float, jitter: float) -> Arrivals:
    """Pieces at a pace, in seconds a second of audio, each late by something exponential."""
    arrivals, now, done = [], 0.0, 0
    while done < frames:
        count = min(PIECE, frames - done)
        done += count
        now = max(now, done / RATE * pace + draw.expovariate(1 / jitter))
        arrivals.append((now, count))
    return arrivals


def _fast(draw: random.Random, frames: int) -> Arrivals:
    """Take a tenth to a fifth of real time, as hosted models on an idle machine."""
    return _paced(draw, frames, 0.15 * draw.lognormvariate(0, 0.1), 0.005)


def _pauses(draw: random.Random, frames: int) -> Arrivals:
    """Sentence by sentence: each comes fast, after a pause in which it is thought of."""
    arrivals: Arrivals = []
    now, left = 0.0, frames
    while left:
        sentence = min(left, round(RATE * draw.lognormvariate(0.8, 0.6)))
        sentence = left if left - sentence < RATE // 2 else sentence
        now += draw.lognormvariate(-0.5, 0.6)
        arrivals += [(now + t, count) for t, count in _paced(draw, sentence, 0.1, 0.002)]
        now, left = arrivals[-1][0], left - sentence
    return arrivals


def _bursts(draw: random.Random, frames: int) -> Arrivals:
    """Gilbert and Elliott's channel: good for fifty pieces on average, then bad for three.

    What is bad holds up what follows it, as TCP does.
    """
    arrivals, bad, free = [], False, 0.0
    for now, count in _paced(draw, frames, 0.6, 0.005):
        bad = draw.random() > 0.3 if bad else draw.random() < 0.02
        if bad:
            free = max(free, now) + draw.expovariate(1 / 0.15)
        arrivals.append((max(now, free), count))
    return arrivals


def _near(draw: random.Random, frames: int) -> Arrivals:
    """Real time, now a little faster, now a little slower."""
    return _paced(draw, frames, draw.gauss(0.97, 0.05), 0.03)


def _slow(draw: random.Random, frames: int) -> Arrivals:
    """Be a tenth to a half slower than real time, as a model on a small machine."""
    return _paced(draw, frames, draw.uniform(1.1, 1.5), 0.03)


_KINDS: Final = {
    "fast": _fast,
    "pauses": _pauses,
    "bursts": _bursts,
    "near": _near,
    "slow": _slow,
}

FAMILIES: Final = (*_KINDS, "changing", "cold")
"""``changing`` becomes another of the five every `CHANGES_EVERY` utterances; in ``cold`` each
utterance is one of the five, and nothing is known of it."""
