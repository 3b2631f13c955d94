"""What happens to an utterance, told in order: see docs/events.md.

`streamplay.speech.tracker` derives them on the player's loop. Nothing is told by the
audio callback, and nothing that receives or plays waits for whoever listens: a
listener has a thread and a queue of its own.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamplay.receipt import Receipt
    from streamplay.speech.transcript import Heard
    from streamplay.speech.utterance import Utterance

SLOW_SECONDS: Final = 0.25
"""A listener that takes longer is reported: a word takes about as long to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to an utterance.

    Attributes
    ----------
    utterance : Utterance
        To which.
    at : float
        When, by ``time.perf_counter()``.
    """

    utterance: Utterance
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(Event):
    """A piece of the text was requested; the first is number 0."""

    piece: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstByte(Event):
    """The first byte of the first answer has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSound(Event):
    """Its first frame is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Event):
    """A word begins to be heard; `start` and `stop` in seconds of what is heard of the utterance.

    Only where the server tells the times of words (``alignment="word"``).
    """

    piece: int
    text: str
    start: float
    stop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled(Event):
    """All that came has been heard, and more is on its way: the network is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """Sound goes on, after so many seconds of silence."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceFinished(Event):
    """All of a piece was heard."""

    piece: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(Event):
    """All of it was heard. Nothing follows."""

    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(Event):
    """Someone cut it short; `heard` is what had been heard in the end. Nothing follows."""

    heard: Heard
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """An error ended it; what came before was heard. Nothing follows."""

    error: Exception
    receipt: Receipt


End = Finished | Interrupted | Failed
"""The last event of every utterance."""


class History:
    """The events of one utterance so far, and who wants to be told of more; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._listeners: list[Callable[[Event], object]] = []
        self.on_listener: Callable[[], object] = lambda: None  # somebody wants to know

    def add(self, event: Event) -> None:
        """Tell of an event."""
        with self._lock:
            self._events.append(event)
            for listener in self._listeners:
                listener(event)

    def subscribe(self, listener: Callable[[Event], object]) -> None:
        """Have `listener` told of all events, those before included; it must not wait or raise."""
        with self._lock:
            for event in self._events:
                listener(event)
            self._listeners.append(listener)
        self.on_listener()

    def unsubscribe(self, listener: Callable[[Event], object]) -> None:
        """Tell `listener` nothing more."""
        with self._lock:
            self._listeners.remove(listener)

    def __iter__(self) -> Iterator[Event]:
        """Yield all events, waiting for those that are to come."""
        queue: SimpleQueue[Event] = SimpleQueue()
        self.subscribe(queue.put)
        try:
            event: Event | None = None
            while not isinstance(event, End):
                event = queue.get()
                yield event
        finally:
            self.unsubscribe(queue.put)


class Listener:
    """A thread that hands events to a callback, however slow it is.

    Parameters
    ----------
    callback : callable
        Whose.
    tell : callable
        Is told, in one line, where the callback raises or is slow; once each.
    """

    def __init__(self, callback: Callable[[Event], object], tell: Callable[[str], None]) -> None:
        self._callback = callback
        self._tell = tell
        self._told: set[str] = set()
        self._queue: SimpleQueue[Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="streamplay events", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Have an event handed over; from any thread."""
        self._queue.put(event)

    @property
    def is_current(self) -> bool:
        """Whether the caller is the callback."""
        return threading.current_thread() is self._thread

    def close(self, patience: float) -> None:
        """Hand over what is left, and end; wait so many seconds for it at most."""
        self._queue.put(None)
        if not self.is_current:
            self._thread.join(patience)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            name, begun = type(event).__name__, time.perf_counter()
            try:
                self._callback(event)
            except Exception as error:  # noqa: BLE001 - whatever it raises is not ours to end by
                self._report(f"on_event raised {error!r} at {name}", repr(type(error)))
            taken = time.perf_counter() - begun
            if taken > SLOW_SECONDS:
                text = f"on_event took {taken:.1f} s for {name}: no audio waits, later events do"
                self._report(text, "slow")

    def _report(self, text: str, kind: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            with suppress(Exception):
                self._tell(text)
