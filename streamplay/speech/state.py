"""Everything that is known of one utterance: the player's side of what the user holds."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from streamplay.audio import AudioFormat
from streamplay.errors import PlayerClosed, StreamPlayError
from streamplay.events import Heard, History
from streamplay.kept_files import KeptFiles
from streamplay.outputs.recording import open_file, output_of
from streamplay.reading import OnLoop
from streamplay.speech.account import ServerChange
from streamplay.speech.tracker import Tracker
from streamplay.speech.transcript import heard_text
from streamplay.trace import TraceWriter
from streamplay.words.passage import GivenText

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from streamplay.events import AnyUtterance, Event
    from streamplay.options import Options
    from streamplay.outputs.recording import FileOutput
    from streamplay.playback.track import Track
    from streamplay.receipt import Receipt
    from streamplay.speech.account import Account
    from streamplay.speech.source import SoundSource
    from streamplay.speech.subtitle_file import SubtitleFile
    from streamplay.speech.transcript import Piece
    from streamplay.speech_servers import Change


class Owner(Protocol):
    """What an utterance asks of its player; for any thread."""

    def cancel(self, utterance: UtteranceState) -> Heard:
        """Silence it now."""

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function on the player's loop."""

    @property
    def is_current(self) -> bool:
        """Whether the caller is on the player's loop, which cannot go on while it waits."""

    def following(self, utterance: UtteranceState) -> list[UtteranceState]:
        """Return those that are heard after it."""

    def make_handle(self, utterance: UtteranceState) -> AnyUtterance:
        """Return another public handle of it, where the user has dropped the first."""


