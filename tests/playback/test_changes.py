"""Waiting for a change: none is missed, and time is a bound."""

from __future__ import annotations

import asyncio

from streamplay.playback.changes import Changes
from tests.support.speaking import PATIENCE


def test_all_that_wait_are_woken_and_nothing_wakes_later_waits() -> None:
    async def main() -> list[str]:
        changes, woken = Changes(), []

        async def wait(name: str) -> None:
            await changes.wait()
            woken.append(name)

        waiting = [asyncio.create_task(wait(name)) for name in "ab"]
        await asyncio.sleep(0)
        changes.notify()
        await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
        late = asyncio.create_task(wait("late"))
        for _ in range(3):
            await asyncio.sleep(0)
        late.cancel()
        return woken

    assert sorted(asyncio.run(main())) == ["a", "b"]


def test_a_wait_ends_with_its_time_where_nothing_changes() -> None:
    async def main() -> None:
        await asyncio.wait_for(Changes().wait(0.01), PATIENCE)

    asyncio.run(main())


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    async def main() -> None:
        changes = Changes()
        waiting = asyncio.create_task(changes.wait(60))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert not changes._waiting
        changes.notify()

    asyncio.run(main())
