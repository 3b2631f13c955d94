"""One answer that may be speech: its events, counted, and its audio, decoded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from streamplay.errors import NoAudio, StreamBroken, StreamPlayError, TimedOut
from streamplay.network.failures import read_error, tells_end
from streamplay.presentable import conceal, presentable
from streamplay.stream.declared import Told, told_by_headers
from streamplay.stream.sniff import is_bytes
from streamplay.stream.stillness import SilenceLimits, Stillness
from streamplay.stream.wire import Audio, Ignored, Words, reader_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence

    from streamplay.audio import AudioFormat
    from streamplay.models import FormatSource
    from streamplay.network.body import Body
    from streamplay.stream.decoder import Chunk, Decoder
    from streamplay.stream.wire import WireEvent

# After so many events without audio the stream is handed out unread: what is kept until the first
# audio stays bounded.
_EARLY_EVENTS: Final = 1000

# Of a text in place of speech so much is shown.
_SHOWN_BYTES: Final = 160

# Less than the shortest header of a sound file.
_SMALL_BYTES: Final = 27

# Shorter silence is what some voices make of a full stop.
_NO_WORD_SECONDS: Final = 0.5

_NOTHING: Final = Told()
_SAYING: Final = (Audio, Ignored)  # what says something of the audio

# Of the events that mean nothing so many kinds are named.
_KINDS: Final = 4
_KIND_CHARACTERS: Final = 40


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

    def plus(self, *others: AnswerCounts) -> AnswerCounts:
        """Return the sum of these and `others`."""
        total = replace(self, kinds=set(self.kinds))
        for other in others:
            total.audio += other.audio
            total.words += other.words
            total.ignored += other.ignored
            total.kinds |= other.kinds
        return total

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


class Answer:
    """Reads one answer of status 2xx.

    Parameters
    ----------
    body : Body
        Its body.
    content_type : str
        What the body really is.
    expected : AudioFormat and str
        What its audio should be, and who says so.
    secret : str or None
        The key, which is shown in no error: some servers echo it.
    silence : SilenceLimits
        How much silence is borne.

    Attributes
    ----------
    counts : AnswerCounts
        The events that were handed out.
    """

    def __init__(
        self,
        body: Body,
        content_type: str,
        expected: tuple[AudioFormat, FormatSource],
        secret: str | None,
        silence: SilenceLimits,
    ) -> None:
        self.counts = AnswerCounts()
        self._stillness = Stillness(silence)
        self._still = False  # it has ended well, and nothing but silence was in it
        self._body = body
        self._secret = secret
        self._early: list[WireEvent] = []
        self._reader = reader_for(
            content_type,
            words=lambda data: presentable(read_error(data).message, secret),
            start=body.begun[:_SHOWN_BYTES],
        )
        self._batches = body.batches(self._reader)
        self._content_type = content_type
        self._expected = expected
        self._made: Decoder | None = None
        self._last_told = Told()
        self._told = Told()  # what the events that were handed out have said of the audio
        self._holding = False
        self._any_frames = False
        self._arrivals: tuple[tuple[float, int], ...] = ()  # of what was decoded last

    @property
    def format(self) -> AudioFormat:
        """What the audio is, as far as is known; fixed with the first of `chunks`."""
        return self._made.format if self._made else self._expected[0]

    @property
    def source(self) -> FormatSource:
        """Who said so."""
        return self._made.source if self._made else self._expected[1]

    @property
    def muted(self) -> int:
        """Frames that came and were silenced."""
        return self._made.muted if self._made else 0

    @property
    def warning(self) -> str:
        """What is doubtful about the audio, as a sentence for people; mostly nothing."""
        if self._made is None:
            return ""
        return self._made.warning or ("The audio holds nothing but silence" if self._still else "")

    @property
    def ignored(self) -> int:
        """How many events meant nothing."""
        return self.counts.ignored + self._body.late

    @property
    def _decoder(self) -> Decoder:
        """The decoder, imported when it is first needed: a request leaves before that."""
        if self._made is None:
            from streamplay.stream.decoder import Decoder

            headers, media = self._body.exchange.headers, self._content_type
            # Also what is told a little later, where the first delta says nothing.
            told = self._told.over(self._reader.told).over(told_by_headers(headers))
            self._made = Decoder(
                *told.settle(*self._expected),
                content_type=media,
                end_is_told=tells_end(headers) or not is_bytes(media),
            )
        return self._made

    async def until_audio(self) -> None:
        """Read until the first audio is at hand; what comes before it is kept.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it breaks before that.
        NoAudio
            If it ends well before that.
        """
        async for batch in self._batches:
            self._early += batch
            heard = any(isinstance(event, Audio) and event.data for event in batch)
            if heard or len(self._early) >= _EARLY_EVENTS:
                return
        raise self._no_audio()

    async def chunks(self) -> AsyncGenerator[Chunk | Words, None]:
        """Yield the audio, decoded, and the word times; end after the end mark.

        Raises
        ------
        StreamBroken, NetworkFailed
            Where it broke; what came before has been yielded.
        TimedOut
            Where it falls into silence, and goes on.
        NoAudio
            If it ended well, and there was no audio in it.
        """
        self._holding = True
        item: Chunk | Words | None
        try:
            async for batch in self._come():
                for item in self._decoded(batch):
                    yield item
                    self._check(item)
                # A thousand streams that wait keep nothing that has been handed out.
                item = None
                batch.clear()
        except StreamPlayError:
            for chunk in self.held():
                yield chunk
            raise
        self._holding = False
        self._arrivals = self._arrivals[-1:]
        for chunk in self._decoder.finish():
            yield chunk
            self._check(chunk)
        self._still = not self._stillness.heard and self._stillness.seconds >= _NO_WORD_SECONDS
        if not self._any_frames:
            raise self._no_audio()

    def _decoded(self, batch: list[WireEvent]) -> Iterator[Chunk | Words]:
        """Yield the audio and the word times of events that came together."""
        for event in joined(batch, self._joins):
            if isinstance(event, Words):
                shown = tuple(conceal(word, self._secret) for word in event.words)
                yield replace(event, words=shown)
            elif isinstance(event, _SAYING):
                yield from self._decode(event)

    def arrivals(self, chunk: Chunk) -> list[tuple[float, int]]:
        """Return when the frames of the chunk that was yielded last came: pairs (time, frames).

        A chunk may be of several deltas. Frames came with the last byte that they are made of.
        """
        arrivals, self._arrivals = self._arrivals, self._arrivals[-1:]
        if len(arrivals) == 1:
            return [(arrivals[0][0], len(chunk.frames))]
        pairs, left, size = [], len(chunk.frames), sum(size for _, size in arrivals)
        for when, part in arrivals:
            count = left * part // size if size else left
            pairs.append((when, count))
            left, size = left - count, size - part
        return [pair for pair in pairs if pair[1]]

    def _joins(self, data: bytes) -> bool:
        return self._made is not None and self._made.joins(data)

    def _decode(self, event: Audio | Ignored) -> Iterable[Chunk]:
        """Return the chunks that an event gives, and note what it says of the audio."""
        if isinstance(event, Audio):
            self._arrivals = event.arrivals
        told = event.told
        if told is not self._last_told and told != self._last_told:
            return self._decode_as_told(event)
        return self._decoder.feed(event.data) if isinstance(event, Audio) else ()

    def _decode_as_told(self, event: Audio | Ignored) -> Iterator[Chunk]:
        if event.told != self._last_told:
            before, self._last_told = self._told, event.told
            self._told = event.told.over(before)
            news = self._told.beside(before)
            if self._made is not None and news != Told():
                yield from self._made.tell(news)
        if isinstance(event, Audio):
            yield from self._decoder.feed(event.data)

    def _check(self, item: Chunk | Words) -> None:
        """Note whether there are frames; raise `TimedOut` after silence for too long."""
        if isinstance(item, Words):
            return
        self._any_frames = self._any_frames or len(item.frames) > 0
        samplerate, waited = self._decoder.format.samplerate, self._body.waited
        limit = self._stillness.exceeded(item.frames, samplerate, waited)
        if limit is not None:
            raise TimedOut("audio", limit, remedy="Nothing but silence came. Try again")

    def held(self) -> Iterator[Chunk]:
        """Yield what `chunks` held back, where it was left or broke: it came before that."""
        if self._holding:
            self._holding = False
            with suppress(StreamBroken):
                yield from self._decoder.finish()

    async def events(self) -> AsyncGenerator[WireEvent, None]:
        """Yield the events, undecoded; end after the end mark."""
        async for batch in self._come():
            for event in batch:
                yield event

    async def aclose(self) -> None:
        """Read nothing more; the body is the caller's to close."""
        await self._batches.aclose()

    async def _come(self) -> AsyncGenerator[list[WireEvent], None]:
        """Yield the events that came together, and count them."""
        early, self._early = self._early, []
        if early:
            self.counts.add(early)
            yield early
        try:
            async for batch in self._batches:
                self.counts.add(batch)
                yield batch
        except StreamPlayError as error:
            raise without_key(error, self._secret) from error.__cause__

    def _no_audio(self) -> NoAudio:
        """Return the error of an answer without audio; name what it held instead."""
        self.counts.add(self._early)
        kinds = ", ".join(sorted(self.counts.kinds))
        held = f": only {presentable(kinds, self._secret, 80)}" if kinds else ""
        if self._reader.suspect:
            held = f" that is known: {self._reader.suspect}"
        return NoAudio(
            f"the server's answer ended well, and held no audio{held}",
            remedy="Try again, or another model or server",
        )


