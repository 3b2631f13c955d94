"""What a player knows of servers: what this process has learned, or a file besides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from streamplay.errors import FileFailed
from streamplay.loop import aside
from streamplay.policy.learning import PROCESS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from streamplay.policy.learning import Memory
    from streamplay.remembered import Remembered


class Notebook:
    """Reads and writes the file on threads, while other things go on. On the loop.

    A file that cannot be read or written is told once, and then let be: nothing that is
    said depends on it.

    Parameters
    ----------
    path : path, optional
        The file; without one, what is learned stays in the process.
    tell : callable
        Is told what is wrong with it.
    """

    def __init__(self, path: str | os.PathLike[str] | None, tell: Callable[[str], None]) -> None:
        self.memory: Memory = PROCESS
        self._tell = tell
        self._file: Remembered | None = None
        self._reading: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        if path is not None:
            from streamplay.remembered import Remembered

            self.memory = self._file = Remembered(Path(path))

    async def read(self) -> None:
        """Have read the file; the first time, that is."""
        if self._file is not None and self._reading is None:
            self._reading = asyncio.create_task(self._try(self._file.load))
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def write(self) -> None:
        """Begin to write what is new, unless that goes on already."""
        if self._file is not None and self._file.has_news and _is_over(self._writing):
            self._writing = asyncio.create_task(self._try(self._file.save))

    async def close(self) -> None:
        """Have written all that is new."""
        for _ in range(2):  # what goes on already may have begun before the last was learned
            self.write()
            if self._writing is not None:
                await self._writing

    async def _try(self, act: Callable[[], None]) -> None:
        try:
            await aside(act)
        except FileFailed as error:
            self._file = None
            self._tell(str(error))


def _is_over(task: asyncio.Task[None] | None) -> bool:
    return task is None or task.done()
