"""One utterance after the other: receives each in its turn, and settles it once it was heard."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost, OutputFailed, StreamPlayError, TextFailed
from streamplay.reading import drop
from streamplay.speech.producer import Producer, SoundProducer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from streamplay.speech.resources import Resources
    from streamplay.speech.state import UtteranceState


SOURCE_SECONDS: Final = 60.0
"""How long a player that is being closed waits for a text, or for frames, of which nothing comes.
A model that thinks before its first word may take most of it; one that is stuck must not keep the
process."""


class Scheduler:
    """Takes utterances in order. Everything runs on the player's loop.

    One is received at a time. Only an utterance that waits for its text lets one that was given
    with ``first`` be received, and heard, in the gap. An utterance is done when it has been
    received and heard, in whatever order these end: a cut is heard before the request has been
    let go of.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._queue: deque[UtteranceState] = deque()
        self._receiving: list[UtteranceState] = []  # the last one speaks in a gap of that before
        self._awaiting_gap: asyncio.Task[None] | None = None
        self._limits: set[asyncio.Task[None]] | None = None  # None: the player is not being closed

    def add(self, utterance: UtteranceState) -> None:
        """Queue an utterance: behind all others, or before those that were not given first."""
        if not self._receiving:
            self._begin(utterance)
            return
        ahead = sum(each.first for each in self._queue) if utterance.first else len(self._queue)
        self._queue.insert(ahead, utterance)
        self._go_on()

    def stop_receiving(self, utterance: UtteranceState) -> None:
        """Let go of its request: nothing more of it is going to be heard."""
        pump = self._resources.session.pump
        if pump is not None and utterance.track is not None:
            pump.cut([utterance.track])  # it may have been added after `PlayerCore` cut it
        if utterance.task is not None:
            utterance.task.cancel()
        elif utterance in self._queue:
            self._queue.remove(utterance)
            self._finish(utterance, None)
            self._go_on()  # the gap may have been awaited for this one

    def begin_closing(self) -> None:
        """Give up, from now on, a source of which nothing comes for `SOURCE_SECONDS`."""
        self._limits = set()
        for utterance in self._receiving:
            self._set_limit(utterance)

    async def settled(self, utterances: Iterable[UtteranceState]) -> None:
        """Wait until all of `utterances` are done; what was cut soon is."""
        for utterance in utterances:
            done = asyncio.Event()
            utterance.on_done(done.set)
            await done.wait()

    # Whose turn it is

    def _go_on(self) -> None:
        """Begin with the next utterance, if it is its turn."""
        if self._awaiting_gap is not None:
            self._awaiting_gap.cancel()
            self._awaiting_gap = None
        while self._queue and not self._receiving:
            self._begin(self._queue.popleft())
        if self._queue and self._queue[0].first:
            waiting = self._await_gap(self._receiving[-1])
            self._awaiting_gap = asyncio.create_task(waiting)

    async def _await_gap(self, utterance: UtteranceState) -> None:
        """Begin with the next one once this utterance waits for its text."""
        while not utterance.waits_for_text:
            await utterance.account.changes.wait()
        self._awaiting_gap = None
        self._begin(self._queue.popleft())
        self._go_on()

    def _begin(self, utterance: UtteranceState) -> None:
        if utterance.interrupted:
            self._finish(utterance, None)
            return
        try:
            source = self._source(utterance)
        except Exception as error:  # noqa: BLE001 - after a bug too, it must end
            self._give_up(utterance, error)
            return
        self._receiving.append(utterance)
        self._reserve(utterance)
        self._set_limit(utterance)
        utterance.task = asyncio.create_task(source.run())
        utterance.task.add_done_callback(partial(self._received, utterance))
        utterance.account.track.done.add_done_callback(partial(self._heard, utterance))

    def _reserve(self, utterance: UtteranceState) -> None:
        """Have it heard before those behind it that have been received already."""
        pump = self._resources.session.pump
        if utterance.first and pump is not None:
            utterance.track = utterance.account.track
            following = [each.account.track for each in utterance.following()]
            pump.reserve(utterance.track, following)

    def _set_limit(self, utterance: UtteranceState) -> None:
        if self._limits is not None:
            limit = asyncio.create_task(self._limit(utterance))
            self._limits.add(limit)
            limit.add_done_callback(self._limits.discard)

    async def _limit(self, utterance: UtteranceState) -> None:
        """End an utterance whose source gives nothing for too long."""
        while utterance in self._receiving:
            since, now = utterance.reading_since, self._resources.clock()
            left = SOURCE_SECONDS if since is None else since + SOURCE_SECONDS - now
            if left <= 0:
                late = (
                    f"nothing more came for {SOURCE_SECONDS:g} s while the player was being closed"
                )
                utterance.failure = utterance.failure or TextFailed(late)
                self.stop_receiving(utterance)
                return
            await utterance.account.changes.wait(left)

    def _source(self, utterance: UtteranceState) -> Producer | SoundProducer:
        if utterance.sound is None:
            return Producer(utterance, self._resources)
        return SoundProducer(utterance, utterance.sound, self._resources)

    # How it ends

    def _received(self, utterance: UtteranceState, task: asyncio.Task[None]) -> None:
        self._receiving.remove(utterance)
        pump, track = self._resources.session.pump, utterance.track
        if pump is not None and track is not None and not track.closed:
            pump.close(track)  # its place was kept, and no frames came
        self._finish(utterance, _outcome(task))
        self._resources.store.write()
        self._go_on()

    def _finish(self, utterance: UtteranceState, error: Exception | None) -> None:
        """Finish the files at once: what is kept does not wait for what is heard."""
        try:
            _close_unread(utterance)
            utterance.failure = utterance.failure or error
            unfinished = self._finish_files(utterance)
            utterance.failure = utterance.failure or unfinished
            utterance.received = True
            if utterance.track is None or utterance.track.done.done():
                utterance.settle(self._resources.clock())
        except Exception as bug:  # noqa: BLE001 - after a bug too, it must end
            self._give_up(utterance, bug)

    def _heard(self, utterance: UtteranceState, done: Future[None]) -> None:
        """Settle it where it was received too; else it was cut, or its output lost."""
        try:
            error = done.exception()
            if isinstance(error, OutputFailed) and not utterance.interrupted:
                utterance.failure = utterance.failure or _own(error, utterance)
            if utterance.received:
                utterance.settle(self._resources.clock())
            else:
                self.stop_receiving(utterance)
        except Exception as bug:  # noqa: BLE001 - it concerns this one alone
            self._give_up(utterance, bug)

    def _give_up(self, utterance: UtteranceState, error: Exception) -> None:
        """Fail an utterance by a bug of ours, wherever it was."""
        failure = StreamPlayError(f"the player failed with {error!r}", remedy="Please report this")
        failure.__cause__ = error
        utterance.failure = utterance.account.error = failure
        if not utterance.done:
            self.stop_receiving(utterance)
            with suppress(Exception):  # the bug may be in there
                failure.receipt = utterance.receipt
            utterance.end()

    def _finish_files(self, utterance: UtteranceState) -> StreamPlayError | None:
        error: StreamPlayError | None = None
        if utterance.sound is not None:
            utterance.sound.drop()
        for finish in (_finish_output, _finish_subtitles):
            try:
                if left := finish(utterance):
                    self._resources.options.tell(left)
            except StreamPlayError as failure:
                error = error or failure
        try:
            self._end_trace(utterance, utterance.failure or error)
        except StreamPlayError as failure:
            error = error or failure
        return error

    def _end_trace(self, utterance: UtteranceState, ended: Exception | None) -> None:
        if utterance.trace is None:
            return
        how = "interrupted" if utterance.interrupted else "complete"
        utterance.begin_trace()  # nothing may have come that had begun it
        begun = utterance.account.begun
        seconds = 0.0 if begun is None else self._resources.clock() - begun
        utterance.trace.end(seconds, type(ended).__name__ if ended else how)


