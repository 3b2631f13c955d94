from __future__ import annotations

import pytest

from streamplay.cli import line_application


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
    assert line_application._reflows(environment) is breaks
