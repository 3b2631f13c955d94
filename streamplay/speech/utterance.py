"""One utterance, as whoever asked for it sees it: wait for it, cancel it, read its receipt."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from streamplay.audio import AudioFormat
from streamplay.errors import PlayerClosed
from streamplay.events import History
from streamplay.speech.tracker import TICK_SECONDS, Tracker
from streamplay.speech.transcript import Heard, Piece, heard_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator

    from streamplay.events import Event
    from streamplay.options import Options
    from streamplay.outputs.recording import FileOutput
    from streamplay.playback.track import Track
    from streamplay.receipt import Receipt
    from streamplay.speech.account import Account
    from streamplay.speech.source import SoundSource
    from streamplay.trace import TraceWriter

__all__ = ["Heard", "Piece", "Utterance"]


class Utterance:
    """Something that is being said, or is going to be.

    Made by `Player.say`. Everything public may be used from any thread.
    """

    def __init__(
        self,
        text: str | Iterable[str] | AsyncIterable[str],
        options: Options,
        account: Account,
        canceller: Callable[[Utterance], Heard],
        *,
        keeper: FileOutput | None = None,
        trace: TraceWriter | None = None,
        feed: SoundSource | None = None,
    ) -> None:
        self.text = text
        self.feed = feed
        self.options = options
        self.account = account
        self.keeper = keeper
        self.trace = trace
        self.track: Track | None = None
        self.task: asyncio.Task[None] | None = None
        self.pieces: list[Piece] = []
        self.received = False
        self.interrupted = False
        self.failure: Exception | None = None
        self.history = History()
        self._watch = Tracker(self, time.perf_counter)
        self._watching: asyncio.Task[None] | None = None
        self._canceller = canceller
        self._done = threading.Event()
        self._lock = threading.RLock()  # a signal's handler may interrupt whoever holds it
        self._callbacks: list[Callable[[], object]] = []

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._done.is_set()

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        return self.account.receipt(self.track.position() if self.track else 0)

    @property
    def position(self) -> int:
        """Frames heard by now, at the source's rate: what has left the loudspeaker.

        By the output's DAC time, so that it lags what was handed over by the
        output's latency; monotone, and without drift.
        """
        return self.account.heard(self.track.heard() if self.track else 0)

    def wait(self, timeout: float | None = None) -> Receipt:
        """Wait until it has been heard.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        Receipt
            Also where it was interrupted: that is no error.

        Raises
        ------
        TimeoutError
            If it took longer than `timeout`; it goes on all the same.
        StreamPlayError
            What ended it; ``error.receipt`` tells what was received and heard.
        """
        if not self._done.wait(timeout):
            raise TimeoutError(f"not heard within {timeout:g} s")
        if self.failure is not None:
            raise self.failure
        return self.receipt

    def wait_done(self) -> None:
        """Wait until it is done, however it ended."""
        self._done.wait()

    def cancel(self) -> Heard:
        """Silence it now, whatever the network does; nothing, where it is done already."""
        return self._canceller(self)

    def heard(self) -> Heard:
        """Tell what has been heard of it by now."""
        frames = self.account.heard(self.track.position() if self.track else 0)
        rate = self.account.samplerate
        text, exact = heard_text(self.pieces, frames, rate)
        return Heard(text, len(text), frames / rate, frames, exact)

    def events(self) -> Iterator[Event]:
        """Yield what happens to it, from its beginning to its end: see docs/events.md.

        Any number of threads may iterate; who begins late is told all the same.
        """
        return iter(self.history)

    def on_done(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when it is done, on the player's thread; at once if it is."""
        with self._lock:
            if not self.done:
                self._callbacks.append(callback)
                return
        callback()

    @property
    def handed_over(self) -> bool:
        """Whether all of it is in the output already, and cannot be cut; the player's own."""
        track = self.track
        handed_over = track is not None and track.is_handed_over(track.position())
        return self.received and handed_over

    def interrupt(self) -> bool:
        """Mark it as cut short, unless it is done; the player's own."""
        with self._lock:
            self.interrupted = self.interrupted or not self.done
            return not self.done

    def settle(self) -> None:
        """Let go of whoever waits; the player's own."""
        try:
            self._watch.end()
        finally:
            with self._lock:
                self._done.set()
            for callback in self._callbacks:
                self._call(callback)

    def _call(self, callback: Callable[[], object]) -> None:
        """Call back; whatever it raises keeps nobody else from being told."""
        try:
            callback()
        except BaseException as error:  # noqa: BLE001 - an exit would end the player's loop
            with suppress(Exception):
                self.options.tell(f"on_done raised {error!r}")

    def begin_trace(self) -> None:
        """Write the head of the arrival trace, once, where there is one; the player's own."""
        if self.trace is None or self.trace.begun:
            return
        facts = self.receipt
        told = facts.format
        self.trace.begin(
            base_url=facts.base_url,
            model=facts.model,
            voice=facts.voice,
            chars=facts.chars,
            audio=AudioFormat(told.effective, told.samplerate, told.channels),
        )

    def begin_watch(self) -> None:
        """Tell what happens as it happens; on the loop; the player's own."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._keep_watch())

    async def _keep_watch(self) -> None:
        while not self.done:
            self._watch.look()
            await asyncio.sleep(TICK_SECONDS)

    def abandon(self) -> None:
        """Let go of whoever waits in a process that was forked: nothing runs there; the player's.

        The locks may be held for ever by threads that are not here.
        """
        self._lock, self._done = threading.RLock(), threading.Event()
        self.history = History()
        self._watch = Tracker(self, time.perf_counter)
        self.track, self.failure, self._callbacks = None, self.failure or PlayerClosed(), []
        self.settle()
