from __future__ import annotations

import pytest

from benchmarks.edits import run
from streamplay.cli import editor


def test_after_random_edits_and_messages_the_screen_shows_the_line_and_the_cursor() -> None:
    # 500 of them: python -m benchmarks.edits
    assert run(range(6)) == []


@pytest.mark.parametrize(
    ("environment", "breaks"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "screen", "TMUX": "/tmp/x"}, True),
        ({"TERM": "screen.xterm-256color"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(379)"}, False),
        ({}, True),
    ],
)
def test_terminals_that_cut_long_rows_off_are_known(
    environment: dict[str, str], breaks: bool
) -> None:
    assert editor._reflows(environment) is breaks
