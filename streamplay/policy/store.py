"""Keeps what was learned of servers' arrivals in a file, where the user asks for that.

The file is one JSON object: hosts, models, voices, and the numbers of their `Lessons`; no text and
no key. It holds no more than a `Memory` does, is replaced atomically, and a file of another kind is
never overwritten.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import FileFailed
from streamplay.loop import aside
from streamplay.policy.learning import (
    KEPT,
    LEVEL_BOUND,
    NEVER,
    PROCESS,
    SOURCES,
    Lessons,
    Memory,
    Source,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamplay.policy.learning import Lesson

VERSION: Final = 1

MAX_BYTES: Final = 1024 * 1024
"""Three times the size of 64 sources with 200 margins each."""


class FileMemory(Memory):
    """A memory that is read from a file and written to it.

    `save` adds lessons to what the file holds by then, so that several processes may share it;
    where two of them save at the same moment, the lesson of one is lost.

    Parameters
    ----------
    path : Path
        It need not exist.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._new: deque[tuple[Source, Lesson]] = deque()
        self.servers: dict[str, Any] = {}
        self._new_servers: dict[str, Any] = {}

    @property
    def has_news(self) -> bool:
        """Whether there are lessons that the file does not hold yet."""
        return bool(self._new or self._new_servers)

    def learn(self, source: Source, lesson: Lesson) -> None:
        """Add a lesson; the next `save` writes it."""
        super().learn(source, lesson)
        self._new.append((source, lesson))

    def learn_server(self, base_url: str, facts: Any) -> None:
        """Add what is known of a server, as JSON; the next `save` writes it."""
        self.servers[base_url] = self._new_servers[base_url] = facts

    def load(self) -> None:
        """Read the file; nothing where there is none.

        Raises
        ------
        FileFailed
            If it cannot be read, or holds something else.
        """
        sources, servers = _read(self._path)
        for source, lessons in sources:
            self.keep(source, lessons)
        self.servers = servers | self.servers

    def save(self) -> None:
        """Add to the file the lessons since the last call.

        Raises
        ------
        FileFailed
            If it cannot be written, or holds something else, which is left alone.
        """
        kept = Memory()
        sources, servers = _read(self._path)
        for source, lessons in sources:
            kept.keep(source, lessons)
        while self._new:
            kept.learn(*self._new.popleft())
        new, self._new_servers = self._new_servers, {}
        # The ones learned last are the last, and are those that stay.
        told = {url: facts for url, facts in servers.items() if url not in new} | new
        _write(self._path, kept, dict(list(told.items())[-SOURCES:]))


class _NotOurs(ValueError):
    """The file was not written by `save`; the message says why."""


def _read(path: Path) -> tuple[list[tuple[Source, Lessons]], dict[str, Any]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return _parse(data) if data.strip() else ([], {})
    except FileNotFoundError:
        return [], {}
    except _NotOurs as error:
        raise FileFailed(
            f"{path} holds nothing that was learned: {error}",
            remedy="Delete it, or name another with remember (--remember)",
        ) from error
    except OSError as error:
        raise FileFailed(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise FileFailed(f"cannot read {path}: its name holds a NUL") from error


def _parse(data: bytes) -> tuple[list[tuple[Source, Lessons]], dict[str, Any]]:
    if len(data) > MAX_BYTES:
        raise _NotOurs("it is too long")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _NotOurs("it is no JSON") from error
    if not isinstance(content, dict) or content.get("streamplay_learned") != VERSION:
        raise _NotOurs(f"streamplay_learned is not {VERSION}")
    try:
        sources = [(_source(each), _lessons(each)) for each in content["sources"]]
        return sources, dict(content.get("servers", {}))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _NotOurs("a source is damaged") from error


def _source(values: dict[str, Any]) -> Source:
    return Source(str(values["host"]), str(values["model"]), str(values["voice"]))


def _lessons(values: dict[str, Any]) -> Lessons:
    margins = (NEVER if each is None else _finite(each) for each in values["margins"][:KEPT])
    level = min(max(_finite(values["level"]), 1 / LEVEL_BOUND), LEVEL_BOUND)
    sums = _finite(values["characters"]), _finite(values["seconds"])
    return Lessons(tuple(margins), *sums, level)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(value)
    return number


def _write(path: Path, kept: Memory, servers: dict[str, Any]) -> None:
    try:
        _replace(path.resolve(), _serialized(kept.items(), servers))  # of a link, what it leads to
    except OSError as error:
        raise FileFailed(f"cannot write {path}: {error.strerror}") from error


def _serialized(known: Iterable[tuple[Source, Lessons]], servers: dict[str, Any]) -> str:
    sources = [
        {
            **source._asdict(),
            "margins": [None if margin == NEVER else margin for margin in lessons.margins],
            "characters": lessons.characters,
            "seconds": lessons.seconds,
            "level": lessons.level,
        }
        for source, lessons in known
    ]
    learned = {"streamplay_learned": VERSION, "sources": sources}
    return json.dumps(learned | ({"servers": servers} if servers else {}))


def _replace(path: Path, text: str) -> None:
    """Replace the file by `text` atomically; only its owner may read it."""
    import tempfile  # it imports shutil and random, 10 ms that only a file needs

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


class Store:
    """Reads and writes the file on threads, so that the loop goes on. Called on the loop.

    A file that cannot be read or written is reported once and not tried again; speech does not
    depend on it.

    Parameters
    ----------
    path : path, optional
        The file. Without one, what is learned stays in the process.
    tell : callable
        Called with what is wrong with the file.
    """

    def __init__(self, path: str | os.PathLike[str] | None, tell: Callable[[str], None]) -> None:
        self.memory: Memory = PROCESS
        self._tell = tell
        self._file: FileMemory | None = None
        self._reading: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        if path is not None:
            self.memory = self._file = FileMemory(Path(path))

    async def read(self) -> None:
        """Read the file, on the first call; return when it has been read."""
        if self._file is not None and self._reading is None:
            self._reading = asyncio.create_task(self._try(self._file.load))
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def of_server(self, base_url: str) -> Any:
        """Return what the file tells of a server, as JSON; None: nothing. After `read`."""
        return None if self._file is None else self._file.servers.get(base_url)

    def learn_server(self, base_url: str, facts: Any) -> None:
        """Add what is known of a server, as JSON; the next `write` takes it to the file."""
        if self._file is not None:
            self._file.learn_server(base_url, facts)

    def write(self) -> None:
        """Begin to write new lessons, unless a write is going on."""
        if self._file is not None and self._file.has_news and _is_over(self._writing):
            self._writing = asyncio.create_task(self._try(self._file.save))

    async def close(self) -> None:
        """Write all new lessons; return when they are written."""
        for _ in range(2):  # a write that is going on may have begun before the last lesson
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
