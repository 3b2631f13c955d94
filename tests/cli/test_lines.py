"""Lines of a conversation: their names, and what a crash leaves of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamplay.cli.lines import (
    SHOWN_CHARACTERS,
    Line,
    LineState,
    ended,
    shortened,
    taken,
    unspoken,
)


def test_a_line_has_ended_once_it_is_not_going_to_be_heard_any_further() -> None:
    going = {LineState.WAITING, LineState.SPEAKING}
    assert {state for state in LineState if not Line(1, "a", state).ended} == going


@given(st.text())
def test_a_name_is_one_short_row(text: str) -> None:
    name = Line(1, text).name
    assert len(name) <= SHOWN_CHARACTERS
    assert len(name.splitlines()) <= 1


def test_a_long_name_says_that_it_goes_on() -> None:
    assert shortened("one two three", 8) == "one two…"
    assert shortened("one\n two") == "one two"


@given(st.lists(st.text(), max_size=6), st.sets(st.integers(1, 6)))
def test_what_was_taken_and_has_not_ended_is_unspoken(texts: list[str], done: set[int]) -> None:
    lines = [Line(number, text) for number, text in enumerate(texts, 1)]
    rows = [taken(line) for line in lines]
    rows += [ended(line) for line in lines if line.number in done]
    assert unspoken(rows) == [line.text for line in lines if line.number not in done]


@given(st.lists(st.text()))
def test_damaged_rows_are_skipped(rows: list[str]) -> None:
    assert unspoken([*rows, taken(Line(1, "kept")), '["+", 2'])[-1:] == ["kept"]
