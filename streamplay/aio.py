"""The player for asyncio: the same names, awaited."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from streamplay.core import PlayerCore, check_request
from streamplay.errors import PlayerClosed
from streamplay.events import End, Handing, Heard, LoopListener
from streamplay.loop import in_thread
from streamplay.options import Options, signed
from streamplay.reading import OnLoop
from streamplay.speech.source import sound_source
from streamplay.speech.utterance import describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Unpack

    from streamplay.audio import AudioFormat, Samples
    from streamplay.events import Event
    from streamplay.options import PlayerOptions, SayOptions
    from streamplay.playback.reference import Reference
    from streamplay.receipt import Receipt
    from streamplay.speech.state import UtteranceState


class AsyncUtterance:
    """An utterance of an `AsyncPlayer`. Cancelling a task that waits for it cancels it."""

    def __init__(self, state: UtteranceState) -> None:
        self._state = state
        state.attach(self)

    def __del__(self) -> None:
        self._state.handle_dropped()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {describe(self._state)}>"

    @property
    def text(self) -> str | Iterable[str] | AsyncIterable[str]:
        """What `AsyncPlayer.say` was given; empty for `AsyncPlayer.play`."""
        return self._state.given_text

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._state.done

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        return self._state.receipt

    @property
    def position(self) -> int:
        """Frames heard by now: see `streamplay.Utterance.position`."""
        return self._state.position

    @property
    def handed_over(self) -> bool:
        """Whether all of it is in the output already, and cannot be cut any more."""
        return self._state.handed_over

    def heard(self) -> Heard:
        """Tell what has been heard of it by now: see `streamplay.Utterance.heard`."""
        return self._state.heard()

    async def wait(self, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - the blocking face's
        """Wait until it has been heard: see `streamplay.Utterance.wait`."""
        if self._state.done:  # even where no time is left
            return self._state.result()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        tell = partial(_soon, loop, _set, done)
        self._state.on_done(tell)
        try:
            async with asyncio.timeout(timeout):
                await done
        except TimeoutError:
            raise TimeoutError(f"not heard within {timeout:g} s") from None
        except asyncio.CancelledError:
            self._state.cancel()
            raise
        finally:
            self._state.off_done(tell)  # a caller that looks again and again leaves nothing behind
        return self._state.result()

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens to it, from its beginning to its end: see docs/events.md."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def hand(event: Event) -> None:
            _soon(loop, queue.put_nowait, event)

        self._state.subscribe(hand)
        try:
            event: Event | None = None
            while not isinstance(event, End):
                event = await queue.get()
                yield event
        finally:
            self._state.history.unsubscribe(hand)

    def on_done(self, callback: Callable[[], object]) -> None:
        """Have `callback` called on the running loop when it is done; soon, if it is."""
        loop = asyncio.get_running_loop()
        self._state.on_done(lambda: _soon(loop, callback))

    async def cancel(self) -> Heard:
        """Silence it now: see `streamplay.Utterance.cancel`. It never suspends."""
        return self._state.cancel()


class AsyncPlayer:
    """A `streamplay.Player` for asyncio.

    Everything that takes time happens on the player's own thread, so that the
    caller's loop is never held up. It opens its output when it is entered
    (``async with``), or with the first call.

    Leaving it by a cancelled task or by Ctrl-C is silent at once. `interrupt`, `pause`,
    `resume` and `duck` never suspend, so that they work in a task that is being cancelled.

    Parameters
    ----------
    **options
        See `streamplay.options.Options`. ``on_event`` is called on the loop that asked for the
        utterance.

    Raises
    ------
    InvalidRequest
        If an argument is wrong.
    """

    @signed
    def __init__(self, **options: Unpack[PlayerOptions]) -> None:
        self._options = Options(**options)
        check_request(self._options)
        self._core: PlayerCore | None = None
        self._ready: Future[None] | None = None
        self._handing: Handing | None = None
        if self._options.on_event is not None:
            self._handing = Handing(self._options.on_event, self._options.tell)
        self._closed = False

    def __del__(self) -> None:
        core: PlayerCore | None = getattr(self, "_core", None)
        if core is not None:
            core.player_dropped()

    async def __aenter__(self) -> Self:
        try:
            await self._opened()
        except BaseException:
            # A player that was not entered is not left either: close it here.
            self._closed = True
            if self._core is not None:
                self._core.begin_closing(cut=True)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close(cut=kind is not None)

    @signed
    async def say(
        self,
        text: str | Iterable[str] | AsyncIterable[str],
        *,
        first: bool = False,
        interruptible: bool = True,
        **options: Unpack[SayOptions],
    ) -> AsyncUtterance:
        """Queue something to be said; return when it is queued: see `Player.say`.

        An async iterable is consumed on the caller's loop.
        """
        core = await self._opened()
        said = core.utterance_of_text(
            _here(text), options, first=first, interruptible=interruptible
        )
        return cast("AsyncUtterance", core.add(said, self._listener()))

    async def play(
        self,
        frames: Samples | Iterable[Samples] | AsyncIterable[Samples],
        samplerate: int,
        *,
        first: bool = False,
        interruptible: bool = True,
    ) -> AsyncUtterance:
        """Queue sound of one's own: see `Player.play`.

        An async iterable is consumed on the caller's loop.
        """
        core = await self._opened()
        sound = sound_source(_here(frames), samplerate)
        played = core.utterance_of_sound(sound, first=first, interruptible=interruptible)
        return cast("AsyncUtterance", core.add(played, self._listener()))

    async def play_file(
        self,
        file: str | Path | BinaryIO,
        *,
        decode_as: AudioFormat | str | None = None,
        first: bool = False,
        interruptible: bool = True,
    ) -> AsyncUtterance:
        """Queue a sound file, or a binary stream: see `Player.play_file`."""
        core = await self._opened()
        how = {"first": first, "interruptible": interruptible}
        opening = in_thread(core.utterance_of_file, file, decode_as, **how)
        try:
            played = await asyncio.shield(asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(_drop)  # the thread goes on
            raise
        return cast("AsyncUtterance", core.add(played, self._listener()))

    async def interrupt(self) -> Heard:
        """Fall silent now: see `Player.interrupt`. It never suspends."""
        return Heard() if self._core is None else self._core.interrupt()

    async def pause(self) -> None:
        """Hold the sound: see `Player.pause`. It never suspends."""
        self._made().set_paused(paused=True)

    async def resume(self) -> None:
        """Let the sound return: see `Player.resume`. It never suspends."""
        self._made().set_paused(paused=False)

    async def duck(self, decibels: float) -> None:
        """Be quieter for a while: see `Player.duck`. It never suspends."""
        self._made().duck(decibels)

    async def reference(self, samplerate: int | None = None, block: int = 480) -> Reference:
        """Return the frames as they are played, for ``async for``: see `Player.reference`."""
        return (await self._opened()).reference(samplerate, block)

    @property
    def speaking(self) -> AsyncUtterance | None:
        """The utterance whose turn it is: see `Player.speaking`."""
        return None if self._core is None else cast("AsyncUtterance | None", self._core.speaking)

    @property
    def queue(self) -> tuple[AsyncUtterance, ...]:
        """The utterances behind `speaking`: see `Player.queue`."""
        queue = () if self._core is None else self._core.queue
        return cast("tuple[AsyncUtterance, ...]", queue)

    @property
    def paused(self) -> bool:
        """Whether `pause` holds the sound."""
        return self._core is not None and self._core.paused

    @property
    def volume(self) -> float:
        """In dB: see `Player.volume`."""
        return self._options.volume if self._core is None else self._core.volume

    @volume.setter
    def volume(self, decibels: float) -> None:
        self._made().volume = decibels

    def events(self) -> AsyncIterator[Event]:
        """Return the events of all utterances, for ``async for``: see `Player.events`."""
        core, loop = self._made(), asyncio.get_running_loop()
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        def hand(event: Event | None) -> None:
            _soon(loop, queue.put_nowait, event)

        async def events() -> AsyncIterator[Event]:
            try:
                while (event := await queue.get()) is not None:
                    yield event
            finally:
                core.unwatch(hand)

        core.watch(hand)
        told = events()
        # A generator that is dropped before it has begun runs no `finally`.
        weakref.finalize(told, core.unwatch, hand).atexit = False
        return told

    async def close(self, *, cut: bool = False) -> None:
        """Let what is queued be heard, then give everything back: see `Player.close`.

        Cancelled while it waits, it cuts what is being said and raises at once.
        """
        self._closed = True
        if self._core is None:
            return
        closed = asyncio.wrap_future(self._core.begin_closing(cut=cut))
        try:
            await asyncio.shield(closed)
        except asyncio.CancelledError:
            self._core.silence()
            raise

    def _made(self) -> PlayerCore:
        """Return the core; the first call makes it, and begins to open the output."""
        if self._closed:
            raise PlayerClosed
        if self._core is None:
            self._core = PlayerCore(self._options, AsyncUtterance, name="AsyncPlayer")
        return self._core

    async def _opened(self) -> PlayerCore:
        """Return the core once its output is open; a call after one that failed tries again."""
        core = self._made()
        ready = self._ready = self._ready or core.make_ready()
        try:
            await asyncio.shield(asyncio.wrap_future(ready))
        except asyncio.CancelledError:
            if ready.cancelled():  # by closing, and not the caller's task
                raise PlayerClosed from None
            raise
        except BaseException:
            if self._ready is ready:
                self._ready = None
            raise
        return core

    def _listener(self) -> Callable[[Event], object] | None:
        """Return what hands events to ``on_event`` on the running loop."""
        if self._handing is None:
            return None
        return LoopListener(self._handing, asyncio.get_running_loop()).put


def _here(given: Any) -> Any:
    """Have an async iterable consumed on the loop of the caller that gives it."""
    if isinstance(given, AsyncIterable):
        return OnLoop(given, asyncio.get_running_loop())
    return given


def _drop(opening: Future[UtteranceState]) -> None:
    """Close a file that was opened after the task that asked for it had been cancelled."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().drop_files()


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: object) -> None:
    with suppress(RuntimeError):  # the loop has been closed, and its tasks with it
        loop.call_soon_threadsafe(function, *args)


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
