"""One piece's answer, received while others are still being heard."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from streamplay.errors import StreamPlayError, Truncated
from streamplay.stream.wire import Audio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamplay.network.response import SpeechResponse
    from streamplay.stream.wire import WireEvent

FETCH_BYTES: Final = 4 * 1024 * 1024
"""Of audio that waits for its turn: 87 s of 24 kHz s16, more than a sentence lasts. It comes on
top of the pump's queue, whose 64 MB are the bound of what waits; a longer piece is read on
when its turn has come."""


class Fetch:
    """Receives a piece at once, and hands it out when it is its turn. On the loop.

    Until then nobody has heard any of it, so that what breaks off is asked for again.

    Parameters
    ----------
    text : str
        The piece.
    response : SpeechResponse
        The answer to its request, not yet entered.
    clock : callable
        Seconds: when each event came.
    alone : bool
        Nothing else was on its way when it was asked for, so that its pace is the server's own.
    ahead : bool
        It was asked for before its turn. What is waited for is heard as it comes, and where that
        ends too early it is not asked for a second time.
    """

    def __init__(
        self,
        text: str,
        response: SpeechResponse,
        clock: Callable[[], float],
        *,
        alone: bool,
        ahead: bool,
    ) -> None:
        self.text = text
        self.alone = alone
        self._ahead = ahead
        self.begun = False  # part of it has been handed out
        self._clock = clock
        self.restart(response)

    def restart(self, response: SpeechResponse) -> None:
        """Receive it by another answer; what came of the first is dropped."""
        self.response = response
        self._items: deque[tuple[WireEvent, float]] = deque()
        self._bytes = 0
        self._again = False
        self._error: StreamPlayError | None = None
        self._change = asyncio.Event()
        self._task = asyncio.create_task(self._receive(response))
        self._task.add_done_callback(lambda _: self._change.set())

    @property
    def done(self) -> bool:
        """Whether nothing more is being received."""
        return self._task.done()

    async def events(self) -> AsyncIterator[tuple[WireEvent, float]]:
        """Yield its events, and when they came.

        Raises
        ------
        StreamPlayError
            What ended it; what came before has been yielded.
        """
        while True:
            if self._items and not self._again:
                self.begun = True
                event, at = self._items.popleft()
                self._bytes -= _weight(event)
                self._change.set()
                yield event, at
            elif self._task.done():
                break
            else:
                self._change.clear()
                await self._change.wait()
        if self._error is not None:
            raise self._error
        self._task.result()

    async def left(self) -> AsyncIterator[tuple[WireEvent, float]]:
        """Yield what came and was not handed out; to be called after `aclose`."""
        for item in self._items:
            yield item

    async def aclose(self) -> None:
        """Let go of the connection, now."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _receive(self, response: SpeechResponse) -> None:
        try:
            async with response:
                while not await self._read(response):
                    pass
        except StreamPlayError as error:
            self._error = error

    async def _read(self, response: SpeechResponse) -> bool:
        """Receive to the end; False: it broke off, and there is a new answer."""
        try:
            async for event in response.events():
                while self._bytes > FETCH_BYTES:
                    self._change.clear()
                    await self._change.wait()
                self._items.append((event, self._clock()))
                self._bytes += _weight(event)
                self._change.set()
        except StreamPlayError as error:
            waited_for = isinstance(error, Truncated) and not self._ahead
            if self.begun or waited_for or not await self._try_again(response, error):
                raise
            return False
        return True

    async def _try_again(self, response: SpeechResponse, error: StreamPlayError) -> bool:
        """Ask again; what came is kept where that does not help."""
        self._again, again = True, False
        try:
            again = await response.try_again(error)
            if again:
                self._items.clear()
                self._bytes = 0
            return again
        finally:
            self._again = False


def _weight(event: WireEvent) -> int:
    return len(event.data) if isinstance(event, Audio) else 0
