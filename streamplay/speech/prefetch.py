"""The prefetch: pieces of a text, asked for while those before them are heard."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final

from streamplay.errors import StreamPlayError, Truncated
from streamplay.speech.transcript import NOT_YET, Piece
from streamplay.stream.wire import Words
from streamplay.words.sources import Manner, sentences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from streamplay.network.response import SpeechResponse
    from streamplay.playback.changes import Changes
    from streamplay.request import SpeechRequest
    from streamplay.speech.resources import Resources
    from streamplay.speech.state import UtteranceState
    from streamplay.speech_servers import SpeechServer
    from streamplay.stream.decoder import Chunk
    from streamplay.words.passage import Passage

HEARD_SECONDS: Final = 0.01
"""A piece with less than this left counts as heard, so that a resampler's rounding does not hold up
the next request."""


class Prefetch:
    """Asks for one utterance, at most ``prefetch`` pieces ahead of the one that is being heard.

    Parameters
    ----------
    utterance : UtteranceState
        Whose text.
    resources : Resources
        Which server is asked, and where its audio is to go.
    ahead : callable
        Seconds of audio that wait to be heard.
    try_again : callable
        Called before a piece is asked for: a server before the present one may speak again.

    Attributes
    ----------
    under_way : list of (Fetch, Piece)
        What was asked for and not yet handed on to its end, in order.
    """

    def __init__(
        self,
        utterance: UtteranceState,
        resources: Resources,
        ahead: Callable[[], float],
        try_again: Callable[[], Awaitable[None]],
    ) -> None:
        self.under_way: list[tuple[Fetch, Piece]] = []
        self._utterance = utterance
        self._account = utterance.account
        self._resources, self._backend = resources, resources.backend
        self._ahead, self._try_again = ahead, try_again
        self._asked: asyncio.Queue[tuple[Fetch, Piece] | Exception | None] = asyncio.Queue()
        self._preparing: set[asyncio.Task[None]] = set()
        self._reading = False
        self._heard = 0  # pieces
        self._streams = 1 + utterance.options.prefetch
        self._limited: set[SpeechResponse] = set()
        self._waiting: set[Fetch] = set()  # until the server is free

    async def next(self) -> tuple[Fetch, Piece] | None:
        """Return the next piece that was asked for; None: there are no more.

        Raises
        ------
        Exception
            What the text raised.
        """
        asked = await self._asked.get()
        if isinstance(asked, Exception):
            raise asked
        return asked

    def handed_on(self, asked: tuple[Fetch, Piece]) -> None:
        """Note that a piece has been handed on to its end."""
        self.under_way.remove(asked)
        self._note_waiting()

    def _note_waiting(self) -> None:
        self._utterance.waits_for_text = self._reading and not self.under_way
        self._account.changes.notify()

    async def ask_again(self, fetch: Fetch, text: str) -> None:
        """Ask the server that speaks now for `text`, the rest of a piece that has broken off."""
        await fetch.aclose()
        self._backend.received(fetch.response)
        fetch.text = text
        self._receive(fetch)

    async def ask_others_again(self) -> None:
        """Ask the server that speaks now for all that others have neither sent nor will send.

        What has come whole is heard as it came.
        """
        for fetch, _ in tuple(self.under_way):
            if fetch.server is not self._backend.current and not (fetch.begun or fetch.is_whole):
                await self.ask_again(fetch, fetch.text)

    async def let_go(self) -> None:
        """Receive nothing more; `ask_ahead` has ended."""
        for preparing in self._preparing:
            preparing.cancel()
        for fetch, _ in self.under_way:
            await fetch.aclose()
            self._backend.received(fetch.response)

    async def ask_ahead(self) -> None:
        """Ask for one piece after the other, as soon as there is room for it."""
        options = self._utterance.options
        manner = Manner(
            options.language or "en",
            clean=options.clean,
            ahead=self._ahead,
            clock=self._resources.clock,
        )
        try:
            passages = sentences(self._utterance.text, manner, self._utterance.given)
            self._set_reading(reading=True)
            async with aclosing(passages):
                async for passage in passages:
                    self._set_reading(reading=False)
                    await self._try_again()
                    self._ask(passage)
                    await self._room()
                    self._set_reading(reading=True)
        except Exception as error:  # noqa: BLE001 - it is told when what came before has been handed on
            self._asked.put_nowait(error)
        else:
            self._asked.put_nowait(None)
        finally:
            self._set_reading(reading=False)

    def _set_reading(self, *, reading: bool) -> None:
        """Note whether the text is asked for more."""
        self._reading = reading
        self._utterance.reading_since = self._resources.clock() if reading else None
        self._note_waiting()

    def _ask(self, passage: Passage) -> None:
        text, pieces = passage.text, self._utterance.pieces
        if not text:  # nothing that can be spoken: it belongs to the piece before it
            if pieces:
                pieces[-1].passage = pieces[-1].passage.extended(passage.stop)
            return
        self._account.requested(len(text))
        alone = all(fetch.done for fetch, _ in self.under_way)
        ahead = bool(self.under_way) or self._ahead() > 0
        fetch = Fetch(
            text,
            self._resources.clock,
            self._account.changes,
            alone=alone,
            ahead=ahead,
        )
        self._receive(fetch)
        asked = fetch, Piece(passage, NOT_YET)
        pieces.append(asked[1])
        self.under_way.append(asked)
        self._asked.put_nowait(asked)

    def _receive(self, fetch: Fetch) -> None:
        server = self._backend.current
        fetch.receive(self._open(fetch, server), server)

    def _open(self, fetch: Fetch, server: SpeechServer) -> SpeechResponse:
        options = self._utterance.options
        request = server.request(options, fetch.text)
        others = partial(self._until_free, fetch)
        response = self._backend.open(server, request, options.limits, others)
        preparing = asyncio.create_task(self._prepare(response, request))
        self._preparing.add(preparing)
        preparing.add_done_callback(self._preparing.discard)
        self._backend.receiving(response)
        return response

    async def _prepare(self, response: SpeechResponse, request: SpeechRequest) -> None:
        """Import what decodes and open the output once the request has left."""
        await response.moments.left.wait()
        self._resources.get_ready(request.expected[0])

    async def _until_free(self, fetch: Fetch) -> bool:
        """Wait until a stream of ours has ended that was there before `fetch`.

        Called where the server was too busy for `fetch`: it takes no more streams at a time than
        those, and is asked for no more from now on. False: there is none. Of those that wait, the
        first asks again first: a later piece in its place would keep it out for too long.
        """
        asked = [other for other, _ in self.under_way]
        before = asked[: asked.index(fetch)] if fetch in asked else []
        client = fetch.server.client
        open_ = _open(before, fetch)
        if not open_ or client is None:
            return False
        streams = sum(each not in self._waiting for each in open_)
        client.learned.streams = min(self._most_streams(), max(1, streams))
        self._waiting.add(fetch)
        try:
            while len(open_) >= self._most_streams():
                tasks = [each.receiving for each in open_]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                open_ = _open(before, fetch)
        finally:
            self._waiting.discard(fetch)
        return True

    async def _room(self) -> None:
        """Wait until another piece may be asked for: some were received, or heard."""
        track = self._account.track
        while not self._has_room():
            position = track.position()
            await track.progress(self._unheard_frames(position), position)

    def _unheard_frames(self, position: int) -> float | None:
        """Return how much of the piece heard at `position` is left, at the output's rate."""
        piece = next(iter(self._utterance.pieces[self._heard :]), None)
        if piece is None or piece.frames is None:
            return None
        account = self._account
        left = piece.start + piece.frames - account.held - account.heard(position)
        return max(0.0, left / account.samplerate - HEARD_SECONDS) * account.output_rate

    def _has_room(self) -> bool:
        self._slow_down()
        receiving = sum(not fetch.done for fetch, _ in self.under_way)
        unheard = len(self._utterance.pieces) - self._count_heard()
        return receiving < self._most_streams() and unheard <= self._utterance.options.prefetch

    def _most_streams(self) -> int:
        """Return how many requests the server that speaks now is asked at a time."""
        client = self._backend.current.client
        learned = None if client is None else client.learned.streams
        return min(self._streams, learned) if learned else self._streams

    def _slow_down(self) -> None:
        """Ask for fewer at once where the server has said that it was too many (429)."""
        for fetch, _ in self.under_way:
            if fetch.response.rate_limited and fetch.response not in self._limited:
                self._limited.add(fetch.response)
                self._streams = max(1, self._streams - 1)

    def _count_heard(self) -> int:
        """Count the pieces that have been heard to their ends, or were never to be heard."""
        pieces = self._utterance.pieces
        heard = self._account.heard(self._account.track.position())
        nearly = heard + self._account.held + round(HEARD_SECONDS * self._account.samplerate)
        while self._heard < len(pieces):
            frames, start = pieces[self._heard].frames, pieces[self._heard].start
            if frames is None or (self._resources.options.play and nearly < start + frames):
                break
            self._heard += 1
        return self._heard


