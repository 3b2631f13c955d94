"""What `Player` and `AsyncPlayer` share: the utterances, the player's loop, and closing."""

from __future__ import annotations

import inspect
import threading
import warnings
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamplay.closing import Closing, remember
from streamplay.errors import InvalidRequest, PlayerClosed
from streamplay.events import Handing, Heard, Listener
from streamplay.loop import BackgroundLoop
from streamplay.playback.reference import Reference
from streamplay.rules.checks import check_volume
from streamplay.scheduler import Scheduler
from streamplay.speech.account import Account
from streamplay.speech.resources import Resources
from streamplay.speech.source import file_source
from streamplay.speech.state import UtteranceState
from streamplay.speech_servers import servers_of
from streamplay.words.sources import is_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from concurrent.futures import Future
    from typing import BinaryIO

    from streamplay.audio import AudioFormat
    from streamplay.events import AnyUtterance, Event
    from streamplay.head_start import HeadStart
    from streamplay.options import Options, SayOptions
    from streamplay.speech.source import SoundSource

    Watcher = Callable[[Event | None], object]
    Text = str | Iterable[str] | AsyncIterable[str]
    MakeHandle = Callable[[UtteranceState], AnyUtterance]

LISTENER_PATIENCE_SECONDS: Final = 1.0
"""How long closing waits for a listener that is still at an earlier event."""

_PROBE: Final = "probe"  # a text that stands for any, where only the other fields are checked


