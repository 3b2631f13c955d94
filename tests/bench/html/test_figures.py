"""Every figure of the report: named, described, and of what was measured."""

from __future__ import annotations

import re


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
