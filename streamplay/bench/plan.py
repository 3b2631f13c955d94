"""Which requests a load makes, and when: decided by the seed before the first one is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Arrivals = Literal["poisson", "constant"]

DEFAULT_REQUESTS: Final = 60
"""For each target: a p95 needs at least 59 values for its interval."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request to be made.

    Parameters
    ----------
    turn : int
        The requests of one turn have the same text, and there is one for each target.
    target : int
        The index of the target.
    text : str
        The text.
    due : float or None
        Seconds after the beginning; None: as soon as another one has ended (closed loop).
    warmup : bool
        Whether it is a warm-up, and does not count.
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
    """Yield jobs without end: in each turn every target once, in random order.

    Parameters
    ----------
    targets : int
        The number of targets.
    texts : sequence of str
        All are used, in random order, before one is used again.
    seed : int
        Decides every choice: the same seed gives the same jobs.
    rate : float, optional
        Requests a second, over all targets (open loop).
    arrivals : {'poisson', 'constant'}
        How the times are distributed.
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


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load on the targets.

    Parameters
    ----------
    requests : int or None
        Requests to each target; None: as many as `duration` allows.
    duration : float or None
        Seconds after which no request is begun.
    concurrency : int
        Requests at a time (closed loop).
    rate : float or None
        Requests a second, over all targets (open loop).
    arrivals : {'poisson', 'constant'}
        How the times of the open loop are distributed.
    warmup : int
        Requests to each target before those that count.
    cold : bool
        A new connection for each request.
    texts : sequence of str
        The texts.
    seed : int
        Decides order, texts and arrivals.
    max_chars : int or None
        The most characters to pay for, warm-up included.
    play : bool
        Whether the samples keep their sound.
    processes : int
        How many processes share it; each makes the warm-up.
    """

    requests: int | None = DEFAULT_REQUESTS
    duration: float | None = None
    concurrency: int = 1
    rate: float | None = None
    arrivals: Arrivals = "poisson"
    warmup: int = 1
    cold: bool = False
    texts: Sequence[str] = ()
    seed: int = 0
    max_chars: int | None = None
    play: bool = False
    processes: int = 1

    def warmups(self, targets: int) -> list[Job]:
        """Return the requests that do not count."""
        return warmups(targets, self.texts, self.warmup)

    def jobs(self, targets: int) -> Iterator[Job]:
        """Return the requests that count, as far as `max_chars` allows."""
        endless = jobs(targets, self.texts, self.seed, rate=self.rate, arrivals=self.arrivals)
        wanted = islice(endless, None if self.requests is None else self.requests * targets)
        left = self.max_chars
        if left is not None:
            left -= self.processes * sum(len(job.text) for job in self.warmups(targets))
        return _within(wanted, left)

    def planned(self, targets: int) -> tuple[int, int, bool]:
        """Return the requests and characters to come, and whether they are only an upper bound.

        A closed loop with a duration only is bounded by `max_chars` alone: then the counts are 0.
        """
        warm = self.processes * self.warmups(targets)
        counted: list[Job] = []
        if self.requests is not None:
            counted = list(self.jobs(targets))
        elif self.rate is not None and self.duration is not None:
            counted = [
                job
                for job in islice(self.jobs(targets), int(self.rate * self.duration * 2 + 100))
                if (job.due or 0.0) < self.duration
            ]
        elif self.max_chars is None:
            return 0, 0, False
        else:
            return 0, self.max_chars, False
        paid = [*warm, *counted]
        return len(paid), sum(len(job.text) for job in paid), self.duration is None


def _within(jobs: Iterator[Job], characters: int | None) -> Iterator[Job]:
    for job in jobs:
        if characters is not None:
            characters -= len(job.text)
            if characters < 0:
                return
        yield job
