"""Lines of a conversation: their names, and what a crash leaves of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamplay.cli.lines import (
    KEPT_LINES,
    SHOWN_CHARACTERS,
    Line,
    LineList,
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


def test_a_batch_is_what_came_since_nothing_was_going_on() -> None:
    lines = LineList()
    lines.restore("Of an earlier run.", "it had ended")
    assert (lines.batch, lines.is_busy) == ([], False)
    first, second, now = (lines.add(text, now=text == "Now.") for text in ("One.", "Two.", "Now."))
    lines.end(first, LineState.HEARD)
    assert lines.batch == [first, now, second]
    lines.end(now, LineState.SILENCED)
    lines.end(second, LineState.LOST, "why")
    assert (lines.batch, lines.is_busy) == ([first, second, now], False)
    assert [line.text for line in lines.take_lost()] == ["Of an earlier run.", "Two."]
    assert lines.batch == [first, now]
    third = lines.add("Three.")
    assert lines.batch == [third]


@given(st.lists(st.booleans(), max_size=3 * KEPT_LINES))
def test_what_waits_is_never_forgotten_and_what_has_ended_is_bounded(ends: list[bool]) -> None:
    lines, waiting = LineList(), []
    for number, end in enumerate(ends):
        waiting.append(lines.add(str(number)))
        if end:
            lines.end(waiting.pop(0), LineState.HEARD)
    assert lines.going == waiting
    assert len(lines.batch) <= len(waiting) + KEPT_LINES
    assert lines.next_waiting is (waiting[0] if waiting else None)
    assert lines.is_busy is bool(waiting)
