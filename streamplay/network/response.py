"""A request on its way: attempts, time limits, and the events of its answer.

Attempts are made until the first audio has come. Nothing is handed out before that, so that a
failed one can be repeated. A caller that has played nothing may ask for more: `try_again`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.errors import (
    ModelNotFound,
    RateLimited,
    ServerRefused,
    StreamPlayError,
    VoiceNotFound,
)
from streamplay.network.answer_audio import Answer, AnswerCounts, without_key
from streamplay.network.body import MAX_FILE_BYTES, Body, Moments
from streamplay.network.failures import ErrorBody, check_coding, read_refusal, told_limit
from streamplay.network.request_shapes import divided
from streamplay.network.retry import is_busy, notice, wait_before
from streamplay.network.suggestions import suggest
from streamplay.network.timeouts import Timeouts
from streamplay.presentable import presentable
from streamplay.rules.fields import may_be_events
from streamplay.stream.stillness import LONGEST_PAUSE, SilenceLimits, told_pauses
from streamplay.stream.wire import Words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from streamplay.audio import AudioFormat
    from streamplay.models import FormatSource
    from streamplay.network.body import Exchange
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.request_shapes import Server, ShapeChoice
    from streamplay.network.timeouts import Limits
    from streamplay.request import SpeechRequest
    from streamplay.stream.decoder import Chunk
    from streamplay.stream.wire import WireEvent

MOST_REQUESTS: Final = 6
"""Requests for one response, those included that only changed the shape."""

# Where a request was sent early, what has come already gets at least so long to be read.
_READ_SECONDS: Final = 0.5

# A server may see the end of our other stream a little later than we do.
_FREE_SECONDS: Final = 0.1


class Sender(Protocol):
    """What a response needs of its client: see `streamplay.network.api.SpeechApi`."""

    endpoint: Endpoint
    learned: Server
    limits: Limits
    clock: Callable[[], float]
    retries: bool

    def choice(self, request: SpeechRequest) -> ShapeChoice:
        """Return the shapes that a request may have."""

    async def send_speech(
        self, choice: ShapeChoice, moments: Moments, connected: Callable[[], None], *, stream: bool
    ) -> Exchange:
        """Send one request; call `connected` when its connection is there."""

    async def offered(self, error: ServerRefused, request: SpeechRequest) -> Sequence[str]:
        """Return the names that would have been right."""

    def tell(self, notice: str) -> None:
        """Tell the user, in one line."""


class SpeechResponse:
    """The answer to a request: an asynchronous context manager.

    Entering it sends the request, repeats it where that helps, and returns when the first audio
    has come; leaving it releases the connection. To be used by one task.

    Attributes
    ----------
    request : SpeechRequest
        What was asked for.
    moments : Moments
        When what happened, also of a request that failed.
    content_type : str
        The answer's, made safe to show.
    rate_limited : bool
        Whether the server has said that these were too many requests (429).
    voice : str or None
        The voice that really speaks, where the server tells (``x-streamplay-voice``).
    """

    def __init__(
        self,
        sender: Sender,
        request: SpeechRequest,
        moments: Moments,
        limits: Limits | None = None,
        others: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.request = request
        self.moments = moments
        self._attempts = 0
        self.content_type = ""
        self.rate_limited = False
        self.voice: str | None = None
        self._sender = sender
        self._others = others
        self._waited = 0  # requests that were refused because of others of ours
        self._parts = divided(request.input, sender.learned.longest)
        self._later: list[SpeechResponse] = []  # those to the parts after the first
        self._choice = sender.choice(self._first_part)
        self._stumbled: StreamPlayError | None = None
        self._limits = limits or sender.limits
        self._patience = Timeouts(self._limits.deadline)
        self._body: Body | None = None
        self._answer: Answer | None = None
        self._said = ErrorBody()

    @property
    def attempts(self) -> int:
        """How many requests were sent so far."""
        own = self._attempts + self.moments.resent
        return own + sum(part.attempts for part in self._later)

    @property
    def reshaped(self) -> bool:
        """Whether the server refused the shape of request that was tried first."""
        return self._choice.changes > 0

    @property
    def asks_for_speed(self) -> bool:
        """Whether the server is asked for another speed: some know none."""
        return "speed" in self._choice.body()

    @property
    def body_bytes(self) -> int:
        """Bytes of the body that have come."""
        own = self._body.bytes if self._body else 0
        return own + sum(part.body_bytes for part in self._later)

    @property
    def arrived(self) -> float:
        """When the last of them came, by the client's clock: decoding them takes longer."""
        if self._later:
            return self._later[-1].arrived
        return self._body.arrived if self._body else 0.0

    def arrivals(self, chunk: Chunk) -> list[tuple[float, int]]:
        """Return when the frames of the chunk that came last from `chunks` arrived.

        Pairs (time, frames), the times by the client's clock.
        """
        return (self._later[-1] if self._later else self._entered()).arrivals(chunk)

    def gather(self, seconds: float) -> None:
        """Decode some pieces of the body at a time, up to so many seconds after they came.

        The benchmark calls it when the response has been entered: a stream costs a quarter less
        processor time, and `arrivals` tells all the same when each piece came.
        """
        assert self._body is not None, "the response has not been entered"
        self._body.exchange.gather(min(seconds, self._limits.chunk / 10))

    async def __aenter__(self) -> Self:
        self._patience.start(spent=self._sender.clock() - self.moments.begun)
        await self._until_audio()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Release the connection. What has come can no longer be read."""
        for part in self._later[-1:]:
            await part.aclose()
        await self._release()

    async def _release(self) -> None:
        if self._answer is not None:
            await self._answer.aclose()
        if self._body is not None:
            await self._body.aclose()
        self._patience.close()

    def chunks(self) -> AsyncGenerator[Chunk | Words, None]:
        """Yield the audio, decoded, and the word times; end after the end mark.

        Leave it through `contextlib.aclosing`, or `aclose` the response. What the decoder held
        back then is returned by `held`.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it broke; what came before has been yielded.
        NoAudio
            If it ended well, and there was no audio in it.
        """
        # Not through another generator, where one answer holds all: a stream has many chunks.
        return self._chunks_of_parts() if self._parts[1:] else self._entered().chunks()

    async def _chunks_of_parts(self) -> AsyncGenerator[Chunk | Words, None]:
        seconds = 0.0
        async with aclosing(self._entered().chunks()) as chunks:
            async for chunk in chunks:
                if not isinstance(chunk, Words):
                    seconds += chunk.seconds(self._entered().format)
                yield chunk
        for text in self._parts[1:]:
            await self._release()
            part = self._part(text)
            async with part, aclosing(part.chunks()) as chunks:
                begun = seconds
                async for chunk in chunks:
                    if not isinstance(chunk, Words):
                        seconds += chunk.seconds(part.format)
                    yield chunk.later(begun) if isinstance(chunk, Words) else chunk

    @property
    def _first_part(self) -> SpeechRequest:
        return replace(self.request, input=self._parts[0])

    def _part(self, text: str) -> SpeechResponse:
        """Return the response to a later part of a text that the server does not take whole."""
        request = replace(self.request, input=text)
        moments = Moments(self._sender.clock())
        part = SpeechResponse(self._sender, request, moments, self._limits, self._others)
        self._later.append(part)
        return part

    def held(self) -> Iterator[Chunk]:
        """Yield what `chunks` held back, where it was left or broke: it came before that."""
        if self._later:
            return self._later[-1].held()
        return iter(()) if self._answer is None else self._answer.held()

    def events(self) -> AsyncGenerator[WireEvent, None]:
        """Yield the events, undecoded; end after the end mark.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it broke; what came before has been yielded.
        """
        return self._entered().events()

    def _entered(self) -> Answer:
        assert self._answer is not None, "the response has not been entered"
        return self._answer

    @property
    def format(self) -> AudioFormat:
        """What the audio is, as far as is known; fixed with the first of `chunks`."""
        if self._later:
            return self._later[-1].format
        return self._answer.format if self._answer else self._expected()[0]

    @property
    def source(self) -> FormatSource:
        """Who said so."""
        if self._later:
            return self._later[-1].source
        return self._answer.source if self._answer else self._expected()[1]

    @property
    def muted(self) -> int:
        """Frames of the present answer that were silenced."""
        own = self._answer.muted if self._answer else 0
        return own + sum(part.muted for part in self._later)

    @property
    def warning(self) -> str:
        """What is doubtful about the audio, as a sentence for people; mostly nothing."""
        own = self._answer.warning if self._answer else ""
        return own or next((part.warning for part in self._later if part.warning), "")

    @property
    def counts(self) -> AnswerCounts:
        """The events of the present answer that were handed out."""
        own = self._answer.counts if self._answer else AnswerCounts()
        return own.plus(*(part.counts for part in self._later))

    @property
    def ignored(self) -> int:
        """How many events of the present answer meant nothing."""
        own = self._answer.ignored if self._answer else 0
        return own + sum(part.ignored for part in self._later)

    def _expected(self) -> tuple[AudioFormat, FormatSource]:
        expected, source = self.request.expected_from(self._choice.shape.api)
        if source == "request" and "sample_rate" in self._choice.body():
            # OpenAI's own API has one rate; servers that imitate it may obey the field.
            expected = replace(expected, samplerate=self.request.sample_rate)
        return expected, source

    def suspend(self) -> None:
        """Let the time limits rest: the user has paused. In the event loop's thread."""
        self._patience.suspend()
        for part in self._later:
            part.suspend()

    def resume(self) -> None:
        """Let the time limits count again."""
        self._patience.resume()
        for part in self._later:
            part.resume()

    async def try_again(self, error: StreamPlayError) -> bool:
        """Ask again where `events` has failed and *nothing has been played* of what came.

        Returns
        -------
        bool
            True: there is a new answer: `events` and `decoder` begin anew, and
            what they gave before is to be thrown away. False: `error` is none
            that passes, or enough has been tried.

        Raises
        ------
        StreamPlayError
            Where the further attempts failed too.
        """
        await self.aclose()
        self._later.clear()
        if not await self._wait_after(error, begun=True):
            return False
        await self._until_audio()
        return True

    async def _until_audio(self) -> None:
        """Make attempts until the first audio has come, or the answer has ended well."""
        while True:
            try:
                await self._attempt()
            except StreamPlayError as error:
                await self.aclose()
                if self._reshape(error) or await self._wait_for_others(error):
                    continue
                meant = self._meant(self._without_key(error))
                if await self._wait_after(meant):
                    continue
                await self._suggest(meant)
                raise self._without_key(meant) from meant.__cause__
            except BaseException:
                await self.aclose()
                raise
            self._learn()
            return

    async def _attempt(self) -> None:
        self._attempts += 1
        self.moments.restart()
        self._body = self._answer = None
        limits = self._limits
        # Of the first attempt something may be over: a request may have been sent early.
        spent = self._spent(self.moments.begun, limits.connect) if self._attempts == 1 else 0.0
        with self._patience.wait("connect", limits.connect, spent=spent):
            stream = may_be_events(vars(self.request))
            exchange = await self._sender.send_speech(
                self._choice, self.moments, self._expect_first_byte, stream=stream
            )
            self._body = body = Body(
                exchange,
                self._patience,
                limits.chunk,
                bound=self._bound(),
                audio_limit=limits.first_byte_of(self.request),
            )
            if await body.first():
                self.moments.first_byte = exchange.arrived
        secret = self._sender.endpoint.api_key
        told = presentable(exchange.headers.get("content-type", ""), secret)
        if not 200 <= exchange.status < 300:
            error, self._said = await read_refusal(body, self._sender.endpoint, self.request)
            raise error
        check_coding(exchange.headers.get("content-encoding", ""), secret, body.begun)
        mp3 = self.request.response_format == "mp3"
        self.content_type = await body.real_type(told, mp3=mp3)
        self.voice = presentable(exchange.headers.get("x-streamplay-voice", ""), secret) or None
        silence = SilenceLimits(
            limits.first_byte_of(self.request),
            max(limits.chunk, LONGEST_PAUSE),
            told_pauses(self.request.input),
        )
        self._answer = Answer(body, self.content_type, self._expected(), secret, silence)
        await self._answer.until_audio()

    def _expect_first_byte(self) -> None:
        limit = self._limits.first_byte_of(self.request)
        since = self.moments.connected
        spent = 0.0 if since is None else self._spent(since, limit)
        self._patience.expect("first byte", limit, spent=spent)

    def _spent(self, since: float, limit: float) -> float:
        """Return how much of `limit` is over.

        Not all of it: what an early request's answer has brought meanwhile lies in the socket, and
        on a busy machine it takes a while until it can be read.
        """
        return min(self._sender.clock() - since, max(0.0, limit - _READ_SECONDS))

    def _bound(self) -> int | None:
        """Whole files are held until their end; a stream passes through."""
        return None if self.request.response_format == "raw" else MAX_FILE_BYTES

    def _reshape(self, error: StreamPlayError) -> bool:
        """Change to the shape of request that the server may want; tell whether there is one."""
        if not isinstance(error, ServerRefused) or self.attempts >= MOST_REQUESTS:
            return False
        if self._shorten(error):
            return True
        moments = self.moments
        seconds = (moments.headers or 0.0) - (moments.sent or 0.0)
        changed = self._choice.after_refusal(error.status, self._said, seconds)
        if changed and error.status == 500:
            self._stumbled = self._stumbled or error
        return changed

    def _shorten(self, error: ServerRefused) -> bool:
        """Ask for the text in parts where it is longer than the server takes; tell whether so."""
        if error.status not in (400, 413, 422):
            return False
        text = self._parts[0]
        limit = told_limit(self._said, len(text))
        if limit is None:
            return False
        self._sender.learned.longest = limit
        self._parts[:1] = divided(text, limit)
        self._choice.ask_for(self._first_part)
        self._waited += 1
        self._sender.tell(f"the server takes {limit} characters at a time: asking for parts")
        return True

    def _meant(self, error: StreamPlayError) -> StreamPlayError:
        """Return the error that counts: a 500 that changed the shape in vain, or this one."""
        if self._stumbled is not None and self._choice.undo_500():
            error, self._stumbled = self._stumbled, None
        return error

    def _learn(self) -> None:
        """Keep the shape that has helped, and tell where it is another than was tried first."""
        for sentence in self._choice.worked():
            self._sender.tell(sentence)

    async def _wait_for_others(self, error: StreamPlayError) -> bool:
        """Wait until another request of ours has ended, where the server takes few at a time."""
        if self._others is None or not is_busy(error) or self.attempts >= MOST_REQUESTS:
            return False
        told_when = isinstance(error, ServerRefused) and error.retry_after is not None
        if (told_when and self._attempts == 1) or not await self._others():
            return False
        self._waited += 1
        self._patience.start()  # what passed was our own doing
        return True

    async def _wait_after(self, error: StreamPlayError, *, begun: bool = False) -> bool:
        """Wait for the next attempt; tell whether there is one."""
        self.rate_limited = self.rate_limited or isinstance(error, RateLimited)
        attempts = self._attempts - self._choice.changes - self._waited
        is_free_soon = self._waited > 0 and attempts == 1
        if not (self._sender.retries or is_free_soon):
            return False
        import random

        wait = wait_before(error, attempts, random.SystemRandom().random(), begun)
        if wait is not None and is_free_soon:
            wait = min(wait, _FREE_SECONDS)
        if self._attempts >= MOST_REQUESTS:
            wait = None
        left = self._patience.left()
        if wait is None or (left is not None and left <= wait):
            return False
        self._sender.tell(notice(self._without_key(error).message, attempts + 1, wait))
        await asyncio.sleep(wait)
        return True

    async def _suggest(self, error: StreamPlayError) -> None:
        """Name what is nearest to a name that the server does not know, if it can be had."""
        if isinstance(error, ModelNotFound | VoiceNotFound):
            offered = self._sender.offered(error, self.request)
            await suggest(error, self.request, offered, self._patience.left())

    def _without_key(self, error: StreamPlayError) -> StreamPlayError:
        return without_key(error, self._sender.endpoint.api_key)
