"""Enough clients for any number of requests at a time, to one target.

One client's pool looks at each of its connections for each request, and for each idle one at all
others (httpcore 1.0): at 500 connections that alone held the event loop up for seconds. So each
client serves a few requests at a time, and there are as many clients as that takes.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from streamplay.network.client import SpeechClient

PLACES: Final = 16
"""Requests at a time of one client: to look at so many connections takes some microseconds."""


class Clients:
    """Clients that are made as they are needed, and used again: the one used last first.

    So a warm connection is found where there is one. Nothing is read or learned twice within a
    request that counts: certificates, and whose shape of request the server wants.

    Parameters
    ----------
    client : SpeechClient
        The first.
    """

    def __init__(self, client: SpeechClient) -> None:
        self._first = client
        self._free: list[SpeechClient] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._first)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def prepare(self, requests: int) -> None:
        """Make ahead what so many requests at a time will need."""
        while len(self._free) < requests:
            await self._add()

    async def lease(self, stack: AsyncExitStack) -> SpeechClient:
        """Return a client with a free place, which is given back when `stack` ends."""
        if not self._free:
            await self._add()
        client = self._free.pop()
        stack.callback(self._free.append, client)
        return self._taught(client, stack)

    async def fresh(self, stack: AsyncExitStack) -> SpeechClient:
        """Return a client without a connection, which is closed when `stack` ends."""
        return self._taught(await stack.enter_async_context(self._first.beside()), stack)

    async def _add(self) -> None:
        client = await self._stack.enter_async_context(self._first.beside())
        self._free[:0] = [client] * PLACES

    def _taught(self, client: SpeechClient, stack: AsyncExitStack) -> SpeechClient:
        """Let a client know what others have learned, and others what it will learn."""
        untaught = client.shape = self._first.shape

        def learn() -> None:
            if client.shape != untaught:
                self._first.shape = client.shape

        stack.callback(learn)
        return client
