"""Files that are written: found writable before anything is sent, and put in place when whole.

A file that was not there is written under its own name, so that it can be opened after the process
was killed. In place of an older one, a new one is written beside it, ``NAME.partial.SUFFIX``, and
renamed when it is whole: the older one stays until then, and after a failure it stays for good.
A pipe or a device is opened without waiting for anything, and written as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_Identity = tuple[int, int]

# Files that this process is writing, by device and inode: a link to one is the same file.
_busy: Final[set[_Identity]] = set()
_lock: Final = threading.Lock()

_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class NewFile:
    """A file that is known to be writable, and is not changed until something is written.

    Parameters
    ----------
    path : Path
        What the user named. A link is followed, also one that leads to nothing yet.
    force : bool
        Take the place of what is there.
    what : str
        What it holds, for the errors: ``the trace``; empty where the name says enough.

    Attributes
    ----------
    path : Path
        As it was named.
    used : bool
        Whether something was written.
    new : bool
        Whether no file was there.
    regular : bool
        Whether it is a file, and no pipe or device.

    Raises
    ------
    FileFailed
        If it cannot be written, or is there and `force` is not set.
    """

    def __init__(self, path: Path, *, force: bool = False, what: str = "") -> None:
        self.path = path
        self.used = False
        self.regular = True
        self._named = f"{what} {path}".lstrip()
        self._held: list[_Identity] = []
        self._beside: Path | None = None
        self.new = False
        self._closed = False
        with self._failing():
            self._real = Path(os.path.realpath(path))
            if path.is_symlink():
                self._named += f", a link to {self._real}"
            try:
                self._file = self._open(force=force)
            except BaseException:
                self._release()
                raise

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._file.fileno()

    def write(self, data: bytes) -> None:
        """Append bytes; raise `OSError` where not all of them could be written at once."""
        self.used = True
        rest = memoryview(data)
        while rest:
            # None: a pipe or a terminal that is full.
            written = self._file.write(rest)
            if written is None:
                raise BlockingIOError(errno.EAGAIN, "its reader does not read")
            rest = rest[written:]

    def finish(self, *, whole: bool = True) -> Path | None:
        """Close it and put it in place; idempotent.

        Parameters
        ----------
        whole : bool
            Whether it holds all that it should. A part does not take an older file's place.

        Returns
        -------
        Path or None
            Where a part was left; None: there is none, or it bears the name that was asked for.
        """
        if self._closed:
            return None
        self._closed = True
        # Before the file is closed: where its name is gone, the system may give its number to the
        # next file at once.
        self._release()
        self._file.close()
        if self._beside is None:
            if self.new and not self.used:
                self._real.unlink(missing_ok=True)
        elif not self.used:
            self._beside.unlink(missing_ok=True)
        elif whole:
            self._beside.replace(self._real)
        else:
            return self._beside
        return None

    # Opening

    def _open(self, *, force: bool) -> IO[bytes]:
        try:
            there = self._real.stat()
        except FileNotFoundError:
            self.new = True
            return self._holding(self._real.open("xb+", buffering=0))
        if not stat.S_ISREG(there.st_mode):
            return self._open_special(there.st_mode)
        self._hold(there)
        if not force:
            raise FileFailed(f"{self.path} exists", remedy="Overwrite it with force (--force)")
        self._real.open("rb+").close()  # may it be changed at all?
        return self._open_beside(there.st_mode)

    def _open_beside(self, mode: int) -> IO[bytes]:
        """Open the file that will take the older one's place, with its mode."""
        beside = self._real.with_name(f"{self._real.stem}.partial{self._real.suffix}")
        flags = os.O_RDWR | os.O_CREAT | _NO_FOLLOW | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(beside, flags, 0o600), "rb+", buffering=0)
        try:
            self._lock_for_us(file)
            self._holding(file)
            self._refuse_link(file, beside)
            if sys.platform != "win32":
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            file.truncate(0)  # what an earlier failure left
        except BaseException:
            file.close()
            raise
        self._beside = beside
        return file

    def _refuse_link(self, file: IO[bytes], path: Path) -> None:
        """Refuse a file that has another name, too: it would be emptied."""
        if os.fstat(file.fileno()).st_nlink > 1:
            raise self._refused(f"{path} is another name of some file", "Remove it")

    def _lock_for_us(self, file: IO[bytes]) -> None:
        """Keep other programs from writing it; the system lets go of it when this one ends."""
        if sys.platform == "win32":
            return
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise self._refused("another program is writing it") from None

    def _open_special(self, mode: int) -> IO[bytes]:
        """Open a pipe or a device; a pipe that no program reads is an error, and no wait."""
        self.regular = False
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        try:
            descriptor = os.open(self._real, os.O_WRONLY | _AT_ONCE)
        except OSError as error:
            if stat.S_ISFIFO(mode) and error.errno == errno.ENXIO:
                remedy = "Start its reader first"
                raise self._refused("it is a pipe that no program reads", remedy) from None
            raise
        return os.fdopen(descriptor, "wb", buffering=0)

    def _holding(self, file: IO[bytes]) -> IO[bytes]:
        try:
            self._hold(os.fstat(file.fileno()))
        except BaseException:
            file.close()
            raise
        return file

    def _hold(self, facts: os.stat_result) -> None:
        """Note that this process writes a file; raise where it does so already."""
        identity = facts.st_dev, facts.st_ino
        with _lock:
            if identity in _busy | _standard_streams():
                raise self._refused("it is being written already", "Name another file")
            _busy.add(identity)
        self._held.append(identity)

    def _release(self) -> None:
        with _lock:
            _busy.difference_update(self._held)
        self._held.clear()

    def _refused(self, why: str, remedy: str = "") -> FileFailed:
        return FileFailed(f"cannot write {self._named}: {why}", remedy=remedy)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise self._refused(getattr(error, "strerror", None) or str(error)) from error


def _standard_streams() -> set[_Identity]:
    """Return the files that standard output and standard error lead to."""
    found = set[_Identity]()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            facts = os.fstat(descriptor)
            if stat.S_ISREG(facts.st_mode):
                found.add((facts.st_dev, facts.st_ino))
    return found
