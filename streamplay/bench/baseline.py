"""Comparison of a run with an earlier one, and of the changes with limits.

A limit is missed only if the *whole* interval of the change lies beyond it, and kept if no part of
the interval does. Otherwise it cannot be told.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench import compare
from streamplay.bench.measures import SCHEMA
from streamplay.bench.objective import STATISTICS, figure, verdict_on
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamplay.bench.objective import Condition, Verdict

_PAIRING: Final = (
    "Two runs differ by when they were made, too: as two targets of one run they would be "
    "compared turn by turn"
)


def load(path: Path) -> list[dict[str, Any]]:
    """Return the targets of an earlier run's result.

    Raises
    ------
    InvalidRequest
        If the file cannot be read, or holds no result.
    """
    try:
        return read(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise unreadable("baseline", path, error) from None
    except UNREADABLE:
        allowed = "what bench --json has printed"
        raise InvalidRequest("baseline", f"{path} is no result", allowed=allowed) from None


def unreadable(field: str, path: Path, error: OSError) -> InvalidRequest:
    """Return the error of a file that the system does not give."""
    return InvalidRequest(
        field, f"{path} cannot be read: {error.strerror}", allowed="a result's file"
    )


UNREADABLE: Final = (
    *(ValueError, LookupError, TypeError, AttributeError),
    *(RecursionError, OverflowError),
)
"""What `read` raises where the value is no result."""


def read(content: Any) -> list[dict[str, Any]]:
    """Return the targets of a result's JSON value; raise one of `UNREADABLE` if it is none."""
    if content["schema"] != SCHEMA:
        raise ValueError("schema")
    return [_earlier(target) for target in content["targets"]]


def _earlier(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is compared of a target in an earlier result; raise if a part is missing."""
    return {
        "name": str(target["name"]),
        "requests": int(target["requests"]),
        "unjudged": int(target.get("unjudged", 0)),
        "errors": {kind: int(count) for kind, count in target["errors"].items()},
        "measures": {
            name: None if measure is None else _earlier_measure(measure)
            for name, measure in target["measures"].items()
        },
    }


def _earlier_measure(measure: Mapping[str, Any]) -> dict[str, Any]:
    count = {"n": int(measure.get("n", 0))}
    figures = {name: None if measure[name] is None else float(measure[name]) for name in STATISTICS}
    ends = {name: (float(low), float(high)) for name, (low, high) in measure["ci95"].items()}
    return {**count, **figures, "ci95": ends}


def judge(
    conditions: list[Condition], targets: list[dict[str, Any]], earlier: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Compare the changes since an earlier run with every limit: a limit that holds is a miss."""
    before = {target["name"]: target for target in earlier}
    found = []
    for condition in conditions:
        for target in targets:
            old = before.get(target["name"])
            if old is None and len(targets) == len(earlier) == 1:
                old = earlier[0]
            if old is None:
                says = "the earlier run has no target of this name"
                found.append(verdict_on(condition, target, "missed", says))
            else:
                found.append(_compare(condition, target, old))
    return found


def _compare(condition: Condition, target: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    new_value, new_ends = figure(condition, target)
    old_value, old_ends = figure(condition, old)
    if new_value is None or old_value is None:
        return verdict_on(condition, target, "missed", "one of the runs has no such figure")
    if new_ends is None or old_ends is None:
        return verdict_on(condition, target, "cannot tell", "one of the figures has no interval")
    change, says = _change(condition, (new_value, new_ends), (old_value, old_ends))
    if change is None:
        return verdict_on(condition, target, "cannot tell", says)
    sides = {condition.holds(end) for end in change}
    verdict: Verdict = "cannot tell" if len(sides) > 1 else "missed" if True in sides else "met"
    hint = f". {_PAIRING}" if verdict == "cannot tell" else ""
    return verdict_on(condition, target, verdict, says + hint)


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
    ends = compare.difference(*new, *old)
    unit, factor = (" points", 100) if condition.is_share else ("", 1)
    middle, low, high = (factor * value for value in (new[0] - old[0], *ends))
    return ends, f"{middle:+.4g}{unit} [{low:+.4g} to {high:+.4g}; 95 %]"
