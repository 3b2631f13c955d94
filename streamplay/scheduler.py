"""One utterance after the other: receives each in its turn, and settles it once it was heard."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING

from streamplay.errors import DeviceLost, OutputFailed, StreamPlayError
from streamplay.reading import drop
from streamplay.speech.producer import Producer, SoundProducer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.playback.track import Track
    from streamplay.speech.resources import Resources
    from streamplay.speech.state import UtteranceState


class Scheduler:
    """Takes utterances in order. Everything runs on the player's loop.

    An utterance is done when it has been received and heard, in whatever order
    these end: a cut is heard before the request has been let go of.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._queue: deque[UtteranceState] = deque()
        self._added = asyncio.Event()
        self._settling: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to take utterances."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    def add(self, utterance: UtteranceState) -> None:
        """Queue an utterance."""
        self._queue.append(utterance)
        self._added.set()

    def stop_receiving(self, utterance: UtteranceState) -> None:
        """Let go of its request: nothing more of it is going to be heard."""
        pump = self._resources.session.pump
        if pump is not None and utterance.track is not None:
            pump.cut([utterance.track])  # it may have been added after `PlayerCore` cut it
        if utterance.task is not None:
            utterance.task.cancel()
        elif utterance in self._queue:
            self._queue.remove(utterance)
            self._drop(utterance)

    async def settled(self, utterances: Iterable[UtteranceState]) -> None:
        """Wait until all of `utterances` are done; what was cut soon is."""
        for utterance in utterances:
            done = asyncio.Event()
            utterance.on_done(done.set)
            await done.wait()

    async def _run(self) -> None:
        while True:
            while not self._queue:
                self._added.clear()
                await self._added.wait()
            utterance = self._queue.popleft()
            if utterance.interrupted:
                self._drop(utterance)
            else:
                await self._receive(utterance)
            del utterance  # nothing keeps what was said while nothing is being said

    def _drop(self, utterance: UtteranceState) -> None:
        """End an utterance that was cut before its turn; its text is closed unread."""
        feed = utterance.feed
        if feed is None:
            drop(utterance.text)
        elif feed.file is None:  # a file is closed with the others
            drop(feed.frames)
        self._end(utterance, None, None)

    async def _receive(self, utterance: UtteranceState) -> None:
        try:
            utterance.task = asyncio.create_task(self._source(utterance).run())
        except Exception as error:  # noqa: BLE001 - after a bug too, it must end
            self._give_up(utterance, error)
            return
        hearing = asyncio.create_task(_heard(utterance.account.track))
        await asyncio.wait({utterance.task, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():  # it was cut, or its output lost
            _note_loss(utterance, hearing.result())
            self.stop_receiving(utterance)
        await asyncio.wait([utterance.task])
        self._end(utterance, _outcome(utterance.task), hearing)
        self._resources.store.write()

    def _end(
        self,
        utterance: UtteranceState,
        error: Exception | None,
        hearing: asyncio.Task[OutputFailed | None] | None,
    ) -> None:
        try:
            self._received(utterance, error, hearing)
        except Exception as bug:  # noqa: BLE001 - after a bug too, it must end
            self._give_up(utterance, bug)

    def _source(self, utterance: UtteranceState) -> Producer | SoundProducer:
        if utterance.feed is None:
            return Producer(utterance, self._resources)
        return SoundProducer(utterance, utterance.feed, self._resources)

    def _received(
        self,
        utterance: UtteranceState,
        error: Exception | None,
        hearing: asyncio.Task[OutputFailed | None] | None,
    ) -> None:
        """Finish the files at once: what is kept does not wait for what is heard."""
        utterance.failure = utterance.failure or error
        unfinished = self._finish_files(utterance)
        utterance.failure = utterance.failure or unfinished
        utterance.received = True
        if hearing is not None and utterance.track is not None and not hearing.done():
            settling = asyncio.create_task(self._settle_when_heard(utterance, hearing))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
            return
        if hearing is not None:
            hearing.cancel()
        self._settle(utterance)

    async def _settle_when_heard(
        self, utterance: UtteranceState, hearing: asyncio.Task[OutputFailed | None]
    ) -> None:
        try:
            _note_loss(utterance, await hearing)
            self._settle(utterance)
        except Exception as error:  # noqa: BLE001 - it concerns this one alone
            self._give_up(utterance, error)

    def _settle(self, utterance: UtteranceState) -> None:
        if utterance.done:
            return
        error, account = utterance.failure, utterance.account
        account.error = error
        whole = error is None and not utterance.interrupted and not account.failures
        account.finish(self._resources.clock(), complete=whole, interrupted=utterance.interrupted)
        if isinstance(error, StreamPlayError):
            error.receipt = utterance.receipt
        utterance.settle()

    def _give_up(self, utterance: UtteranceState, error: Exception) -> None:
        """Fail an utterance by a bug of ours, wherever it was."""
        failure = StreamPlayError(f"the player failed with {error!r}", remedy="Please report this")
        failure.__cause__ = error
        utterance.failure = utterance.account.error = failure
        if not utterance.done:
            self.stop_receiving(utterance)
            with suppress(Exception):  # the bug may be in there
                failure.receipt = utterance.receipt
            utterance.settle()

    def _finish_files(self, utterance: UtteranceState) -> StreamPlayError | None:
        error: StreamPlayError | None = None
        if utterance.feed is not None:
            utterance.feed.drop()
        try:
            if utterance.keeper is not None:
                utterance.keeper.close()
        except StreamPlayError as failure:
            error = failure
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


async def _heard(track: Track) -> OutputFailed | None:
    """Wait until nothing more of `track` is going to be heard; return why its output was lost."""
    try:
        await asyncio.shield(asyncio.wrap_future(track.done))
    except OutputFailed as error:
        return error
    return None


def _note_loss(utterance: UtteranceState, error: OutputFailed | None) -> None:
    """Note that the output was lost before all was heard; where it was cut, that is no matter."""
    if error is not None and not utterance.interrupted:
        utterance.failure = utterance.failure or _own(error, utterance)


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
