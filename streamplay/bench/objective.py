"""What was asked of a run: ``continuity_100 >= 99%``, or ``first_voice.p95 > +10%`` of an earlier.

An objective is met or missed by the figure itself, and its interval is told beside it. A
comparison with an earlier run is missed only where the *whole* interval of the change lies beyond
the limit, kept where none of it does, and elsewhere it cannot be told.
"""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.bench import compare
from streamplay.bench.measures import BY_NAME
from streamplay.bench.statistics import PERCENTILES
from streamplay.bench.table import number
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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
_STATISTICS: Final = (*PERCENTILES, "mean", "max", "sd")

ERRORS: Final = "errors"
"""The share of requests that failed: no measure, and yet an objective."""

_PAIRING: Final = (
    "Two runs differ by when they were made, too: as two targets of one run they would be "
    "compared turn by turn"
)

Verdict = Literal["met", "missed", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One expression.

    Parameters
    ----------
    text : str
        As it was written.
    name, statistic : str
        Of which measure, and what of it.
    operator : str
        One of ``<= >= < >``.
    value : float
        In the measure's unit; a share of the earlier figure where `relative` is ``'%'``.
    relative : {'', '%', 'unit'}
        Whether it is a change, and in what.
    """

    text: str
    name: str
    statistic: str
    operator: str
    value: float
    relative: Literal["", "%", "unit"] = ""

    def holds(self, value: float) -> bool:
        """Tell whether a value, or a change, is as the condition says."""
        return _OPERATORS[self.operator](value, self.value)


def parse(text: str, *, relative: bool = False) -> Condition:
    """Read ``NAME[.STATISTIC] OPERATOR VALUE``; `relative`: of a change, ``+10%`` or ``+20ms``.

    Raises
    ------
    InvalidRequest
        If it cannot be understood, or names what is not measured.
    """
    example = "first_voice.p95 > +10%" if relative else "continuity_100 >= 99%"
    flag = "fail_if" if relative else "objective"
    match = _FORM.fullmatch(text)
    if match is None:
        raise InvalidRequest(flag, f"{text!r} cannot be read", allowed=f"as in {example!r}")
    name = match["name"]
    if name not in BY_NAME and name != ERRORS:
        allowed = f"{ERRORS}, {', '.join(BY_NAME)}"
        raise InvalidRequest(flag, f"{name!r} is not measured", allowed=allowed)
    share = name == ERRORS or BY_NAME[name].unit == "share"
    statistic = match["statistic"] or ("mean" if share else "")
    if statistic not in _STATISTICS or (share and statistic != "mean"):
        allowed = "a share itself" if share else f"{name}.p95, or one of {', '.join(_STATISTICS)}"
        raise InvalidRequest(flag, f"{text!r} names no figure", allowed=allowed)
    if bool(match["sign"]) is not relative:
        raise InvalidRequest(
            flag,
            f"{text!r} is no {'change' if relative else 'limit'}",
            allowed=f"as in {example!r}",
        )
    return _condition(text.strip(), match, name, statistic, share=share, relative=relative)


def _condition(
    text: str, match: re.Match[str], name: str, statistic: str, *, share: bool, relative: bool
) -> Condition:
    value = float(f"{match['sign']}{match['value']}")
    unit = match["unit"]
    if unit == "%" and not relative and not share:
        raise InvalidRequest("objective", f"{text!r}: {name} is no share", allowed="ms, or none")
    if unit == "%":
        value /= 100
    elif unit == "s":
        value *= 1000
    kind: Literal["", "%", "unit"] = ("%" if unit == "%" else "unit") if relative else ""
    return Condition(text, name, statistic, match["operator"], value, kind)


def judge(conditions: list[Condition], targets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold every target of a result against every objective."""
    return [_judge(condition, target) for condition in conditions for target in targets]


def _judge(condition: Condition, target: dict[str, Any]) -> dict[str, Any]:
    value, ends = _figure(condition, target)
    if value is None:
        says = "it was not measured, or by too few requests"
        return _verdict(condition, target, "missed", says)
    percent = condition.name == ERRORS or BY_NAME[condition.name].unit == "share"
    shown = number(value, percent=percent)
    if ends is not None:
        low, high = (number(end, percent=percent) for end in ends)
        shown += f" [{low}–{high}]"
    return _verdict(condition, target, "met" if condition.holds(value) else "missed", shown)


def _figure(
    condition: Condition, target: dict[str, Any]
) -> tuple[float | None, tuple[float, float] | None]:
    if condition.name == ERRORS:
        failed = sum(target["errors"].values())
        return (failed / target["requests"] if target["requests"] else None), None
    measure = target["measures"].get(condition.name)
    if measure is None:
        return None, None
    ends = measure["ci95"].get(condition.statistic)
    return measure[condition.statistic], (ends[0], ends[1]) if ends else None


def compare_runs(
    conditions: list[Condition], targets: list[dict[str, Any]], earlier: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Hold the changes since an earlier run against every limit: a limit that holds is a miss."""
    before = {target["name"]: target for target in earlier}
    found = []
    for condition in conditions:
        for target in targets:
            old = before.get(target["name"])
            if old is None and len(targets) == len(earlier) == 1:
                old = earlier[0]
            if old is None:
                says = "the earlier run has no target of this name"
                found.append(_verdict(condition, target, "missed", says))
            else:
                found.append(_compare(condition, target, old))
    return found


def _compare(condition: Condition, target: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    new_value, new_ends = _figure(condition, target)
    old_value, old_ends = _figure(condition, old)
    if new_value is None or old_value is None:
        return _verdict(condition, target, "missed", "one of the runs has no such figure")
    if new_ends is None or old_ends is None:
        return _verdict(condition, target, "cannot tell", "one of the figures has no interval")
    change, says = _change(condition, (new_value, new_ends), (old_value, old_ends))
    if change is None:
        return _verdict(condition, target, "cannot tell", says)
    sides = {condition.holds(end) for end in change}
    verdict: Verdict = "cannot tell" if len(sides) > 1 else "missed" if True in sides else "met"
    hint = f". {_PAIRING}" if verdict == "cannot tell" else ""
    return _verdict(condition, target, verdict, says + hint)


def _change(
    condition: Condition,
    new: tuple[float, tuple[float, float]],
    old: tuple[float, tuple[float, float]],
) -> tuple[tuple[float, float] | None, str]:
    """Return the interval of the change, and the change as a sentence."""
    if condition.relative == "%":
        ends = compare.ratio(*new, *old)
        if ends is None:
            return None, "one of the figures is 0, and a percentage of it means nothing"
        low, high = ends[0] - 1, ends[1] - 1
        middle = new[0] / old[0] - 1
        return (low, high), f"{middle:+.1%} [{low:+.1%} to {high:+.1%}; 95 %]"
    low, high = compare.difference(*new, *old)
    return (low, high), f"{new[0] - old[0]:+.4g} [{low:+.4g} to {high:+.4g}; 95 %]"


def _verdict(
    condition: Condition, target: dict[str, Any], verdict: Verdict, says: str
) -> dict[str, Any]:
    return {
        "expression": condition.text,
        "target": target["name"],
        "verdict": verdict,
        "says": f"{condition.text} ({target['name']}): {says}",
    }


def load_baseline(path: Path) -> list[dict[str, Any]]:
    """Return the targets of an earlier run's result.

    Raises
    ------
    InvalidRequest
        If it cannot be read, or is no result.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        targets: list[dict[str, Any]] = content["targets"]
        sound = content["schema"] == 1 and all(t["name"] and t["measures"] for t in targets)
    except (OSError, ValueError, LookupError, TypeError):
        sound = False
    if not sound:
        allowed = "what bench --json has printed"
        raise InvalidRequest("baseline", f"{path} is no result", allowed=allowed)
    return targets
