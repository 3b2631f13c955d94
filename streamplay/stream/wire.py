"""A response's body → what it means, without I/O: the wire events of `streamplay.stream.dialects`.

The Content-Type, or what `streamplay.stream.sniff` has made of it, decides whether a body is
server-sent events, JSON or audio; what an event means, its own keys decide. Never what was
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from streamplay.errors import (
    MalformedEvent,
    RemoteError,
    StreamBroken,
    TooLarge,
    Truncated,
    UnexpectedContent,
)
from streamplay.presentable import presentable
from streamplay.stream.declared import Told
from streamplay.stream.dialects import (
    Audio,
    Done,
    Ignored,
    WireEvent,
    Words,
    meaning,
    meaning_of,
    parsed,
)
from streamplay.stream.payload import find_audio, undo_base64
from streamplay.stream.sniff import is_bytes, media_type
from streamplay.stream.sse import MAX_EVENT_BYTES, EventReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from httpx_sse import ServerSentEvent

__all__ = ["Audio", "Done", "Ignored", "Reader", "WireEvent", "Words", "reader_for"]


class Reader(Protocol):
    """Reads one body."""

    late: int
    """Events that came after the end mark, and were ignored."""

    turn_bytes: int
    """The most bytes that are fed in one turn of the event loop: a few milliseconds' work."""

    told: Told
    """What the events so far have said of the audio."""

    suspect: str
    """What may have been audio, and was not known as such: an event and its field."""

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        """Yield what `data` completes; what came before a fault, before raising it."""

    def finish(self) -> Iterator[WireEvent]:
        """Yield what the body's end completes; raise `Truncated` where its mark is missing."""


def reader_for(
    content_type: str,
    *,
    max_event_bytes: int = MAX_EVENT_BYTES,
    words: Callable[[bytes], str] = lambda _: "",
) -> Reader:
    """Choose how to read a body.

    Parameters
    ----------
    content_type : str
        The response's header. Absent (empty) means bytes, as RFC 9110 §8.3 allows.
    max_event_bytes : int
        How long one server-sent event may be.
    words : callable
        Returns what a server says in the JSON of an error.

    Raises
    ------
    UnexpectedContent
        If it cannot be speech: HTML, text.
    """
    media = media_type(content_type)
    if media == "text/event-stream":
        return _EventStream(max_event_bytes)
    if media in _JSON_LINES or media.endswith(("/json", "+json")):
        return _JsonBody(words)
    if is_bytes(content_type):
        return _Bytes()
    raise UnexpectedContent(
        f"the server answered with {presentable(content_type)!r}, which is no speech",
        remedy="Look at the base URL: it should end where /audio/speech begins",
    )


_JSON_LINES: Final = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")

MAX_JSON_BYTES: Final = 64 << 20
"""Of JSON that is one value: a quarter of an hour of s16 at 24 kHz in base64."""

_MOST_TRIES: Final = 64
"""Lines that are looked at, each with those before it, before JSON is read as one value."""


class _Notes:
    """What readers of events keep in mind of them."""

    def __init__(self) -> None:
        self.late = 0
        self.told = Told()
        self.suspect = ""
        self._heard = False
        self._marked = True  # an end mark is to be expected

    def _note(self, event: WireEvent) -> None:
        if isinstance(event, Audio):
            self.told = event.told.over(self.told)
            self._heard = self._heard or bool(event.data)
            self._marked = not event.ends_with_body
        elif isinstance(event, Ignored):
            self.told = event.told.over(self.told)
            if event.suspect and not self.suspect:
                kind = presentable(event.kind, limit=60)
                field = presentable(event.suspect, limit=60)
                self.suspect = f'an event "{kind}" holds what may be audio in "{field}"'


class _Bytes:
    """Dialect D: the body is the audio, and HTTP's own framing tells its end."""

    turn_bytes = 1 << 18

    def __init__(self) -> None:
        self.late = 0
        self.told = Told()
        self.suspect = ""

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        if data:
            yield Audio(data)

    def finish(self) -> Iterator[WireEvent]:
        yield Done()


