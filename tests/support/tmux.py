"""A program in tmux, as a person would have it: keys, a size, and the screen as text."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COUNT = itertools.count()


class Tmux:
    """One window of a tmux server of its own.

    Parameters
    ----------
    columns, rows : int
        Its size.
    environment : mapping
        Variables besides those of this process.
    """

    def __init__(
        self, *, columns: int = 80, rows: int = 24, environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="streamplay-tmux-")
        self._socket = Path(self._folder.name) / f"socket{next(_COUNT)}"
        self._size = columns, rows
        self._environment = {**os.environ, "PS1": "$ ", **(environment or {})}
        self._environment.pop("TMUX", None)

    def __enter__(self) -> Self:
        columns, rows = self._size
        options = ["-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows)]
        self._tmux(*options, "env PS1='$ ' bash --norc --noprofile +o history")
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("set-option", "-g", "window-size", "manual")
        self._tmux("set-option", "-sg", "escape-time", "0")
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))
        self.shows("$")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")
        self._folder.cleanup()

    def run(self, words: Sequence[str]) -> None:
        """Type a command at the shell's prompt, on an empty screen."""
        self._tmux("send-keys", "clear", "Enter")
        self.shows("$")
        self.type(shlex.join(words))
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Escape, C-c, M-Enter, Left, F1."""
        self._tmux("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste text, in brackets where the program has asked for them."""
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-p")

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> list[str]:
        """Return the rows of the screen, without the empty ones at its end."""
        rows = [row.rstrip() for row in self._tmux("capture-pane", "-p").splitlines()]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def marked(self) -> list[str]:
        """Return the rows with brackets around what stands out in bold."""
        shown = self._tmux("capture-pane", "-p", "-e")
        shown = re.sub(r"\x1b\[1(?:m\x1b\[4m|;4m|m)(.*?)\x1b\[[0-9;]*m", r"[\1]", shown)
        return re.sub(r"\x1b\[[0-9;]*m", "", shown).rstrip().splitlines()

    @property
    def cursor(self) -> tuple[int, int]:
        """The cursor's row and column, counted from 0."""
        row, column = self._tmux("display", "-p", "#{cursor_y} #{cursor_x}").split()
        return int(row), int(column)

    def shows(self, *texts: str, gone: Sequence[str] = (), seconds: float = 60.0) -> list[str]:
        """Wait until all of `texts` stand on the screen, and none of those that are to be `gone`.

        Raises
        ------
        TimeoutError
            With the screen as it is.
        """
        end = time.monotonic() + seconds
        while True:
            rows = self.screen()
            shown = "\n".join(rows)
            if all(text in shown for text in texts) and not any(text in shown for text in gone):
                return rows
            if time.monotonic() > end:
                raise TimeoutError(f"{texts} without {gone}:\n{shown}")
            time.sleep(0.02)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout
