"""What happens to an utterance, told in order: see docs/events.md.

`streamplay.speech.tracker` derives them on the player's loop. The audio callback tells nothing,
and neither receiving nor playing waits for a listener: a callback of the user runs on a thread
of its own, or on the user's own event loop, behind a queue.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable

    from streamplay.receipt import Receipt
    from streamplay.words.passage import GivenText

SLOW_SECONDS: Final = 0.25
"""A listener that takes longer is reported: a word takes about as long to say."""


class AnyUtterance(Protocol):
    """An `Utterance` or an `AsyncUtterance`: the object that ``say`` or ``play`` returned."""

    @property
    def text(self) -> str | Iterable[str] | AsyncIterable[str]:
        """What ``say`` was given."""

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""

    @property
    def position(self) -> int:
        """Frames heard by now, at the source's rate."""

    def heard(self) -> Heard:
        """Tell what has been heard of it by now."""

    def cancel(self) -> Heard | Awaitable[Heard]:
        """Silence it now."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What had been heard when an utterance was cut short, or is asked about.

    Attributes
    ----------
    text : str
        What was heard, up to a whole word.
    characters : int
        How many characters of the text that is.
    seconds, frames : float, int
        How much was handed to the output, at the source's rate.
    exact : bool
        Whether `text` is known, from word times or because a piece of the text ends
        there, and not estimated by the share of frames.
    dropped : tuple of Utterance
        What was queued behind it and is not going to be heard either.
    utterance : Utterance or None
        Whose text that is: the object that ``say`` or ``play`` returned. None where nothing was
        being said.
    cut : tuple of Utterance
        All that were cut short by this call: `utterance`, then `dropped`. Empty in the answer
        of ``heard()``, which cuts nothing.
    offset : int
        Up to where the text that was *given* was heard, in characters over all its parts;
        also with ``clean``, where `text` is what was spoken of it.
    """

    text: str = ""
    characters: int = 0
    seconds: float = 0.0
    frames: int = 0
    exact: bool = True
    dropped: tuple[AnyUtterance, ...] = ()
    utterance: AnyUtterance | None = None
    cut: tuple[AnyUtterance, ...] = ()
    offset: int = 0
    given: GivenText | None = field(default=None, repr=False, compare=False)

    @property
    def rest(self) -> str:
        """What was given and not heard: ``player.say(heard.rest)`` says the rest.

        Of a stream, what had been read of it by now: once it was interrupted nothing
        more is read.
        """
        return "" if self.given is None else self.given.after(self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to an utterance.

    Attributes
    ----------
    utterance : Utterance or AsyncUtterance
        To which: the object that ``say`` or ``play`` returned.
    at : float
        When, by ``time.perf_counter()``.
    """

    utterance: AnyUtterance
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(Event):
    """A piece of the text was requested; the first is number 0.

    `span` is where it stands in the given text: ``given[start:stop]``.
    """

    piece: int
    text: str
    span: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstByte(Event):
    """The first byte of the first answer has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSound(Event):
    """Its first frame is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Event):
    """A word begins to be heard; `start` and `stop` in seconds of what is heard of the utterance.

    Only where the server tells the times of words (``alignment="word"``). `offset` is where
    it begins in the given text, in characters.
    """

    piece: int
    text: str
    start: float
    stop: float
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled(Event):
    """All that came has been heard, and more is on its way: the network is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """Sound goes on, after so many seconds of silence."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Event):
    """All that came of the text has been heard, and the text is late: it has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChanged(Event):
    """Another server goes on, or one before it in the order of ``fallback`` is tried again.

    `before` and `after` are base URLs, or ``local``; `error` says why, None: it is tried again.
    `offset` is where it goes on in the given text, and `exact` whether that is known: without
    the times of words it is estimated.
    """

    before: str
    after: str
    error: Exception | None = None
    offset: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceFinished(Event):
    """All of a piece was heard; `span` as in `Requested`."""

    piece: int
    text: str
    span: tuple[int, int] = (0, 0)


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


class Unbound(Protocol):
    """An event that lacks only its utterance; a ``functools.partial`` of an event's class."""

    def __call__(self, *, utterance: AnyUtterance) -> Event:
        """Return the event."""


class History:
    """The events of one utterance so far, and the listeners that want more; for any thread.

    It keeps the events without their utterance, so that an utterance that the user has dropped
    is freed at once, and not by the garbage collector.

    Parameters
    ----------
    utterance : callable
        Returns the utterance's public handle.
    """

    def __init__(self, utterance: Callable[[], AnyUtterance]) -> None:
        self._utterance = utterance
        self._lock = threading.RLock()
        self._events: list[Unbound] = []
        self._listeners: list[Callable[[Event], object]] = []

    def add(self, event: Unbound) -> bool:
        """Tell the listeners of an event; return whether there are any."""
        with self._lock:
            self._events.append(event)
            # A copy: the garbage collector may unsubscribe one meanwhile, on this thread.
            for listener in tuple(self._listeners):
                listener(event(utterance=self._utterance()))
            return bool(self._listeners)

    def subscribe(self, listener: Callable[[Event], object]) -> None:
        """Tell `listener` of all events, from the first; it must neither wait nor raise."""
        with self._lock:
            for event in self._events:
                listener(event(utterance=self._utterance()))
            self._listeners.append(listener)

    def unsubscribe(self, listener: Callable[[Event], object]) -> None:
        """Tell `listener` nothing more."""
        with self._lock, suppress(ValueError):
            self._listeners.remove(listener)


class Handing:
    """Calls a user's callback with events, and reports where it raises or is slow, once each.

    Parameters
    ----------
    callback : callable
        The user's ``on_event``.
    tell : callable
        Is told, in one line, where the callback raises or is slow.
    """

    def __init__(self, callback: Callable[[Event], object], tell: Callable[[str], None]) -> None:
        self._callback = callback
        self._tell = tell
        self._told: set[str] = set()

    def hand(self, event: Event) -> None:
        """Call the callback; what it raises ends nothing else, but for an exit on a user's loop."""
        name, begun = type(event).__name__, time.perf_counter()
        try:
            self._callback(event)
        except BaseException as error:
            self._report(f"on_event raised {error!r} at {name}", repr(type(error)))
            if isinstance(error, SystemExit | KeyboardInterrupt):
                raise
        taken = time.perf_counter() - begun
        if taken > SLOW_SECONDS:
            text = f"on_event took {taken:.1f} s for {name}: no audio waits, later events do"
            self._report(text, "slow")

    def _report(self, text: str, kind: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            with suppress(Exception):
                self._tell(text)


class Listener:
    """A thread that hands events to a callback, however slow it is.

    Parameters
    ----------
    handing : Handing
        Calls the callback.
    """

    def __init__(self, handing: Handing) -> None:
        self._handing = handing
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
            with suppress(SystemExit, KeyboardInterrupt):  # it would end this thread alone
                self._handing.hand(event)


class LoopListener:
    """Hands events to a callback on the event loop of the user.

    Parameters
    ----------
    handing : Handing
        Calls the callback.
    loop : asyncio.AbstractEventLoop
        The user's.
    """

    def __init__(self, handing: Handing, loop: asyncio.AbstractEventLoop) -> None:
        self._handing = handing
        self._loop = loop

    def put(self, event: Event) -> None:
        """Have an event handed over; from any thread. Nothing, once the loop has been closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._handing.hand, event)