def joined(
    batch: list[WireEvent], joins: Callable[[bytes], bool] = lambda _: False
) -> Iterable[WireEvent]:
    """Return the events that came together; deltas of the same audio among them as one.

    Those are what `joins` says, and small ones: no container's header fits in so few bytes, so
    that none is lost inside. Each decoded chunk costs some 10 µs, and a server may send a million
    of them.
    """
    return batch if len(batch) == 1 else _joined(batch, joins)


def _joined(batch: list[WireEvent], joins: Callable[[bytes], bool]) -> Iterator[WireEvent]:
    held: list[Audio] = []
    for event in batch:
        if isinstance(event, Audio) and (len(event.data) < _SMALL_BYTES or joins(event.data)):
            if held and event.told is not held[0].told and event.told != held[0].told:
                yield _one(held)
                held.clear()
            held.append(event)
            continue
        # What says nothing of the audio may be told before it.
        if held and not (isinstance(event, Ignored) and event.told == _NOTHING):
            yield _one(held)
            held.clear()
        yield event
    if held:
        yield _one(held)


def _one(deltas: list[Audio]) -> Audio:
    """Return several deltas as one."""
    if len(deltas) == 1:
        return deltas[0]
    arrivals: list[tuple[float, int]] = []
    for when, size in chain.from_iterable(delta.arrivals for delta in deltas):
        if size < _SMALL_BYTES and arrivals and arrivals[-1][0] == when:
            arrivals[-1] = when, arrivals[-1][1] + size  # a server may send a million of them
        else:
            arrivals.append((when, size))
    data = b"".join(delta.data for delta in deltas)
    return Audio(data, deltas[0].told, arrivals=tuple(arrivals))


def without_key(error: StreamPlayError, secret: str | None) -> StreamPlayError:
    """Take the key out of an error: some servers echo it, and frames held it."""
    _forget_locals(error)
    error.message = conceal(error.message, secret)
    error.remedy = conceal(error.remedy, secret)
    error.args = (error.message,)
    return error


def _forget_locals(error: BaseException) -> None:
    """Forget the locals of frames that the error has left: programs log them with a traceback."""
    import traceback  # only where something failed

    seen, ahead = set[int](), [error]
    while ahead:
        one = ahead.pop()
        if id(one) not in seen:
            seen.add(id(one))
            traceback.clear_frames(one.__traceback__)
            ahead += [each for each in (one.__cause__, one.__context__) if each is not None]