class _EventStream(_Notes):
    """Every dialect of server-sent events."""

    turn_bytes = 1 << 15  # of the smallest events 1200

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__()
        self._events = EventReader(max_event_bytes)
        self._number = 0
        self._done = False

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        if self._done:
            self._count_late(self._events.feed(data))
            return
        events = self._events.feed(data)
        for event in events:
            self._number += 1
            meant = meaning(event.data, self._number, event.event)
            self._note(meant)
            self._done = isinstance(meant, Done)
            if self._done:
                # Before the mark is told: the caller may never come back.
                self._count_late(events)
            yield meant

    def finish(self) -> Iterator[WireEvent]:
        if self._done:
            return
        mark = self._unfinished_mark()
        if mark is None and self._heard and not self._marked:
            mark = Done()  # a dialect that has no end mark: the body's own end is one
        if mark is None:
            raise Truncated(
                f"the stream ended without its end mark, after {self._number} events",
                remedy="What had arrived is kept. Try again",
            )
        self._done = True
        yield mark

    def _unfinished_mark(self) -> Done | None:
        """Take the end mark where only the blank line after it is missing.

        An unfinished event is dropped, says the WHATWG. But a mark that has
        come whole has told that all the audio came before it.
        """
        try:
            event = self._events.pending()
            if event is None or not event.data.rstrip().endswith(("]", "}")):
                return None  # cut short
            meant = meaning(event.data, self._number + 1, event.event)
        except StreamBroken:
            return None
        return meant if isinstance(meant, Done) else None

    def _count_late(self, events: Iterator[ServerSentEvent]) -> None:
        """Count what comes after the mark: whatever it is, the stream was complete."""
        try:
            self.late += sum(1 for _ in events)
        except StreamBroken:
            self.late += 1


class _JsonBody(_Notes):
    """JSON with audio inside: one value, or a value in each line."""

    turn_bytes = 1 << 15

    def __init__(self, words: Callable[[bytes], str]) -> None:
        super().__init__()
        self._words = words
        self._data = bytearray()
        self._searched = 0
        self._tries = 0  # lines that were no value of their own
        self._first = b""
        self._number = 0
        self._done = False

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        self._data += data
        if len(self._data) > MAX_JSON_BYTES:
            raise TooLarge(
                f"the JSON is longer than {MAX_JSON_BYTES} bytes",
                remedy="Ask for less text at a time, or for raw audio",
            )
        while self._tries < _MOST_TRIES and (end := self._data.find(b"\n", self._searched)) >= 0:
            self._searched = end + 1
            value = parsed(bytes(self._data[:end]))
            if value is None:
                self._tries += 1  # of one value that goes over several lines
                continue
            line = bytes(self._data[:end])
            del self._data[: end + 1]
            self._searched = self._tries = 0
            yield from self._read(line, value)

    def finish(self) -> Iterator[WireEvent]:
        rest = bytes(self._data)
        self._data.clear()
        if rest.strip():
            yield from self._read(rest, parsed(rest))
        if not self._heard:
            raise self._no_speech()
        if not self._done:
            self._done = True
            yield Done()

    def _read(self, line: bytes, value: object) -> Iterator[WireEvent]:
        self._first = self._first or line
        for one in value if isinstance(value, list) else (value,):
            self._number += 1
            if self._done:
                self.late += 1
                continue
            try:
                meant = self._meaning(one, line)
            except (RemoteError, MalformedEvent):
                if self._heard:
                    raise
                raise self._no_speech() from None
            self._note(meant)
            self._done = isinstance(meant, Done)
            if self._heard or not self._done:
                yield meant

    def _meaning(self, value: object, line: bytes) -> WireEvent:
        meant = meaning_of(value, line.decode(errors="replace"), self._number)
        if not isinstance(meant, Ignored) or not meant.suspect or not isinstance(value, dict):
            return meant
        # Nothing else can be meant by so much of base64 in the answer to a request for speech.
        try:
            return Audio(undo_base64(find_audio(value)[1]), meant.told)
        except ValueError:
            return meant  # only its beginning looks like it

    def _no_speech(self) -> StreamBroken:
        words = self._words(self._first)
        if words:
            return RemoteError(
                f"the server reported an error: {words.rstrip('.')}", remedy="Try again"
            )
        return UnexpectedContent(
            "the server answered with JSON, which is no speech",
            remedy="Look at the base URL: it should end where /audio/speech begins",
        )
