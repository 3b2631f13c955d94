"""The search for the knee: the highest rate of requests at which the objectives still hold.

The search doubles the rate until a step fails, then takes the geometric mean of the highest good
and the lowest bad rate. A step fails if an objective is missed, if the server refuses requests for
want of capacity (429), or if the server falls behind: when requests begin faster than they end,
the queue grows without bound, and a longer step would miss any objective. A step in which the tool
itself was too late says nothing about the server, and ends the search. Before the next step, the
search waits as long as a server that refused requests has asked for.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.bench import objective
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.statistics import PERCENTILES, needed, percentile
from streamplay.errors import InvalidRequest
from streamplay.network.retry import LONGEST_ADVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.bench.objective import Condition
    from streamplay.bench.plan import Load
    from streamplay.bench.result import Outcome, Result, Row

STEP_SECONDS: Final = 10.0
"""How long each rate is tried unless ``--duration`` is given."""

SHARPNESS: Final = 1.15
"""The search ends when the lowest bad rate is at most this many times the highest good one."""

_MOST_STEPS: Final = 20

EndedBy = Literal["knee", "rates", "characters", "tool", "interrupt"]

# The share of requests that a server may refuse (429): a single one may be chance.
_TURNED_AWAY: Final = 0.01


@dataclass(frozen=True, slots=True)
class Step:
    """One rate that was tried, and its outcome.

    Parameters
    ----------
    rate : float
        Requests a second that were to begin.
    ended : float
        Requests a second that were complete.
    requests, limited, failed : int
        How many were made, were refused (429), and failed otherwise.
    first_voice : dict
        p50 and p95 in ms; None if there are too few.
    good : bool
        Whether every objective held.
    why : str
        Why the step failed; empty if it did not.
    valid : bool
        Whether the step says anything about the server: the tool itself was quick enough, and
        the run was not interrupted.
    concurrency : float
        How many requests were on their way at a time, on average.
    targets : list of dict
        For each target its ``name``, its ``throughput``, and p50 and p95 of ``first_voice`` and
        ``rtf``.
    """

    rate: float
    ended: float
    requests: int
    limited: int
    failed: int
    first_voice: dict[str, float | None]
    good: bool
    why: str
    valid: bool
    concurrency: float = 0.0
    targets: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Capacity:
    """The result of the search.

    Parameters
    ----------
    knee : float or None
        The highest good rate; None if the first one failed.
    bounded : bool
        Whether a higher rate failed.
    steps : list of Step
        In the order in which they were tried.
    ended_by : {'knee', 'characters', 'tool', 'interrupt'}
        Why no further rate was tried: the knee is known, `max_chars` is used up, the tool itself
        was too late, or the user has stopped it.
    """

    knee: float | None
    bounded: bool
    steps: list[Step]
    ended_by: EndedBy = "knee"

    @property
    def _end(self) -> str:
        if self.ended_by == "interrupt":
            return "it was interrupted"
        last = self.steps[-1]
        if self.ended_by == "tool":
            return f"{last.why}; that is the tool's own limit, and not the server's"
        return "the characters are used up" if last.good else last.why

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dictionaries."""
        curve = sorted((asdict(step) for step in self.steps), key=lambda step: step["rate"])
        facts = {"rate": self.knee, "bounded": self.bounded, "ended_by": self.ended_by}
        return {**facts, "curve": curve}

    @property
    def says(self) -> str:
        """A plain sentence."""
        if self.knee is None and not self.steps[-1].valid:
            return f"nothing was learned: {self._end}"
        if self.knee is None:
            least = min(self.steps, key=lambda step: step.rate)
            return f"not even {least.rate:g} requests a second hold: {least.why}"
        if not self.bounded:
            return f"at least {self.knee:g} requests a second hold; {self._end}"
        over = min(
            (s for s in self.steps if s.valid and not s.good and s.rate > self.knee),
            key=lambda step: step.rate,
        )
        return f"{self.knee:g} requests a second hold, {over.rate:g} do not: {over.why}"


