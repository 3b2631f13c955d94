"""One row of the scorecard: a function with a docstring, and what hides budget, seed and counting.

```python
@row(planned=100_000, unit="streams")
def random_cuttings(run: Run) -> None:
    \"\"\"Whole streams, cut at random, give the bytes that were sent.\"\"\"
    for _ in run.turns():
        if wrong(run.dice):
            run.fault("…")
```
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT: Final = Path(__file__).parents[2]
SHOWN_FAULTS: Final = 10
LEAST_SHARE: Final = 0.1
"""Of what is planned: with less, a row counts as not run."""


class NotHere(Exception):
    """The row cannot be run on this machine; the message says why."""


@dataclass(slots=True)
class Run:
    """One run of a row.

    Parameters
    ----------
    planned : int
        Turns to take.
    seconds : float
        After which no further turn is begun.
    seed : int
        Of the dice: the same seed, the same turns.

    Attributes
    ----------
    done : int
        Turns that were taken.
    faults : list of str
        What was wrong, the first of them.
    fault_count : int
        How often something was.
    facts : dict
        Figures of the row's own.
    """

    planned: int
    seconds: float
    seed: int
    done: int = 0
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    @property
    def dice(self) -> random.Random:
        """Dice of the present turn."""
        return random.Random(f"{self.seed} {self.done}")

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self.seconds - (time.monotonic() - self.begun)

    def turns(self, items: Sequence[Any] | None = None) -> Iterator[Any]:
        """Yield the numbers of turns, or items in an order by seed, while there is time."""
        order: Sequence[Any] = range(self.planned)
        if items is not None:
            order = random.Random(self.seed).sample(list(items), len(items))
            self.planned = self.done + len(order)
        for each in order:
            if self.left <= 0:
                return
            yield each
            self.done += 1

    def fault(self, what: str) -> None:
        """Note something that does not hold."""
        self.fault_count += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(what[:300])

    def program(
        self, *words: str, counts: str = "", patience: float = 480.0, may_fail: bool = False
    ) -> str:
        """Run a program of the project's as one part of the row; a failure is a fault.

        Parameters
        ----------
        counts : str
            A pattern with one group: each match adds its number to `done`. Without it: one turn.
        patience : float
            Seconds after which it is ended, and counts as not run.
        may_fail : bool
            The caller judges what it prints.

        Returns
        -------
        str
            What it printed.
        """
        try:
            ran = subprocess.run(
                words, cwd=ROOT, capture_output=True, text=True, timeout=patience, check=False
            )
        except subprocess.TimeoutExpired:
            self.facts["ended after seconds"] = patience
            return ""
        told = ran.stdout + ran.stderr
        self.done += sum(map(int, re.findall(counts, told))) if counts else 1
        if ran.returncode != 0 and not may_fail:
            lines = told.strip().splitlines() or ["nothing was printed"]
            self.fault(f"{' '.join(words[-3:])} ended with {ran.returncode}: {lines[-1]}")
        return told

    def module(self, name: str, *words: str, **how: Any) -> str:
        """Run a module of `benchmarks` as `program` does."""
        return self.program(sys.executable, "-m", f"benchmarks.{name}", *words, **how)

    def tests(self, *paths: str, select: str = "") -> None:
        """Run tests of the suite; each that passed is a turn."""
        chosen = ("-k", select) if select else ()
        options = ("-p", "no:cacheprovider", "-n", "2", "--dist", "worksteal", "--tb=line")
        self.program(
            *(sys.executable, "-m", "pytest", *options, *chosen, *paths), counts=r"(\d+) passed"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A row: how it is called, and what runs it."""

    name: str
    about: str
    planned: int
    unit: str
    act: Callable[[Run], None]


REGISTERED: Final[list[Row]] = []


def row(*, planned: int, unit: str) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Make a function a row; its docstring says what it shows."""

    def register(act: Callable[[Run], None]) -> Callable[[Run], None]:
        name = act.__name__.replace("_", " ")
        about = " ".join((act.__doc__ or "").split())
        REGISTERED.append(Row(name, about, planned, unit, act))
        return act

    return register