class PlayerCore:
    """One player; its faces only pass on what they are asked. For any thread.

    Parameters
    ----------
    options : Options
        The player's.
    make_handle : callable
        Returns the public handle of an utterance.
    name : str
        What the user knows it by.
    listens : bool
        Call ``on_event`` with the events of all utterances, on a thread of the player's own.
    follow : bool
        Open the output at the first stream's own rate, beside its request. Otherwise
        `make_ready` opens it.
    begun : HeadStart, optional
        What was begun before the player was made.
    keeps : bool
        Keep what was heard of an utterance, so that it can be heard again.

    Raises
    ------
    InvalidRequest
        If a field is wrong; nothing is open then.
    """

    def __init__(
        self,
        options: Options,
        make_handle: MakeHandle,
        *,
        name: str = "Player",
        listens: bool = False,
        follow: bool = False,
        begun: HeadStart | None = None,
        keeps: bool = False,
    ) -> None:
        self.options = options
        self.make_handle = make_handle
        self._name = name
        self._files = None if begun is None else begun.files
        self._keeps = keeps
        self._audio = check_request(options)
        self._volume, self._duck = options.volume, 0.0
        self._listener: Listener | None = None
        if listens and options.on_event is not None:
            self._listener = Listener(Handing(options.on_event, options.tell))
        self._paused = False
        self._going: list[UtteranceState] = []
        self._watchers: list[Watcher] = []
        self._failed: weakref.WeakSet[UtteranceState] = weakref.WeakSet()
        self._reference: Reference | None = None
        self._lock = threading.RLock()
        self._resources = Resources(options, follow=follow, begun=begun)
        self._scheduler = Scheduler(self._resources)
        self._loop = BackgroundLoop("streamplay")
        self._closing = Closing(self._close, lambda: self._loop.is_current, self._is_listening)
        self._loop.call(self._resources.begin, self._audio)
        remember(self)

    def make_ready(self) -> Future[None]:
        """Begin to open the output and to connect; the future tells when that is done."""
        return self._loop.submit(self._resources.make_ready(self._audio))

    # Speaking

    def utterance_of_text(
        self, text: Text, given: SayOptions, *, first: bool = False, interruptible: bool = True
    ) -> UtteranceState:
        """Return what `add` queues: see `streamplay.Player.say`."""
        self.check_open()
        own = self.options.over(**given)
        request = own.request(_PROBE if is_stream(text) else text)
        account = Account(request, self._resources.backend.base_url, playing=own.play)
        account.track.keeps = self._keeps
        said = UtteranceState(text, own, account, self, first=first, interruptible=interruptible)
        files, self._files = self._files, None
        said.open_files(files)
        return said

    def utterance_of_sound(
        self, sound: SoundSource, *, first: bool = False, interruptible: bool = True
    ) -> UtteranceState:
        """Return what `add` queues: see `streamplay.Player.play`."""
        account = Account(sound, sound.name, playing=self.options.play)
        account.track.keeps = self._keeps
        how = {"first": first, "interruptible": interruptible}
        return UtteranceState("", self.options, account, self, sound=sound, **how)

    def utterance_of_file(
        self, file: str | Path | BinaryIO, decode_as: AudioFormat | str | None, **how: bool
    ) -> UtteranceState:
        """Return what `add` queues: see `streamplay.Player.play_file`; blocks while it opens."""
        raw = None if decode_as is None else self.options.over(decode_as=decode_as).raw_format
        file = Path(file) if isinstance(file, str) else file
        name = str(file) if isinstance(file, Path) else str(getattr(file, "name", ""))
        return self.utterance_of_sound(file_source(file, name, raw), **how)

    def add(
        self, utterance: UtteranceState, listener: Callable[[Event], object] | None = None
    ) -> AnyUtterance:
        """Queue an utterance, and return its handle.

        Raises
        ------
        PlayerClosed
            If the player was closed; the files of the utterance are closed too.
        """
        handle = self.make_handle(utterance)
        utterance.on_done(lambda: self._forget(utterance))
        with self._lock:
            if self._closing.begun:  # closing waits for those that were added before it began
                utterance.drop_files()
                raise PlayerClosed
            self._going.insert(self._place(utterance), utterance)
            self._loop.call(self._scheduler.add, utterance)
            listeners: list[Callable[[Event], object]] = [*self._watchers]
        if self._listener is not None:
            listeners.append(self._listener.put)
        if listener is not None:
            listeners.append(listener)
        for each in listeners:
            utterance.subscribe(each)
        return handle

    def _place(self, utterance: UtteranceState) -> int:
        """Return where it is queued: last, or behind what is being said and others given first."""
        going = self._going
        if not utterance.first:
            return len(going)
        place = next((i for i, each in enumerate(going) if not each.handed_over), len(going)) + 1
        while place < len(going) and going[place].first:
            place += 1
        return min(place, len(going))

    def following(self, utterance: UtteranceState) -> list[UtteranceState]:
        """Return the utterances that are heard after it."""
        with self._lock:
            place = self._going.index(utterance) if utterance in self._going else len(self._going)
            return self._going[place + 1 :]

    def _forget(self, utterance: UtteranceState) -> None:
        with self._lock:
            self._going.remove(utterance)
            if utterance.failure is not None:
                self._failed.add(utterance)

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` of the events of all utterances; None: the player was closed."""
        self.check_open()
        with self._lock:
            self._watchers.append(watcher)
            going = list(self._going)
        for utterance in going:
            utterance.subscribe(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell `watcher` nothing more; from any thread, the garbage collector's too."""
        with self._lock:
            if watcher not in self._watchers:
                return
            self._watchers.remove(watcher)
            going = list(self._going)
        for utterance in going:
            utterance.history.unsubscribe(watcher)

    # Cutting in

    def interrupt(self) -> Heard:
        """Fall silent, and drop what was queued: see `streamplay.Player.interrupt`."""
        heard = self._cut([each for each in self._to_be_heard() if each.interruptible])
        with self._lock:
            if self._paused:  # what is said next is to be heard
                self._set_paused(paused=False)
        return heard

    def _to_be_heard(self) -> list[UtteranceState]:
        """Return the utterance whose turn it is, and those behind it."""
        with self._lock:
            going = [each for each in self._going if not each.interrupted]
        # An utterance of which only the last milliseconds in the device are left has been said.
        while len(going) > 1 and going[0].handed_over:
            going = going[1:]
        if len(going) > 1 and going[1].is_heard_before(going[0]):
            going[:2] = reversed(going[:2])  # it is heard in a gap of the other
        return going

    @property
    def speaking(self) -> AnyUtterance | None:
        """The utterance whose turn it is."""
        going = self._to_be_heard()
        return going[0].handle if going else None

    @property
    def queue(self) -> tuple[AnyUtterance, ...]:
        """Those behind it."""
        return tuple(utterance.handle for utterance in self._to_be_heard()[1:])

    def cancel(self, utterance: UtteranceState) -> Heard:
        """Silence one utterance."""
        return self._cut([utterance])

    def _cut(self, going: list[UtteranceState]) -> Heard:
        going, asked = [utterance for utterance in going if utterance.interrupt()], going
        if not going:
            # Another call may have cut it, a moment ago.
            left = next((utterance for utterance in asked if not utterance.done), None)
            return Heard() if left is None else left.heard()
        pump = self._resources.session.pump
        if pump is not None:
            pump.cut([utterance.track for utterance in going if utterance.track is not None])
        heard = going[0].heard()
        for utterance in going:
            self._loop.call(self._scheduler.stop_receiving, utterance)
        cut = tuple(utterance.handle for utterance in going)
        return replace(heard, dropped=cut[1:], cut=cut)

    # How it sounds

    def set_paused(self, *, paused: bool) -> None:
        """Hold the sound, or let it return."""
        self.check_open()
        with self._lock:
            self._set_paused(paused=paused)

    def _set_paused(self, *, paused: bool) -> None:
        self._paused = paused
        pump = self._resources.session.pump
        if pump is not None:
            pump.hold(paused=paused)  # at once, as `interrupt`: the loop may be late
        # The state at that moment: a later call of this may have changed it.
        self._loop.call(lambda: self._resources.set_paused(paused=self._paused))

    @property
    def paused(self) -> bool:
        """Whether the sound is held."""
        return self._paused

    @property
    def volume(self) -> float:
        """In dB."""
        return self._volume

    @volume.setter
    def volume(self, decibels: float) -> None:
        self.check_open()
        check_volume(decibels)
        self._volume = decibels
        self._set_gain()

    def duck(self, decibels: float) -> None:
        """Be quieter by so many dB: see `streamplay.Player.duck`."""
        self.check_open()
        check_volume(decibels)
        if decibels > 0:
            raise InvalidRequest("decibels", f"{decibels!r} is louder", allowed="0 or less")
        self._duck = decibels
        self._set_gain()

    def _set_gain(self) -> None:
        gain = 10 ** ((self._volume + self._duck) / 20)
        self._loop.call(self._resources.session.set_gain, gain)

    def reference(self, samplerate: int | None, block: int) -> Reference:
        """Return the frames as they are played: see `streamplay.Player.reference`."""
        self.check_open()
        if block < 1 or (samplerate is not None and samplerate < 1):
            raise InvalidRequest("block, samplerate", "are no counts", allowed="1 or more")
        if self._reference is not None and not self._reference.closed:
            raise InvalidRequest("reference", "is being read", allowed="one at a time")
        self._reference = Reference(self._resources.session, samplerate, block, self._closing)
        return self._reference

    # The loop, for utterances

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function on the player's loop; not after that has stopped."""
        self._loop.call(function)

    @property
    def is_current(self) -> bool:
        """Whether the caller is on the player's loop."""
        return self._loop.is_current

    # Closing

    def check_open(self) -> None:
        """Raise `PlayerClosed` once closing has begun."""
        if self._closing.begun:
            raise PlayerClosed

    def close(self, *, cut: bool = False) -> None:
        """Give everything back: see `streamplay.Player.close`."""
        self._closing.close(cut=cut)

    def begin_closing(self, *, cut: bool = False) -> Future[None]:
        """Close on a thread of its own; the future tells when everything has been given back."""
        if cut:
            self.silence()  # at once: on a busy machine a thread takes a while to start
        return self._closing.begin(cut=cut)

    def player_dropped(self) -> None:
        """Warn that a player was dropped without being closed, and close it; never waits.

        What is queued is heard all the same: its utterances may still be waited for.
        """
        if not self._closing.begun:
            self._warn()
            self.begin_closing()

    def close_at_exit(self) -> None:
        """Close a player that was not closed when the interpreter ends."""
        if not self._closing.begun:
            self._warn()
        self.close(cut=True)

    def _warn(self) -> None:
        message = f"unclosed {self._name}: leave it by `with`, or call its close()"
        warnings.warn(message, ResourceWarning, stacklevel=3)

    def silence(self) -> None:
        """Cut all utterances, whether the player is being closed or not; never waits."""
        with self._lock:
            going = list(self._going)
        self._cut(going)

    def _close(self, cut: bool) -> None:
        with self._lock:
            going = list(self._going)
        try:
            # A paused player stays silent.
            if not (cut or self._paused):
                self._loop.call(self._scheduler.begin_closing)
                for utterance in going:
                    utterance.wait_done()
        finally:
            self._cut(going)
            self._loop.submit(self._end(going)).result()
            self._loop.stop()
            for utterance in list(self._failed):
                utterance.log_failure()
            for watcher in list(self._watchers):
                watcher(None)
            if self._listener is not None:
                self._listener.close(LISTENER_PATIENCE_SECONDS)

    def _is_listening(self) -> bool:
        return self._listener is not None and self._listener.is_current

    async def _end(self, going: list[UtteranceState]) -> None:
        await self._scheduler.settled(going)
        await self._resources.close()

    def abandon(self) -> None:
        """Be closed in a forked child: none of the player's threads runs there."""
        self._lock = threading.RLock()
        self._closing.abandon()
        for utterance in list(self._going):
            utterance.abandon()


def check_request(options: Options) -> AudioFormat:
    """Return what a request by these options is answered with.

    Raises
    ------
    InvalidRequest
        If a field is wrong.
    """
    if inspect.iscoroutinefunction(options.on_event):
        allowed = "a plain function; events() is for asyncio"
        raise InvalidRequest("on_event", "is a coroutine function", allowed=allowed)
    for server in servers_of(options):
        server.request(options, _PROBE)
    audio, _ = options.request(_PROBE).expected
    return audio