def next_rate(start: float, steps: Sequence[tuple[float, bool]]) -> float | None:
    """Return the rate to try next; None if the knee is known well enough.

    Parameters
    ----------
    start : float
        The first rate.
    steps : sequence of pairs
        The rates that were tried, and whether each was good.
    """
    if not steps:
        return start
    good = max((rate for rate, held in steps if held), default=0.0)
    bad = min((rate for rate, held in steps if not held and rate > good), default=0.0)
    if len(steps) >= _MOST_STEPS or (bad and not good and bad <= start / 16):
        return None
    if not bad:
        return good * 2
    if not good:
        return bad / 2
    # The geometric mean: from 10 to 20 is as far as from 100 to 200.
    return None if bad / good <= SHARPNESS else round((good * bad) ** 0.5, 3)


def search(
    measure: Callable[[Load], Result],
    load: Load,
    conditions: Sequence[Condition],
    *,
    targets: int = 1,
    watch: Callable[[Step], object] = lambda _: None,
    sleep: Callable[[float], object] | None = None,
    interrupts: Interrupts | None = None,
) -> tuple[Capacity, Result]:
    """Search the highest rate at which the objectives hold.

    Parameters
    ----------
    measure : callable
        Puts a load on the targets, and returns the result.
    load : Load
        Its rate is the first to be tried, its duration how long each one is.
    conditions : sequence of Condition
        The objectives.
    targets : int
        The number of targets.
    watch : callable, optional
        Takes each step when it has ended.
    sleep : callable, optional
        Waits between the steps; by default until a signal arrives.
    interrupts : Interrupts, optional
        The signals that end the search.

    Raises
    ------
    InvalidRequest
        If `max_chars` does not allow the first step.

    Returns
    -------
    Capacity, Result
        The knee, and the result of the highest good rate, or else of the first.
    """
    steps: list[Step] = []
    best: tuple[Step, Result] | None = None
    first, left, wait = load.rate or 1.0, load.max_chars, 0.0
    interrupts = interrupts or Interrupts()
    ended_by: EndedBy = "knee"
    while (rate := next_rate(first, [(s.rate, s.good) for s in steps])) is not None:
        step_load = held(load, rate, len(steps), enough_for(conditions), targets)
        characters = step_load.planned(targets)[1]
        if left is not None:
            left -= characters
            if left < 0:
                ended_by = "characters"
                break
        (sleep or interrupts.wait)(wait)
        if interrupts.stopped and best is not None:
            best[1].run.interrupted, ended_by = True, "interrupt"
            break
        result = measure(step_load)
        step = step_of(rate, result, conditions)
        steps.append(step)
        watch(step)
        if best is None or (step.good and (not best[0].good or rate > best[0].rate)):
            best = step, result
        if not step.valid:
            best[1].run.interrupted = result.run.interrupted
            ended_by = "interrupt" if result.run.interrupted else "tool"
            break
        wait = asked_to_wait(result)
    if best is None:
        raise InvalidRequest(
            "max_chars", "they do not suffice for the first rate", allowed="more, or a lower rate"
        )
    return _capacity(steps, ended_by), best[1]


def held(load: Load, rate: float, number: int, enough: int, targets: int) -> Load:
    """Return the load of one step: at least as long as requested, with `enough` requests."""
    duration = load.duration or STEP_SECONDS
    long_enough = duration * rate >= 1.5 * enough * targets
    return replace(
        load,
        rate=rate,
        requests=None if long_enough else enough,
        duration=duration if long_enough else None,
        seed=load.seed + number,
        warmup=0 if number else load.warmup,
        max_chars=None,
    )


def enough_for(conditions: Sequence[Condition]) -> int:
    """Return how many requests the objectives' percentiles need, and a tenth more for failures."""
    asked = (PERCENTILES.get(condition.statistic) for condition in conditions)
    return max((math.ceil(1.1 * needed(p)) for p in asked if p), default=0)


