"""The player for asyncio: the same names, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from streamplay.errors import PlayerClosed
from streamplay.events import End
from streamplay.options import signed
from streamplay.player import Player
from streamplay.reading import OnLoop
from streamplay.speech.transcript import Heard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Unpack

    from streamplay.audio import AudioFormat, Samples
    from streamplay.events import Event
    from streamplay.options import PlayerOptions, SayOptions
    from streamplay.playback.reference import Reference
    from streamplay.receipt import Receipt
    from streamplay.speech.utterance import Utterance


class AsyncUtterance:
    """An utterance of an `AsyncPlayer`. Cancelling a task that waits for it cancels it."""

    def __init__(self, utterance: Utterance) -> None:
        self._utterance = utterance

    @property
    def text(self) -> object:
        """What `AsyncPlayer.say` was given."""
        return self._utterance.text

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._utterance.done

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        return self._utterance.receipt

    @property
    def position(self) -> int:
        """Frames heard by now: see `streamplay.Utterance.position`."""
        return self._utterance.position

    def heard(self) -> Heard:
        """Tell what has been heard of it by now: see `streamplay.Utterance.heard`."""
        return self._utterance.heard()

    async def wait(self, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - the blocking face's
        """Wait until it has been heard: see `streamplay.Utterance.wait`."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._utterance.on_done(lambda: _soon(loop, _set, done))
        try:
            async with asyncio.timeout(timeout):
                await done
        except TimeoutError:
            raise TimeoutError(f"not heard within {timeout:g} s") from None
        except asyncio.CancelledError:
            self._utterance.cancel()
            raise
        return self._utterance.wait()

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens to it, from its beginning to its end: see docs/events.md."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def hand(event: Event) -> None:
            _soon(loop, queue.put_nowait, event)

        self._utterance.history.subscribe(hand)
        try:
            event: Event | None = None
            while not isinstance(event, End):
                event = await queue.get()
                yield event
        finally:
            self._utterance.history.unsubscribe(hand)

    async def cancel(self) -> Heard:
        """Silence it now: see `streamplay.Utterance.cancel`."""
        return self._utterance.cancel()


class AsyncPlayer:
    """A `streamplay.Player` for asyncio.

    Everything that takes time happens on the player's own thread, so that the
    caller's loop is never held up. It opens its output when it is entered
    (``async with``), or with the first call.

    Parameters
    ----------
    **options
        See `streamplay.options.Options`.
    """

    @signed
    def __init__(self, **options: Unpack[PlayerOptions]) -> None:
        self._options = options
        self._made: Player | None = None
        self._making: asyncio.Task[Player] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        try:
            await self._player()
        except asyncio.CancelledError:
            self._closed = True  # nobody is going to leave what was not entered
            if self._made is not None:
                await asyncio.to_thread(self._made.close, cut=True)
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
        self, text: str | Iterable[str] | AsyncIterable[str], **options: Unpack[SayOptions]
    ) -> AsyncUtterance:
        """Queue something to be said; return when it is queued: see `Player.say`.

        An async iterable is consumed on the caller's loop.
        """
        player, text = await self._player(), _here(text)
        return AsyncUtterance(player.say(text, **options))

    async def play(
        self, frames: Samples | Iterable[Samples] | AsyncIterable[Samples], samplerate: int
    ) -> AsyncUtterance:
        """Queue sound of one's own: see `Player.play`.

        An async iterable is consumed on the caller's loop.
        """
        player = await self._player()
        return AsyncUtterance(player.play(_here(frames), samplerate))

    async def play_file(
        self, file: str | Path | BinaryIO, *, decode_as: AudioFormat | str | None = None
    ) -> AsyncUtterance:
        """Queue a sound file, or a binary stream: see `Player.play_file`."""
        player = await self._player()
        opened = asyncio.to_thread(player.play_file, file, decode_as=decode_as)
        queueing = asyncio.create_task(opened)
        try:
            return AsyncUtterance(await asyncio.shield(queueing))
        except asyncio.CancelledError:
            queueing.add_done_callback(_cancel)  # the thread goes on: it is queued all the same
            raise

    async def interrupt(self) -> Heard:
        """Fall silent now: see `Player.interrupt`."""
        return Heard() if self._made is None else self._made.interrupt()

    async def pause(self) -> None:
        """Hold the sound: see `Player.pause`."""
        (await self._player()).pause()

    async def resume(self) -> None:
        """Let the sound return: see `Player.resume`."""
        (await self._player()).resume()

    async def duck(self, decibels: float) -> None:
        """Be quieter for a while: see `Player.duck`."""
        (await self._player()).duck(decibels)

    async def reference(self, samplerate: int | None = None, block: int = 480) -> Reference:
        """Return the frames as they are played, for ``async for``: see `Player.reference`."""
        return (await self._player()).reference(samplerate, block)

    @property
    def volume(self) -> float:
        """In dB: see `Player.volume`."""
        return self._made.volume if self._made else float(self._options.get("volume", 0.0))

    @volume.setter
    def volume(self, decibels: float) -> None:
        self._options["volume"] = decibels
        if self._made is not None:
            self._made.volume = decibels

    async def close(self, *, cut: bool = False) -> None:
        """Let what is queued be heard, then give everything back: see `Player.close`."""
        self._closed = True
        if self._making is not None:
            await asyncio.wait([self._making])
        if self._made is not None:
            await asyncio.to_thread(self._made.close, cut=cut)

    async def _player(self) -> Player:
        """Return the player; the first call makes it, and others wait for the same."""
        if self._closed:
            raise PlayerClosed
        if self._made is not None:
            return self._made
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
            self._making.add_done_callback(self._forget)
        # Who is cancelled leaves it to the others, or to `close`.
        return await asyncio.shield(self._making)

    def _make(self) -> Player:
        """On a thread, which goes on where the loop has ended or nobody waits any more."""
        player = Player(**self._options)
        self._made = player
        if self._closed:
            player.close(cut=True)
        return player

    def _forget(self, making: asyncio.Task[Player]) -> None:
        self._making = None
        if not making.cancelled():
            making.exception()  # told to those who waited; the next call tries again


def _here(given: Any) -> Any:
    """Have what is asynchronous consumed on the loop of whoever gives it."""
    if isinstance(given, AsyncIterable):
        return OnLoop(given, asyncio.get_running_loop())
    return given


def _cancel(queueing: asyncio.Task[Utterance]) -> None:
    """Cancel what was queued for nobody."""
    if not queueing.cancelled() and queueing.exception() is None:
        queueing.result().cancel()


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: object) -> None:
    with suppress(RuntimeError):  # whoever waited is gone, and the loop with them
        loop.call_soon_threadsafe(function, *args)


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
