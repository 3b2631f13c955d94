"""A program at a terminal of its own: what a person types, and what they see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Self

import pyte

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CTRL_C, CTRL_D, CTRL_T, ESC = "\x03", "\x04", "\x14", "\x1b"
UP, LEFT, ALT_ENTER = "\x1b[A", "\x1b[D", "\x1b\r"

# Makes the terminal the controlling one, so that Ctrl-C is a signal; and takes
# back what a shell's `&` or nohup may have had ignored.
_BEGIN = """
import fcntl, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
from streamplay.cli import main
%s
sys.exit(main())
"""


class Terminal:
    """Runs ``streamplay`` with these words at a pseudo-terminal.

    Parameters
    ----------
    words : sequence of str
        The command line.
    columns, rows : int
        The size of the terminal.
    environment : mapping, optional
        Variables besides those of this process.
    before : str
        Python that its process runs before the command.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        before: str = "",
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._emulator = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        self._name = os.ttyname(theirs)
        self._resize_to(columns, rows)
        self._modes = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN % before, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", **(environment or {})},
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

    def type_apart(self, text: str) -> None:
        """Press these keys and wait until the program has read them; later ones are read apart."""
        self.type(text)
        time.sleep(0.01)  # the kernel hands them to the program's side a little later
        theirs = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        try:
            until = time.monotonic() + 30
            while _unread(theirs):
                assert time.monotonic() < until, f"{text!r} was not read"
                time.sleep(0.001)
        finally:
            os.close(theirs)

    def stop_output(self) -> None:
        """Take nothing that is printed any more, as after Ctrl-S."""
        self._flow(termios.TCOOFF)

    def go_on(self) -> None:
        """Take what is printed again."""
        self._flow(termios.TCOON)

    def _flow(self, action: int) -> None:
        theirs = os.open(self._name, os.O_RDWR | os.O_NOCTTY)
        termios.tcflow(theirs, action)
        os.close(theirs)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, as when its window is dragged."""
        self._screen.resize(rows, columns)
        self._resize_to(columns, rows)

    def _resize_to(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)

    @property
    def rows(self) -> list[str]:
        """What stands on the screen, row by row, without the empty ones at its end."""
        rows = [row.rstrip() for row in self._screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def modes_are_as_before(self) -> bool:
        """Whether the terminal's settings are those that the program has found."""
        return termios.tcgetattr(self._ours) == self._modes

    @property
    def cursor(self) -> tuple[int, int]:
        """The cursor's row and column, counted from 0."""
        return self._screen.cursor.y, self._screen.cursor.x

    def shows(self, *texts: str, seconds: float = 30.0, gone: bool = False) -> list[str]:
        """Look until all of `texts` stand on the screen (`gone`: until none does); return its rows.

        Raises
        ------
        AssertionError
            If that does not come in time; with the screen as it is.
        """
        deadline = time.monotonic() + seconds
        while not self._is_shown(texts, gone=gone):
            ready, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{texts} are not on the screen: {self.rows}"
            data = self._read()
            assert data, f"{texts} are not on the screen: {self.rows}, and the program has ended"
            self.seen += data
        return self.rows

    def _is_shown(self, texts: Sequence[str], *, gone: bool) -> bool:
        screen = "\n".join(self.rows)
        return all((text in screen) is not gone for text in texts)

    def settle(self, seconds: float = 0.2) -> list[str]:
        """Take in what is shown until nothing has come for so long; return the rows."""
        while select.select([self._ours], [], [], seconds)[0] and (data := self._read()):
            self.seen += data
        return self.rows

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
            data = os.read(self._ours, 65536)
        except OSError:  # Linux: the other side is closed
            return ""
        self._emulator.feed(data)
        return data.decode(errors="replace")


def _unread(terminal: int) -> int:
    """Return how many bytes wait to be read by the program at a terminal."""
    (count,) = struct.unpack("i", fcntl.ioctl(terminal, termios.FIONREAD, bytes(4)))
    return int(count)
