"""How many requests a second a server bears before the objective breaks: the knee, and its curve.

Doubles the rate until a step fails, then halves what lies between the last good rate and the
first bad one, in proportion. A step fails where an objective is missed, where the server turns
requests away for want of capacity (429), or where it falls behind: where what is begun is not
ended the queue grows without end, and a longer step would fail whatever the objective. A step in
which the tool itself was too late says nothing of the server, and ends the search. Before the next
step as long is waited as a server that turns requests away has asked for.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench import objective
from streamplay.bench.statistics import PERCENTILES, needed, percentile
from streamplay.errors import InvalidRequest
from streamplay.network.retry import LONGEST_ADVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.bench.objective import Condition
    from streamplay.bench.plan import Load
    from streamplay.bench.result import Result

STEP_SECONDS: Final = 10.0
"""How long a rate is held unless --duration says otherwise."""

SHARPNESS: Final = 1.15
"""The search ends where the first bad rate is no further above the last good one."""

_MOST_STEPS: Final = 20

# Of the requests that are begun, those turned away: a single one may be chance.
_TURNED_AWAY: Final = 0.01


@dataclass(frozen=True, slots=True)
class Step:
    """One rate that was held, and what came of it.

    Parameters
    ----------
    rate : float
        Requests a second that were to begin.
    ended : float
        Requests a second that ended well.
    requests, limited, failed : int
        How many there were, were turned away (429), and failed otherwise.
    first_voice : dict
        p50 and p95 in ms; null where there are none.
    good : bool
        Whether it holds.
    why : str
        What broke; empty where nothing did.
    valid : bool
        Whether it tells anything of the server: the tool itself was quick enough, and nobody has
        interrupted it.
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


@dataclass(frozen=True)
class Capacity:
    """What the search found.

    Parameters
    ----------
    knee : float or None
        The highest rate that held; None: not even the first.
    bounded : bool
        Whether a higher one was seen to fail.
    steps : list of Step
        In the order in which they were tried.
    """

    knee: float | None
    bounded: bool
    steps: list[Step]

    @property
    def _end(self) -> str:
        last = self.steps[-1]
        return "the characters are used up" if last.good else last.why

    def to_dict(self) -> dict[str, Any]:
        """Return it as the result says it."""
        curve = sorted((asdict(step) for step in self.steps), key=lambda step: step["rate"])
        return {"rate": self.knee, "bounded": self.bounded, "curve": curve}

    @property
    def says(self) -> str:
        """A plain sentence."""
        if self.knee is None and not self.steps[-1].valid:
            return f"nothing was learned: {self.steps[-1].why}"
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
    """Return the rate to try next, or None: it is known well enough.

    Parameters
    ----------
    start : float
        The first rate.
    steps : sequence of pairs
        What was tried: a rate, and whether it held.
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
    # In proportion: from 10 to 20 as far as from 100 to 200.
    return None if bad / good <= SHARPNESS else round((good * bad) ** 0.5, 3)


def search(
    measure: Callable[[Load], Result],
    load: Load,
    conditions: Sequence[Condition],
    *,
    targets: int = 1,
    watch: Callable[[Step], object] = lambda _: None,
    sleep: Callable[[float], object] = time.sleep,
) -> tuple[Capacity, Result]:
    """Raise the rate until an objective breaks.

    Parameters
    ----------
    measure : callable
        Puts a load on the targets, and returns the result.
    load : Load
        Its rate is the first to be tried, its duration how long each is held.
    conditions : sequence of Condition
        What has to hold.
    targets : int
        How many there are.
    watch : callable, optional
        Is told of each step.
    sleep : callable, optional
        Waits between the steps.

    Raises
    ------
    InvalidRequest
        If the characters that are allowed do not suffice for the first rate.

    Returns
    -------
    Capacity, Result
        And the result of the highest rate that held, or of the first.
    """
    steps: list[Step] = []
    best: tuple[Step, Result] | None = None
    first, left, wait = load.rate or 1.0, load.max_chars, 0.0
    while (rate := next_rate(first, [(s.rate, s.good) for s in steps])) is not None:
        held = _held(load, rate, len(steps), _enough(conditions), targets)
        characters = held.planned(targets)[1]
        if left is not None:
            left -= characters
            if left < 0:
                break
        sleep(wait)
        result = measure(held)
        step = _step(rate, result, conditions)
        steps.append(step)
        watch(step)
        if best is None or (step.good and (not best[0].good or rate > best[0].rate)):
            best = step, result
        if not step.valid:
            best[1].run.interrupted = result.run.interrupted
            break
        wait = _asked_to_wait(result)
    if best is None:
        raise InvalidRequest(
            "max_chars", "they do not suffice for the first rate", allowed="more, or a lower rate"
        )
    return _capacity(steps), best[1]


def _held(load: Load, rate: float, number: int, enough: int, targets: int) -> Load:
    """Return the load of one step: as long as was asked for, or until there are enough requests."""
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


def _enough(conditions: Sequence[Condition]) -> int:
    """Return how many requests the objectives' percentiles need; a tenth more, as some may fail."""
    asked = (PERCENTILES.get(condition.statistic) for condition in conditions)
    return max((math.ceil(1.1 * needed(p)) for p in asked if p), default=0)


def _asked_to_wait(result: Result) -> float:
    """Return how many seconds those who were turned away (429) were asked to wait."""
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


def _capacity(steps: list[Step]) -> Capacity:
    knee = max((step.rate for step in steps if step.good), default=None)
    failed = [step.rate for step in steps if step.valid and not step.good]
    return Capacity(knee, knee is not None and any(rate > knee for rate in failed), steps)


def _step(rate: float, result: Result, conditions: Sequence[Condition]) -> Step:
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
    )


def _why(result: Result, conditions: Sequence[Condition], limited: int, requests: int) -> str:
    """Return what broke, or nothing."""
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
    """Tell where the requests of the last third take far longer than those of the first."""
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
