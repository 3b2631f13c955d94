"""Plays a recorded arrival trace: the same amounts of audio at the same times, as a tone.

A trace holds no sound. Its pieces are filled with a tone that changes its pitch
every second, so that a gap is heard as one, and what is lost would be too.
"""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat
from streamplay.loop import aside
from streamplay.playback.track import Track
from streamplay.policy.simulate import Played

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.audio import Frames
    from streamplay.playback.pump import Pump
    from streamplay.playback.session import Session
    from streamplay.policy.jitter import Policy
    from streamplay.trace import Trace

LEVEL: Final = 0.1
"""−20 dBFS, about the loudness of speech."""

PITCHES: Final = (220.0, 277.0, 330.0, 440.0)
"""Hz, whole: each second is a whole number of periods, so that the seconds join without a click."""


async def replay(trace: Trace, session: Session, choose: Callable[[int], Policy]) -> Played:
    """Play `trace` through the output of `session`, piece by piece as it came.

    Parameters
    ----------
    trace : Trace
        With at least one arrival.
    session : Session
        Opens the output.
    choose : callable
        Is given the output's rate, and returns what decides when sound starts.

    Returns
    -------
    Played
        What was heard: to be compared with what `streamplay.playback.virtual` foretells.

    Raises
    ------
    OutputFailed
        If the output cannot be opened, or is lost.
    """
    audio = AudioFormat(trace.encoding, trace.samplerate, trace.channels)
    importing = asyncio.create_task(aside(import_module, "numpy"))
    pump = await session.pump_for(audio)
    await importing  # before the first piece is due
    return await _Replay(trace, pump, choose(pump.output.samplerate)).run()


class _Replay:
    def __init__(self, trace: Trace, pump: Pump, policy: Policy) -> None:
        self._trace = trace
        self._pump = pump
        self._policy = policy
        self._track = Track()

    async def run(self) -> Played:
        self._policy.on_request(self._trace.characters)
        self._pump.add(self._track, self._policy)
        heard = asyncio.wrap_future(self._track.done)
        delivering = asyncio.create_task(self._deliver())
        either: set[asyncio.Future[Any]] = {delivering, heard}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not heard.done():
                await delivering
            await heard  # raises where the output was lost
        finally:
            delivering.cancel()
        self._policy.on_end(learn=self._trace.complete)
        return self._played(*await delivering)

    async def _deliver(self) -> tuple[float, float]:
        """Put each piece when it is due; return when the trace began, and its first piece."""
        trace, clock = self._trace, time.perf_counter
        begun = clock() - trace.arrivals[0][0]  # without the wait for the first byte
        first = None
        frames = 0
        for due, count in trace.arrivals:
            await asyncio.sleep(begun + due - clock())
            now = clock()
            first = now if first is None else first
            await self._pump.put_frames(self._track, self._tone(frames, count), now)
            frames += count
        await asyncio.sleep(begun + trace.ended - clock())
        self._pump.close(self._track)
        assert first is not None
        return begun, first

    def _played(self, begun: float, first: float) -> Played:
        rate = self._pump.output.samplerate
        gaps = tuple(frames / rate for frames in self._track.stalls)
        assert self._track.first_sound is not None
        wait = self._track.first_sound - first
        finished = first - begun + wait + sum(gaps) + self._trace.frames / self._trace.samplerate
        return Played(wait, gaps, self._trace.safe_start, finished)

    def _tone(self, start: int, count: int) -> Frames:
        """Return the frames of the output that stand for `count` of the trace's, from `start`."""
        import numpy as np

        output, source = self._pump.output, self._trace.samplerate
        begin, end = (n * output.samplerate // source for n in (start, start + count))
        seconds = np.arange(begin, end) / output.samplerate
        pitch = np.array(PITCHES)[seconds.astype(int) % len(PITCHES)]
        tone = LEVEL * np.sin(2 * np.pi * pitch * seconds)
        return np.repeat(tone.astype(np.float32)[:, np.newaxis], output.channels, axis=1)