def _is_whole(utterance: UtteranceState) -> bool:
    """Whether all has come that was to come."""
    cut = utterance.failure is not None or utterance.interrupted
    return not (cut or utterance.account.failures)


def _finish_output(utterance: UtteranceState) -> str:
    keeper = utterance.keeper
    return "" if keeper is None else keeper.close(whole=_is_whole(utterance))


def _finish_subtitles(utterance: UtteranceState) -> str:
    return utterance.write_subtitles(whole=_is_whole(utterance))


def _close_unread(utterance: UtteranceState) -> None:
    """Close a text, or frames, that were dropped before they were read."""
    sound = utterance.sound
    if utterance.begun:
        return
    if sound is None:
        drop(utterance.text)
    elif sound.file is None:  # a file is closed with the others
        drop(sound.frames)


def _own(error: OutputFailed, utterance: UtteranceState) -> OutputFailed:
    """Return a copy of the error for one utterance: an error holds the receipt of one."""
    own = copy(error)
    if isinstance(own, DeviceLost):
        facts = utterance.receipt
        rate = facts.format.samplerate
        own.heard = facts.frames.played / rate
        own.remaining = facts.frames.received / rate - own.heard
    return own


def _outcome(task: asyncio.Task[None]) -> Exception | None:
    """Return what ended a task; None where it ended well or was cancelled."""
    error = None if task.cancelled() else task.exception()
    if error is None or isinstance(error, Exception):
        return error
    return RuntimeError(f"the player's loop was left by {error!r}")
