"""A program at a terminal of its own: what a person types, and what they see."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"

# Makes the terminal the controlling one, so that Ctrl-C is a signal; and takes
# back what a shell's `&` or nohup may have had ignored.
_BEGIN = """
import fcntl, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from streamplay.cli import main
sys.exit(main())
"""


class Terminal:
    """Runs ``streamplay`` with these words at a pseudo-terminal.

    Parameters
    ----------
    words : sequence of str
        The command line.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._ours, text.encode())

    def until(self, text: str, *, seconds: float = 30.0) -> str:
        """Look until `text` is seen; return what was seen since the last look, up to its end.

        Raises
        ------
        AssertionError
            If it is not seen in time; with what was.
        """
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} is not in {self.seen!r}"
            data = self._read()
            assert data, f"{text!r} is not in {self.seen!r}, and the program has ended"
            self.seen += data
        before, found, self.seen = self.seen.partition(text)
        return before + found

    def leaves(self, *, seconds: float = 30.0) -> int:
        """Wait for the end; return the exit status. What was still shown is in `seen`."""
        status = self.process.wait(seconds)
        while data := self._read():
            self.seen += data
        return status

    def _read(self) -> str:
        try:
            return os.read(self._ours, 65536).decode(errors="replace")
        except OSError:  # Linux: the other side is closed
            return ""
