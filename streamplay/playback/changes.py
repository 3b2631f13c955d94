"""Changes that tasks wait for, where otherwise they would have to look again and again."""

from __future__ import annotations

import asyncio


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


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
