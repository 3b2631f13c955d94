"""A run held against an earlier one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.bench import baseline, objective
from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path


def target(name: str = "T", **measures: Any) -> dict[str, Any]:
    return {"name": name, "requests": 100, "errors": {"TimedOut": 2}, "measures": measures}


def figure(value: float, *ends: float) -> dict[str, Any]:
    return {"p95": value, "ci95": {"p95": list(ends)} if ends else {}}


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
    (found,) = baseline.judge(limits, [target(first_voice=figure(*new))], earlier)
    assert found["verdict"] == verdict
    assert ("compared turn by turn" in found["says"]) is (verdict == "cannot tell")


def test_a_change_may_be_named_in_milliseconds() -> None:
    limits = [objective.parse("total.p95 > +20ms", relative=True)]
    earlier = [target(total=figure(100.0, 99.0, 101.0))]
    (found,) = baseline.judge(limits, [target(total=figure(150.0, 149.0, 151.0))], earlier)
    assert found["verdict"] == "missed"
    assert "+50" in found["says"]


def test_a_target_without_an_earlier_run_is_a_miss() -> None:
    limits = [objective.parse("total.p95 > +20ms", relative=True)]
    two = [target("A", total=figure(1.0)), target("B", total=figure(1.0))]
    found = baseline.judge(limits, two, [target("A", total=figure(1.0))])
    assert [each["verdict"] for each in found] == ["cannot tell", "missed"]


def test_a_share_changes_by_percentage_points() -> None:
    limits = [objective.parse("errors > +5%", relative=True)]
    earlier = target() | {"errors": {}}
    for failed, verdict in ((0, "met"), (6, "cannot tell"), (40, "missed")):
        now = target() | {"errors": {"TimedOut": failed}}
        (found,) = baseline.judge(limits, [now], [earlier])
        assert found["verdict"] == verdict
        assert f"+{failed} points" in found["says"]


def test_what_one_of_the_runs_has_not_measured_is_a_miss() -> None:
    limits = [objective.parse("total.p95 > +20ms", relative=True)]
    measured = target(total=figure(100.0, 99.0, 101.0))
    for new, old in ((measured, target()), (target(total=None), measured)):
        (found,) = baseline.judge(limits, [new], [old])
        assert (found["verdict"], "no such figure" in found["says"]) == ("missed", True)


SOUND = {
    "schema": 1,
    "targets": [
        {
            "name": "T",
            "requests": 9,
            "errors": {"TimedOut": 1},
            "measures": {
                "tls": None,
                "total": dict.fromkeys(objective.STATISTICS, 5) | {"ci95": {"p50": [4, 6]}},
            },
        }
    ],
}


def test_a_baseline_is_a_result(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text(json.dumps(SOUND))
    (found,) = baseline.load(file)
    assert found["measures"]["tls"] is None
    assert found["measures"]["total"]["ci95"] == {"p50": (4, 6)}


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "5", '"text"', "{}", "[" * 100_000),
        json.dumps(SOUND | {"schema": 2}),
        json.dumps(SOUND | {"targets": None}),
        json.dumps(SOUND | {"targets": [{}]}),
        json.dumps(SOUND).replace('"ci95"', '"ci"'),
        json.dumps(SOUND).replace("[4, 6]", "[4]"),
        json.dumps(SOUND).replace('"p99": 5', '"p99": "much"'),
        json.dumps(SOUND).replace('{"TimedOut": 1}', "[1]"),
        json.dumps(SOUND).replace('"requests": 9', '"requests": null'),
    ],
)
def test_what_is_no_result_is_no_baseline(tmp_path: Path, content: str) -> None:
    file = tmp_path / "before.json"
    file.write_text(content)
    with pytest.raises(InvalidRequest, match="no result"):
        baseline.load(file)
