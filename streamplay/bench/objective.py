"""Conditions on a result: ``continuity_100 >= 99%``, or ``first_voice.p95 > +10%`` of an earlier.

The figure itself decides whether an objective is met; its interval is printed beside it.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.bench.measures import BY_NAME
from streamplay.bench.statistics import PERCENTILES, proportion_interval
from streamplay.bench.table import number
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM: Final = re.compile(
    r"\s*(?P<name>[a-z_0-9]+)(?:\.(?P<statistic>[a-z0-9]+))?\s*(?P<operator><=|>=|<|>)"
    r"\s*(?P<sign>[+-]?)(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>%|ms|s)?\s*"
)
_EXAMPLES: Final = (
    ("objective", "continuity_100 >= 99%"),
    ("fail_if", "first_voice.p95 > +10%"),
)
_IN_ONE: Final = {"%": 100, "s": 0.001}
_UNITS: Final[Mapping[str, tuple[str, ...]]] = {"ms": ("ms", "s"), "ratio": (), "count": ()}

STATISTICS: Final = (*PERCENTILES, "mean", "max", "sd")
"""The statistics that a condition may name; for a change only percentiles: they have intervals."""

ERRORS: Final = "errors"
"""The share of requests that failed: no measure, but conditions may name it."""

Verdict = Literal["met", "missed", "cannot tell", "not judged"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One expression.

    Parameters
    ----------
    text : str
        The expression.
    name, statistic : str
        The measure, and the statistic of it.
    operator : str
        One of ``<= >= < >``.
    value : float
        In the measure's unit; a share of the earlier figure if `relative` is ``'%'``. A measure
        that is itself a share changes by percentage points.
    relative : {'', '%', 'unit'}
        Whether it is a condition on a change, and the unit of that change.
    """

    text: str
    name: str
    statistic: str
    operator: str
    value: float
    relative: Literal["", "%", "unit"] = ""

    @property
    def is_share(self) -> bool:
        """Whether the measure is a share of the requests."""
        return _is_share(self.name)

    def holds(self, value: float) -> bool:
        """Return whether a value, or a change, fulfils the condition."""
        return _OPERATORS[self.operator](value, self.value)


def parse(text: str, *, relative: bool = False) -> Condition:
    """Read ``NAME[.STATISTIC] OPERATOR VALUE``; `relative`: of a change, ``+10%`` or ``+20ms``.

    Raises
    ------
    InvalidRequest
        If it cannot be read, or names no measure.
    """
    flag, example = _EXAMPLES[relative]

    def refused(problem: str, allowed: str = f"as in {example!r}") -> InvalidRequest:
        return InvalidRequest(flag, f"{text!r} {problem}", allowed=allowed)

    match = _FORM.fullmatch(text)
    if match is None:
        raise refused("cannot be read")
    name, unit = match["name"], match["unit"]
    if name not in BY_NAME and name != ERRORS:
        raise refused(f"asks for {name!r}, not measured", f"{ERRORS}, {', '.join(BY_NAME)}")
    share = _is_share(name)
    statistic = match["statistic"] or ("mean" if share else "")
    known = ("mean",) if share else tuple(PERCENTILES) if relative else STATISTICS
    if statistic not in known:
        raise refused(
            "names no figure", name if share else ", ".join(f"{name}.{each}" for each in known)
        )
    if bool(match["sign"]) is not relative:
        raise refused(f"is no {'change' if relative else 'limit'}")
    units = ("%",) if share else _UNITS[BY_NAME[name].unit] + (("%",) if relative else ())
    if unit and unit not in units:
        raise refused(f"counts {name} in {unit}", " or ".join((*units, "a number alone")))
    value = float(f"{match['sign']}{match['value']}") / _IN_ONE.get(unit, 1)
    if share and abs(value) > 1:
        raise refused("is beyond all requests", "at most 100%, or 1")
    kind: Literal["", "%", "unit"] = ""
    if relative:
        kind = "%" if unit == "%" and not share else "unit"
    return Condition(text.strip(), name, statistic, match["operator"], value, kind)


def _is_share(name: str) -> bool:
    return name == ERRORS or BY_NAME[name].unit == "share"


def judge(conditions: list[Condition], targets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a verdict on every objective for every target of a result."""
    return [_judge(condition, target) for condition in conditions for target in targets]


def unjudged(
    conditions: list[Condition], targets: list[dict[str, Any]], why: str
) -> list[dict[str, Any]]:
    """Return that no objective was judged: the figures of an invalid run would mislead."""
    return [
        verdict_on(condition, target, "not judged", why)
        for condition in conditions
        for target in targets
    ]


def _judge(condition: Condition, target: dict[str, Any]) -> dict[str, Any]:
    value, ends = figure(condition, target)
    if value is None:
        says = "it was not measured, or by too few requests"
        return verdict_on(condition, target, "missed", says)
    shown = number(value, percent=condition.is_share)
    if ends is not None:
        shown_ends = "–".join(number(end, percent=condition.is_share) for end in ends)
        shown += f" [{shown_ends}]"
    return verdict_on(condition, target, "met" if condition.holds(value) else "missed", shown)


_NONE: Final = (None, None)


def figure(
    condition: Condition, target: dict[str, Any]
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the figure that a condition names, and its interval; None if it was not measured."""
    if condition.name == ERRORS:
        failed = sum(target["errors"].values())
        requests = target["requests"] - target.get("unjudged", 0)
        return (failed / requests, proportion_interval(failed, requests)) if requests else _NONE
    measure = target["measures"].get(condition.name)
    if measure is None:
        return _NONE
    ends = measure["ci95"].get(condition.statistic)
    return measure[condition.statistic], (ends[0], ends[1]) if ends else None


def verdict_on(
    condition: Condition, target: dict[str, Any], verdict: Verdict, says: str
) -> dict[str, Any]:
    """Return a verdict as the result holds it."""
    return {
        "expression": condition.text,
        "target": target["name"],
        "verdict": verdict,
        "says": f"{condition.text} ({target['name']}): {says}",
    }
