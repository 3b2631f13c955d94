"""What was tried, and not taken: a level that follows what has stalled. See docs/policy.md.

Adaptive conformal inference (Gibbs and Candès 2021): the share that is asked of the quantile grows
by `STEP` times what it was short of, and shrinks where too many stall. In the long run the share
that comes is the one that was asked for, whatever the quantile lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.policy.jitter import Auto
from streamplay.policy.learning import Memory
from tests.support.families import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP: Final = 0.002

BOUND: Final = 1.25
"""So many times the share, or its inverse: where no utterance would stall, it would grow for ever,
and a server that turns slow would be believed too late."""


class Level:
    """The share that is asked of the quantile: what is learned besides."""

    def __init__(self, share: float) -> None:
        self._share = self.now = share

    def learn(self, *, stalled: bool) -> None:
        """Move it by one utterance."""
        moved = self.now + STEP * (self._share - stalled)
        self.now = min(max(moved, self._share / BOUND), self._share * BOUND)


class Adaptive(Auto):
    """The policy, with the quantile at a level that was learned."""

    def __init__(self, gap_weight: float, memory: Memory, level: Level) -> None:
        self._level = level
        super().__init__(RATE, gap_weight, memory)

    def on_request(self, characters: int) -> None:
        """Begin with the level as it is by now."""
        super().on_request(characters)
        self._threshold = self._memory.of(self._source).threshold(self._level.now)

    def on_end(self, *, learn: bool) -> int:
        """Learn from the stream whether it would have stalled."""
        if learn:
            self._level.learn(stalled=self._stream.needed() > self._threshold)
        return super().on_end(learn=learn)


def adaptive(weight: float, *, cold: bool) -> Iterator[Auto]:
    """Yield policies that learn from each other; the cold ones do not."""
    memory, level = Memory(), Level(1 / weight)
    while True:
        if cold:
            memory, level = Memory(), Level(1 / weight)
        yield Adaptive(weight, memory, level)
