"""The curves of a sweep, and of a search for the capacity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamplay.bench import sweep
from streamplay.bench.html.page import page
from streamplay.bench.html.swept import swept
from streamplay.bench.plan import Load
from tests.bench.test_capacity import run_of
from tests.support.pages import PageCheck

if TYPE_CHECKING:
    from streamplay.bench.result import Result


def test_a_sweep_has_its_curves_with_the_knee_and_what_broke() -> None:
    def slower(load: Load) -> Result:
        return run_of(load, lambda _: 0.05 * (load.rate or 0))

    load = Load(duration=10.0, texts=("One.",))
    found, result = sweep.sweep(slower, load, (2.0, 4.0, 8.0), [])
    figures = list(swept(found.to_dict()))
    assert [figure.heading for figure in figures] == [
        "First voice over rate",
        "First voice over concurrency",
        "Real-time factor over concurrency",
        "Throughput",
    ]
    assert 'class="knee"' in figures[0].svg
    assert figures[0].svg.count('class="cross s0"') == 1
    assert [row[0] for row in figures[0].rows] == ["2", "4", "8"]
    document = page(replace(result, sweep=found.to_dict()))
    check = PageCheck()
    check.feed(document)
    assert check.open == []
    assert "was 100 at 2 a second" in document


def test_one_rate_alone_has_none() -> None:
    assert list(swept(None)) == []
    assert list(swept({"rate": None, "bounded": False, "curve": []})) == []
