"""A response's body → what it means, without I/O: the wire events of `streamplay.stream.dialects`.

The Content-Type, or what `streamplay.stream.sniff` has made of it, decides whether a body is
server-sent events, JSON or audio; what an event means, its own keys decide. Never what was
asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.errors import (
    KEPT,
    RemoteError,
    StreamBroken,
    Truncated,
    UnexpectedContent,
)
from streamplay.presentable import presentable
from streamplay.stream.base64_body import Base64Body
from streamplay.stream.declared import Told, told_by_type
from streamplay.stream.dialects import (
    Audio,
    Done,
    Ignored,
    WireEvent,
    Words,
    meaning,
    separated,
)
from streamplay.stream.event_notes import EventNotes
from streamplay.stream.json_body import JsonBody
from streamplay.stream.outcomes import LONGEST_ERROR, ErrorBehind, error_at_the_end, may_be_last
from streamplay.stream.repeats import Repeats
from streamplay.stream.sniff import BASE64, is_bytes, media_type
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
    start: bytes = b"",
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
    start : bytes
        How the body begins: a text is shown in the error.

    Raises
    ------
    UnexpectedContent
        If it cannot be speech: HTML, text.
    """
    media = media_type(content_type)
    if media == "text/event-stream":
        return _EventStream(max_event_bytes)
    if media in _JSON_LINES or media.endswith(("/json", "+json")):
        return JsonBody(words)
    if media == BASE64:
        return _Base64Reader()
    if is_bytes(content_type):
        return _Bytes()
    said = words(start) if media == "text/plain" else ""
    raise UnexpectedContent(
        f"the server answered with {presentable(content_type)!r}, which is no speech"
        + (f": {said!r}" if said else ""),
        remedy="Look at the base URL: it should end where /audio/speech begins",
    )


_JSON_LINES: Final = (
    *("application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonlines"),
    *("application/x-jsonlines", "application/json-seq", "application/x-json-stream"),
)

_MOST_MISSES: Final = 16
"""Events in a row that repeat no earlier one, before none is looked for any more."""

_TURN_BYTES: Final = 1 << 15
"""Of the smallest events 1200."""

_LARGE_EVENT_BYTES: Final = 1 << 14
_LARGE_TURN_BYTES: Final = 1 << 17
"""Where an event of this size was the last one, more is fed at a time: it need not be copied in
parts. Should small ones follow, that is one turn of 5000."""

_FEW_LINES: Final = 64

_BLANK_LINE: Final = re.compile(rb"\n\r?\n")


class _Bytes:
    """Dialect D: the body is the audio, and HTTP's own framing tells its end."""

    turn_bytes = 1 << 18

    def __init__(self) -> None:
        self.late = 0
        self.told = Told()
        self.suspect = ""
        self._error = ErrorBehind()

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        if audio := self._error.feed_bytes(data):
            yield Audio(audio)

    def finish(self) -> Iterator[WireEvent]:
        rest, words = self._error.finish()
        if rest:
            yield Audio(rest)
        if words:
            raise _error_at_the_end(words)
        yield Done()


def _error_at_the_end(words: str) -> RemoteError:
    return RemoteError(
        f"the server reported an error behind the audio: {presentable(words, limit=300)}",
        remedy=KEPT,
    )


class _Base64Reader:
    """Dialect K as a whole body."""

    turn_bytes = 1 << 17

    def __init__(self) -> None:
        self.late = 0
        self.told = Told()
        self.suspect = ""
        self._body = Base64Body()

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        yield from self._audio(self._body.feed_bytes(data))

    def finish(self) -> Iterator[WireEvent]:
        yield from self._audio(self._body.finish())
        yield Done()

    def _audio(self, data: bytes) -> Iterator[WireEvent]:
        if data:
            self.told = told_by_type(self._body.media)
            yield Audio(data, self.told)


