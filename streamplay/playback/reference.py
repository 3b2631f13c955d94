"""The frames as they were played, for an echo canceller: after volume and fades, with silence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final, Protocol, Self

from streamplay.resample import Adapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from concurrent.futures import Future
    from types import TracebackType

    from streamplay.audio import Frames
    from streamplay.playback.changes import SharedChanges
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.ring import Echoed

KEPT_SECONDS: Final = 1.0
"""How late a reader may be before frames are lost, and counted."""

BLOCK_SECONDS: Final = 0.005
"""An output's usual block: its counters do not move more often, so nothing is looked at sooner."""

ANCHORS: Final = 101
"""Blocks over which the median of the DAC times is taken: each jitters by the callback's delay."""


class Outputs(Protocol):
    """The output that is open now, and the next ones: a `streamplay.playback.session.Session`."""

    @property
    def playout(self) -> AnyPlayout | None:
        """Its playout; None: none is open."""

    @property
    def changes(self) -> SharedChanges:
        """Notified when an output is opened or closed."""


class PlayerEnd(Protocol):
    """The end of a player: a `streamplay.closing.Closing`."""

    @property
    def ended(self) -> Future[None]:
        """Done when the player has been closed; another one in a forked child, done there."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceBlock:
    """A block of frames that was played.

    Attributes
    ----------
    frames : numpy.ndarray
        ``float32 (block, channels)``, the output's channels.
    index : int
        Of the first frame, since the output was opened, at the reference's rate. It goes on from
        block to block; where frames were lost it jumps by as many.
    time : float
        When the first frame is heard: the output's DAC time, by ``time.perf_counter()``.
    """

    frames: Frames
    index: int
    time: float


class Reference:
    """An iterator, and async iterator, over what is played; it ends when its player is closed.

    Made by `Player.reference`. For one thread or one task at a time.

    Parameters
    ----------
    outputs : Outputs
        The player's.
    samplerate : int or None
        Rate of the blocks; None: the output's.
    block : int
        Frames in a block.
    end : PlayerEnd
        The player's.
    """

    def __init__(
        self,
        outputs: Outputs,
        samplerate: int | None,
        block: int,
        end: PlayerEnd,
    ) -> None:
        self._outputs = outputs
        self._asked = samplerate
        self._block = block
        self._end = end
        self._closed = False
        self._playout: AnyPlayout | None = None
        self._lost = 0
        self._ready: deque[ReferenceBlock] = deque()
        self._index = 0  # of the next frame, at the reference's rate
        self._next: int | None = None  # the output's next frame, where it goes on from the last
        self._waiting: Frames  # made with the adapter, for the first block
        self._begun = 0, 0  # a frame here, and the output's that it is
        self._offsets: deque[float] = deque(maxlen=ANCHORS)
        self._attach()
        end.ended.add_done_callback(lambda _: outputs.changes.notify())

    @property
    def lost(self) -> int:
        """Frames of the output that were lost because they were not read in time."""
        return self._lost + (self._playout.echo.lost if self._playout is not None else 0)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed or self._end.ended.done()

    def close(self) -> None:
        """Keep nothing more for it, and end the iterators."""
        self._closed = True
        if self._playout is not None:
            self._playout.echo.stop()
        self._outputs.changes.notify()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[ReferenceBlock]:
        """Yield blocks as they are played, waiting for each."""
        changes = self._outputs.changes
        while True:
            number = changes.number
            block = self.read()
            if block is not None:
                yield block
            elif self.closed:
                return
            else:
                changes.wait_in_thread(number, self._seconds_to_next())

    async def __aiter__(self) -> AsyncIterator[ReferenceBlock]:
        """Yield blocks as they are played, waiting for each."""
        changes = self._outputs.changes
        while True:
            number = changes.number
            block = self.read()
            if block is not None:
                yield block
            elif self.closed:
                return
            else:
                await changes.wait(number, self._seconds_to_next())

    def read(self) -> ReferenceBlock | None:
        """Return the next block; None if it has not been played yet. Does not wait."""
        if not self._ready and not self._closed:
            self._attach()
            if self._playout is not None:
                for echoed in self._playout.echo.read_blocks():
                    self._take(echoed)
        return self._ready.popleft() if self._ready else None

    def _seconds_to_next(self) -> float | None:
        """Return when the next block may have been played; None: not before an output is open."""
        playout = self._playout
        if playout is None or playout is not self._outputs.playout:
            return None
        if self._next is None:
            return BLOCK_SECONDS
        missing = (self._block - len(self._waiting)) / self._rate
        complete = self._next + ceil(missing * playout.samplerate)
        return max(BLOCK_SECONDS, (complete - playout.rendered) / playout.samplerate)

    def _attach(self) -> None:
        """Read from the output that is open now; the index goes on from the last one's."""
        playout = self._outputs.playout
        if playout is None or playout is self._playout:
            return
        if self._playout is not None:
            self._lost += self._playout.echo.lost
        self._playout, self._next = playout, None
        playout.echo.start(round(KEPT_SECONDS * playout.samplerate))

    def _take(self, echoed: Echoed) -> None:
        import numpy as np

        playout = self._playout
        assert playout is not None
        frames = np.frombuffer(echoed.samples, np.float32).reshape(-1, playout.channels)
        if echoed.first != self._next:
            self._restart(echoed.first, playout)
        self._next = echoed.first + len(frames)
        self._offsets.append(echoed.heard_at - echoed.first / playout.samplerate)
        self._waiting = np.concatenate((self._waiting, self._adapter.convert(frames)))
        while len(self._waiting) >= self._block:
            block, self._waiting = self._waiting[: self._block], self._waiting[self._block :]
            self._ready.append(ReferenceBlock(block, self._index, self._time(playout)))
            self._index += self._block

    def _restart(self, index: int, playout: AnyPlayout) -> None:
        """Continue at a frame of the output that does not follow the last one read."""
        import numpy as np

        rate, channels = self._asked or playout.samplerate, playout.channels
        if self._next is None:  # another output
            there = max(self._index, round(index * rate / playout.samplerate))
        else:
            there, here = self._begun
            there += round((index - here) * rate / playout.samplerate)
        self._index, self._begun, self._rate = there, (there, index), rate
        self._adapter = Adapter((playout.samplerate, channels), (rate, channels))
        self._waiting = np.empty((0, channels), np.float32)
        self._offsets.clear()

    def _time(self, playout: AnyPlayout) -> float:
        """Return when the next frame is heard: by the median of the last blocks' DAC times."""
        there, here = self._begun
        from statistics import median  # only a reader needs it: the import takes 4 ms

        return (
            median(self._offsets) + (here / playout.samplerate) + (self._index - there) / self._rate
        )
