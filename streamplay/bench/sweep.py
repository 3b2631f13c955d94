"""One rate after another, all that are named: how latency and throughput change with the load.

The knee is the highest rate up to which every rate holds. A rate holds where a step of the search
for the capacity would (`streamplay.bench.capacity`); without an objective, p95 of the first voice
must also stay within twice that of the lowest rate. A step in which the tool itself was too late
says nothing about the server; higher rates are not tried.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench.capacity import (
    Step,
    asked_to_wait,
    enough_for,
    held,
    step_of,
)
from streamplay.bench.interrupts import Interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.bench.capacity import EndedBy
    from streamplay.bench.objective import Condition
    from streamplay.bench.plan import Load
    from streamplay.bench.result import Result

_KNEE_FACTOR: Final = 2.0
"""Of the lowest rate's p95: beyond it, waiting for others takes longer than being served."""


@dataclass(frozen=True)
class Sweep:
    """The steps of a sweep.

    Parameters
    ----------
    steps : list of Step
        In the order of their rates.
    ended_by : {'rates', 'tool', 'interrupt'}
        ``rates``: every rate was tried; otherwise why not.
    """

    steps: list[Step]
    ended_by: EndedBy

    @property
    def knee(self) -> float | None:
        """The highest rate up to which every rate holds; None if not even the first does."""
        found = None
        for step in self.steps:
            if not step.good:
                break
            found = step.rate
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries, as that of a search for the capacity."""
        names = [each["name"] for each in self.steps[0].targets] if self.steps else []
        return {
            "rate": self.knee,
            "bounded": any(step.valid and not step.good for step in self.steps),
            "ended_by": self.ended_by,
            "rtf_passes_1": [{"target": name, **self.rtf_passes_1(name)} for name in names],
            "curve": [asdict(step) for step in self.steps],
        }

    def rtf_passes_1(self, target: str) -> dict[str, float | None]:
        """Return the rate and the concurrency at which a target's median rtf passes 1.

        Between two steps both are interpolated; None where it stays below, or begins above.
        """
        before: tuple[float, Step] | None = None
        for step in self.steps:
            rtf = next(each["rtf"]["p50"] for each in step.targets if each["name"] == target)
            if rtf is None:
                continue
            if rtf > 1 and before is not None:
                low, last = before
                part = (1 - low) / (rtf - low)
                return {
                    "rate": round(last.rate + part * (step.rate - last.rate), 3),
                    "concurrency": round(
                        last.concurrency + part * (step.concurrency - last.concurrency), 3
                    ),
                }
            if rtf > 1:
                break
            before = rtf, step
        return {"rate": None, "concurrency": None}

    @property
    def says(self) -> str:
        """A plain sentence."""
        tried = f"of {len(self.steps)} rates"
        why = {
            "tool": "; then the tool itself was too late, which is no limit of the server",
            "interrupt": "; then it was interrupted",
        }.get(self.ended_by, "")
        broke = next((step for step in self.steps if step.valid and not step.good), None)
        if self.knee is None and broke is None:
            return f"no rate was tried to its end{why}"
        if self.knee is None and broke is not None:
            return f"{tried} not even the lowest holds: {broke.why}{why}"
        over = f", {broke.rate:g} does not: {broke.why}" if broke else ""
        return f"{tried} the highest that holds is {self.knee:g} a second{over}{why}"


def sweep(
    measure: Callable[[Load], Result],
    load: Load,
    rates: Sequence[float],
    conditions: Sequence[Condition],
    *,
    targets: int = 1,
    watch: Callable[[Step], object] = lambda _: None,
    sleep: Callable[[float], object] | None = None,
    interrupts: Interrupts | None = None,
) -> tuple[Sweep, Result]:
    """Put the load on the targets at one rate after another.

    Parameters
    ----------
    measure, load, conditions, targets, watch, sleep, interrupts
        As for `streamplay.bench.capacity.search`.
    rates : sequence of float
        Requests a second, ascending.

    Returns
    -------
    Sweep, Result
        The curve, and the result at the knee, or else at the first rate.
    """
    interrupts = interrupts or Interrupts()
    steps: list[Step] = []
    shown: Result | None = None
    wait = 0.0
    ended_by: EndedBy = "rates"
    for number, rate in enumerate(rates):
        (sleep or interrupts.wait)(wait)
        if interrupts.stopped and shown is not None:
            shown.run.interrupted, ended_by = True, "interrupt"
            break
        result = measure(held(load, rate, number, enough_for(conditions), targets))
        step = _held_to_the_first(step_of(rate, result, conditions), steps, conditions)
        steps.append(step)
        watch(step)
        if shown is None or (step.good and all(each.good for each in steps)):
            shown = result
        if not step.valid:
            shown.run.interrupted = result.run.interrupted
            ended_by = "interrupt" if result.run.interrupted else "tool"
            break
        wait = asked_to_wait(result)
    assert shown is not None, "a sweep has a rate"
    return Sweep(steps, ended_by), shown


def loads(
    load: Load, rates: Sequence[float], conditions: Sequence[Condition], targets: int
) -> list[Load]:
    """Return the load at each rate: what a sweep will cost."""
    enough = enough_for(conditions)
    return [held(load, rate, number, enough, targets) for number, rate in enumerate(rates)]


def _held_to_the_first(
    step: Step, earlier: Sequence[Step], conditions: Sequence[Condition]
) -> Step:
    """Return the step; failed, if there is no objective and it is far slower than the first."""
    if conditions or not step.good or not earlier:
        return step
    first, now = earlier[0].first_voice["p95"], step.first_voice["p95"]
    if first is None or now is None or now <= _KNEE_FACTOR * first:
        return step
    why = f"p95 of first voice is {now:.0f} ms, and was {first:.0f} at {earlier[0].rate:g} a second"
    return replace(step, good=False, why=why)
