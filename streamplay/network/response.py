"""A request on its way: attempts, time limits, and the events of its answer.

Attempts are made until the first audio is at hand. Nothing has been handed out
before that, so that one that fails can be made again unseen. Whoever holds the
audio, and has played none of it, may go on from there: `try_again`.

HTTP itself is the client's; this room knows no library for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.errors import (
    ModelNotFound,
    NoAudio,
    RateLimited,
    ServerRefused,
    StreamBroken,
    StreamPlayError,
    VoiceNotFound,
)
from streamplay.network.body import MAX_FILE_BYTES, Body, Moments
from streamplay.network.failures import (
    ErrorBody,
    check_coding,
    nearest,
    read_error,
    read_refusal,
    tells_end,
)
from streamplay.network.retry import ATTEMPTS, wait_before
from streamplay.network.timeouts import Timeouts
from streamplay.presentable import conceal, presentable
from streamplay.stream.sniff import is_bytes
from streamplay.stream.told import Told, told_by_headers
from streamplay.stream.wire import Audio, Ignored, Words, reader_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from streamplay.audio import AudioFormat
    from streamplay.models import FormatSource
    from streamplay.network.api import Shape
    from streamplay.network.body import Exchange
    from streamplay.network.endpoint import Endpoint
    from streamplay.network.timeouts import Limits
    from streamplay.request import SpeechRequest
    from streamplay.stream.decoder import Chunk, Decoder
    from streamplay.stream.wire import Reader, WireEvent

# A server that sends events without end, and none of them audio, is handed out
# as it is: what is kept meanwhile is bounded.
_EARLY_EVENTS: Final = 1000

# Less than the shortest header of a sound file.
_SMALL_BYTES: Final = 27

# Of the events that mean nothing so many kinds are named.
_KINDS: Final = 4
_KIND_CHARACTERS: Final = 40

# Nobody waits long for a hint.
_HINT_SECONDS: Final = 2.0


class Sender(Protocol):
    """What a response needs of its client."""

    endpoint: Endpoint
    limits: Limits
    shape: Shape
    clock: Callable[[], float]
    retries: bool

    async def send_speech(
        self, request: SpeechRequest, shape: Shape, moments: Moments, connected: Callable[[], None]
    ) -> Exchange:
        """Send one request; call `connected` when its connection is there."""

    async def offered(self, error: ServerRefused, request: SpeechRequest) -> Sequence[str]:
        """Return the names that would have been right."""

    def tell(self, notice: str) -> None:
        """Tell the user, in one line."""


@dataclass(slots=True)
class AnswerCounts:
    """How many events an answer held, of each kind.

    Parameters
    ----------
    audio, words, ignored : int
        Events.
    kinds : set of str
        What the first few of the ignored are called.
    """

    audio: int = 0
    words: int = 0
    ignored: int = 0
    kinds: set[str] = field(default_factory=set)

    def add(self, batch: Sequence[WireEvent]) -> None:
        """Count what came together."""
        for event in batch:
            if isinstance(event, Audio):
                self.audio += 1
            elif isinstance(event, Words):
                self.words += 1
            elif isinstance(event, Ignored):
                self.ignored += 1
                if len(self.kinds) < _KINDS:
                    self.kinds.add(event.kind[:_KIND_CHARACTERS])


class SpeechResponse:
    """The answer to a request: an asynchronous context manager.

    Entering it sends the request, again where that helps, and returns when the
    first audio is at hand; leaving it lets go of the connection. To be used
    by one task.

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
    counts : AnswerCounts
        The events of the present answer that were handed out.
    voice : str or None
        The voice that really speaks, where the server tells (``x-streamplay-voice``).
    """

    def __init__(
        self,
        sender: Sender,
        request: SpeechRequest,
        moments: Moments,
        limits: Limits | None = None,
    ) -> None:
        self.request = request
        self.moments = moments
        self._attempts = 0
        self.content_type = ""
        self.rate_limited = False
        self.voice: str | None = None
        self.counts = AnswerCounts()
        self._sender = sender
        self._shape = sender.shape
        self._limits = limits or sender.limits
        self._patience = Timeouts(self._limits.deadline)
        self._body: Body | None = None
        self._early: list[WireEvent] = []
        self._batches: AsyncGenerator[list[WireEvent], None] | None = None
        self._decoder: Decoder | None = None
        self._reader: Reader | None = None
        self._told = Told()
        self._end_is_told = False
        self._holding = False
        self._reshaped = 0
        self._said = ErrorBody()

    @property
    def attempts(self) -> int:
        """How many requests were sent so far."""
        return self._attempts + self.moments.resent

    @property
    def ignored(self) -> int:
        """How many events of the present answer meant nothing."""
        return self.counts.ignored + (self._body.late if self._body else 0)

    @property
    def body_bytes(self) -> int:
        """Bytes of the body that have come."""
        return self._body.bytes if self._body else 0

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
        """Let go of the connection. What has come can no longer be read."""
        if self._batches is not None:
            await self._batches.aclose()
        if self._body is not None:
            await self._body.aclose()

    async def chunks(self) -> AsyncGenerator[Chunk | Words, None]:
        """Yield the answer's audio, decoded, and its word times; end after its end mark.

        Leave it through `contextlib.aclosing`, or `aclose` the response. What the decoder held
        back then is returned by `held`.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it broke; what came before has been yielded.
        NoAudio
            If it ended well, and there was no audio in it.
        """
        decoder = self._decoder = self._make_decoder()
        self._holding, any_frames = True, False
        try:
            async for event in self._joined():
                if isinstance(event, Audio):
                    for chunk in decoder.feed(event.data):
                        any_frames = any_frames or len(chunk.frames) > 0
                        yield chunk
                elif isinstance(event, Words):
                    yield event
        except StreamPlayError:
            for chunk in self.held():
                yield chunk
            raise
        self._holding = False
        for chunk in decoder.finish():
            any_frames = any_frames or len(chunk.frames) > 0
            yield chunk
        if not any_frames:
            raise self._no_audio()

    def held(self) -> Iterator[Chunk]:
        """Yield what `chunks` held back, where it was left or broke: it came before that."""
        if self._decoder is not None and self._holding:
            self._holding = False
            with suppress(StreamBroken):
                yield from self._decoder.finish()

    @property
    def format(self) -> AudioFormat:
        """What the audio is, as far as is known; fixed with the first of `chunks`."""
        return (self._decoder or self._make_decoder()).format

    @property
    def source(self) -> FormatSource:
        """Who said so."""
        return (self._decoder or self._make_decoder()).source

    @property
    def muted(self) -> int:
        """Frames that came and were silenced."""
        return self._decoder.muted if self._decoder else 0

    @property
    def warning(self) -> str:
        """What is doubtful about the audio, as a sentence for people; mostly nothing."""
        return self._decoder.warning if self._decoder else ""

    def _make_decoder(self) -> Decoder:
        from streamplay.stream.decoder import Decoder

        told = self._reader.told.over(self._told) if self._reader else self._told
        expected, source = told.settle(*self.request.expected_from(self._shape.api))
        return Decoder(
            expected, source, content_type=self.content_type, end_is_told=self._end_is_told
        )

    async def events(self) -> AsyncGenerator[WireEvent, None]:
        """Yield the answer's events, undecoded; end after its end mark.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it broke; what came before has been yielded.
        """
        async for batch in self._come():
            for event in batch:
                yield event

    async def _joined(self) -> AsyncGenerator[WireEvent, None]:
        """Yield the events; small deltas that came together as one.

        No container's header fits in so few bytes, so that none is lost inside. Each decoded
        chunk costs some 10 µs, and a server may send a million of them.
        """
        async for batch in self._come():
            small: list[bytes] = []
            for event in batch:
                if isinstance(event, Audio) and len(event.data) < _SMALL_BYTES:
                    small.append(event.data)
                    continue
                if small and not isinstance(event, Ignored):
                    yield Audio(b"".join(small))
                    small.clear()
                yield event
            if small:
                yield Audio(b"".join(small))

    async def _come(self) -> AsyncGenerator[list[WireEvent], None]:
        """Yield the events that came together, and count them."""
        assert self._batches is not None, "the response has not been entered"
        early, self._early = self._early, []
        if early:
            self.counts.add(early)
            yield early
        try:
            async for batch in self._batches:
                self.counts.add(batch)
                yield batch
        except StreamPlayError as error:
            raise self._without_key(error) from error.__cause__

    def suspend(self) -> None:
        """Let the time limits rest: the user has paused. In the event loop's thread."""
        self._patience.suspend()

    def resume(self) -> None:
        """Let the time limits count again."""
        self._patience.resume()

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
                if self._reshape(error) or await self._wait_after(error):
                    continue
                await self._hint(error)
                raise self._without_key(error) from error.__cause__
            except BaseException:
                await self.aclose()
                raise
            # Learned only where it has helped.
            self._sender.shape = self._shape
            return

    async def _attempt(self) -> None:
        self._attempts += 1
        self.moments.restart()
        self._early = []
        self._body = self._batches = self._decoder = self._reader = None
        self.counts = AnswerCounts()
        limits = self._limits
        # Of the first attempt something may be over: a request may have been sent early.
        spent = self._sender.clock() - self.moments.begun if self._attempts == 1 else 0.0
        async with self._patience.wait("connect", limits.connect, spent=spent):
            exchange = await self._sender.send_speech(
                self.request, self._shape, self.moments, self._expect_first_byte
            )
            self._body = body = Body(
                exchange,
                self._patience,
                limits.chunk,
                bound=self._bound(),
                audio_limit=limits.first_byte_of(self.request),
            )
            if await body.first():
                self.moments.first_byte = self._sender.clock()
        secret = self._sender.endpoint.api_key
        told = presentable(exchange.headers.get("content-type", ""), secret)
        if not 200 <= exchange.status < 300:
            error, self._said = await read_refusal(body, self._sender.endpoint, self.request)
            raise error
        check_coding(exchange.headers.get("content-encoding", ""), secret)
        mp3 = self.request.response_format == "mp3"
        self.content_type = await body.real_type(told, mp3=mp3)
        self.voice = presentable(exchange.headers.get("x-streamplay-voice", ""), secret) or None
        self._told = told_by_headers(exchange.headers)
        self._end_is_told = tells_end(exchange.headers) or not is_bytes(self.content_type)
        self._reader = reader_for(
            self.content_type, words=lambda data: presentable(read_error(data).message, secret)
        )
        self._batches = body.batches(self._reader)
        async for batch in self._batches:
            self._early += batch
            if _has_audio(batch) or len(self._early) >= _EARLY_EVENTS:
                return
        raise self._no_audio()

    def _no_audio(self) -> NoAudio:
        """Return the error of an answer without audio; name what it held instead."""
        self.counts.add(self._early)
        kinds = ", ".join(sorted(self.counts.kinds))
        held = f": only {presentable(kinds, self._secret, 80)}" if kinds else ""
        suspect = self._reader.suspect if self._reader else ""
        if suspect:
            held = f" that is known: {suspect}"
        return NoAudio(
            f"the server's answer ended well, and held no audio{held}",
            remedy="Try again, or another model or server",
        )

    @property
    def _secret(self) -> str | None:
        return self._sender.endpoint.api_key

    def _expect_first_byte(self) -> None:
        limit = self._limits.first_byte_of(self.request)
        since = self.moments.connected
        spent = 0.0 if since is None else self._sender.clock() - since
        self._patience.expect("first byte", limit, spent=spent)

    def _bound(self) -> int | None:
        """Whole files are held until their end; a stream passes through."""
        return None if self.request.response_format == "raw" else MAX_FILE_BYTES

    def _reshape(self, error: StreamPlayError) -> bool:
        """Change to the shape of request that the server seems to want."""
        if not isinstance(error, ServerRefused):
            return False
        shape = self._shape.after_refusal(error.status, self._said, self.request)
        if shape is None:
            return False
        if shape.api != self._shape.api:
            self._sender.tell("the server wants OpenAI's shape of request (--api openai)")
        self._shape = shape
        self._reshaped += 1
        return True

    async def _wait_after(self, error: StreamPlayError, *, begun: bool = False) -> bool:
        """Wait for the next attempt; tell whether there is one."""
        self.rate_limited = self.rate_limited or isinstance(error, RateLimited)
        if not self._sender.retries:
            return False
        import random

        roll = random.SystemRandom().random()
        attempts = self._attempts - self._reshaped
        wait = wait_before(error, attempts, roll, begun)
        left = self._patience.left()
        if wait is None or (left is not None and left <= wait):
            return False
        self._sender.tell(
            f"{self._without_key(error).message}; "
            f"attempt {attempts + 1} of {ATTEMPTS} in {wait:.1f} s"
        )
        await asyncio.sleep(wait)
        return True

    async def _hint(self, error: StreamPlayError) -> None:
        """Name what is nearest to a name that the server does not know, if it can be had."""
        if not isinstance(error, ModelNotFound | VoiceNotFound):
            return
        left = self._patience.left()
        try:
            async with asyncio.timeout(_HINT_SECONDS if left is None else min(_HINT_SECONDS, left)):
                offered = await self._sender.offered(error, self.request)
        except (StreamPlayError, TimeoutError):
            return
        wanted = self.request.model if isinstance(error, ModelNotFound) else self.request.voice
        close = ", ".join(f'"{name}"' for name in nearest(wanted or "", offered))
        if close:
            error.remedy = f"Closest: {close}. {error.remedy}"

    def _without_key(self, error: StreamPlayError) -> StreamPlayError:
        """Take the key out of an error: some servers echo it."""
        secret = self._sender.endpoint.api_key
        error.message = conceal(error.message, secret)
        error.remedy = conceal(error.remedy, secret)
        error.args = (error.message,)
        return error


def _has_audio(batch: Sequence[WireEvent]) -> bool:
    return any(isinstance(event, Audio) and event.data for event in batch)