def _open(fetches: Iterable[Fetch], of: Fetch) -> list[Fetch]:
    """Return those that are not done, and ask the same server as `of`."""
    return [each for each in fetches if not each.done and each.server is of.server]


FETCH_BYTES: Final = 4 * 1024 * 1024
"""Of audio that waits for its turn: 87 s of 24 kHz s16, more than a sentence lasts. It comes on
top of the pump's queue, whose 64 MB are the bound of what waits; a longer piece is read on
when its turn has come."""


class Fetch:
    """Receives a piece at once, and hands it out when it is its turn. On the loop.

    Until then none of it has been heard, so that a piece that breaks off is requested again.

    Parameters
    ----------
    text : str
        The piece.
    clock : callable
        Seconds: when each event came.
    changes : Changes
        Notified when nothing more is being received.
    alone : bool
        Nothing else was on its way when it was asked for, so that its pace is the server's own.
    ahead : bool
        It was asked for before its turn. What is waited for is heard as it comes, and where that
        ends too early it is not asked for a second time.

    Attributes
    ----------
    response : SpeechResponse
        The answer by which it is received.
    server : SpeechServer
        Whose answer that is.
    begun : bool
        A part of that answer was yielded.
    """

    def __init__(
        self,
        text: str,
        clock: Callable[[], float],
        changes: Changes,
        *,
        alone: bool,
        ahead: bool,
    ) -> None:
        self.text = text
        self.alone = alone
        self._ahead = ahead
        self._clock = clock
        self._changes = changes

    def receive(self, response: SpeechResponse, server: SpeechServer) -> None:
        """Receive it by this answer of `server`; what came of an earlier one is dropped."""
        self.response, self.server = response, server
        self.begun = False
        self._items: deque[tuple[Chunk | Words, float]] = deque()
        self._bytes = 0
        self._again = False
        self._error: StreamPlayError | None = None
        self._change = asyncio.Event()
        self._task = asyncio.create_task(self._receive(response))
        self._task.add_done_callback(self._received)

    @property
    def receiving(self) -> asyncio.Task[None]:
        """The task that receives it."""
        return self._task

    @property
    def done(self) -> bool:
        """Whether nothing more is being received."""
        return self._task.done()

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self.failure is None and self.done and not self._task.cancelled()

    @property
    def failure(self) -> StreamPlayError | None:
        """What has ended it."""
        return self._error

    async def arrivals(self) -> AsyncIterator[tuple[Chunk | Words, float]]:
        """Yield its audio and word times, and when they came.

        Raises
        ------
        StreamPlayError
            What ended it; what came before has been yielded.
        """
        while True:
            if self._items and not self._again:
                self.begun = True
                item, at = self._items.popleft()
                self._bytes -= _weight(item)
                self._change.set()
                yield item, at
            elif self._task.done():
                break
            else:
                self._change.clear()
                await self._change.wait()
        if self._error is not None:
            raise self._error
        self._task.result()

    async def left(self) -> AsyncIterator[tuple[Chunk | Words, float]]:
        """Yield what came and was not handed out; to be called after `aclose`."""
        for item in self._items:
            yield item
        for chunk in self.response.held():
            yield chunk, self._clock()

    def give_up(self, error: StreamPlayError) -> None:
        """Receive nothing more: `arrivals` ends with `error`."""
        if not self._task.done():
            self._error = error
            self._task.cancel()

    async def aclose(self) -> None:
        """Let go of the connection, now."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def _received(self, _: asyncio.Task[None]) -> None:
        self._change.set()
        self._changes.notify()

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
            async with aclosing(response.chunks()) as chunks:
                async for item in chunks:
                    at = self._clock()
                    while self._bytes > FETCH_BYTES:
                        self._change.clear()
                        await self._change.wait()
                    self._items.append((item, at))
                    self._bytes += _weight(item)
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


def _weight(item: Chunk | Words) -> int:
    """Return an item's bytes as s16, half of what its frames hold; of words what objects take."""
    if isinstance(item, Words):
        return 256 * (1 + len(item.words))
    return item.frames.nbytes // 2
