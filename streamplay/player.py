"""The player: says one utterance after another, and falls silent when asked to."""

from __future__ import annotations

import weakref
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self, cast

from streamplay.core import PlayerCore
from streamplay.options import Options, signed, split
from streamplay.speech.source import sound_source
from streamplay.speech.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Unpack

    from streamplay.audio import AudioFormat, Samples
    from streamplay.events import Event, Heard
    from streamplay.head_start import HeadStart
    from streamplay.options import AllOptions, PlayerOptions, SayOptions
    from streamplay.playback.reference import Reference
    from streamplay.receipt import Receipt


class Player:
    """Speaks, over one warm connection and one open output.

    Parameters
    ----------
    **options
        See `streamplay.options.Options`: what to ask for, which server, and where
        the sound goes.

    Raises
    ------
    InvalidRequest
        If an argument is wrong.
    NoDevice
        If the device asked for cannot be used.

    Examples
    --------
    >>> with Player(voice="tara") as player:  # doctest: +SKIP
    ...     player.say("One sentence.").wait()
    """

    @signed
    def __init__(self, **options: Unpack[PlayerOptions]) -> None:
        self._core = PlayerCore(Options(**options), Utterance, listens=True)
        self._make_ready()

    def _make_ready(self) -> None:
        try:
            self._core.make_ready().result()
        except BaseException:
            self._core.close(cut=True)
            raise

    def __del__(self) -> None:
        if hasattr(self, "_core"):
            self._core.player_dropped()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(cut=kind is not None)

    @signed
    def say(
        self,
        text: str | Iterable[str] | AsyncIterable[str],
        *,
        first: bool = False,
        interruptible: bool = True,
        **options: Unpack[SayOptions],
    ) -> Utterance:
        """Queue something to be said, and return at once.

        Parameters
        ----------
        text : str, iterable or async iterable of str
            A str is one request; anything else is read as it comes, and spoken
            sentence by sentence without gaps.
        first : bool
            Say it next, before what is queued; and where an utterance waits for its text, between
            two pieces of that.
        interruptible : bool
            False: `interrupt` leaves it alone.
        **options
            See `streamplay.options.Options`. Those of the player hold unless given here;
            `output`, `force` and `record` are given here alone.

        Raises
        ------
        InvalidRequest
            If a field is wrong; nothing was sent.
        FileFailed
            If `output` or `record` cannot be written.
        PlayerClosed
            If the player was closed.
        """
        core = self._core
        said = core.utterance_of_text(text, options, first=first, interruptible=interruptible)
        return cast("Utterance", core.add(said))

    def play(
        self,
        frames: Samples | Iterable[Samples] | AsyncIterable[Samples],
        samplerate: int,
        *,
        first: bool = False,
        interruptible: bool = True,
    ) -> Utterance:
        """Queue sound of one's own, and return at once.

        Parameters
        ----------
        frames : array, or iterable or async iterable of arrays
            float32 at full scale ±1.0, or int16; ``(n,)``, or ``(n, channels)`` in one array.
        samplerate : int
            Frames per second.
        first, interruptible : bool
            See `say`.

        Raises
        ------
        InvalidRequest
            If that is nothing to play; what an iterable yields is looked at as it comes.
        PlayerClosed
            If the player was closed.
        """
        core, sound = self._core, sound_source(frames, samplerate)
        played = core.utterance_of_sound(sound, first=first, interruptible=interruptible)
        return cast("Utterance", core.add(played))

    def play_file(
        self,
        file: str | Path | BinaryIO,
        *,
        decode_as: AudioFormat | str | None = None,
        first: bool = False,
        interruptible: bool = True,
    ) -> Utterance:
        """Queue a sound file, or a binary stream, and return at once.

        Parameters
        ----------
        file : str, Path or binary stream
            A sound file of any kind that an answer may hold; closed when it has been read.
        decode_as : AudioFormat or str, optional
            What raw bytes are, as ``ENCODING@RATE``: they are played as they come.
        first, interruptible : bool
            See `say`.

        Raises
        ------
        FileFailed
            If it cannot be read, or is no sound.
        PlayerClosed
            If the player was closed.
        """
        core = self._core
        how = {"first": first, "interruptible": interruptible}
        return cast("Utterance", core.add(core.utterance_of_file(file, decode_as, **how)))

    def interrupt(self) -> Heard:
        """Fall silent now, and forget what was queued; from any thread, handler or callback.

        It ends a pause too: what is said next is heard.

        Returns
        -------
        Heard
            What had been heard of what was being said, whose that was, and what was dropped.
        """
        return self._core.interrupt()

    def pause(self) -> None:
        """Hold the sound, with a fade, until `resume`; receiving goes on."""
        self._core.set_paused(paused=True)

    def resume(self) -> None:
        """Let the sound return, with a fade."""
        self._core.set_paused(paused=False)

    @property
    def speaking(self) -> Utterance | None:
        """The utterance that `interrupt` would tell of: the one whose turn it is."""
        return cast("Utterance | None", self._core.speaking)

    @property
    def queue(self) -> tuple[Utterance, ...]:
        """The utterances behind `speaking`, in the order in which they are going to be heard."""
        return cast("tuple[Utterance, ...]", self._core.queue)

    @property
    def paused(self) -> bool:
        """Whether `pause` holds the sound."""
        return self._core.paused

    @property
    def volume(self) -> float:
        """In dB; 0 leaves the samples as they came. A change is ramped."""
        return self._core.volume

    @volume.setter
    def volume(self, decibels: float) -> None:
        self._core.volume = decibels

    def duck(self, decibels: float) -> None:
        """Be quieter by so many dB (negative), below `volume`; 0 undoes it. A change is ramped.

        For a moment in which it is not sure whether the person means to interrupt.
        """
        self._core.duck(decibels)

    def reference(self, samplerate: int | None = None, block: int = 480) -> Reference:
        """Return the frames as they are played, block by block, with their times.

        One at a time. At the output's own rate unless `samplerate` is given.
        """
        return self._core.reference(samplerate, block)

    def events(self) -> Iterator[Event]:
        """Return the events of all utterances, until the player is closed: see docs/events.md.

        Those of an utterance that is being said are told from its beginning.
        """
        queue: SimpleQueue[Event | None] = SimpleQueue()
        self._core.watch(queue.put)
        events = self._events_from(queue)
        # A generator that is dropped before it has begun runs no `finally`.
        weakref.finalize(events, self._core.unwatch, queue.put).atexit = False
        return events

    def _events_from(self, queue: SimpleQueue[Event | None]) -> Iterator[Event]:
        try:
            while (event := queue.get()) is not None:
                yield event
        finally:
            self._core.unwatch(queue.put)

    def close(self, *, cut: bool = False) -> None:
        """Let what is queued be heard, then give everything back; idempotent.

        A paused player stays silent: what was held is not heard any more.

        Called from `notify` or another callback on the player's own thread, it
        returns at once, and happens on a thread of its own.

        Parameters
        ----------
        cut : bool
            Do not let it be heard: fall silent first.
        """
        self._core.close(cut=cut)


