"""The lines of a conversation that have not been spoken, written down for the next run."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from streamplay.cli import lines

if TYPE_CHECKING:
    from streamplay.cli.lines import Line
    from streamplay.cli.user_files import UserFiles

_NAME: Final = "unspoken"
_BYTES: Final = 1 << 20


class UnspokenLines:
    """A file of this process: what was taken, and what of it has ended.

    It is removed when the conversation ends in order. What a process leaves that is not running
    any more was left by a crash.
    """

    def __init__(self, files: UserFiles) -> None:
        self._files = files
        self._name = f"{_NAME}-{os.getpid()}"

    def taken(self, line: Line) -> None:
        """Write down that a line is to be spoken."""
        self._files.append(self._name, lines.taken(line))

    def ended(self, line: Line) -> None:
        """Write down that a line has been spoken, silenced or lost."""
        self._files.append(self._name, lines.ended(line))

    def left_over(self) -> list[str]:
        """Return the lines that an earlier run, which has crashed, did not speak; once."""
        found: list[str] = []
        for name in self._files.names(""):
            pid = name.removeprefix(f"{_NAME}-")
            if name == self._name or not pid.isdecimal() or _is_running(int(pid)):
                continue
            found += lines.unspoken(self._files.read(name, _BYTES).splitlines())
            self._files.remove(name)
        return found

    def forget(self) -> None:
        """Remove the file: the conversation has ended in order."""
        self._files.remove(self._name)


def _is_running(pid: int) -> bool:
    """Whether a process is there. Where that cannot be asked (Windows), it is taken for granted."""
    if sys.platform == "win32":  # os.kill would end it there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to another user
        return True
    return True
