"""What the status lines leave on a terminal: nothing, whatever is printed or resized meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyte
import pytest

from streamplay.cli import status_screen
from streamplay.cli.status_lines import StatusLine
from streamplay.cli.status_screen import StatusScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = [StatusLine("playing 0:01, 0:05 left"), StatusLine("One two three.", (4, 7))]


class Seen:
    """A screen of the program's, and what a terminal makes of it."""

    def __init__(self) -> None:
        self.terminal = pyte.Screen(40, 6)
        self._stream = pyte.ByteStream(self.terminal)
        self._reading, self.writing = os.pipe()
        self.screen = StatusScreen(self.writing)

    def rows(self) -> list[str]:
        os.set_blocking(self._reading, False)
        try:
            while data := os.read(self._reading, 65536):
                self._stream.feed(data)
        except BlockingIOError:
            pass
        rows = [row.rstrip() for row in self.terminal.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def close(self) -> None:
        os.close(self._reading)
        os.close(self.writing)


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    os.write(made.writing, b"$ streamplay say\r\n")
    yield made
    made.close()


def test_lines_are_drawn_in_place_of_those_before_and_the_cursor_rests_before_them(
    seen: Seen,
) -> None:
    seen.screen.draw(LINES)
    assert seen.rows() == ["$ streamplay say", "playing 0:01, 0:05 left", "One two three."]
    assert (seen.terminal.cursor.y, seen.terminal.cursor.x) == (1, 0)
    marked = [seen.terminal.buffer[2][column].bold for column in range(14)]
    assert marked == [4 <= column < 7 for column in range(14)]
    seen.screen.draw([StatusLine("paused")])
    assert seen.rows() == ["$ streamplay say", "paused"]


def test_nothing_is_written_where_nothing_has_changed(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen.screen.draw(LINES)
    monkeypatch.setattr(status_screen.os, "write", lambda *_: pytest.fail("written again"))
    seen.screen.draw(list(LINES))


def test_what_is_printed_stands_above_and_nothing_is_left_at_the_end(seen: Seen) -> None:
    seen.screen.draw(LINES)
    seen.screen.above(lambda: os.write(seen.writing, b"streamplay: a notice\r\n") and None)
    seen.screen.draw(LINES)
    assert seen.rows()[1:] == ["streamplay: a notice", *(line.text for line in LINES)]
    seen.screen.close()
    seen.screen.draw(LINES)
    assert seen.rows() == ["$ streamplay say", "streamplay: a notice"]


def test_at_the_bottom_of_the_terminal_it_scrolls_and_leaves_nothing(seen: Seen) -> None:
    os.write(seen.writing, b"\r\n" * 4)
    for number in range(3):
        seen.screen.draw([StatusLine(f"playing {number}"), StatusLine("One two three.")])
    assert seen.rows() == ["", "", "", "", "playing 2", "One two three."]
    seen.screen.close()
    assert seen.rows() == []


def test_lines_that_a_narrower_terminal_has_wrapped_are_taken_away_whole(seen: Seen) -> None:
    seen.screen.draw(LINES)
    seen.rows()
    # As terminals wrap what stands on them: the cursor stays at the beginning of the first line.
    seen.terminal.erase_in_display(2)
    seen.terminal.cursor_position(1, 1)
    wrapped = b"$ streamplay say\r\nplaying 0:\r\n01, 0:05 l\r\neft\r\nOne two th\r\nree."
    os.write(seen.writing, wrapped + b"\x1b[2;1H")
    seen.screen.draw([StatusLine("playing")])
    assert seen.rows() == ["$ streamplay say", "playing"]


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    StatusScreen(writing).draw(LINES)
    os.close(writing)


def test_a_terminal_of_one_row_shows_the_first_line(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StatusScreen, "rows", 1)
    seen.screen.draw(LINES)
    assert seen.rows()[1:] == [LINES[0].text]
