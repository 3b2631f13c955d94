from __future__ import annotations

import os
import pty
import signal
import termios
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import stuck_terminal
from streamplay.cli.stuck_terminal import StuckTerminal
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer


# As where the main thread begins to write at the moment when the signal comes: no handler runs.
_WITHOUT_HANDLERS = """
import signal
from streamplay.cli import stuck_terminal
stuck_terminal.STUCK_SECONDS = 0.2
set_handler = signal.signal
signal.signal = lambda number, handler: set_handler(
    number, handler if number != signal.SIGTERM else lambda *_: None
)
"""


@pytest.mark.parametrize("before", ["", _WITHOUT_HANDLERS])
def test_a_prompt_whose_terminal_has_stopped_ends_at_a_signal(
    speech_server: LocalServer, before: str
) -> None:
    words = ["live", "--base-url", speech_server.base_url, "--no-history"]
    with Terminal(words, before=before) as terminal:
        terminal.shows("say>")
        terminal.stop_output()
        terminal.type("Not shown yet.")
        assert terminal.settle() == terminal.rows
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(30) == 143
        terminal.go_on()
        assert terminal.modes_are_as_before


def test_a_terminal_that_takes_what_is_printed_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stuck_terminal, "STUCK_SECONDS", 0.0)
    ended: list[int] = []
    looks = iter([False, False, True])
    monkeypatch.setattr(stuck_terminal, "is_stuck", lambda: next(looks))
    StuckTerminal(ended.append).end_where_stuck(signal.SIGTERM)
    assert (ended, next(looks, None)) == ([143], None)
    over = StuckTerminal(ended.append)
    monkeypatch.setattr(stuck_terminal, "is_stuck", lambda: False)
    with over:
        pass
    over.end_where_stuck(signal.SIGTERM)
    assert ended == [143]


def test_a_terminal_is_stuck_while_its_output_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr(stuck_terminal, "DESCRIPTORS", (theirs,))
    assert not stuck_terminal.is_stuck()
    termios.tcflow(theirs, termios.TCOOFF)
    assert stuck_terminal.is_stuck()
    termios.tcflow(theirs, termios.TCOON)
    assert not stuck_terminal.is_stuck()
    os.close(ours)
    os.close(theirs)
    assert not stuck_terminal.is_stuck()
