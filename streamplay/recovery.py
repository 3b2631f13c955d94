"""Going on at another device where one was lost while playing.

The playout outlives its output: what it holds is played from where the lost device stopped
asking, by another callback. At most what the lost device had taken and not yet made audible is
missing, one latency of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost, OutputFailed
from streamplay.loop import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.outputs.base import Output
    from streamplay.playback.pump import Pump

PATIENCE_SECONDS: Final = 1.0
"""For an audio server to come back. With the second that it takes to notice, two at most."""

RETRY_SECONDS: Final = 0.1

MIN_SECONDS: Final = 0.5
"""A device that is lost so soon after another was lost is not replaced: it would go on so."""


class Recovery:
    """Replaces the output under a pump.

    Parameters
    ----------
    reopen : callable
        Opens an output, given a samplerate and channels; blocks, and raises
        `OutputFailed`.
    tell : callable
        Is told in one line where the sound goes on.
    """

    def __init__(self, reopen: Callable[[int, int], Output], tell: Callable[[str], None]) -> None:
        self._reopen = reopen
        self._tell = tell
        self._pump: Pump | None = None
        self._since = 0

    async def go_on(self, pump: Pump, error: OutputFailed) -> bool:
        """Whether the sound goes on; on the loop."""
        lost = pump.output
        # Where a callback still has it in hand, nobody else may.
        if not isinstance(error, DeviceLost) or self._is_hopeless(pump) or not lost.detach():
            return False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await aside(lost.close)  # a card may be opened once
                output = await self._open(pump)
        except TimeoutError:
            return False
        self._pump, self._since = pump, pump.playout.rendered
        pump.go_on(output)
        self._tell(f"{error.message}; going on at {output.name!r}")
        return True

    def _is_hopeless(self, pump: Pump) -> bool:
        """Whether another would be lost as well, and whoever listens has waited long enough."""
        playout = pump.playout
        if self._pump is pump:
            return playout.rendered - self._since < MIN_SECONDS * playout.samplerate
        # It is there, and has not asked once in all the time that a device may take to wake up.
        return playout.rendered == 0 and pump.output.failure is None

    async def _open(self, pump: Pump) -> Output:
        while True:
            opening = asyncio.ensure_future(aside(self._open_alike, pump))
            try:
                return await asyncio.shield(opening)
            except OutputFailed:
                await asyncio.sleep(RETRY_SECONDS)
            except asyncio.CancelledError:
                opening.add_done_callback(_close_again)
                raise

    def _open_alike(self, pump: Pump) -> Output:
        playout = pump.playout
        output = self._reopen(playout.samplerate, playout.channels)
        if (output.samplerate, output.channels) != (playout.samplerate, playout.channels):
            output.close()
            raise OutputFailed(f"{output.name!r} takes {output.samplerate} Hz alone")
        playout.moved()
        try:
            output.start(playout)
        except OutputFailed:
            output.close()
            raise
        return output


def _close_again(opening: asyncio.Future[Output]) -> None:
    """Close what was opened too late for anyone to want it."""
    if not opening.cancelled() and opening.exception() is None:
        output = opening.result()
        output.detach()
        output.close()
