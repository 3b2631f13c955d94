"""An output without a device: a clock that asks for blocks as a device would.

It simulates an ideal device: paced, with a latency, and broken on demand (after mpv's null
output). It is used on machines without a device, and by tests that control time or a fault.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.audio import Block
    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Renderer

BLOCK_SECONDS: Final = 0.005
"""PortAudio on ALSA asks for 120 frames at 24 kHz when left to itself."""

LATENCY_SECONDS: Final = 0.02


class SilentOutput:
    """A paced clock that renders blocks and drops them.

    Parameters
    ----------
    samplerate, channels : int
        The format of the blocks.
    blocksize : int, optional
        Frames per block; 5 ms unless given.
    latency : float
        Seconds of frames that are asked for ahead of the clock, at least one
        block; being later than that is an underflow, as it is for a device.
    speed : float
        Times real time; ``inf`` asks without a pause, and is never late.
    fail_after : int, optional
        Blocks after which it fails like an unplugged device.
    tap : callable, optional
        Called with every block after it was rendered, before the next.
    """

    kind: Final = "silent"

    def __init__(
        self,
        samplerate: int,
        channels: int = 1,
        *,
        blocksize: int | None = None,
        latency: float = LATENCY_SECONDS,
        speed: float = 1.0,
        fail_after: int | None = None,
        tap: Callable[[Block], None] | None = None,
    ) -> None:
        self.name = "silent clock"
        self.samplerate = samplerate
        self.channels = channels
        self.blocksize = blocksize or round(BLOCK_SECONDS * samplerate)
        self.latency = latency
        self.speed = speed
        self._period = self.blocksize / samplerate / speed
        self._ahead = max(latency / speed, self._period)
        self._fail_after = fail_after
        self._tap = tap
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: OutputFailed | None = None

    @property
    def failure(self) -> OutputFailed | None:
        """Why it stopped by itself, if it did."""
        return self._failure

    def start(self, renderer: Renderer, on_lost: Callable[[], object] = lambda: None) -> None:
        """Begin to ask for blocks, on a thread of its own."""
        self._thread = threading.Thread(
            target=self._run, args=(renderer, on_lost), name="streamplay silent output", daemon=True
        )
        self._thread.start()

    def detach(self) -> bool:
        """Let go of the renderer: nothing calls it any more."""
        self.close()
        return True

    def close(self) -> None:
        """Stop asking; idempotent."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, renderer: Renderer, on_lost: Callable[[], object]) -> None:
        block = memoryview(bytearray(4 * self.blocksize * self.channels)).cast("f")
        blocks = 0
        # When the block that is asked for next is heard: the first after the whole latency.
        due = time.perf_counter() + self._ahead
        while not self._stop.is_set():
            if self._fail_after is not None and blocks >= self._fail_after:
                self._failure = DeviceLost(f"the {self.name} stopped after {blocks} blocks")
                on_lost()
                return
            now = time.perf_counter()
            late = now > due and self._period > 0
            due = max(due, now)  # after an underflow the clock goes on from now
            renderer.render(block, now, late=late, delay=due - now)
            if self._tap is not None:
                self._tap(block)
            blocks += 1
            due += self._period
            # At infinite speed there is no wait: Event.wait(0) would cost a lock.
            wait = due - self._ahead - time.perf_counter()
            if wait > 0:
                self._stop.wait(wait)
