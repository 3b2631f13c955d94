"""The asker: pieces of a text, asked for while those before them are heard."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from streamplay.speech.fetch import Fetch
from streamplay.speech.heard import NOT_YET, Piece
from streamplay.words.sources import Manner, sentences

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.network.client import SpeechClient
    from streamplay.network.response import SpeechResponse
    from streamplay.request import SpeechRequest
    from streamplay.speech.utterance import Utterance
    from streamplay.stage import Stage

LOOK_SECONDS: Final = 0.01
"""How often it is looked whether there is room, while something plays: the pump's own tick."""

HEARD_SECONDS: Final = 0.01
"""Left of a piece that counts as heard: a resampler's rounding must not hold up the next."""


class Asker:
    """Asks for one utterance, at most ``prefetch`` pieces ahead of the one that is being heard.

    Parameters
    ----------
    utterance : Utterance
        Whose text.
    stage : Stage
        Where its audio is to go.
    ahead : callable
        Seconds of audio that wait to be heard.

    Attributes
    ----------
    under_way : list of (Fetch, Piece)
        What was asked for and not yet handed on to its end, in order.
    """

    def __init__(self, utterance: Utterance, stage: Stage, ahead: Callable[[], float]) -> None:
        self.under_way: list[tuple[Fetch, Piece]] = []
        self._utterance = utterance
        self._account = utterance.account
        self._stage = stage
        self._ahead = ahead
        self._client: SpeechClient | None = None
        self._asking: asyncio.Task[None] | None = None
        self._asked: asyncio.Queue[tuple[Fetch, Piece] | Exception | None] = asyncio.Queue()
        self._heard = 0  # pieces
        self._streams = 1 + utterance.options.prefetch
        self._limited: set[SpeechResponse] = set()

    async def start(self) -> None:
        """Connect, and begin to ask."""
        self._client = await self._stage.connect()
        self._asking = asyncio.create_task(self._ask_ahead())

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

    def restart(self, client: SpeechClient) -> None:
        """Ask another server for everything that is under way, and for what follows."""
        self._client = client
        for fetch, _ in self.under_way:
            self._stage.received(fetch.response)
            fetch.restart(self._open(fetch.text))

    async def let_go(self) -> None:
        """Ask for nothing more, and receive nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        for fetch, _ in self.under_way:
            await fetch.aclose()
            self._stage.received(fetch.response)

    async def _ask_ahead(self) -> None:
        """Ask for one piece after the other, as soon as there is room for it."""
        options = self._utterance.options
        manner = Manner(
            options.language or "en",
            clean=options.clean,
            ahead=self._ahead,
            clock=self._stage.clock,
        )
        try:
            async with aclosing(sentences(self._utterance.text, manner)) as texts:
                async for text in texts:
                    self._ask(text)
                    await until(self._has_room)
        except Exception as error:  # noqa: BLE001 - it is told when what came before has been handed on
            self._asked.put_nowait(error)
        else:
            self._asked.put_nowait(None)

    def _ask(self, text: str) -> None:
        self._account.requested(len(text))
        alone = all(fetch.done for fetch, _ in self.under_way)
        ahead = bool(self.under_way) or self._ahead() > 0
        fetch = Fetch(text, self._open(text), self._stage.clock, alone=alone, ahead=ahead)
        asked = fetch, Piece(text, NOT_YET)
        self._utterance.pieces.append(asked[1])
        self.under_way.append(asked)
        self._asked.put_nowait(asked)

    def _open(self, text: str) -> SpeechResponse:
        assert self._client is not None
        options = self._utterance.options
        request = options.request(text)
        response = self._client.open(request, options.limits)
        response.moments.on_sent = lambda: self._prepare(request)
        self._stage.receiving(response)
        return response

    def _prepare(self, request: SpeechRequest) -> None:
        """Import what decodes and open the output, now that the request has left."""
        self._stage.get_ready(request.expected[0])

    def _has_room(self) -> bool:
        self._slow_down()
        receiving = sum(not fetch.done for fetch, _ in self.under_way)
        unheard = len(self._utterance.pieces) - self._count_heard()
        return receiving < self._streams and unheard <= self._utterance.options.prefetch

    def _slow_down(self) -> None:
        """Ask for fewer at once where the server has said that it was too many (429)."""
        for fetch, _ in self.under_way:
            if fetch.response.rate_limited and fetch.response not in self._limited:
                self._limited.add(fetch.response)
                self._streams = max(1, self._streams - 1)

    def _count_heard(self) -> int:
        """Count the pieces that have been heard to their ends, or were never to be heard."""
        pieces, lane = self._utterance.pieces, self._utterance.lane
        heard = self._account.heard(lane.position() if lane else 0)
        nearly = heard + round(HEARD_SECONDS * self._account.samplerate)
        while self._heard < len(pieces):
            frames, start = pieces[self._heard].frames, pieces[self._heard].start
            if frames is None or (self._stage.options.play and nearly < start + frames):
                break
            self._heard += 1
        return self._heard


async def until(true: Callable[[], bool]) -> None:
    """Look until something is true that only the callback can change: it tells nobody."""
    while not true():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(LOOK_SECONDS)
