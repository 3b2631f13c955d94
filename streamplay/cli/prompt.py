"""A prompt whose line stays intact while other threads print notices."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from streamplay.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

PROMPT: Final = "say> "

_CLEAR_LINE: Final = "\r\x1b[K"
"""Go to the beginning of the line and erase it (ECMA-48, EL)."""


class Prompt:
    """Lines from a terminal or a pipe.

    On a terminal a line can be edited, and the arrow keys recall earlier ones, which are kept in
    memory only. A pipe gets no prompt.
    """

    def __init__(self) -> None:
        self.interactive = console.is_terminal(sys.stdin)
        self._readline = _readline() if self.interactive else None
        self._lock = threading.Lock()
        self._asking = False
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

    def tell(self, sentence: str) -> None:
        """Print one line to standard error, above the line that is being typed."""
        self._above(console.tell, sentence)

    def show(self, text: str) -> None:
        """Print text to standard output, above the line that is being typed."""
        self._above(console.out, text)

    def wants_out(self, seconds: float) -> bool:
        """Wait up to `seconds` for Ctrl-D on a terminal; return whether it was typed."""
        if not self.interactive or sys.platform == "win32":
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
        return bool(ready) and not os.read(sys.stdin.fileno(), 1024)

    def _ask(self) -> str:
        self._asking = True
        try:
            if self._readline is not None:
                return input(PROMPT)
            if self.interactive:
                console.err(PROMPT.rstrip())
            line = sys.stdin.readline()
        finally:
            self._asking = False
        if not line:
            raise EOFError
        return line

    def _above(self, write: Callable[[str], None], text: str) -> None:
        with self._lock:
            typing = self._readline if self._asking else None
            if typing is not None:
                _write(_CLEAR_LINE)
            write(text)
            if typing is not None:
                _write(PROMPT + typing.get_line_buffer())

    def _end_line(self) -> None:
        if self._readline is not None:
            _write("\n")


def _readline() -> ModuleType | None:
    """Return `readline`; None if it is missing, or standard output is no terminal."""
    if not console.is_terminal(sys.stdout):
        return None
    try:
        import readline
    except ImportError:
        return None
    return readline


def _write(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(text)
        sys.stdout.flush()
