"""An answer that comes just as a recorded one came: the same pieces at the same times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamplay.server.answer import ServedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamplay.server.chunked_body import ChunkedBody
    from streamplay.server.order import Order
    from streamplay.server.scenario import Scenario
    from streamplay.trace import Trace

_ENDS: Final = {
    "complete": "",
    "interrupted": "",  # it was the client who left
    "ConnectionLost": "reset",
    "TimedOut": "freeze",
    "RemoteError": "error-event",
}
"""The fault that ends an answer as the recorded one ended; others just stop, without a mark."""


class ReplayedDelivery(ServedAnswer):
    """Answers one streaming request at the times of a trace.

    What is heard is what was asked for, cut off where the trace ends; where it ends sooner,
    silence follows. Answers that come whole are not replayed.

    Parameters
    ----------
    order, scenario, number
        As for `ServedAnswer`. The scenario's own times and faults give way to the trace's.
    trace : Trace
        The arrivals.
    """

    def __init__(
        self, order: Order, scenario: Scenario, number: int, trace: Trace, patience: float = 120.0
    ) -> None:
        fault = _ENDS.get(trace.how, "no-mark")
        if fault == "error-event" and scenario.dialect == "D":
            fault = "no-mark"  # where there are no events, none tells of an error
        ending = replace(
            scenario,
            fault=fault,
            at_event=len(trace.arrivals),
            at_byte=None,
            seconds=max(1.0, trace.frames / trace.samplerate),
        )
        super().__init__(order, ending, number, patience)
        self._trace = trace

    async def _send_stream(self, body: ChunkedBody) -> None:
        await body.send(self._writer.start(), event=False)
        pieces = self._recut()
        for due, _ in self._trace.arrivals:
            piece = await anext(pieces)
            await self._wait_until(due, body)
            await body.send(self._writer.audio(piece))
        await self._wait_until(self._trace.ended, body)
        await body.before_mark()
        await body.send(self._writer.end(len(self._order.text)), event=False)

    async def _recut(self) -> AsyncIterator[bytes]:
        """Yield the audio bytes in the trace's pieces, which last as long as they lasted."""
        trace, audio = self._trace, self._audio
        payload = self._payload()
        held, received = bytearray(), 0
        for _, frames in trace.arrivals:
            before, received = received, received + frames
            begin, end = (n * audio.samplerate // trace.samplerate for n in (before, received))
            wanted = (end - begin) * audio.frame_bytes
            while len(held) < wanted:
                held += await self._more(payload)
            yield bytes(held[:wanted])
            del held[:wanted]

    async def _more(self, payload: AsyncIterator[tuple[bytes, object]]) -> bytes:
        """Return more of the audio, and a second of silence each time after its end."""
        async for data, _ in payload:
            return data
        import numpy as np

        return self._audio.encode(np.zeros((self._audio.samplerate, self._audio.channels), "f4"))
