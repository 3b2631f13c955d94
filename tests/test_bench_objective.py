"""Objectives, and limits against an earlier run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import objective
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path


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
        ("first_voice.p95 > 10%", True),
    ],
)
def test_what_names_no_condition_is_refused(text: str, relative: bool) -> None:
    with pytest.raises(InvalidRequest):
        objective.parse(text, relative=relative)


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ((130.0, 125.0, 135.0), "missed"),
        ((112.0, 105.0, 120.0), "cannot tell"),
        ((101.0, 99.0, 103.0), "met"),
    ],
)
def test_a_change_is_missed_only_where_all_of_its_interval_is(
    new: tuple[float, ...], verdict: str
) -> None:
    limits = [objective.parse("first_voice.p95 > +10%", relative=True)]
    earlier = [target(first_voice=figure(100.0, 98.0, 102.0))]
    (found,) = objective.compare_runs(limits, [target(first_voice=figure(*new))], earlier)
    assert found["verdict"] == verdict
    assert ("compared turn by turn" in found["says"]) is (verdict == "cannot tell")


def test_a_change_may_be_named_in_milliseconds() -> None:
    limits = [objective.parse("total.p95 > +20ms", relative=True)]
    earlier = [target(total=figure(100.0, 99.0, 101.0))]
    (found,) = objective.compare_runs(limits, [target(total=figure(150.0, 149.0, 151.0))], earlier)
    assert found["verdict"] == "missed"
    assert "+50" in found["says"]


def test_a_target_without_an_earlier_run_is_a_miss() -> None:
    limits = [objective.parse("total.p95 > +20ms", relative=True)]
    two = [target("A", total=figure(1.0)), target("B", total=figure(1.0))]
    found = objective.compare_runs(limits, two, [target("A", total=figure(1.0))])
    assert [each["verdict"] for each in found] == ["cannot tell", "missed"]


def test_a_baseline_is_a_result(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    for content in ("", "[]", '{"schema": 2, "targets": []}', '{"schema": 1, "targets": [{}]}'):
        file.write_text(content)
        with pytest.raises(InvalidRequest, match="no result"):
            objective.load_baseline(file)
    file.write_text('{"schema": 1, "targets": [{"name": "T", "measures": {"total": null}}]}')
    assert objective.load_baseline(file)[0]["name"] == "T"
