"""Changes that tasks wait for, where otherwise they would have to look again and again."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress


class Changes:
    """Wakes tasks when something has changed, or when their time is up. On one loop.

    No change is missed by a task that looks at the state and then calls `wait` without awaiting
    anything in between: whatever changes the state does so on the loop and calls `notify` after
    it. Another thread posts both with ``loop.call_soon_threadsafe``.
    """

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake all that wait now."""
        for waiting in self._waiting:
            _wake(waiting)

    async def wait(self, seconds: float | None = None) -> None:
        """Wait for a change, and no longer than so many seconds where they are given."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._waiting.add(waiting)
        timer = None if seconds is None else loop.call_later(seconds, _wake, waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            if timer is not None:
                timer.cancel()


class SharedChanges:
    """The same for threads, and for tasks on any loop.

    Attributes
    ----------
    number : int
        Of changes so far. What waits for the next one reads it before it looks at the state, so
        that it misses no change that happens between looking and waiting.
    """

    def __init__(self) -> None:
        self.number = 0
        self._condition = threading.Condition()  # an RLock: a signal handler may notify
        self._tasks: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()

    def notify(self) -> None:
        """Wake all that wait now; from any thread."""
        with self._condition:
            self.number += 1
            self._condition.notify_all()
            tasks = tuple(self._tasks)
        for loop, waiting in tasks:
            with suppress(RuntimeError):  # that loop has been closed
                loop.call_soon_threadsafe(_wake, waiting)

    def wait_in_thread(self, number: int, seconds: float | None = None) -> None:
        """Block until there have been more than `number` changes, or the time is up."""
        with self._condition:
            self._condition.wait_for(lambda: self.number != number, seconds)

    async def wait(self, number: int, seconds: float | None = None) -> None:
        """Wait until there have been more than `number` changes, or the time is up."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        with self._condition:
            if self.number != number:
                return
            self._tasks.add((loop, waiting))
        timer = None if seconds is None else loop.call_later(seconds, _wake, waiting)
        try:
            await waiting
        finally:
            with self._condition:
                self._tasks.discard((loop, waiting))
            if timer is not None:
                timer.cancel()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
