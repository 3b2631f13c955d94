"""Every figure of the report: named, described, and of what was measured."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from streamplay.bench.html.page import page
from tests.support.pages import PageCheck

if TYPE_CHECKING:
    from streamplay.bench.result import Result


def test_every_figure_has_a_name_a_description_and_numbers(document: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", document, re.DOTALL)
    assert len(figures) == 13
    for figure in figures:
        assert 'role="img" aria-label="' in figure
        assert "<desc>" in figure
        assert "<figcaption>" in figure
        assert "<details><summary>In numbers</summary>" in figure
    headings = re.findall(r"<figure><h3>(.*?)</h3>", document)
    for heading in (
        "First voice",
        "Where the time goes",
        "Arrivals: slow",
        "Stalls over prebuffer",
    ):
        assert heading in headings


def test_what_failed_has_no_curve_and_is_told(document: str) -> None:
    assert "7 ServerFailed" in document
    assert "Arrivals: failing" not in document
    assert "least safe start: " in document


def test_a_search_for_the_capacity_has_its_curve(result: Result) -> None:
    steps = [
        {"rate": rate, "ended": rate, "requests": 10, "limited": 0, "failed": 0, "good": good}
        | {"first_voice": {"p50": 10.0 * rate, "p95": 20.0 * rate}, "why": why, "valid": True}
        for rate, good, why in ((1.0, True, ""), (2.0, False, "it <broke>"))
    ]
    found = page(replace(result, capacity={"rate": 1.0, "bounded": True, "curve": steps}))
    assert "<h3>Capacity</h3>" in found
    assert "it &lt;broke&gt;" in found
    check = PageCheck()
    check.feed(found)
    assert check.open == []
    empty = page(replace(result, capacity={"rate": None, "bounded": False, "curve": []}))
    assert "<h3>Capacity</h3>" not in empty
