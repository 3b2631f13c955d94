"""Quick forms of the scorecard's rows; `python -m benchmarks.trust` has the full ones."""

from __future__ import annotations

import ast
import asyncio

import pytest

from benchmarks.trust import canary, mutate
from benchmarks.trust.__main__ import ROWS, run_row
from benchmarks.trust.row import ROOT, Run
from benchmarks.trust.user_rows import echoed_to_library

pytestmark = pytest.mark.no_cover

# Rows, and turns that take a second at most.
QUICK = {
    "sse conformance": 60,
    "random cuttings": 40,
    "retries": 200,
    "bad network": 14,
    "cancels": 60,
    "largest step": 100,
    "virtual hours": 1,
}


@pytest.mark.parametrize("name", QUICK)
def test_a_row_of_the_scorecard_holds_in_its_quick_form(name: str) -> None:
    run = Run(QUICK[name], 60.0, 1)
    ROWS[name].act(run)
    assert run.faults == []
    assert run.done > 0


@pytest.mark.parametrize("name", [*canary.ECHOES][::4])
def test_no_part_of_the_key_is_in_what_a_program_may_log(name: str) -> None:
    run = Run(1, 60.0, 1)
    asyncio.run(echoed_to_library(run, name))
    assert run.faults == []


def test_a_row_counts_as_run_from_a_tenth_of_what_was_planned_on() -> None:
    found = {
        seconds: run_row(ROWS["sse conformance"], seconds, 1)["result"] for seconds in (0.0, 30.0)
    }
    assert found == {0.0: "not run", 30.0: "holds"}


def test_every_reason_for_a_survivor_names_a_change_that_can_be_made() -> None:
    sources = {name: (ROOT / "streamplay" / name).read_text() for name in mutate.TARGETS}
    tests = {ROOT / "tests" / f"{name}.py" for names in mutate.TARGETS.values() for name in names}
    assert all(path.exists() for path in tests)
    made = {
        (name, each.name)
        for name, source in sources.items()
        for each in mutate.changes(ast.parse(source))
    }
    assert made.issuperset(mutate.reasons())
