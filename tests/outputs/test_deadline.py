"""Calls that may never return: none is waited for beyond its deadline."""

from __future__ import annotations

import threading

import pytest

from streamplay.outputs.deadline import OutOfTime, within
from tests.support.programs import run
from tests.support.speaking import PATIENCE


def test_what_comes_back_in_time_is_returned_or_raised() -> None:
    assert within(PATIENCE, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(PATIENCE, lambda: 1 // 0)


def test_what_does_not_come_back_is_given_up_and_its_result_is_handed_on_late() -> None:
    go_on, told = threading.Event(), threading.Event()
    results: list[str] = []

    def slow() -> str:
        assert go_on.wait(PATIENCE)
        return "late"

    def late(result: str) -> None:
        results.append(result)
        told.set()

    with pytest.raises(OutOfTime):
        within(0.01, slow, late=late)
    assert results == []
    go_on.set()
    assert told.wait(PATIENCE)
    assert results == ["late"]


def test_a_late_failure_is_dropped() -> None:
    go_on, ended = threading.Event(), threading.Event()
    results: list[object] = []

    def fails() -> None:
        assert go_on.wait(PATIENCE)
        ended.set()
        raise ZeroDivisionError

    with pytest.raises(OutOfTime):
        within(0.01, fails, late=results.append)
    go_on.set()
    assert ended.wait(PATIENCE)
    assert results == []


def test_a_call_that_never_returns_keeps_no_interpreter_from_ending() -> None:
    program = (
        "import threading\n"
        "from streamplay.outputs.deadline import OutOfTime, within\n"
        "try:\n    within(0.01, threading.Event().wait)\n"
        "except OutOfTime:\n    print('given up')\n"
    )
    assert run(program) == "given up\n"
