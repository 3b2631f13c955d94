"""The producer: one utterance, from its text to frames in the pump.

While a piece is heard, the next ones are on their way: asked for ahead, received side by
side, handed on in order.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from streamplay.errors import (
    BadRequest,
    ConnectFailed,
    InvalidRequest,
    NetworkFailed,
    NoAudio,
    RateLimited,
    ServerFailed,
    StreamBroken,
    StreamPlayError,
    TimedOut,
)
from streamplay.speech.delivery import Delivery
from streamplay.speech.prefetch import Prefetch
from streamplay.speech.transcript import Piece
from streamplay.speech_servers import is_of_server
from streamplay.stream.wire import Words
from streamplay.words.boundaries import is_spoken
from streamplay.words.passage import Passage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from streamplay.network.response import SpeechResponse
    from streamplay.speech.prefetch import Fetch
    from streamplay.speech.resources import Resources
    from streamplay.speech.source import SoundSource
    from streamplay.speech.state import UtteranceState
    from streamplay.speech_servers import Change, SpeechServer
    from streamplay.stream.decoder import Chunk

HAND_ON_SECONDS: Final = 3.0
"""A piece is delivered once less audio than this is ahead. It is more than the ring's two seconds;
more than that would be lost where a piece breaks off, which is requested again only while none of
it was delivered."""

DRY_LOOKS: Final = 4
"""While the output is about to run dry it is looked at so often in the time of ``fallback_after``:
an output tells what it has played a block at a time."""

_GOES_ON_AFTER: Final = (NetworkFailed, StreamBroken, ServerFailed, RateLimited, BadRequest)


class Producer:
    """Receives one utterance: a request for each piece of its text."""

    def __init__(self, utterance: UtteranceState, resources: Resources) -> None:
        self._utterance = utterance
        self._account = utterance.account
        self._options, self._clock = resources.options, resources.clock
        self._resources, self._backend = resources, resources.backend
        self._delivery = Delivery(utterance, resources)
        self._prefetch = Prefetch(
            utterance,
            resources,
            lambda: self._delivery.ahead,
            partial(self._try_again, in_text=True),
        )
        self._server: SpeechServer | None = None  # whose frames were delivered last
        self._asked: set[SpeechServer] = set()
        self._settled: SpeechResponse | None = None
        self._first: Fetch | None = None
        self._noted: SpeechResponse | None = None
        self._streaming: SpeechResponse | None = None
        self._doubted = False

    async def run(self) -> None:
        """Receive the whole utterance; when it fails, the frames that came before are played.

        Raises
        ------
        Exception
            What ended it; `Scheduler` keeps it for `Utterance.wait`.
        """
        self._utterance.begun = True
        try:
            await self._connect()
            asking = asyncio.create_task(self._prefetch.ask_ahead())
            try:
                await self._hand_on()
            finally:
                asking.cancel()
                await asyncio.wait([asking])
                await self._prefetch.let_go()
                await self._account_for_the_rest()
                for server in self._asked:
                    self._resources.keep_learned(server)
            if not self._utterance.pieces:
                why = "holds no letter or digit" if self._utterance.given.length else "is empty"
                raise InvalidRequest("input", why, allowed="text to say")
            if self._account.failures and not self._account.received:
                raise self._account.failures[0]
        finally:
            self._delivery.close()

    async def _hand_on(self) -> None:
        while (asked := await self._prefetch.next()) is not None:
            await self._until_needed()
            await self._say(*asked)
            self._prefetch.handed_on(asked)
            if not self._prefetch.under_way:
                self._delivery.idle()
        await self._delivery.finish()

    async def _until_needed(self) -> None:
        """Wait while enough audio is ahead: an undelivered piece can be requested again."""
        track = self._account.track
        while True:
            position = track.position()
            # Below its level the gate is closed, and nothing of what is ahead will ever be heard.
            level = track.level / self._account.output_rate
            ahead = self._delivery.ahead - max(HAND_ON_SECONDS, level)
            if ahead <= 0:
                return
            await track.progress(ahead * self._account.output_rate, position)

    async def _say(self, fetch: Fetch, piece: Piece) -> None:
        self._delivery.begin(piece)
        whole = False
        try:
            await self._receive_by_any(fetch, piece)
            whole = True
        except StreamPlayError as error:
            if not self._may_go_on(error):
                raise
            self._account.failed(error)
            self._options.tell(f"{error.message}; going on without the rest of a piece")
        self._delivery.end(learn=whole and fetch.alone and not piece.joins)

    async def _receive_by_any(self, fetch: Fetch, piece: Piece) -> None:
        """Receive a piece, from one server after the other where they fail."""
        while True:
            try:
                # What failed before its turn is asked for anew, so that one voice says all of it.
                if fetch.failure is None or not self._may_fall_back(fetch, fetch.failure):
                    await self._receive(fetch, piece)
                    return
                error = fetch.failure
                self._settle(fetch)
            except StreamPlayError as failure:
                if not self._may_fall_back(fetch, failure):
                    raise
                error = failure
            join = await self._delivery.break_off()
            if join.frames and not is_spoken(piece.text[join.length :]):
                self._options.tell(f"{error.message}; all of it had been received")
                return
            await self._change_server(fetch.server, error, piece)
            await self._prefetch.ask_again(fetch, piece.text[join.length :])
            await self._prefetch.ask_others_again()

    async def _receive(self, fetch: Fetch, piece: Piece) -> None:
        after = self._options.fallback_after
        watching = None
        if after is not None and self._backend.has_alternatives:
            watching = asyncio.create_task(self._watch(fetch, after))
        try:
            await self._read(fetch, piece, fetch.arrivals())
        finally:
            if watching is not None:
                watching.cancel()
            self._settle(fetch)

    async def _watch(self, fetch: Fetch, after: float) -> None:
        """Give a piece up once nothing has been heard for so long, and another server may speak."""
        account, dry_since = self._account, inf
        while not fetch.done:
            now = self._clock()
            dry_since = min(dry_since, now) if account.track.has_run_dry() else inf
            left = dry_since + after - now
            if left <= 0 and self._backend.may_fall_back(fetch.server):
                fetch.give_up(TimedOut("chunk", after))
                return
            ahead = max(self._delivery.ahead, after / DRY_LOOKS)
            await account.changes.wait(ahead if left == inf else max(left, after / DRY_LOOKS))

    def _settle(self, fetch: Fetch) -> None:
        """Note the moments and counts of a response that is not read any more."""
        response, self._settled = fetch.response, fetch.response
        self._backend.received(response)
        self._note_moments(fetch)  # it may have failed before anything was read
        counts = response.counts
        self._account.counted(audio=counts.audio, words=counts.words, ignored=response.ignored)
        self._account.counted(body=response.body_bytes, attempts=response.attempts)

    async def _read(
        self, fetch: Fetch, piece: Piece, items: AsyncIterable[tuple[Chunk | Words, float]]
    ) -> None:
        response = fetch.response
        try:
            async for item, at in items:
                response = fetch.response  # another one where it was asked for again
                await self._begin_stream(fetch)
                if isinstance(item, Words):
                    piece.take(_at_speed(item, self._delivery.speed), self._account.samplerate)
                else:
                    await self._delivery.add_chunk(
                        item.frames, item.data, response.format, response.source, at
                    )
        except (NetworkFailed, StreamBroken):
            with suppress(StreamBroken):
                await self._delivery.flush()
            raise
        else:
            self._note_moments(fetch)
            await self._delivery.flush()
        finally:
            self._account.muted(response.muted)
            self._tell_doubt(response.warning)

    def _tell_doubt(self, warning: str) -> None:
        """Tell what the decoder suspects, once: it suspects the same of each piece."""
        if warning and not self._doubted:
            self._doubted = True
            self._options.tell(warning)

    # Failing, and ending

    async def _connect(self) -> None:
        """Have the server ready that speaks first, or the next one where it cannot be."""
        await self._try_again(in_text=False)
        while True:
            server = self._backend.current
            try:
                await self._resources.connect()
            except ConnectFailed as error:
                if not self._backend.may_fall_back(server):
                    raise
                await self._change_server(server, error)
            else:
                return

    async def _try_again(self, *, in_text: bool) -> None:
        """Have a server before the present one speak again, where its time has come."""
        change = await self._backend.try_again(in_text=in_text)
        if change is None:
            return
        try:
            await self._resources.connect()
        except ConnectFailed as error:
            await self._change_server(change.after, error)
            return
        self._tell_change(change)

    def _may_fall_back(self, fetch: Fetch, error: StreamPlayError) -> bool:
        return is_of_server(error) and self._backend.may_fall_back(fetch.server)

    async def _change_server(
        self, server: SpeechServer, error: StreamPlayError, piece: Piece | None = None
    ) -> None:
        """Have another server speak in place of one that has failed.

        Raises
        ------
        StreamPlayError
            How the last server has failed, where no other is left.
        """
        change = await self._backend.fall_back(server, error)
        if change is not None:
            self._tell_change(change, piece)

    def _tell_change(self, change: Change, piece: Piece | None = None) -> None:
        """Tell that another server speaks: a notice of one line, and an event."""
        error, after, staying = change.error, change.after, self._backend.staying
        with_it = f"with {after.shown}{staying}"
        if error is None:
            how = "is there again" if change.reached else "is tried again"
            self._options.tell(f"{after.shown} {how}: speaking with it{staying}")
        else:
            how = "going on" if self._account.received else "speaking"
            where = "" if piece is None or piece.exact else ", from about where it was"
            self._options.tell(f"{error.message}; {how} {with_it}{where}")
        self._utterance.note_change(change, piece)

    def _may_go_on(self, error: StreamPlayError) -> bool:
        """Whether to go on with the next piece: not where that would fail for the same reason."""
        if isinstance(error, NoAudio) and (
            self._account.received or len(self._utterance.pieces) > 1
        ):
            return True  # a piece of marks, or of a name that the model cannot say
        return self._utterance.options.on_error == "continue" and isinstance(error, _GOES_ON_AFTER)

    async def _account_for_the_rest(self) -> None:
        """Count and keep what arrived of pieces that will not be heard."""
        self._delivery.unheard = True
        for fetch, piece in self._prefetch.under_way:
            if fetch.response is not self._settled:
                with suppress(StreamPlayError):
                    await self._read(fetch, piece, fetch.left())
                self._settle(fetch)

    # Telling

    async def _begin_stream(self, fetch: Fetch) -> None:
        """Note whose frames follow, where that is another answer than before."""
        if fetch.response is self._streaming:
            return
        self._streaming = fetch.response
        self._note_moments(fetch)
        response, server = fetch.response, fetch.server
        voice = response.voice or response.request.voice or ""
        wanted = 1.0 if response.asks_for_speed else self._utterance.options.speed or 1.0
        await self._delivery.begin_stream(server, voice, wanted)
        self._backend.spoke(server)
        if self._server is not None and server is not self._server:
            self._delivery.note_change()
        self._server = server

    def _note_moments(self, fetch: Fetch) -> None:
        self._first = self._first or fetch
        response = fetch.response
        if response is self._noted:
            return
        self._noted = response
        self._asked.add(fetch.server)
        account = self._account
        account.began(response.moments.begun)
        account.asked(fetch.server.name, response.request)
        if fetch is self._first and not account.received:
            # After a fallback these are the moments of the server that has spoken.
            for name in ("connected", "sent", "headers", "first_byte"):
                account.moment(name, getattr(response.moments, name), again=True)
        if response.voice:
            account.spoken_by(response.voice)


def _at_speed(words: Words, speed: float) -> Words:
    """Return words with the times that they have at another speed."""
    if speed == 1.0:
        return words
    starts, ends = ([each / speed for each in times] for times in (words.starts, words.ends))
    return replace(words, starts=tuple(starts), ends=tuple(ends))


class SoundProducer:
    """Delivers the frames of a sound: what `Producer` is to a text."""

    def __init__(self, utterance: UtteranceState, sound: SoundSource, resources: Resources) -> None:
        self._utterance = utterance
        self._account = utterance.account
        self._sound = sound
        self._options, self._clock = resources.options, resources.clock
        self._backend = resources.backend
        self._delivery = Delivery(utterance, resources)

    async def run(self) -> None:
        """Deliver the whole sound; when it fails, the frames that came before are played.

        Raises
        ------
        Exception
            What ended it; `Scheduler` keeps it for `Utterance.wait`.
        """
        sound, audio = self._sound, self._sound.audio
        self._utterance.begun = True
        await self._backend.import_decoding()
        self._account.began(self._clock())
        piece = Piece(Passage.of(""), 0)  # one piece, so that the events are those of a text
        self._utterance.pieces.append(piece)
        try:
            async with aclosing(sound.blocks()) as blocks:
                self._utterance.reading_since = self._clock()
                async for frames in blocks:
                    self._utterance.reading_since = None
                    data = bytes(len(frames) * audio.frame_bytes)
                    now = self._clock()
                    await self._delivery.add_chunk(frames, data, audio, sound.source, now)
                    await asyncio.sleep(0)  # an array is there at once: let other tasks run
                    self._utterance.reading_since = self._clock()
        except StreamBroken:
            await self._delivery.flush()
            raise
        else:
            await self._delivery.flush()
            piece.frames = self._account.meant
        finally:
            self._account.muted(sound.muted)
            if sound.warning:
                self._options.tell(sound.warning)
            self._delivery.close()
