"""Lines from a terminal without redrawing anything, for screen readers, or from a pipe."""

from __future__ import annotations

import io
import os
import select
import sys
import time
from typing import TYPE_CHECKING, Final

from streamplay.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT: Final = "say>"


class Prompt:
    """Lines from a terminal or a pipe.

    On a terminal a line can be edited, and the arrow keys recall earlier ones, which are kept in
    memory only. The prompt has a row of its own, above the first line that is typed: messages that
    come between lines begin a row, and nothing is drawn twice. A pipe gets no prompt.
    """

    def __init__(self) -> None:
        self.interactive = console.is_terminal(sys.stdin)
        self._edits = self.interactive and _has_readline()
        self._is_asked = False
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")

    def lines(self) -> Iterator[str]:
        """Yield every line that is typed; Ctrl-C drops the line that is being typed."""
        while True:
            try:
                yield self._ask()
            except EOFError:
                self._end_line()
                return
            except KeyboardInterrupt:
                self._end_line()
                if not self.interactive:
                    raise

    def wants_out(self, seconds: float) -> bool:
        """Wait up to `seconds` for Ctrl-D on a terminal; return whether it was typed."""
        if not self.interactive or sys.platform == "win32":
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
        return bool(ready) and not os.read(sys.stdin.fileno(), 1024)

    def _ask(self) -> str:
        if self.interactive and not self._is_asked:
            self._is_asked = True
            console.err(PROMPT)
        if self._edits:
            return input()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line

    def _end_line(self) -> None:
        if self._edits:
            console.err("")


def _has_readline() -> bool:
    """Load `readline`, with which `input` edits lines; False if it or a terminal is missing."""
    if not console.is_terminal(sys.stdout):
        return False
    try:
        import readline
    except ImportError:
        return False
    # Its brackets around pastes are asked for by an escape sequence, which a plain screen shows.
    readline.parse_and_bind("set enable-bracketed-paste off")
    return True
