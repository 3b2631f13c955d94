from __future__ import annotations

from benchmarks.bare import outcomes


def test_where_something_is_missing_live_and_doctor_say_a_sentence() -> None:
    # All commands and conditions: python -m benchmarks.bare
    found = list(outcomes(["live", "doctor"], ["stdin closed", "no HOME"]))
    assert [run for run in found if run.fault] == []
    assert [run.status for run in found] == [2, 0, 0, 0]
