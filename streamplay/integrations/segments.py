"""Speech that another framework makes, played segment by segment: what its adapters share.

A framework hands over frames as they come, marks where a segment ends, and wants to know when a
segment has been heard, or how much of it had been when somebody cut in. Here each segment is one
utterance of an `AsyncPlayer`. Everything runs on the framework's event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamplay.events import End, Failed, FirstSound, Interrupted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from streamplay.aio import AsyncPlayer, AsyncUtterance
    from streamplay.audio import Samples

    Ended = Callable[["SegmentHeard"], object]


@dataclass(frozen=True, slots=True)
class SegmentHeard:
    """What was heard of one segment, in the end.

    Attributes
    ----------
    seconds : float
        Of its audio: what has left the loudspeaker.
    interrupted : bool
        Whether it was cut.
    error : Exception or None
        What ended it, if it failed.
    """

    seconds: float
    interrupted: bool
    error: Exception | None = None


class Segments:
    """Plays segments one after the other, and tells when each begins and ends.

    Parameters
    ----------
    player : AsyncPlayer
        Open or not yet. The caller that made it closes it.
    started : callable
        Called when a segment's first frame is heard.
    ended : callable
        Called with a `SegmentHeard` when a segment is over; in the order of the segments.
    """

    def __init__(self, player: AsyncPlayer, started: Callable[[], object], ended: Ended) -> None:
        self._player = player
        self._started = started
        self._ended = ended
        self._segment: _Segment | None = None
        self._going: deque[_Segment] = deque()

    @property
    def position(self) -> float:
        """Seconds heard of the segment that is being heard."""
        return self._going[0].position if self._going else 0.0

    @property
    def ahead(self) -> float:
        """Seconds that were handed over and have not been heard yet."""
        return sum(segment.given - segment.position for segment in self._going)

    async def put_frames(self, frames: Samples, samplerate: int) -> None:
        """Take frames of the current segment, ``int16`` or ``float32 (n, channels)``."""
        segment = self._segment
        if segment is None:
            segment = self._segment = _Segment(samplerate)
            self._going.append(segment)
            segment.task = asyncio.create_task(self._play(segment))
        segment.put(frames)

    def end_segment(self) -> None:
        """Note that nothing more of the current segment comes."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.put(None)

    def cut(self) -> float:
        """Silence everything at once; return the seconds heard of what was being heard."""
        segment, self._segment = self._segment, None
        heard = at_once(self._player.interrupt())
        for each in self._going:
            each.cut = True
        if segment is not None:
            segment.put(None)
        return float(heard.seconds)

    async def aclose(self) -> None:
        """Cut what is being heard, and wait until all segments are over."""
        self.cut()
        tasks = [segment.task for segment in self._going if segment.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self, segment: _Segment) -> None:
        outcome = SegmentHeard(0.0, interrupted=True)
        try:
            # A cut that comes while the player is still being opened finds no utterance yet.
            segment.utterance = await self._player.play(segment.frames(), segment.samplerate)
            if segment.cut:
                await segment.utterance.cancel()
            outcome = await self._follow(segment, segment.utterance)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the framework waits for the end of each segment
            outcome = SegmentHeard(segment.position, interrupted=False, error=error)
        finally:
            self._going.remove(segment)
            self._ended(outcome)

    async def _follow(self, segment: _Segment, utterance: AsyncUtterance) -> SegmentHeard:
        async for event in utterance.events():
            if isinstance(event, FirstSound):
                self._started()
            if isinstance(event, End):
                error = event.error if isinstance(event, Failed) else None
                seconds = event.receipt.frames.played / segment.samplerate
                return SegmentHeard(seconds, isinstance(event, Interrupted), error)
        raise AssertionError("an utterance's events end with its end")


class _Segment:
    def __init__(self, samplerate: int) -> None:
        self.samplerate = samplerate
        self.given = 0.0
        self.cut = False
        self.utterance: AsyncUtterance | None = None
        self.task: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    @property
    def position(self) -> float:
        utterance = self.utterance
        return 0.0 if utterance is None else utterance.position / self.samplerate

    def put(self, frames: Samples | None) -> None:
        if frames is not None:
            self.given += len(frames) / self.samplerate
        self._queue.put_nowait(frames)

    async def frames(self) -> AsyncIterator[Any]:
        while (frames := await self._queue.get()) is not None:
            yield frames


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never suspends, such as `AsyncPlayer.interrupt`, from a plain function.

    Raises
    ------
    RuntimeError
        If it does suspend.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("the coroutine has suspended")