def asked_to_wait(result: Result) -> float:
    """Return the longest wait in seconds that the server asked for with a refusal (429)."""
    rows = (row.sample for outcome in result.outcomes for row in outcome.rows)
    advice = (sample.retry_after or 0.0 for sample in rows if sample.status == 429)
    return min(LONGEST_ADVICE, max(advice, default=0.0))


def told(step: Step) -> str:
    """Return one line about a step."""
    voice = step.first_voice["p95"]
    heard = "" if voice is None else f", p95 of first voice {voice:.0f} ms"
    turned = f", {step.limited} turned away (429)" if step.limited else ""
    says = "holds" if step.good else step.why
    return f"{step.rate:g} a second: {step.ended:g} ended{turned}{heard}: {says}"


def _capacity(steps: list[Step], ended_by: EndedBy) -> Capacity:
    knee = max((step.rate for step in steps if step.good), default=None)
    failed = [step.rate for step in steps if step.valid and not step.good]
    return Capacity(knee, knee is not None and any(rate > knee for rate in failed), steps, ended_by)


def step_of(rate: float, result: Result, conditions: Sequence[Condition]) -> Step:
    """Return what a run at one rate says of the server."""
    rows = [row for outcome in result.outcomes for row in outcome.rows]
    limited = sum(row.sample.status == 429 for row in rows)
    failed = sum(row.sample.error is not None for row in rows) - limited
    voices = sorted(v for o in result.outcomes for v in o.values("first_voice"))
    seconds = result.run.ended - result.run.begun
    why = _why(result, conditions, limited, len(rows))
    return Step(
        rate=rate,
        ended=round((len(rows) - limited - failed) / seconds, 3) if seconds else 0.0,
        requests=len(rows),
        limited=limited,
        failed=failed,
        first_voice={
            name: round(percentile(voices, p), 3) if voices else None
            for name, p in (("p50", 0.5), ("p95", 0.95))
        },
        good=not why,
        why=why,
        valid=result.valid and not result.run.interrupted,
        concurrency=round(_busy(rows) / seconds, 3) if seconds else 0.0,
        targets=[_target_facts(outcome) for outcome in result.outcomes],
    )


def _busy(rows: Sequence[Row]) -> float:
    """Return for how long the requests were on their way, all together."""
    return sum(row.sample.ended - row.sample.begun for row in rows)


def _target_facts(outcome: Outcome) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": outcome.target.name, "throughput": outcome.throughput}
    for name in ("first_voice", "rtf"):
        values = sorted(outcome.values(name))
        facts[name] = {
            key: round(percentile(values, p), 4) if values else None
            for key, p in (("p50", 0.5), ("p95", 0.95))
        }
    return facts


def _why(result: Result, conditions: Sequence[Condition], limited: int, requests: int) -> str:
    """Return why the step failed; empty if it did not."""
    if result.run.interrupted:
        return "it was interrupted"
    if not result.valid:
        return result.invalid[0]
    if not requests:
        return "no request was made"
    if limited > _TURNED_AWAY * requests:
        return f"the server turned {limited} of {requests} requests away (429)"
    verdicts = objective.judge(list(conditions), result.to_dict()["targets"])
    missed = [verdict["says"] for verdict in verdicts if verdict["verdict"] == "missed"]
    return missed[0] if missed else _falls_behind(result)


def _falls_behind(result: Result) -> str:
    """Return a sentence if the last third of the requests took far longer than the first."""
    rows = sorted(
        (row for outcome in result.outcomes for row in outcome.rows),
        key=lambda row: row.sample.intended,
    )
    third = len(rows) // 3
    if third < 5:
        return ""
    early, late = (
        sorted(row.sample.ended - row.sample.intended for row in part)
        for part in (rows[:third], rows[-third:])
    )
    first, last = percentile(early, 0.5), percentile(late, 0.5)
    if last > 2 * first and last - first > 0.2:
        return f"it falls behind: {first:.1f} s for the first requests, {last:.1f} s for the last"
    return ""