class LazyPlayer(Player):
    """A player that opens its output beside its first request, at that stream's rate.

    For a program that says one thing: its request leaves before the audio side is imported.

    Parameters
    ----------
    begun : HeadStart, optional
        What was begun before the player was made.
    at_once : bool
        Open the output and connect before anything is said, as `Player` does.
    **options
        See `Player`.
    """

    def __init__(
        self,
        *,
        begun: HeadStart | None = None,
        at_once: bool = False,
        **options: Unpack[PlayerOptions],
    ) -> None:
        self._core = PlayerCore(
            Options(**options),
            Utterance,
            listens=True,
            follow=not at_once,
            begun=begun,
        )
        if at_once:
            self._make_ready()


class SteeredPlayer(Player):
    """A player at whose utterances the listener sits: they are kept, and can be heard again.

    Parameters
    ----------
    begun, at_once, options
        See `LazyPlayer`.
    """

    def __init__(
        self,
        *,
        begun: HeadStart | None = None,
        at_once: bool = False,
        **options: Unpack[PlayerOptions],
    ) -> None:
        from streamplay.speech.steering import SteeredUtterance  # only a terminal needs it

        self._core = PlayerCore(
            Options(**options),
            SteeredUtterance,
            listens=True,
            follow=not at_once,
            begun=begun,
            keeps=True,
        )
        if at_once:
            self._make_ready()


@signed
def say(text: str | Iterable[str] | AsyncIterable[str], **options: Unpack[AllOptions]) -> Receipt:
    """Say `text`, and return when it has been heard.

    Parameters
    ----------
    text : str, iterable or async iterable of str
        See `Player.say`.
    **options
        See `streamplay.options.Options`.

    Returns
    -------
    Receipt
        What was received and heard, and when.

    Raises
    ------
    StreamPlayError
        What ended it; ``error.receipt`` tells what was received and heard.
    """
    of_player, of_say = split(options)
    with LazyPlayer(**of_player) as player:
        return player.say(text, **of_say).wait()