class _EventStream(EventNotes):
    """Every dialect of server-sent events."""

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__()
        self.turn_bytes = _TURN_BYTES
        self._events = EventReader(max_event_bytes)
        self._max = max_event_bytes
        self._number = 0
        self._done = False
        self._repeats: Repeats | None = None
        self._misses = 0  # events since one was read by the pattern
        self._noted: Repeats | None = None  # whose event was the last one
        self._held = bytearray()  # the beginning of an event that repeats another
        self._tail = b""

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        tail = data if len(data) >= LONGEST_ERROR else self._tail + data
        self._tail = tail[-LONGEST_ERROR:]
        if self._held:
            self._held += data
            small = len(self._held) <= self._max
            if small and self._repeats and not self._repeats.may_end(data):
                return
            data = self._take_held()
        if self._done:
            self._count_late(self._events.feed(data))
        elif self._misses < _MOST_MISSES:
            yield from self._feed_blocks(data)
        else:
            yield from self._feed_events(data)

    def _take_held(self) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        return data

    def _feed_blocks(self, data: bytes) -> Iterator[WireEvent]:
        """Read event by event: by the pattern of an earlier one, where one repeats it."""
        at, size = 0, len(data)
        while at < size and not self._done and self._misses < _MOST_MISSES:
            repeats = self._repeats
            if repeats is not None and self._events.is_between:
                audio = repeats.read(data, at)
                if audio is not None and repeats.end - at <= self._max:
                    self._choose_turn(repeats.end - at)
                    at = repeats.end
                    self._number += 1
                    self._deltas += 1
                    self._bytes += len(audio.data)
                    self._misses = 0
                    if self._noted is not repeats:
                        self.note(audio)
                        self._noted = repeats
                    yield audio
                    continue
                rest = data[at:]
                if size - at <= self._max and repeats.may_begin(rest):
                    self._held += rest
                    return
            end = _BLANK_LINE.search(data, at)
            stop = end.end() if end else size
            yield from self._feed_block(data[at:stop], data, stop)
            at = stop
        if at < size and not self._done:
            yield from self._feed_events(data[at:])

    def _feed_block(self, block: bytes, data: bytes, stop: int) -> Iterator[WireEvent]:
        """Read the lines up to a blank one, and learn the pattern where they are a whole event.

        What stands in `data` from `stop` on is not read here, other than behind the end mark.
        """
        whole = self._events.is_between
        count = 0
        meant: WireEvent | None = None
        for meant in self._feed_events(block, data, stop):
            count += 1
            yield meant
        self._misses += 1
        if whole and count == 1 and isinstance(meant, Audio) and self._events.is_between:
            self._repeats = Repeats.of(block, meant) or self._repeats

    def _feed_events(self, part: bytes, data: bytes = b"", stop: int = 0) -> Iterator[WireEvent]:
        self._noted = None
        before = self._number
        events = self._events.feed(part)
        for event in events:
            for text in separated(event.data):
                meant = self._meant(text, event.event)
                if self._done:
                    # Before the mark is told: the caller may never come back.
                    self._count_late(events)
                    self._count_late(self._events.feed(data[stop:]))
                yield meant
                if self._done:
                    return
        if self._number == before and max(part.count(b"\n"), part.count(b"\r")) > _FEW_LINES:
            self.turn_bytes = _TURN_BYTES  # comments, say: each line costs as much as an event

    def _meant(self, text: str, name: str) -> WireEvent:
        self._number += 1
        self._choose_turn(len(text))
        meant = self.once(meaning(text, self._number, name))
        self.note(meant)
        self._done = isinstance(meant, Done)
        return meant

    def _choose_turn(self, event_bytes: int) -> None:
        large = event_bytes >= _LARGE_EVENT_BYTES
        self.turn_bytes = _LARGE_TURN_BYTES if large else _TURN_BYTES

    def finish(self) -> Iterator[WireEvent]:
        if self._done:
            return
        meant, cut = self._unfinished()
        mark = meant.pop() if meant and isinstance(meant[-1], Done) else None
        yield from meant
        if self.heard and may_be_last({}, self._events.dataless):
            self.marked = False
        words = error_at_the_end(self._tail) if mark is None else ""
        if words:
            raise _error_at_the_end(words)
        is_cut = cut and self.heard
        if mark is None and not is_cut and (not self.marked or (self.suspect and not self.heard)):
            # A dialect that has no end mark, or another one: the body's own end is one. Where
            # nothing that came was known for audio, that is what to tell.
            mark = Done()
        if mark is None:
            raise Truncated(
                f"the stream ended without its end mark, after {self._number} events",
                remedy=KEPT,
            )
        self._done = True
        yield mark

    def _unfinished(self) -> tuple[list[WireEvent], bool]:
        """Take the last event where only the blank line after it is missing.

        An unfinished event is dropped, says the WHATWG. But one that has come whole tells what
        it tells: an end mark that all the audio came before it, and audio would be lost.

        Returns
        -------
        tuple
            What is whole of it, and whether JSON was cut short.
        """
        found: list[WireEvent] = []
        text = ""
        try:
            list(self._events.feed(self._take_held()))  # without a line's end, so no event
            event = self._events.pending()
            for text in separated(event.data) if event is not None else ():
                if text.startswith("{") and not text.endswith("}"):
                    return found, True
                assert event is not None
                found.append(self._meant(text, event.event))
                if self._done:
                    break
        except StreamBroken:
            return found, text.startswith("{")
        return found, False

    def _count_late(self, events: Iterator[ServerSentEvent]) -> None:
        """Count what comes after the mark: whatever it is, the stream was complete."""
        try:
            self.late += sum(1 for _ in events)
        except StreamBroken:
            self.late += 1
