"""The local speech server as a child process that ends with its parent.

It has a process of its own because eSpeak NG is global to a process, the server's imports take
over 100 ms, the natural voice takes half a second to load, and all would share the interpreter's
lock with the playout. A pipe to its standard input ties it: whatever way the parent ends, the
system closes the pipe, and the child ends too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib.util import find_spec

from streamplay.errors import ConnectFailed

TYPE_CHECKING = False  # typing takes 5 ms to import, before the child is started
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import IO, Final, Self

_READY: Final = "listening on "

# In a process group of its own the child does not get the terminal's Ctrl-C,
# which is for its parent to handle.
_SECRET: Final = re.compile("KEY|TOKEN|SECRET|PASSW", re.IGNORECASE)
"""In the names of variables that hold keys."""

_CREATION_FLAGS: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_PROCESS_GROUP: Final = None if sys.platform == "win32" else 0

# A server that does not end by itself in this time is killed.
_CLOSE_SECONDS: Final = 2.0

_GROUP: Final = "streamplay.voices"

_SERVER: Final = "aiohttp"
VOICES: Final = {"hibari": "hibari-tts", "espeakng_loader": "espeakng-loader"}
"""Modules of the built-in engines, and what they are called to install; one of them will do."""


def lacking() -> list[str]:
    """Return the packages that the built-in voice needs and that are not installed here."""
    missing = [] if find_spec(_SERVER) else [_SERVER]
    if any(find_spec(module) for module in VOICES) or _is_voice_added():
        return missing
    return [*missing, next(iter(VOICES.values()))]


def _is_voice_added() -> bool:
    """Whether a package adds an engine by its entry point."""
    from importlib.metadata import entry_points  # 17 ms, which the built-in engines spare

    return bool(entry_points(group=_GROUP))


class LocalServer:
    """The local speech server, running while this is open.

    Parameters
    ----------
    arguments : sequence of str
        More of the server's own options, such as ``("--dialect", "C")``.
    environment : mapping, optional
        The child's environment; the parent's unless given.
    patience : float
        Seconds until a server that does not come up counts as failed. Its first start reads the
        dictionaries from a cold disk and compiles its modules: 20 s were too few on a busy machine.

    Examples
    --------
    >>> with LocalServer() as server:  # doctest: +SKIP
    ...     print(server.base_url)
    http://127.0.0.1:40113/v1
    """

    def __init__(
        self,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        patience: float = 60.0,
    ) -> None:
        self._arguments = tuple(arguments)
        self._environment = environment
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None
        self._complaints: IO[bytes] | None = None
        self._base_url: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """Where it listens, with the ``/v1``; waits for it if it was only launched."""
        if self._base_url is None:
            self._base_url = self._wait_ready()
        return self._base_url

    @property
    def pid(self) -> int | None:
        """The child's process id; None before the start and after the end."""
        return self._process.pid if self._process else None

    def launch(self) -> None:
        """Start the child without waiting until it listens.

        Raises
        ------
        ConnectFailed
            If what it needs is not installed.
        """
        if self._process is not None:
            return
        missing = lacking()
        if missing:
            raise ConnectFailed(
                f"the built-in voice needs {' and '.join(missing)}, not installed here",
                remedy="Install it with: pip install 'streamplay[local]'",
            )
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the child
        command = [sys.executable, "-m", "streamplay.server", "--tied", *self._arguments]
        self._process = subprocess.Popen(  # noqa: S603  our own module, with our caller's options
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=self._own_environment(),
            text=True,
            creationflags=_CREATION_FLAGS,
            process_group=_PROCESS_GROUP,
        )

    def _own_environment(self) -> dict[str, str]:
        """Return the child's environment: without keys, unless it is to ask its clients for one.

        Programs of the same user can read the environment of a process.
        """
        given = os.environ if self._environment is None else self._environment
        asks = "--require-key" in self._arguments
        return {name: value for name, value in given.items() if asks or not _SECRET.search(name)}

    def start(self) -> str:
        """Start the child, wait until it listens, and return its base URL.

        Raises
        ------
        ConnectFailed
            If it cannot be started, with what it said.
        """
        self.launch()
        try:
            return self.base_url
        except KeyboardInterrupt:
            self.close()
            raise

    def close(self) -> None:
        """End the child; harmless when it has ended or never began."""
        process, self._process, self._base_url = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        if self._complaints is not None:
            self._complaints.close()

    def _wait_ready(self) -> str:
        if self._process is None:
            raise ConnectFailed("the local speech server is not running", remedy="Start it first")
        assert self._process.stdout is not None
        # A pipe's readline has no time limit of its own, on no system.
        late = threading.Event()
        alarm = threading.Timer(self._patience, self._end_late, (self._process, late))
        alarm.start()
        try:
            line = self._process.stdout.readline()
        finally:
            alarm.cancel()  # Ctrl-C may come meanwhile, and the exit would wait for it
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
        raise self._failed(late=late.is_set())

    @staticmethod
    def _end_late(process: subprocess.Popen[str], late: threading.Event) -> None:
        late.set()
        process.kill()

    def _failed(self, *, late: bool) -> ConnectFailed:
        """Collect what the child complained of, and end it."""
        assert self._process is not None
        assert self._complaints is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()
        status = self._process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        self.close()
        if late and not said:
            return ConnectFailed(
                f"the local speech server was not ready within {self._patience:g} s",
                remedy="The machine may be busy. Try again",
            )
        return ConnectFailed(
            f"the local speech server did not start: {said[-1] if said else f'status {status}'}",
            remedy="Run it by hand to see more: python -m streamplay.server",
        )