class UtteranceState:
    """One utterance, from ``say`` to its end.

    The user holds a handle, which refers to this. Attributes are written on the player's loop,
    except `interrupted`; methods are for any thread unless they say otherwise.

    Parameters
    ----------
    text : str, iterable or async iterable of str
        What is to be said.
    options : Options
        The player's, with what was given for this utterance.
    account : Account
        Counts what comes.
    owner : Owner
        The player.
    sound : SoundSource, optional
        Sound in place of a text.
    first : bool
        It is heard next, before what is queued.
    interruptible : bool
        Whether `interrupt` cuts it.
    """

    def __init__(
        self,
        text: str | Iterable[str] | AsyncIterable[str],
        options: Options,
        account: Account,
        owner: Owner,
        *,
        sound: SoundSource | None = None,
        first: bool = False,
        interruptible: bool = True,
    ) -> None:
        self.text = text
        self.given = GivenText(text if isinstance(text, str) else None)
        self.sound = sound
        self.first = first
        self.interruptible = interruptible
        self.options = options
        self.account = account
        self.keeper: FileOutput | None = None
        self.trace: TraceWriter | None = None
        self.subtitles: SubtitleFile | None = None
        self.track: Track | None = None
        self.task: asyncio.Task[None] | None = None
        self.pieces: list[Piece] = []
        self.changes: list[ServerChange] = []
        self.begun = self.received = False
        self.waits_for_text = False
        self.reading_since: float | None = None  # when more of the source was asked for
        self.interrupted = False
        self.failure: Exception | None = None
        self.history = History(lambda: self.handle)
        self._owner = owner
        self._handle: weakref.ref[AnyUtterance] | None = None
        self._watch = Tracker(self, time.perf_counter)
        self._watching: asyncio.Task[None] | None = None
        self._done = threading.Event()
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it
        self._callbacks: list[Callable[[], object]] = []
        self._told = False  # somebody has been told of its failure

    # What the user sees

    @property
    def handle(self) -> AnyUtterance:
        """The object that ``say`` returned; another one where the user has dropped it."""
        handle = None if self._handle is None else self._handle()
        return self._owner.make_handle(self) if handle is None else handle

    @property
    def given_text(self) -> str | Iterable[str] | AsyncIterable[str]:
        """The text as ``say`` was given it."""
        return self.text.source if isinstance(self.text, OnLoop) else self.text

    def attach(self, handle: AnyUtterance) -> None:
        """Take `handle` for the one that events name; it is not kept alive."""
        self._handle = weakref.ref(handle)

    def handle_dropped(self) -> None:
        """Note that the user dropped the handle: no code can wait for the utterance any more."""
        if self.done:
            self.log_failure()

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._done.is_set()

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        self._told = self._told or self.done  # it holds the error
        return self.current_receipt()

    def current_receipt(self) -> Receipt:
        """Return the same for our own code: a user's reading counts as being told of an error."""
        receipt = self.account.receipt(self.track.position() if self.track else 0)
        receipt.interrupted = self.interrupted
        return receipt

    @property
    def position(self) -> int:
        """Frames heard by now, at the source's rate, by the output's DAC time."""
        return self.account.heard(self.track.heard() if self.track else 0)

    @property
    def handed_over(self) -> bool:
        """Whether all of it is in the output already, and cannot be cut."""
        track = self.track
        handed_over = track is not None and track.is_handed_over(track.position())
        return self.received and handed_over

    def result(self) -> Receipt:
        """Return the receipt of what is done, or raise what ended it."""
        self._told = True
        if self.failure is not None:
            raise self.failure
        return self.receipt

    def check_may_wait(self) -> None:
        """Refuse to wait where the utterance would never be done.

        Raises
        ------
        StreamPlayError
            If the caller is a callback on the player's own thread.
        """
        if not self.done and self._owner.is_current:
            what = "this waits for an utterance on the player's own thread, which has to play it"
            remedy = "In notify and on_done, do not wait: have on_done call what is to follow"
            raise StreamPlayError(what, remedy=remedy)

    def wait_done(self, timeout: float | None = None) -> bool:
        """Wait until it is done, however it ended; return whether it is."""
        return self._done.wait(timeout)

    def cancel(self) -> Heard:
        """Silence it now, whatever the network does; nothing, where it is done already."""
        return self._owner.cancel(self)

    def heard(self) -> Heard:
        """Tell what has been heard of it by now."""
        frames = self.account.heard(self.track.position() if self.track else 0)
        rate, given = self.account.samplerate, self.given
        pieces = self.pieces if self.sound is None else ()  # a sound has no text
        text, exact, offset = heard_text(pieces, frames, rate, given)
        return Heard(
            text,
            len(text),
            frames / rate,
            frames,
            exact,
            utterance=self.handle,
            offset=offset,
            given=given,
        )

    def on_done(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when it is done, on the player's thread; at once if it is."""
        with self._lock:
            if not self.done:
                self._callbacks.append(callback)
                return
        callback()

    def off_done(self, callback: Callable[[], object]) -> None:
        """Do not call `callback` any more."""
        with self._lock, suppress(ValueError):
            self._callbacks.remove(callback)

    def subscribe(self, listener: Callable[[Event], object]) -> None:
        """Tell `listener` of all events, and begin to look for them; it must not wait or raise."""
        self.history.subscribe(listener)
        self.call_soon(self._begin_watch)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function on the player's loop."""
        self._owner.call_soon(function)

    # What the player does with it

    def open_files(self, opened: KeptFiles | None = None) -> None:
        """Open the files that its options name.

        Parameters
        ----------
        opened : KeptFiles, optional
            Those files, where they have been opened already.

        Raises
        ------
        FileFailed
            If one cannot be written; none is left open.
        """
        own = self.options
        named = {name: getattr(own, name) for name in ("output", "record", "subtitles", "force")}
        files = opened or KeptFiles(**named)
        if files.sound is not None:
            self.keeper = output_of(files.sound)
        if files.trace is not None:
            self.trace = TraceWriter(files.trace.path, file=files.trace)
        if files.subtitles is not None:
            from streamplay.speech.subtitle_file import SubtitleFile  # few want any

            self.subtitles = SubtitleFile(files.subtitles)
        if own.output is not None and str(own.output) == "-":
            self.keeper = self._standard_output(files)

    def _standard_output(self, files: KeptFiles) -> FileOutput:
        try:
            return open_file("-")
        except BaseException:
            files.close()
            raise

    def drop_files(self) -> None:
        """Close the files of an utterance that is not going to be said."""
        if self.sound is not None:
            self.sound.drop()
        for file in (self.keeper, self.trace, self.subtitles):
            if file is not None:
                file.close()

    def write_subtitles(self, *, whole: bool) -> str:
        """Write the subtitles where there are to be any; return a line for the user, or nothing.

        Raises
        ------
        FileFailed
            If they cannot be written.
        """
        if self.subtitles is None:
            return ""
        account, in_file = self.account, self.keeper is not None
        end = account.frames_saved if in_file else account.meant
        if self.interrupted and not in_file and self.options.play:
            end = self.position
        language = self.options.language or "en"
        self.subtitles.write(self.pieces, account.samplerate, end, language, in_file=in_file)
        return self.subtitles.close(whole=whole)

    def is_heard_before(self, other: UtteranceState) -> bool:
        """Whether it is heard in a gap of `other`, which goes on after it."""
        own, others = self.account.track, other.account.track
        if own.start is None or not self.first:
            return False
        return others.start is None or others.stop is None or others.stop > own.start

    def following(self) -> list[UtteranceState]:
        """Return the utterances that are heard after it."""
        return self._owner.following(self)

    def interrupt(self) -> bool:
        """Mark it as cut short, unless it is done; return whether this call has done so."""
        with self._lock:
            newly = not (self.interrupted or self.done)
            self.interrupted = self.interrupted or newly
            return newly

    def settle(self, now: float) -> None:
        """Finish its account, then `end`; once it was received and heard; on the loop."""
        if self.done:
            return
        error, account = self.failure, self.account
        account.error = error
        whole = error is None and not self.interrupted and not account.failures
        account.finish(now, complete=whole, interrupted=self.interrupted)
        if isinstance(error, StreamPlayError):
            error.receipt = self.current_receipt()
        self.end()

    def end(self) -> None:
        """Tell its end, and release all threads that wait for it; on the loop."""
        try:
            self._told = self._watch.end() or self._told
        finally:
            with self._lock:
                self._done.set()
            self.account.changes.notify()  # `_keep_watch` ends
            for callback in tuple(self._callbacks):
                self._call(callback)
            if self._handle is None or self._handle() is None:
                self.log_failure()

    def log_failure(self) -> None:
        """Log the failure at ERROR, once, unless somebody has been told of it."""
        with self._lock:
            failure, told = self.failure, self._told
            self._told = True
        if failure is None or told:
            return
        import logging  # only a failure needs it

        log = logging.getLogger("streamplay")
        log.error(
            "an utterance failed and no code waited for it: %s: %s", type(failure).__name__, failure
        )

    def _call(self, callback: Callable[[], object]) -> None:
        """Call back; what it raises is reported, and the other callbacks are called."""
        try:
            callback()
        except BaseException as error:  # noqa: BLE001 - an exit would end the player's loop
            with suppress(Exception):
                self.options.tell(f"on_done raised {error!r}")

    def note_change(self, change: Change, piece: Piece | None) -> None:
        """Note that another server goes on, inside `piece` or behind all pieces; on the loop."""
        offset, exact = self.pieces[-1].passage.stop if self.pieces else 0, True
        if piece is not None:
            join = piece.last_join
            offset, exact = piece.passage.place(join.length), join.exact
        names = change.before.name, change.after.name
        self.changes.append(ServerChange(*names, change.error, offset, exact))
        self.account.changes.notify()

    def begin_trace(self) -> None:
        """Write the head of the arrival trace, once, where there is one; on the loop."""
        if self.trace is None or self.trace.begun:
            return
        facts = self.current_receipt()
        told = facts.format
        self.trace.begin(
            base_url=facts.base_url,
            model=facts.model,
            voice=facts.voice,
            chars=facts.chars,
            audio=AudioFormat(told.effective, told.samplerate, told.channels),
        )

    def _begin_watch(self) -> None:
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._keep_watch())

    async def _keep_watch(self) -> None:
        while not self.done:
            await self.account.changes.wait(self._watch.look())

    def abandon(self) -> None:
        """Fail it in a forked child: none of the player's threads runs there.

        The locks may be held for ever by threads that do not exist in the child.
        """
        self._lock, self._done = threading.RLock(), threading.Event()
        self.history = History(lambda: self.handle)
        self._watch = Tracker(self, time.perf_counter)
        self.track, self.failure, self._callbacks = None, self.failure or PlayerClosed(), []
        self._told = True
        self.end()
