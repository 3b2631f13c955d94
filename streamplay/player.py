"""The player: says one utterance after another, and falls silent when asked to."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from streamplay.closing import Closing, remember
from streamplay.errors import InvalidRequest, PlayerClosed
from streamplay.events import Listener
from streamplay.loop import BackgroundLoop
from streamplay.options import Options, signed, split
from streamplay.outputs.recording import open_file
from streamplay.playback.reference import Reference
from streamplay.playing import PlaysSound
from streamplay.rules.checks import check_volume
from streamplay.scheduler import Scheduler
from streamplay.speech.account import Account
from streamplay.speech.resources import Resources
from streamplay.speech.utterance import Heard, Utterance
from streamplay.trace import TraceWriter
from streamplay.words.sources import is_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable
    from types import TracebackType
    from typing import Unpack

    from streamplay.audio import AudioFormat
    from streamplay.network.early import EarlyRequest
    from streamplay.options import AllOptions, PlayerOptions, SayOptions
    from streamplay.receipt import Receipt
    from streamplay.speech.source import SoundSource

LISTENER_PATIENCE_SECONDS: Final = 1.0
"""How long closing waits for a listener that is still at an earlier event."""

_PROBE = "probe"  # a text that stands for any, where only the other fields are looked at


class Player(PlaysSound):
    """Speaks, over one warm connection and one open output.

    Parameters
    ----------
    **options
        See `streamplay.options.Options`: what to ask for, of whom, and where
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
        self._begin(Options(**options), ready=True)

    @classmethod
    def lazy(cls, *, early: EarlyRequest | None = None, **options: Unpack[PlayerOptions]) -> Self:
        """Make a player that opens its output beside its first request, at that stream's rate.

        For a program that says one thing: its request leaves before the audio side is imported.
        """
        player = cls.__new__(cls)
        player._begin(Options(**options), ready=False, early=early)  # noqa: SLF001 - our own
        return player

    def _begin(self, options: Options, *, ready: bool, early: EarlyRequest | None = None) -> None:
        self._options = options
        audio, _ = options.request(_PROBE).expected  # where a field is wrong, nothing is opened
        self._volume, self._duck = options.volume, 0.0
        self._utterances: list[Utterance] = []
        self._reference: Reference | None = None
        self._lock = threading.RLock()
        listen, tell = options.on_event, options.tell
        self._listener = None if listen is None else Listener(listen, tell)
        self._resources = Resources(options, follow=not ready, early=early)
        self._scheduler = Scheduler(self._resources)
        self._loop = BackgroundLoop("streamplay")
        self._closing = Closing(self._close, lambda: self._loop.is_current, self._is_listening)
        self._loop.call(self._scheduler.start)
        self._loop.call(self._resources.begin, audio)
        remember(self)
        if ready:
            self._make_ready(audio)

    def _make_ready(self, audio: AudioFormat) -> None:
        try:
            self._loop.submit(self._resources.make_ready(audio)).result()
        except BaseException:
            self.close(cut=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(cut=kind is not None)

    # Speaking

    @signed
    def say(
        self, text: str | Iterable[str] | AsyncIterable[str], **options: Unpack[SayOptions]
    ) -> Utterance:
        """Queue something to be said, and return at once.

        Parameters
        ----------
        text : str, iterable or async iterable of str
            A str is one request; anything else is read as it comes, and spoken
            sentence by sentence without gaps.
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
        self._check_open()
        own = self._options.over(**options)
        request = own.request(_PROBE if is_stream(text) else text)
        account = Account(request, self._resources.backend.base_url, playing=own.play)
        keeper = None if own.output is None else open_file(Path(own.output), force=own.force)
        try:
            trace = None if own.record is None else TraceWriter(Path(own.record))
            utterance = Utterance(text, own, account, self._cancel, keeper=keeper, trace=trace)
            self._take(utterance)
        except BaseException:
            if keeper is not None:
                keeper.close()
            raise
        return utterance

    def _feed(self, feed: SoundSource) -> Utterance:
        self._check_open()
        account = Account(feed, feed.name, playing=self._options.play)
        utterance = Utterance("", self._options, account, self._cancel, feed=feed)
        self._take(utterance)
        return utterance

    def _take(self, utterance: Utterance) -> None:
        utterance.on_done(lambda: self._forget(utterance))
        with self._lock:
            self._check_open()  # again: whoever closes waits for those that were taken before
            self._utterances.append(utterance)
            self._loop.call(self._scheduler.take, utterance)
        utterance.history.on_listener = lambda: self._loop.call(utterance.begin_watch)
        if self._listener is not None:
            utterance.history.subscribe(self._listener.put)

    def interrupt(self) -> Heard:
        """Fall silent now, and forget what was queued; from any thread, handler or callback.

        Returns
        -------
        Heard
            What had been heard of what was being said, and what was dropped.
        """
        with self._lock:
            going = list(self._utterances)
        # What only its last milliseconds in the device are left of has been said.
        while len(going) > 1 and going[0].handed_over:
            going = going[1:]
        return self._cut(going)

    def pause(self) -> None:
        """Hold the sound, with a fade, until `resume`; receiving goes on."""
        self._check_open()
        self._loop.call(lambda: self._resources.set_paused(paused=True))

    def resume(self) -> None:
        """Let the sound return, with a fade."""
        self._check_open()
        self._loop.call(lambda: self._resources.set_paused(paused=False))

    @property
    def volume(self) -> float:
        """In dB; 0 leaves the samples as they came. A change is ramped."""
        return self._volume

    @volume.setter
    def volume(self, decibels: float) -> None:
        self._check_open()
        check_volume(decibels)
        self._volume = decibels
        self._set_gain()

    def duck(self, decibels: float) -> None:
        """Be quieter by so many dB (negative), below `volume`; 0 undoes it. A change is ramped.

        For a moment in which it is not sure whether the person means to interrupt.
        """
        self._check_open()
        check_volume(decibels)
        if decibels > 0:
            raise InvalidRequest("decibels", f"{decibels!r} is louder", allowed="0 or less")
        self._duck = decibels
        self._set_gain()

    def _set_gain(self) -> None:
        self._loop.call(self._resources.session.set_gain, 10 ** ((self._volume + self._duck) / 20))

    def reference(self, samplerate: int | None = None, block: int = 480) -> Reference:
        """Return the frames as they are played, block by block, with their times.

        One at a time. At the output's own rate unless `samplerate` is given.
        """
        self._check_open()
        if block < 1 or (samplerate is not None and samplerate < 1):
            raise InvalidRequest("block, samplerate", "are no counts", allowed="1 or more")
        if self._reference is not None and not self._reference.closed:
            raise InvalidRequest("reference", "is being read", allowed="one at a time")
        self._reference = Reference(
            lambda: self._resources.session.playout, samplerate, block, self._closing.is_done
        )
        return self._reference

    def close(self, *, cut: bool = False) -> None:
        """Let what is queued be heard, then give everything back; idempotent.

        Called from `notify` or another callback on the player's own thread, it
        returns at once, and happens on a thread of its own.

        Parameters
        ----------
        cut : bool
            Do not let it be heard: fall silent first.
        """
        self._closing.close(cut=cut)

    def _close(self, cut: bool) -> None:
        with self._lock:
            going = list(self._utterances)
        try:
            if not cut:
                self._let_be_heard(going)
        finally:
            self._cut(going)
            self._loop.submit(self._end(going)).result()
            self._loop.stop()
            if self._listener is not None:
                self._listener.close(LISTENER_PATIENCE_SECONDS)

    def _is_listening(self) -> bool:
        return self._listener is not None and self._listener.is_current

    def _let_be_heard(self, going: list[Utterance]) -> None:
        if going:
            self._loop.call(lambda: self._resources.set_paused(paused=False))
        for utterance in going:
            utterance.wait_done()

    async def _end(self, going: list[Utterance]) -> None:
        await self._scheduler.settled(going)
        await self._resources.close()

    def _check_open(self) -> None:
        if self._closing.begun:
            raise PlayerClosed

    def _forget(self, utterance: Utterance) -> None:
        with self._lock:
            self._utterances.remove(utterance)

    # Cutting in, from any thread

    def _cancel(self, utterance: Utterance) -> Heard:
        return self._cut([utterance])

    def _cut(self, going: list[Utterance]) -> Heard:
        going = [utterance for utterance in going if utterance.interrupt()]
        if not going:
            return Heard()
        pump = self._resources.session.pump
        if pump is not None:
            pump.cut([utterance.track for utterance in going if utterance.track is not None])
        first, *rest = going
        heard = first.heard()
        for utterance in going:
            self._loop.call(self._scheduler.stop_receiving, utterance)
        return replace(heard, dropped=tuple(rest))

    def abandon(self) -> None:
        """Be closed in a process that was forked: no thread of ours is here to go on."""
        self._lock = threading.RLock()
        self._closing.abandon()
        for utterance in list(self._utterances):
            utterance.abandon()


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
    with Player.lazy(**of_player) as player:
        return player.say(text, **of_say).wait()
