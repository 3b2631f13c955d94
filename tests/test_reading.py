"""Iterables that are read ahead: none can hold up the player, and each is closed."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamplay import reading
from streamplay.errors import TextFailed
from streamplay.reading import Ended, OnLoop, drop, read
from tests.support.speaking import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Endless:
    """Gives one part, and no other; it notes that it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.begun = threading.Event()

    async def __aiter__(self) -> AsyncIterator[str]:
        yield "one"
        self.begun.set()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed.set()


class OtherLoop:
    """An event loop that runs on a thread of its own until it is stopped."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def close(self) -> None:
        if self.loop.is_running():
            self.stop()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            self.loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self.loop.close()


async def parts_of(source: Any) -> list[Any]:
    """Read to the end."""
    parts = []
    got = read(source, "text", 8)
    async with asyncio.timeout(PATIENCE):
        while not isinstance(part := await got.queue.get(), Ended):
            got.taken()
            parts.append(part)
    await got.aclose()
    return [*parts, part.error]


def test_a_loop_that_ends_as_asyncio_run_ends_it_ends_what_it_reads() -> None:
    text = Endless()
    found: list[Any] = []

    async def theirs() -> None:
        source = OnLoop(text, asyncio.get_running_loop())
        thread = threading.Thread(target=lambda: found.extend(asyncio.run(parts_of(source))))
        thread.start()
        await asyncio.to_thread(text.begun.wait, PATIENCE)
        found.append(thread)

    asyncio.run(theirs())
    found[0].join(PATIENCE)
    _, part, error = found
    assert part == "one"
    assert isinstance(error, TextFailed)
    assert "event loop" in str(error)
    assert text.closed.is_set()


def test_a_loop_that_no_longer_runs_ends_what_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LOOP_SECONDS", 0.02)
    there = OtherLoop()

    async def listen() -> list[Any]:
        text = Endless()
        task = asyncio.create_task(parts_of(OnLoop(text, there.loop)))
        await asyncio.to_thread(text.begun.wait, PATIENCE)
        there.stop()
        return await task

    part, error = asyncio.run(listen())
    assert part == "one"
    assert isinstance(error, TextFailed)
    there.close()


def test_a_loop_that_was_closed_before_it_read_anything_ends_it_at_once() -> None:
    there = OtherLoop()
    there.close()
    (error,) = asyncio.run(parts_of(OnLoop(Endless(), there.loop)))
    assert isinstance(error, TextFailed)


def test_an_async_text_that_blocks_holds_up_no_loop() -> None:
    go_on = threading.Event()

    async def blocking() -> AsyncIterator[str]:
        yield "one"
        assert go_on.wait(PATIENCE)
        yield "two"

    async def listen() -> list[Any]:
        task = asyncio.create_task(parts_of(blocking()))
        await asyncio.sleep(0.02)
        go_on.set()  # this loop runs all the same
        return await task

    assert asyncio.run(listen()) == ["one", "two", None]


def test_a_text_that_is_closed_before_it_is_read_is_not_begun() -> None:
    text = Endless()

    async def listen() -> None:
        await read(text, "text", 8).aclose()

    asyncio.run(listen())
    wait_until(text.closed.is_set)


@pytest.mark.parametrize("where", ["own loop", "another loop"])
def test_an_async_text_that_is_dropped_is_closed(where: str) -> None:
    text, there = Endless(), OtherLoop()
    drop(OnLoop(text, there.loop) if where == "another loop" else text)
    wait_until(text.closed.is_set)
    there.close()


def test_a_blocking_text_that_is_dropped_is_closed_and_a_list_left_alone() -> None:
    class Text:
        closed = threading.Event()

        def __iter__(self) -> Iterator[str]:
            yield from ()

        def close(self) -> None:
            self.closed.set()

    drop(Text())
    wait_until(Text.closed.is_set)
    drop(["one"])
    drop("one")
