"""Text in every form that it comes in → pieces to request, as an async iterator."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from streamplay.text import SentenceCutter, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


async def sentences(text: str | Iterable[str]) -> AsyncIterator[str]:
    """Yield the pieces of `text`: a str as one request, an iterable one a sentence.

    An iterable is read on a thread of its own, since it may wait for a person
    typing; the sentence that is whole leaves without waiting for the next.
    """
    if isinstance(text, str):
        for piece in pieces(text.strip()):
            yield piece
        return
    cutter = SentenceCutter()
    async for part in _read(text):
        for sentence in cutter.feed(part):
            yield sentence
    for sentence in cutter.finish():
        yield sentence


async def _read(text: Iterable[str]) -> AsyncIterator[str]:
    """Read a blocking iterable on a daemon thread, which a stuck read cannot keep alive."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | Exception | None] = asyncio.Queue()

    def hand(item: str | Exception | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        try:
            for part in text:
                hand(part)
            hand(None)
        except Exception as error:  # noqa: BLE001 - whatever the caller's iterable raised, it is told
            hand(error)

    threading.Thread(target=read, name="streamplay text", daemon=True).start()
    while (item := await queue.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item
