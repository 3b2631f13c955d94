"""Text in every form that it comes in → pieces to request, as an async iterator."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from streamplay.errors import InvalidRequest
from streamplay.text import SentenceCutter, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

READ_AHEAD: Final = 256
"""Parts of a text read before they are spoken: a page, where a part is a word."""


async def sentences(text: str | Iterable[str]) -> AsyncGenerator[str, None]:
    """Yield the pieces of `text`: a str as one request, an iterable one a sentence.

    An iterable is read on a thread of its own, since it may wait for a person
    typing; the sentence that is whole leaves without waiting for the next.

    Raises
    ------
    InvalidRequest
        If an iterable yields anything but text.
    Exception
        What the iterable raised.
    """
    if isinstance(text, str):
        for piece in pieces(text.strip()):
            yield piece
        return
    cutter = SentenceCutter()
    async with aclosing(_read(text)) as parts:
        async for part in parts:
            for sentence in cutter.feed(part):
                yield sentence
    for sentence in cutter.finish():
        yield sentence


async def _read(text: Iterable[str]) -> AsyncGenerator[str, None]:
    """Read a blocking iterable on a daemon thread, which a stuck read cannot keep alive.

    It reads no more than `READ_AHEAD` parts ahead, and none after this was closed.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(READ_AHEAD)
    closed = threading.Event()

    def hand(item: str | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        try:
            for part in text:
                room.acquire()
                if closed.is_set():
                    return
                hand(_checked(part))
            hand(None)
        except Exception as error:  # noqa: BLE001 - whatever the caller's iterable raised, it is told
            hand(error)
        except BaseException as error:  # noqa: BLE001 - an exit ends the thread, and no loop
            hand(RuntimeError(f"the text ended with {error!r}"))

    threading.Thread(target=read, name="streamplay text", daemon=True).start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            room.release()
            yield item
    finally:
        closed.set()
        room.release()


def _checked(part: object) -> str:
    """Return `part` if it is text: the None of a chat's last delta must not end it unseen."""
    if not isinstance(part, str):
        raise InvalidRequest("input", f"holds {part!r:.40}", allowed="text")
    return part
