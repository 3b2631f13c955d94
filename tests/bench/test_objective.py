"""Objectives: how they are read, and held against a run."""

from __future__ import annotations

from typing import Any

import pytest

from streamplay.bench import objective
from streamplay.errors import InvalidRequest


def target(name: str = "T", **measures: Any) -> dict[str, Any]:
    return {"name": name, "requests": 100, "errors": {"TimedOut": 2}, "measures": measures}


def figure(value: float | None, *ends: float) -> dict[str, Any]:
    return {"p95": value, "mean": value, "ci95": {"p95": list(ends)} if ends else {}}


def verdicts(text: str, measured: dict[str, Any]) -> str:
    (found,) = objective.judge([objective.parse(text)], [measured])
    assert isinstance(found["verdict"], str)
    return found["verdict"]


def test_an_objective_is_met_or_missed_by_its_figure() -> None:
    measured = target(first_voice=figure(500.0, 450.0, 600.0), continuity_100=figure(0.985))
    assert verdicts("first_voice.p95 <= 500", measured) == "met"
    assert verdicts("first_voice.p95 < 0.5 s", measured) == "missed"
    assert verdicts("continuity_100 >= 99%", measured) == "missed"
    assert verdicts("continuity_100 >= 0.98", measured) == "met"
    assert verdicts("errors <= 2%", measured) == "met"
    assert verdicts("errors < 2%", measured) == "missed"


def test_an_objective_on_what_was_not_measured_is_missed() -> None:
    assert verdicts("first_voice.p95 < 500", target(first_voice=None)) == "missed"
    assert verdicts("first_voice.p95 < 500", target(first_voice=figure(None))) == "missed"


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("first_voice < 5", False),
        ("first_voice.p94 < 5", False),
        ("nonsense.p95 < 5", False),
        ("first_voice.p95 = 5", False),
        ("first_voice.p95 < 5%", False),
        ("first_voice.p95 < +5", False),
        ("continuity_0.p95 > 90%", False),
        ("continuity_0 >= 99", False),
        ("rtf.p95 < 5ms", False),
        ("stalls.max < 1s", False),
        ("first_voice.p95 > 10%", True),
        ("first_voice.mean > +10%", True),
        ("errors > +5ms", True),
    ],
)
def test_what_names_no_condition_is_refused(text: str, relative: bool) -> None:
    with pytest.raises(InvalidRequest):
        objective.parse(text, relative=relative)
