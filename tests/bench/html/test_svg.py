from __future__ import annotations

from streamplay.bench.html.svg import Plot, ticks
from tests.support.pages import EVIL


def test_names_cannot_become_tags(document: str) -> None:
    assert EVIL not in document
    assert "&lt;script&gt;" in document


def test_axes_have_round_numbers_within_their_ends() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0, 437) == [0, 100, 200, 300, 400]
    assert ticks(3, 3) == [3]


def test_a_point_on_a_flat_axis_is_still_somewhere() -> None:
    plot = Plot("T", "about", (0, 0), (0, 0), "x", "y")
    assert all(value == value for value in plot.at(0, 0))  # noqa: PLR0124  that is: no NaN
