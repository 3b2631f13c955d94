"""Runs as figures, and the page that holds them side by side."""

from __future__ import annotations

from streamplay.bench import side_by_side
from streamplay.bench.html.compared import compared
from streamplay.bench.html.trend import trend
from streamplay.bench.plan import Load
from tests.bench.test_capacity import run_of
from tests.support.pages import EVIL, PageCheck

LOAD = Load(rate=10.0, duration=8.0, texts=("One.",))
RUNS = [
    side_by_side.of_dict(f"{EVIL} {ms}", run_of(LOAD, lambda _, ms=ms: ms / 1000).to_dict())  # type: ignore[misc]
    for ms in (100, 110, 240)
]


def test_a_measure_is_drawn_run_by_run_with_its_intervals() -> None:
    (figure,) = trend(RUNS, ("first_voice",))
    assert figure.svg.count("<circle") == 3
    assert figure.svg.count('class="interval s0"') == 3
    assert [row[3] for row in figure.rows] == ["100", "110", "240"]
    assert figure.rows[2][5].startswith("+140%")


def test_the_page_of_a_comparison_is_whole() -> None:
    document = compared(RUNS)
    check = PageCheck()
    check.feed(document)
    assert check.open == []
    assert EVIL not in document
    assert document.count("<figure>") >= 8
