"""Draws the status lines on standard error, and takes them away again without leaving anything.

The cursor rests at the beginning of the first line, and the lines are drawn below it: whatever a
terminal does with long lines when it is resized, "erase from the cursor to the end" clears them.
Every drawing is one write. What else is printed goes above the lines.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

from streamplay.cli import console
from streamplay.cli.keys import is_foreground

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.cli.status_lines import StatusLine

_ERASE: Final = "\r\x1b[K\x1b[C\x1b[J\r"
"""The first row, and from its second column on all below: where the cursor is in the upper left
corner, tmux would keep what "erase to the end" clears among the lines that have scrolled away."""

_ROWS: Final = 24
"""Fallback height when the terminal's is unknown."""

_BOLD: Final = "\x1b[1;4m"
_PLAIN: Final = "\x1b[22;24m"


class StatusScreen:
    """The status lines on one terminal. For any thread.

    Parameters
    ----------
    descriptor : int
        The terminal's.
    encoding : str
        That of what is written to it.
    """

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._lock = threading.RLock()
        self._drawn = ""
        self._closed = False

    @property
    def columns(self) -> int:
        """How wide the terminal is."""
        try:
            return os.get_terminal_size(self._descriptor).columns or console.COLUMNS
        except OSError:
            return console.COLUMNS

    @property
    def rows(self) -> int:
        """How many rows the terminal has."""
        try:
            return os.get_terminal_size(self._descriptor).lines or _ROWS
        except OSError:
            return _ROWS

    @property
    def is_ours(self) -> bool:
        """Whether the process may draw: a job in the background would draw into the shell's."""
        return is_foreground(self._descriptor)

    def draw(self, lines: Sequence[StatusLine]) -> None:
        """Show these lines, as many as there are rows, in place of those before."""
        with self._lock:
            lines = lines[: self.rows]  # more would scroll the terminal at each drawing
            shown = "\r\n".join(map(_marked, lines))
            if shown != self._drawn and not self._closed:
                up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
                self._write(f"{_ERASE}{shown}\r{up}")
                self._drawn = shown

    def erase(self) -> None:
        """Take the lines away."""
        with self._lock:
            if self._drawn:
                self._drawn = ""
                self._write(_ERASE)

    def forget(self) -> None:
        """Take the lines for overwritten: the next `draw` writes them again."""
        with self._lock:
            self._drawn = ""

    def close(self) -> None:
        """Take the lines away, and draw no others."""
        with self._lock:
            self.erase()
            self._closed = True

    def above(self, write: Callable[[], None]) -> None:
        """Have something printed above the lines; they are drawn again by the next `draw`."""
        with self._lock:
            self.erase()
            write()

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "replace")
        with contextlib.suppress(OSError):  # the terminal is gone
            while data:
                data = data[os.write(self._descriptor, data) :]


def _marked(line: StatusLine) -> str:
    if line.mark is None or line.mark[0] == line.mark[1]:
        return line.text
    begin, stop = line.mark
    return f"{line.text[:begin]}{_BOLD}{line.text[begin:stop]}{_PLAIN}{line.text[stop:]}"


def open_screen() -> StatusScreen | None:
    """Return a screen on standard error; None where that is no terminal that can be drawn on."""
    if not console.is_terminal(sys.stderr) or console.is_dumb() or sys.platform == "win32":
        return None
    try:
        return StatusScreen(sys.stderr.fileno(), sys.stderr.encoding or "utf-8")
    except (OSError, ValueError):
        return None
