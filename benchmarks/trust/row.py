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

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

When = Literal["in turn", "last", "beside"]

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
    part, parts : int
        Which of the turns are this process's, where several share a row.
    number : int
        Of the present turn.
    counted : set of str
        Facts that were counted.
    """

    planned: int
    seconds: float
    seed: int
    done: int = 0
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    part: int = 0
    parts: int = 1
    number: int = 0
    counted: set[str] = field(default_factory=set)

    @property
    def dice(self) -> random.Random:
        """Dice of the present turn."""
        return random.Random(f"{self.seed} {self.number}")

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
        for number in range(self.part, len(order), self.parts):
            if self.left <= 0:
                return
            self.number = number
            yield order[number]
            self.done += 1

    def count(self, name: str, by: int = 1) -> None:
        """Add to a figure of the row: what several processes counted is added up."""
        self.facts[name] = self.facts.get(name, 0) + by
        self.counted.add(name)

    def together(self, act: Callable[[Any], None], items: Sequence[Any], at_once: int = 4) -> None:
        """Have several threads take the turns: for what waits for other processes.

        `act` is given the number of the turn and the item.
        """
        turns, lock = self.turns(list(enumerate(items))), threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    one = next(turns, None)
                if one is None:
                    return
                act(one)

        with ThreadPoolExecutor(at_once) as pool:
            for done in [pool.submit(work) for _ in range(at_once)]:
                done.result()

    def shared(self, act: Callable[[Run], None], parts: int) -> None:
        """Have several processes take the turns, each its own."""
        with tempfile.TemporaryDirectory() as folder:
            children = [self._in_child(act, part, parts, Path(folder)) for part in range(parts)]
            for child in children:
                os.waitpid(child, 0)
            results = sorted(Path(folder).iterdir())
            if len(results) < parts:
                self.fault(f"{parts - len(results)} of {parts} processes died")
            for each in results:
                self._add(json.loads(each.read_text()))

    def _in_child(self, act: Callable[[Run], None], part: int, parts: int, folder: Path) -> int:
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            own = Run(self.planned, self.left, self.seed, part=part, parts=parts)
            try:
                act(own)
            except Exception as error:  # noqa: BLE001 - what a row did not expect is a fault, too
                own.unexpected(error)
            # The parent reads each file that is there: it appears whole.
            told = folder.parent / f"{folder.name}-{part}"
            told.write_text(json.dumps(own.result()))
            told.rename(folder / str(part))
            code = 0
        finally:
            os._exit(code)

    def result(self) -> dict[str, Any]:
        """Return what this process has found."""
        told = ("done", "planned", "faults", "fault_count", "facts")
        return {name: getattr(self, name) for name in told} | {"counted": sorted(self.counted)}

    def _add(self, other: dict[str, Any]) -> None:
        self.done += other["done"]
        self.planned = other["planned"]
        self.fault_count += other["fault_count"]
        self.faults = (self.faults + other["faults"])[:SHOWN_FAULTS]
        for name, value in other["facts"].items():
            before = self.facts.get(name)
            if name.startswith(("most", "largest", "latest")):
                self.facts[name] = value if before is None else max(before, value)
            elif name in other["counted"]:
                self.count(name, value)
            else:
                self.facts[name] = value

    def unexpected(self, error: Exception) -> None:
        """Note an error that a row did not expect: a fault, too."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        self.fault(f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})")

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
        """Run tests of the suite; each that passed is a turn.

        One that fails is tried once more alone: beside other programs a device may be late.
        """
        chosen = ("-k", select) if select else ()
        base = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=line")
        beside = (*base, "-n", "2", "--dist", "worksteal", *chosen, *paths)
        told = self.program(*beside, counts=r"(\d+) passed", may_fail=True)
        failed = re.findall(r"(?m)^(?:FAILED|ERROR) (\S+)", told)
        self.planned = self.done + len(failed)
        if re.search("INTERNALERROR|Interrupted|worker .* crashed", told):
            self.fault(f"pytest did not run them all: {told[-200:]}")
        if failed:
            self.facts["failed once beside other programs"] = ", ".join(failed)
            self.program(*base, *failed, counts=r"(\d+) passed")
        elif "passed" not in told:
            self.fault(f"no test was run: {told[-200:]}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: how it is called, and what runs it."""

    name: str
    about: str
    planned: int
    unit: str
    act: Callable[[Run], None]
    when: When
    module: str


REGISTERED: Final[list[Row]] = []


def row(
    *, planned: int, unit: str, parallel: bool = False, crowd: int = 1, when: When = "in turn"
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Make a function a row; its docstring says what it shows.

    Parameters
    ----------
    planned : int
        Turns, unless the row itself knows how many there are.
    unit : str
        What a turn is.
    parallel : bool
        Its turns know nothing of each other: every processor takes some.
    crowd : int
        Processes for each processor, where they mostly wait.
    when : {'in turn', 'last', 'beside'}
        Rows that can use any time come last, and have what the others have left; what only waits
        for its time runs beside them all.
    """

    def register(act: Callable[[Run], None]) -> Callable[[Run], None]:
        name = act.__name__.replace("_", " ")
        about = " ".join((act.__doc__ or "").split())
        parts = crowd * (os.cpu_count() or 1)
        doing = (lambda run: run.shared(act, parts)) if parallel else act
        REGISTERED.append(Row(name, about, planned, unit, doing, when, act.__module__))
        return act

    return register
