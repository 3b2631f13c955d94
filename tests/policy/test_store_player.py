from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamplay.policy.learning import PROCESS, Lesson, Lessons, Source
from streamplay.policy.store import FileMemory, Store

if TYPE_CHECKING:
    from pathlib import Path

ORPHEUS = Source("host", "orpheus", "tara")
SLOW = Lesson(1.0, 10, 2.0)


def known(path: Path) -> Lessons:
    memory = FileMemory(path)
    memory.load()
    return memory.of(ORPHEUS)


def test_without_a_file_it_is_what_the_process_knows() -> None:
    async def run() -> None:
        notebook = Store(None, print)
        await notebook.read()
        notebook.memory.learn(ORPHEUS, SLOW)
        notebook.write()
        await notebook.close()

    asyncio.run(run())
    assert PROCESS.of(ORPHEUS).margins == (1.0,)


def test_with_a_file_the_process_learns_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        notebook = Store(str(tmp_path / "a"), print)
        await notebook.read()
        notebook.memory.learn(ORPHEUS, SLOW)
        await notebook.close()

    for count in (1, 2):
        asyncio.run(run())
        assert known(tmp_path / "a").margins == (1.0,) * count
    assert PROCESS.items() == ()


def test_what_is_learned_while_it_writes_is_written_too(tmp_path: Path) -> None:
    async def run() -> None:
        notebook = Store(tmp_path / "a", print)
        await asyncio.gather(notebook.read(), notebook.read())
        for _ in range(20):
            notebook.memory.learn(ORPHEUS, SLOW)
            notebook.write()
            await asyncio.sleep(0)
        await notebook.close()

    asyncio.run(run())
    assert len(known(tmp_path / "a").margins) == 20


def test_a_broken_file_is_told_once_and_then_let_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("my notes")
    told: list[str] = []

    async def run() -> None:
        notebook = Store(tmp_path / "a", told.append)
        await notebook.read()
        for _ in range(2):
            notebook.memory.learn(ORPHEUS, SLOW)
            notebook.write()
            await notebook.read()
        await notebook.close()
        assert len(notebook.memory.of(ORPHEUS).margins) == 2

    asyncio.run(run())
    assert len(told) == 1
    assert (tmp_path / "a").read_text() == "my notes"
