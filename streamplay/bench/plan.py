"""Which request comes when: decided before the first is sent. Pure, and the seed's alone."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Arrivals = Literal["poisson", "constant"]

DEFAULT_REQUESTS: Final = 60
"""For each target: the fewest of which a p95 has an interval is 59."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request to be made.

    Parameters
    ----------
    turn : int
        The requests of one turn have the same text and belong together, one for each target.
    target : int
        Which target.
    text : str
        What to say.
    due : float or None
        Seconds after the beginning; None: as soon as there is a place (closed loop).
    warmup : bool
        Whether it is made only to warm up.
    """

    turn: int
    target: int
    text: str
    due: float | None = None
    warmup: bool = False


def jobs(
    targets: int,
    texts: Sequence[str],
    seed: int,
    *,
    rate: float | None = None,
    arrivals: Arrivals = "poisson",
) -> Iterator[Job]:
    """Yield requests without end: in each turn every target once, in random order.

    Parameters
    ----------
    targets : int
        How many there are.
    texts : sequence of str
        All are said, in random order, before one is said again.
    seed : int
        Of every choice: the same seed gives the same requests.
    rate : float, optional
        Requests a second, over all targets (open loop).
    arrivals : {'poisson', 'constant'}
        How they lie in time.
    """
    choice, clock = Random(f"order {seed}"), Random(f"times {seed}")  # noqa: S311  no secrets
    due, count, turn, bag = 0.0, 0, 0, list[str]()
    while True:
        if not bag:
            bag = choice.sample(texts, len(texts))
        text = bag.pop()
        for target in choice.sample(range(targets), targets):
            yield Job(turn, target, text, due if rate else None)
            count += 1
            if rate:
                due = due + clock.expovariate(rate) if arrivals == "poisson" else count / rate
        turn += 1


def warmups(targets: int, texts: Sequence[str], count: int) -> list[Job]:
    """Return `count` requests to each target before the first that counts."""
    return [
        Job(-1 - turn, target, texts[turn % len(texts)], warmup=True)
        for turn in range(count)
        for target in range(targets)
    ]
