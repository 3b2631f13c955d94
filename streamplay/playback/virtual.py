"""Arrivals in virtual time, through the real pump and the real playout.

A step a block, ``t += blocksize / samplerate``, or at the moments when a device has asked. Where
the blocks are regular and the first is asked for with the first arrival, this agrees exactly with
`streamplay.policy.simulate`; a test holds them to it. benchmarks.policy.player holds this to what
was heard.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final, Literal

from streamplay.playback.playout import Playout
from streamplay.playback.pump import RING_SECONDS, Pump
from streamplay.playback.track import Track
from streamplay.policy.simulate import BLOCK_SECONDS, Played

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Renderer
    from streamplay.policy.jitter import Policy
    from streamplay.trace import Trace

_HAIR: Final = 1e-9
"""Seconds closer than this are the same: as in `streamplay.policy.simulate`."""


def play_in_blocks(trace: Trace, policy: Policy, *, blocks: Sequence[float] = ()) -> Played:
    """Play `trace` in virtual time through the real pump and playout.

    Parameters
    ----------
    trace : Trace
        With at least one arrival, and less audio than the pump's queue holds (eleven minutes).
    policy : Policy
        Is asked as the player asks it, and learns where the trace is complete.
    blocks : sequence of float
        When the device asked for its blocks, as far as that is known; after that they are
        regular. A trace does not say: unless given, the first is asked for with the first arrival.
    """
    first = trace.arrivals[0][0]
    policy.on_request(trace.characters)
    player = _VirtualPlayer(trace, policy, blocks or (first,))
    for now, frames in trace.arrivals:
        player.run_until(now)
        player.put(frames, now)
    player.run_until(trace.ended)
    player.end(trace.ended)
    policy.on_end(learn=trace.complete)
    gaps = tuple(frames / trace.samplerate for frames in player.track.stalls)
    assert player.track.first_sound is not None
    return Played(player.track.first_sound - first, gaps, trace.safe_start, player.finished)


class _VirtualPlayer:
    """Pump and playout on a clock that `run_until` advances."""

    def __init__(self, trace: Trace, policy: Policy, blocks: Sequence[float]) -> None:
        rate, channels = trace.samplerate, trace.channels
        blocksize = round(BLOCK_SECONDS * rate)
        self.track = Track()
        self.finished = 0.0
        self._channels = channels
        self._playout = Playout(rate, channels, round(RING_SECONDS * rate))
        self._now = blocks[0]
        self._pump = Pump(_NoOutput(rate), self._playout, lambda: self._now, asked=(rate, channels))
        self._pump.add(self.track, policy)
        self._block = memoryview(bytearray(4 * blocksize * channels)).cast("f")
        period = blocksize / rate
        self._moments = _go_on(blocks, period)
        self._next = next(self._moments)
        self._due = self._now

    def run_until(self, now: float) -> None:
        """Render every block that begins before `now`."""
        while self._next < now - _HAIR:
            self._step()

    def put(self, frames: int, now: float) -> None:
        """Let frames arrive."""
        import numpy as np

        self._now = now
        putting = self._pump.put_frames(
            self.track, np.zeros((frames, self._channels), np.float32), now
        )
        with suppress(StopIteration):
            putting.send(None)  # it waits only for a full queue
        self._due = self._pump.next_due()

    def end(self, now: float) -> None:
        """Let the stream end, and play what is left."""
        self._now = now
        self._pump.close(self.track)
        self._due = self._pump.next_due()
        while self._playout.position < self._playout.written or self.track.waiting:
            self._step()
        self._pump.step()

    def _step(self) -> None:
        self._now, self._next = self._next, next(self._moments)
        before = self._playout.position
        self._playout.render(self._block, self._now)
        if self._playout.position > before:
            left = self._pump.seconds_until_heard(self._playout.position)
            self.finished = self._now + (left or 0.0)
        if self._now >= self._due - _HAIR:
            self._pump.step()
            self._due = self._pump.next_due()


def _go_on(moments: Sequence[float], period: float) -> Iterator[float]:
    """Yield `moments`, and then regular ones after the last."""
    yield from moments
    yield from (moments[-1] + number * period for number in count(1))


class _NoOutput:
    """An output for a pump whose blocks are rendered by hand."""

    name = "virtual time"
    kind: Literal["silent"] = "silent"
    latency = 0.0
    speed = 1.0
    failure: OutputFailed | None = None

    def __init__(self, samplerate: int, channels: int = 1) -> None:
        self.samplerate = samplerate
        self.channels = channels

    def start(self, renderer: Renderer, on_lost: Callable[[], object] = lambda: None) -> None:
        """Do nothing: blocks are rendered by hand."""

    def detach(self) -> bool:
        """Do nothing."""
        return True

    def close(self) -> None:
        """Do nothing."""
