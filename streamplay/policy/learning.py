"""What was learned from earlier utterances of each host, model and voice: decayed, bounded.

Pure: no clock, no file. `PROCESS` is what this process has learned; `streamplay.policy.store`
keeps another in a file. docs/policy.md explains the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from streamplay.rules.fields import CHARACTERS_PER_SECOND

NEVER: Final = -math.inf
"""The margin of an utterance that could have started with its first piece."""

DECAY: Final = 0.97
"""The weight of an utterance relative to the one after it. Tuned by benchmarks.policy.cost on one
half of its traces: 0.95 costs steady servers more, 0.985 those that change."""

LEVEL_STEP: Final = 0.002
"""How far an utterance that does not stall moves the level. Three times as much costs more at
w = 20 (benchmarks.policy.cost --tune)."""

LEVEL_BOUND: Final = 1.25
"""The level lies between this and its inverse. Without a bound it grows while no utterance would
stall, and a server that becomes slow is noticed too late."""

KEPT: Final = 200
"""Utterances kept of one source. The oldest counts 0.97^199 = 0.2 % of the newest."""

SOURCES: Final = 64
"""Sources kept, the most recently used ones: more voices than one program uses."""

UNKNOWN_SECONDS: Final = 5.0
"""The expected length of a text whose length is not known: a sentence or two."""

SHORTEST_SECONDS: Final = 0.2
"""No expected length is shorter: a word."""

_WEIGHTS: Final = tuple(DECAY**age for age in range(KEPT))


class Source(NamedTuple):
    """What is learned about separately: a voice of a model on a host."""

    host: str
    model: str
    voice: str


class Lesson(NamedTuple):
    """What was learned from one utterance.

    `margin` is the largest at which starting would still have stalled, or `NEVER`; `characters`
    of text (0: unknown) became `seconds` of audio. `balance` is what it adds to the account of
    stalls: 1 where it did not, 1 − w where it did, so that the account is even where one in w does.
    """

    margin: float
    characters: int
    seconds: float
    balance: float = 0.0


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was learned from the utterances of one source.

    Immutable: another thread sees all of a lesson or nothing of it.

    Attributes
    ----------
    margins : tuple of float
        That of each `Lesson`, newest first.
    characters, seconds : float
        Decayed sums over the utterances: how long a text becomes.
    level : float
        What the share that is asked for is multiplied by: above 1 where too few have stalled so
        far, below where too many have (adaptive conformal inference, Gibbs and Candès 2021).
    """

    margins: tuple[float, ...] = ()
    characters: float = 0.0
    seconds: float = 0.0
    level: float = 1.0

    def after(self, lesson: Lesson) -> Lessons:
        """Return these lessons and one more."""
        moved = self.level + LEVEL_STEP * lesson.balance
        level = min(max(moved, 1 / LEVEL_BOUND), LEVEL_BOUND)
        known = replace(self, margins=(lesson.margin, *self.margins[: KEPT - 1]), level=level)
        if not lesson.characters:
            return known
        return replace(
            known,
            characters=self.characters * DECAY + lesson.characters,
            seconds=self.seconds * DECAY + lesson.seconds,
        )

    def length(self, characters: int) -> float:
        """Return the seconds of audio expected of a text of so many characters; 0: unknown."""
        if characters <= 0:
            return UNKNOWN_SECONDS
        each = self.seconds / self.characters if self.characters else 1 / CHARACTERS_PER_SECOND
        return max(SHORTEST_SECONDS, characters * each)

    def threshold(self, share: float) -> float:
        """Return the margin that is exceeded with a probability of `share`.

        It is read, linearly, where the weight above it is the share of the whole; the
        correction makes the *expected* share exact for equal weights, whatever the
        distribution, and nearly so for decaying ones; the level makes up for the rest.
        """
        count = len(self.margins)
        if not count or share >= 1:
            return NEVER
        weights = _WEIGHTS[:count]
        total = sum(weights)
        mean, spread = total / count, sum(weight * weight for weight in weights) / total
        above = self.level * share * (total + mean) - (mean + spread) / 2
        return _read(sorted(zip(self.margins, weights, strict=True), reverse=True), above)


def _read(falling: list[tuple[float, float]], above: float) -> float:
    """Return the value with the weight `above` above it, of falling pairs (value, weight)."""
    for (value, weight), (lower, _) in pairwise(falling):
        if above <= 0 or value == NEVER:
            return value
        if above < weight:
            # Between a margin and NEVER lies nothing to read: the safe side of it is taken.
            return value if lower == NEVER else value + (lower - value) * above / weight
        above -= weight
    return falling[-1][0]


class Memory:
    """Lessons by source; keeps the most recently used sources."""

    def __init__(self) -> None:
        self._lessons: dict[Source, Lessons] = {}

    def of(self, source: Source) -> Lessons:
        """Return the lessons of `source`, or else of another voice of its model."""
        if source in self._lessons:
            return self._lessons[source]
        for other in reversed(tuple(self._lessons)):
            if other[:2] == source[:2]:
                return self._lessons.get(other, Lessons())
        return Lessons()

    def learn(self, source: Source, lesson: Lesson) -> None:
        """Add a lesson from an utterance of `source`."""
        self.keep(source, self.of(source).after(lesson))

    def keep(self, source: Source, lessons: Lessons) -> None:
        """Set the lessons of `source`; drop the least recently used source where too many."""
        self._lessons.pop(source, None)
        self._lessons[source] = lessons
        for oldest in tuple(self._lessons)[:-SOURCES]:
            self._lessons.pop(oldest, None)

    def items(self) -> tuple[tuple[Source, Lessons], ...]:
        """Return all sources and lessons; the most recently used come last."""
        return tuple(self._lessons.items())

    def clear(self) -> None:
        """Forget everything."""
        self._lessons.clear()


PROCESS: Final = Memory()
"""What this process has learned, in all its players."""
