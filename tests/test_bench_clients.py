"""As many clients as there are requests at a time, and no more."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from streamplay.bench.clients import PLACES, Clients
from streamplay.network.client import SpeechClient


class Count:
    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> SpeechClient:
        self.made += 1
        return SpeechClient(base_url="http://127.0.0.1:9/v1")


def test_the_client_that_was_used_last_is_used_next() -> None:
    async def use() -> None:
        async with Clients(make) as clients:
            async with AsyncExitStack() as first, AsyncExitStack() as second:
                one = await clients.lease(first)
                for _ in range(PLACES):
                    other = await clients.lease(second)
                assert other is not one
            async with AsyncExitStack() as first:
                again = await clients.lease(first)
            async with AsyncExitStack() as first:
                assert await clients.lease(first) is again

    make = Count()
    asyncio.run(use())
    assert make.made == 2


def test_what_is_going_to_be_needed_is_made_ahead() -> None:
    async def use() -> None:
        async with Clients(make) as clients:
            await clients.prepare(2 * PLACES + 1)
            assert make.made == 3

    make = Count()
    asyncio.run(use())
