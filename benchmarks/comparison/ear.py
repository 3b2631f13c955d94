"""What was heard: the null sink's monitor, recorded, and what is missing in it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from streamplay.server.known_signals import COUNT_PERIOD
from tests.support.nullsink import SINK

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 24000

SOLID = 8
"""So many frames in a row, each the one after the last, are the signal; fewer may be a fade that
happens to pass by its values."""


class Ear:
    """Records the monitor, and when its first and its last sound came.

    Attributes
    ----------
    first, last : float or None
        By `time.perf_counter`; the recorder's own delay, some 20 ms, is in both.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._parec = subprocess.Popen(
            ["parec", "-d", f"{SINK}.monitor", "--format=s16le", f"--rate={RATE}", "--channels=1",
             "--latency-msec=10", "--raw"],
            env=os.environ | environment, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._data = bytearray()
        self.first: float | None = None
        self.last: float | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        while not self._data:
            time.sleep(0.01)

    def _listen(self) -> None:
        assert self._parec.stdout is not None
        while piece := os.read(self._parec.stdout.fileno(), 4800):
            now = time.perf_counter()
            if any(piece):
                self.first, self.last = self.first or now, now
            self._data += piece

    def hears(self, patience: float) -> bool:
        """Wait for the first sound; whether it came."""
        until = time.perf_counter() + patience
        while self.first is None and time.perf_counter() < until:
            time.sleep(0.002)
        return self.first is not None

    def close(self) -> NDArray[np.int16]:
        """End the recording; return it without the silence around it."""
        self._parec.terminate()
        self._parec.wait()
        self._thread.join()
        assert self._parec.stdout is not None
        self._parec.stdout.close()
        heard = np.frombuffer(bytes(self._data[: len(self._data) // 2 * 2]), "<i2")
        loud = np.flatnonzero(heard)
        return heard[loud[0] : loud[-1] + 1] if len(loud) else heard[:0]


def judge(heard: NDArray[np.int16], frames: int) -> dict[str, float]:
    """Return what is missing of the signal `count`, and what was put in.

    Returns
    -------
    dict
        `head`, `tail`: ms lost there; `lost`, `inserted`: ms lost, and of
        silence put in, between; `breaks`: how often.
    """
    place = heard.astype(np.int64) + COUNT_PERIOD // 2
    runs = np.split(np.arange(len(place)), 1 + np.flatnonzero(np.diff(place) % COUNT_PERIOD != 1))
    solid = [(int(run[0]), int(run[-1]) + 1) for run in runs if len(run) >= SOLID]
    if not solid:
        return {"head": 1000 * frames / RATE, "tail": 0, "lost": 0, "inserted": 0, "breaks": 0}
    head, lost, inserted = int(place[solid[0][0]]), 0, 0
    reached = head + solid[0][1] - solid[0][0]
    for (_, end), (start, stop) in pairwise(solid):
        skipped = int((place[start] - place[end - 1] - 1) % COUNT_PERIOD)
        silent = int(np.count_nonzero(heard[end:start] == 0))
        inserted += silent
        if skipped <= COUNT_PERIOD // 2:  # else it was said again
            # What is neither signal nor silence is signal that was faded.
            lost += max(0, skipped - (start - end - silent))
            reached += skipped
        reached += stop - start
    counted = {"head": head, "tail": frames - reached, "lost": lost, "inserted": inserted}
    in_ms = {name: 1000 * value / RATE for name, value in counted.items()}
    return in_ms | {"breaks": len(solid) - 1}
