"""The producer: one utterance, from its text to frames in the pump.

While a piece is heard, the next ones are on their way: asked for ahead, received side by
side, handed on in order.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from streamplay.errors import (
    BadRequest,
    InvalidRequest,
    NetworkFailed,
    RateLimited,
    ServerFailed,
    StreamBroken,
    StreamPlayError,
)
from streamplay.speech.delivery import Delivery
from streamplay.speech.fetch import Fetch
from streamplay.speech.heard import NOT_YET, Piece
from streamplay.stream.wire import Audio, Ignored, Words
from streamplay.words.sources import Manner, sentences

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.audio import AudioFormat
    from streamplay.network.client import SpeechClient
    from streamplay.network.response import SpeechResponse
    from streamplay.request import SpeechRequest
    from streamplay.speech.utterance import Utterance
    from streamplay.stage import Stage
    from streamplay.stream.decoder import Chunk, Decoder
    from streamplay.stream.wire import WireEvent

HAND_ON_SECONDS: Final = 3.0
"""With so much audio ahead the next piece is handed on: more than the ring's two seconds, less
than what is lost where it breaks off, since what was handed on is not asked for again."""

LOOK_SECONDS: Final = 0.01
"""How often it is looked whether there is room, while something plays: the pump's own tick."""

HEARD_SECONDS: Final = 0.01
"""Left of a piece that counts as heard: a resampler's rounding must not hold up the next."""

_GOES_ON_AFTER: Final = (NetworkFailed, StreamBroken, ServerFailed, RateLimited, BadRequest)


