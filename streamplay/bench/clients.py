"""Clients for any number of concurrent requests to one target.

For each request, the pool of a client looks at each of its connections, and for each idle one at
all others (httpcore 1.0): with 500 connections that alone blocked the event loop for seconds. So
each client serves a few concurrent requests, and there are as many clients as needed.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from streamplay.network.client import SpeechClient

PLACES: Final = 16
"""Concurrent requests of one client: looking at so many connections takes some microseconds."""


class Clients:
    """Clients that are made when needed and used again, the last used first.

    So a request uses a warm connection if there is one. A request that counts neither reads the
    certificates nor learns the shape of requests that the server wants: the first client has.

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
        """Make the clients that so many concurrent requests will need."""
        while len(self._free) < requests:
            await self._add()

    async def lease(self, stack: AsyncExitStack) -> SpeechClient:
        """Return a client with a free place, which is free again when `stack` ends."""
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
        """Copy to a client the shape that others have learned, and keep the one that it learns."""
        untaught = client.shape = self._first.shape

        def learn() -> None:
            if client.shape != untaught:
                self._first.shape = client.shape

        stack.callback(learn)
        return client
