"""Enough clients for any number of requests at a time, to one target.

One client's pool looks at each of its connections for each request, and for each idle one at all
others (httpcore 1.0): at 500 connections that alone held the event loop up for seconds. So each
client serves a few requests at a time, and there are as many clients as that takes.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamplay.network.client import SpeechClient

PLACES: Final = 16
"""Requests at a time of one client: to look at so many connections takes some microseconds."""


class Clients:
    """Clients that are made as they are needed, and used again: the one used last first.

    So a warm connection is found where there is one.

    Parameters
    ----------
    make : callable
        Returns a new client.
    """

    def __init__(self, make: Callable[[], SpeechClient]) -> None:
        self._make = make
        self._free: list[SpeechClient] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def prepare(self, requests: int) -> None:
        """Make ahead what so many requests at a time will need."""
        while len(self._free) < requests:
            await self._add()

    @contextmanager
    def _place(self) -> Iterator[SpeechClient]:
        client = self._free.pop()
        try:
            yield client
        finally:
            self._free.append(client)

    async def _add(self) -> None:
        client = await self._stack.enter_async_context(self._make())
        self._free[:0] = [client] * PLACES

    async def lease(self, stack: AsyncExitStack) -> SpeechClient:
        """Return a client with a free place, which is given back when `stack` ends."""
        if not self._free:
            await self._add()
        return stack.enter_context(self._place())