class Producer:
    """Receives one utterance: a request for each piece of its text.

    At most ``prefetch`` of them are ahead of the one that is being heard.
    """

    def __init__(self, utterance: Utterance, stage: Stage) -> None:
        self._utterance = utterance
        self._account = utterance.account
        self._stage = stage
        self._delivery = Delivery(utterance, stage)
        self._client: SpeechClient | None = None
        self._asked: asyncio.Queue[tuple[Fetch, Piece] | Exception | None] = asyncio.Queue()
        self._fetches: list[Fetch] = []  # not yet handed on to their ends
        self._heard = 0  # pieces
        self._streams = 1 + utterance.options.prefetch
        self._limited: set[SpeechResponse] = set()
        self._noted: SpeechResponse | None = None
        self._doubted = False
        self._audio: AudioFormat | None = None

    async def run(self) -> None:
        """Receive all of it; what had come when it failed is played to its end.

        Raises
        ------
        Exception
            What ended it; the caller's to keep for whoever waits.
        """
        try:
            self._client = await self._stage.connect()
            asking = asyncio.create_task(self._ask_ahead())
            try:
                await self._hand_on()
            finally:
                await self._let_go(asking)
            if not self._utterance.pieces:
                raise InvalidRequest("input", "is empty", allowed="text to say")
            if self._account.failures and not self._account.received:
                raise self._account.failures[0]
        finally:
            self._delivery.close()

    # Asking ahead

    async def _ask_ahead(self) -> None:
        """Ask for one piece after the other, as soon as there is room for it."""
        options = self._utterance.options
        manner = Manner(
            options.language or "en",
            clean=options.clean,
            ahead=lambda: self._delivery.ahead,
            clock=self._stage.clock,
        )
        try:
            async with aclosing(sentences(self._utterance.text, manner)) as texts:
                async for text in texts:
                    self._ask(text)
                    await self._until(self._has_room)
        except Exception as error:  # noqa: BLE001 - it is told when what came before has been handed on
            self._asked.put_nowait(error)
        else:
            self._asked.put_nowait(None)

    def _ask(self, text: str) -> None:
        self._account.requested(len(text))
        piece = Piece(text, NOT_YET)
        fetch = Fetch(text, self._open(text), self._stage.clock)
        self._utterance.pieces.append(piece)
        self._fetches.append(fetch)
        self._asked.put_nowait((fetch, piece))

    def _open(self, text: str) -> SpeechResponse:
        assert self._client is not None
        request = self._utterance.options.request(text)
        response = self._client.open(request)
        response.moments.on_sent = lambda: self._prepare(request)
        self._stage.receiving(response)
        return response

    def _has_room(self) -> bool:
        self._slow_down()
        receiving = sum(not fetch.done for fetch in self._fetches)
        unheard = len(self._utterance.pieces) - self._count_heard()
        return receiving < self._streams and unheard <= self._utterance.options.prefetch

    def _slow_down(self) -> None:
        """Ask for fewer at once where the server has said that it was too many (429)."""
        for fetch in self._fetches:
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

    # Handing on

    async def _hand_on(self) -> None:
        while (asked := await self._asked.get()) is not None:
            if isinstance(asked, Exception):
                raise asked
            fetch, piece = asked
            await self._until_needed()
            await self._say(fetch, piece)
            self._fetches.remove(fetch)
            if not self._fetches:
                self._delivery.idle()
        await self._delivery.finish(self._audio)

    async def _until_needed(self) -> None:
        """Wait while enough is ahead: what is not handed on can still be asked for again."""
        await self._until(lambda: self._delivery.ahead <= HAND_ON_SECONDS)

    async def _until(self, true: Callable[[], bool]) -> None:
        """Look until something is true that only the callback can change: it tells nobody."""
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(LOOK_SECONDS)

    async def _say(self, fetch: Fetch, piece: Piece) -> None:
        self._delivery.begin(piece)
        live = not fetch.done
        whole = False
        try:
            await self._receive(fetch, piece)
            whole = True
        except StreamPlayError as error:
            if self._may_fall_back():
                await self._fall_back(error)
                await self._receive(fetch, piece)
            elif self._may_go_on(error):
                self._account.failed(error)
                self._stage.options.tell(f"{error.message}; going on without the rest of a piece")
            else:
                raise
        self._delivery.end(learn=whole and live and len(self._utterance.pieces) == 1)

    async def _receive(self, fetch: Fetch, piece: Piece) -> None:
        try:
            await self._read(fetch, piece)
        finally:
            self._settle(fetch)

    def _settle(self, fetch: Fetch) -> None:
        """Note what there is to note of an answer of which nothing more is wanted."""
        response = fetch.response
        self._stage.received(response)
        self._note_moments(response)  # where it failed before anything could be read
        self._account.counted(body=response.body_bytes, attempts=response.attempts)

    async def _read(self, fetch: Fetch, piece: Piece) -> None:
        decoder: Decoder | None = None
        at = self._stage.clock()
        try:
            async for event, at in fetch.events():
                if decoder is None:
                    self._note_moments(fetch.response)
                    decoder = fetch.response.decoder()
                await self._take(event, decoder, piece, at)
        except (NetworkFailed, StreamBroken):
            with suppress(StreamBroken):
                await self._finish(decoder, at)
            raise
        else:
            self._note_moments(fetch.response)
            await self._finish(decoder or fetch.response.decoder(), at)
        finally:
            if decoder is not None:
                self._account.muted(decoder.muted)
                self._tell_doubt(decoder)

    def _tell_doubt(self, decoder: Decoder) -> None:
        """Pass on what the decoder only suspects: once, for all pieces are alike."""
        if decoder.warning and not self._doubted:
            self._doubted = True
            self._stage.options.tell(decoder.warning)

    async def _finish(self, decoder: Decoder | None, at: float) -> None:
        """Deliver what the decoder and the resampler still hold: the last word's end."""
        if decoder is None:
            return
        try:
            for chunk in decoder.finish():
                await self._deliver(chunk, decoder, at)
        finally:
            await self._delivery.flush()

    async def _take(self, event: WireEvent, decoder: Decoder, piece: Piece, at: float) -> None:
        match event:
            case Audio(data):
                self._account.counted(audio=1)
                for chunk in decoder.feed(data):
                    await self._deliver(chunk, decoder, at)
            case Words():
                self._account.counted(words=1)
                piece.take(event)
            case Ignored():
                self._account.counted(ignored=1)

    async def _deliver(self, chunk: Chunk, decoder: Decoder, at: float) -> None:
        self._audio = decoder.format
        await self._delivery.take(chunk.frames, chunk.data, decoder.format, decoder.source, at)

    # Where it goes wrong, or ends

    def _may_fall_back(self) -> bool:
        wanted = self._stage.options.fallback == "local" and self._stage.base_url != "local"
        return wanted and self._account.received == 0

    async def _fall_back(self, error: StreamPlayError) -> None:
        """Ask the built-in voice instead, for everything that was asked for."""
        self._stage.options.tell(f"{error.message}; speaking with the built-in voice instead")
        for fetch in self._fetches:
            await fetch.aclose()
        self._client = await self._stage.fall_back()
        for fetch in self._fetches:
            self._stage.received(fetch.response)
            fetch.restart(self._open(fetch.text))

    def _may_go_on(self, error: StreamPlayError) -> bool:
        """Whether the rest may be said: not after what every further piece would fail by too."""
        return self._utterance.options.on_error == "continue" and isinstance(error, _GOES_ON_AFTER)

    async def _let_go(self, asking: asyncio.Task[None]) -> None:
        asking.cancel()
        await asyncio.wait([asking])
        for fetch in self._fetches:
            await fetch.aclose()
            self._stage.received(fetch.response)

    # Telling

    def _prepare(self, request: SpeechRequest) -> None:
        """Import what decodes and open the output, now that the request has left."""
        self._stage.import_decoding()
        if self._stage.options.play:
            self._stage.prepare(request.expected[0])

    def _note_moments(self, response: SpeechResponse) -> None:
        if response is self._noted:
            return
        self._noted = response
        account = self._account
        account.began(response.moments.begun)
        account.located(self._stage.base_url)
        for name in ("connected", "sent", "headers", "first_byte"):
            account.moment(name, getattr(response.moments, name))
        if response.voice:
            account.spoken_by(response.voice)
