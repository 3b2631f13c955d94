"""As many clients as there are requests at a time, and no more."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from streamplay.bench.clients import PLACES, Clients
from streamplay.network.api import Shape
from streamplay.network.client import SpeechClient

if TYPE_CHECKING:
    import pytest


def client() -> SpeechClient:
    return SpeechClient(base_url="http://127.0.0.1:9/v1")


def test_the_client_that_was_used_last_is_used_next() -> None:
    async def use() -> None:
        async with Clients(client()) as clients:
            async with AsyncExitStack() as first, AsyncExitStack() as second:
                one = await clients.lease(first)
                for _ in range(PLACES):
                    other = await clients.lease(second)
                assert other is not one
            async with AsyncExitStack() as first:
                again = await clients.lease(first)
            async with AsyncExitStack() as first:
                assert await clients.lease(first) is again

    asyncio.run(use())


def test_what_is_going_to_be_needed_is_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    beside = SpeechClient.beside

    def count(self: SpeechClient) -> SpeechClient:
        nonlocal made
        made += 1
        return beside(self)

    monkeypatch.setattr(SpeechClient, "beside", count)

    async def use() -> None:
        async with Clients(client()) as clients:
            await clients.prepare(2 * PLACES + 1)
            assert made == 3

    asyncio.run(use())


def test_what_one_has_learned_of_the_server_all_know() -> None:
    learned = Shape("openai", settled=True)

    async def use() -> None:
        async with Clients(client()) as clients:
            async with AsyncExitStack() as first, AsyncExitStack() as second:
                one, other = await clients.lease(first), await clients.fresh(second)
                assert other.shape == one.shape
                one.shape = learned
                # The other ends later, and has learned nothing.
                await first.aclose()
            async with AsyncExitStack() as stack:
                assert (await clients.fresh(stack)).shape == learned
                assert (await clients.lease(stack)).shape == learned

    asyncio.run(use())
