"""What `live` and `say -f` keep for the user between runs: one private folder, or nothing.

History, unspoken lines, phrases' sound and reading places lie under the folder for state of the
XDG Base Directory Specification. Files are made with mode 0600 and the folder with 0700. Where
the user has set ``[privacy] store = false``, or the folder cannot be written, nothing is kept,
and what needs it goes on without.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def state_folder(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the folder for streamplay's state; None where the user has no home folder.

    ``$XDG_STATE_HOME/streamplay`` where that is an absolute path; otherwise ``%LOCALAPPDATA%`` on
    Windows, ``~/Library/Application Support`` on macOS, ``~/.local/state`` elsewhere.
    """
    xdg = environment.get("XDG_STATE_HOME", "")
    if Path(xdg).is_absolute():
        return Path(xdg) / "streamplay"
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return Path(local) / "streamplay" if local else None
    home = environment.get("HOME")
    if not home:
        return None
    tail = "Library/Application Support" if platform == "darwin" else ".local/state"
    return Path(home) / tail / "streamplay"


class UserFiles:
    """The user's private files; every method does nothing where nothing may be kept.

    Parameters
    ----------
    folder : Path or None
        Where they lie; None: nothing is kept.
    tell : callable
        Is told in one line where the folder is when it is first made, and, once, why it cannot
        be written.
    """

    def __init__(self, folder: Path | None, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._is_new = False

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self._folder is not None

    def path(self, name: str) -> Path | None:
        """Return where the file `name` lies; its folder is there, and private."""
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            self._is_new = self._is_new or not self._folder.exists()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)
            return None
        return path

    def _written(self) -> None:
        """Tell where the folder is, once something lies in a new one."""
        if self._is_new:
            self._is_new = False
            self._tell(
                f"history, phrases and places are kept in {self._folder}; "
                "[privacy] store = false in the configuration stops that"
            )

    def read(self, name: str, limit: int) -> str:
        """Return the text of a file, its last `limit` bytes at most; ``""`` where there is none."""
        path = self.path(name) if self._folder is not None and self._folder.exists() else None
        if path is None:
            return ""
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - limit))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            self._give_up(error)
            return ""

    def append(self, name: str, text: str) -> None:
        """Add text to a file in one write, so that two programs may do it at once."""
        path = self.path(name)
        if path is None:
            return
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, text.encode(errors="replace"))
            finally:
                os.close(descriptor)
        except OSError as error:
            self._give_up(error)
        else:
            self._written()

    def write(self, name: str, data: bytes) -> Path | None:
        """Put `data` in place of what the file held, whole or not at all; return its path."""
        path = self.path(name)
        if path is None:
            return None
        try:
            descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                Path(beside).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(beside).unlink()
                raise
        except OSError as error:
            self._give_up(error)
            return None
        self._written()
        return path

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder of the user's, oldest first."""
        if self._folder is None:
            return []
        try:
            files = list((self._folder / folder).iterdir())
            found = [(each.stat().st_mtime, each.name) for each in files if each.is_file()]
        except OSError:
            return []
        return [name for _, name in sorted(found)]

    def _give_up(self, error: OSError) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            reason = error.strerror or "it cannot be written"
            self._tell(f"nothing is kept for the next time: {folder}: {reason}")
