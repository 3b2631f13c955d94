"""A response's body → what it means, without I/O: the wire events of `streamplay.stream.dialects`.

The Content-Type decides whether a body is server-sent events or audio; what an
event means, its own keys decide. Never what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamplay.errors import StreamBroken, Truncated, UnexpectedContent
from streamplay.presentable import presentable
from streamplay.stream.dialects import Audio, Done, Ignored, WireEvent, Words, meaning
from streamplay.stream.sniff import is_bytes
from streamplay.stream.sse import MAX_EVENT_BYTES, EventReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from httpx_sse import ServerSentEvent

__all__ = ["Audio", "Done", "Ignored", "Reader", "WireEvent", "Words", "reader_for"]


class Reader(Protocol):
    """Reads one body."""

    late: int
    """Events that came after the end mark, and were ignored."""

    turn_bytes: int
    """The most bytes that are fed in one turn of the event loop: a few milliseconds' work."""

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        """Yield what `data` completes; what came before a fault, before raising it."""

    def finish(self) -> Iterator[WireEvent]:
        """Yield what the body's end completes; raise `Truncated` where its mark is missing."""


def reader_for(content_type: str, *, max_event_bytes: int = MAX_EVENT_BYTES) -> Reader:
    """Choose how to read a body.

    Parameters
    ----------
    content_type : str
        The response's header. Absent (empty) means bytes, as RFC 9110 §8.3 allows.
    max_event_bytes : int
        How long one server-sent event may be.

    Raises
    ------
    UnexpectedContent
        If it cannot be speech: JSON, HTML, text.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media == "text/event-stream":
        return _EventStream(max_event_bytes)
    if is_bytes(content_type):
        return _Bytes()
    raise UnexpectedContent(
        f"the server answered with {presentable(content_type)!r}, which is no speech",
        remedy="Look at the base URL: it should end where /audio/speech begins",
    )


class _Bytes:
    """Dialect D: the body is the audio, and HTTP's own framing tells its end."""

    turn_bytes = 1 << 18

    def __init__(self) -> None:
        self.late = 0

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        if data:
            yield Audio(data)

    def finish(self) -> Iterator[WireEvent]:
        yield Done()


class _EventStream:
    """Every dialect of server-sent events."""

    turn_bytes = 1 << 15  # of the smallest events 1200

    def __init__(self, max_event_bytes: int) -> None:
        self._events = EventReader(max_event_bytes)
        self._number = 0
        self._done = False
        self.late = 0

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        if self._done:
            self._count_late(self._events.feed(data))
            return
        events = self._events.feed(data)
        for event in events:
            self._number += 1
            told = meaning(event, self._number)
            self._done = isinstance(told, Done)
            if self._done:
                # Before the mark is told: the caller may never come back.
                self._count_late(events)
            yield told

    def finish(self) -> Iterator[WireEvent]:
        if self._done:
            return
        mark = self._unfinished_mark()
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
            told = meaning(event, self._number + 1)
        except StreamBroken:
            return None
        return told if isinstance(told, Done) else None

    def _count_late(self, events: Iterator[ServerSentEvent]) -> None:
        """Count what comes after the mark: whatever it is, the stream was complete."""
        try:
            self.late += sum(1 for _ in events)
        except StreamBroken:
            self.late += 1
