"""Ends the process after a signal where its terminal takes nothing any more.

A terminal that has stopped (Ctrl-S, a connection that hangs, a window whose program is busy) holds
some kilobytes. A further write to it waits without an end, in the main thread, and Python's
handlers of signals do not end that: the process would only end with SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from queue import SimpleQueue

from streamplay.cli import status

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, Self

STUCK_SECONDS: Final = 3.0
"""So long after a signal a terminal that takes nothing is given up: files are finished by then."""

DESCRIPTORS: Final = (1, 2)
"""Standard output and standard error."""


class StuckTerminal:
    """Watches the terminal from a signal on, on a thread of its own.

    Parameters
    ----------
    end : callable
        Ends the process with a status, without waiting for anything.
    """

    def __init__(self, end: Callable[[int], object] = os._exit) -> None:
        self._end = end
        self._notes: SimpleQueue[int | None] = SimpleQueue()
        self._modes = _modes()
        self._over = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._wait, name="streamplay-stuck", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._notes.put(None)

    def note(self, number: int) -> None:
        """Note that signal `number` ends the process; on any thread, at the moment it arrives."""
        self._notes.put(number)

    def _wait(self) -> None:
        if (number := self._notes.get()) is not None:
            self.end_where_stuck(number)

    def end_where_stuck(self, number: int) -> None:
        """End the process after signal `number` where the terminal takes nothing.

        Returns when the block has been left, and the terminal takes something: what is printed
        last does not wait then.
        """
        while True:
            time.sleep(STUCK_SECONDS)
            if is_stuck():
                _restore(self._modes)
                self._end(status.of_signal(number))
                return
            if self._over:
                return


def is_stuck() -> bool:
    """Return whether standard output or standard error is a terminal that takes nothing."""
    if sys.platform == "win32":  # `select` takes sockets alone there
        return False
    for descriptor in DESCRIPTORS:
        with contextlib.suppress(OSError, ValueError):
            if os.isatty(descriptor) and not select.select([], [descriptor], [], 0)[1]:
                return True
    return False


def _modes() -> list[Any] | None:
    """Return the settings of the terminal on standard input, which may be changed later."""
    if sys.platform == "win32":
        return None
    import termios

    try:
        return termios.tcgetattr(0)
    except (OSError, termios.error):
        return None


def _restore(modes: list[Any] | None) -> None:
    if modes is not None:
        import termios

        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(0, termios.TCSANOW, modes)
