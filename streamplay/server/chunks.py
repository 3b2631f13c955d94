"""How a scenario cuts the audio of an answer into chunks, and when each is due. Reads no clock."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

from streamplay.server.containers import wav_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import AudioFormat
    from streamplay.server.scenario import Scenario

TRAILER: Final = b"LIST\x0e\x00\x00\x00INFOISFT\x02\x00\x00\x00x\x00"
"""A chunk as editors write it after the samples; never to be played."""

_SIZES: Final = {"max": 0xFFFFFFFF, "zero": 0}

# A Pareto distribution of this shape has a finite mean, twice its least value,
# and no variance: now and then a chunk is very late, as on a bad network.
_PARETO_SHAPE: Final = 2.0


class Cutter:
    """Cuts audio as a scenario wants it; what is left of a piece leaves at once."""

    def __init__(self, scenario: Scenario, audio: AudioFormat) -> None:
        self._scenario = scenario
        self._audio = audio
        whole = max(1, audio.frames(scenario.chunk_ms / 1000)) * audio.frame_bytes
        self._size = scenario.chunk_bytes or whole
        self._random = random.Random(scenario.seed)  # noqa: S311  no secrets here
        self._first = True

    def cut(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield (chunk, the audio bytes in it): a header may stand before them."""
        start = 0
        while start < len(data):
            samples = data[start : start + self._next_size()]
            start += len(samples)
            yield self._headed(samples), len(samples)

    def _next_size(self) -> int:
        match self._scenario.split:
            case "odd":
                return self._size | 1
            case "random":
                return self._random.randint(1, 2 * self._size)
            case _:
                return self._size

    def _headed(self, samples: bytes) -> bytes:
        wanted = self._scenario.headers
        first, self._first = self._first, False
        if wanted == "none" or (wanted == "first" and not first):
            return samples
        # The length of a stream is not known when it begins.
        exact = len(samples) if wanted == "each" else 0xFFFFFFFF
        size = _SIZES.get(self._scenario.header_sizes, exact)
        trailer = TRAILER if self._scenario.trailer and wanted == "each" and size == exact else b""
        return wav_header(self._audio, size) + samples + trailer


class Schedule:
    """The times of a scenario, for one request.

    Parameters
    ----------
    scenario : Scenario
        Its pace, stalls, jitter and seed.
    number : int
        Which request this is: each draws its own jitter.
    """

    def __init__(self, scenario: Scenario, number: int) -> None:
        self._scenario = scenario
        self._random = random.Random(f"{scenario.seed}/{number}")  # noqa: S311  no secrets here
        self._stalls = scenario.stall_points
        self._latest = 0.0

    def due(self, sent: float) -> float:
        """Return when the chunk that follows `sent` seconds of audio may leave.

        Returns
        -------
        float
            Seconds since the request. Chunks stay in order: none is due before
            the one asked about last.
        """
        pace = self._scenario.pace
        paced = sent / pace if pace and math.isfinite(pace) else 0.0
        stalled = sum(wait for at, wait in self._stalls if at <= sent)
        planned = self._scenario.first_byte_ms / 1000 + paced + stalled
        self._latest = max(self._latest, planned + self._late())
        return self._latest

    def _late(self) -> float:
        mean = self._scenario.jitter_ms / 1000
        draw = self._random
        match self._scenario.jitter:
            case "uniform":
                return draw.uniform(0, 2 * mean)
            case "normal":
                return max(0.0, draw.gauss(mean, mean / 2))
            case "exponential":
                return draw.expovariate(1 / mean) if mean else 0.0
            case "pareto":
                return (
                    mean * (_PARETO_SHAPE - 1) / _PARETO_SHAPE * draw.paretovariate(_PARETO_SHAPE)
                )
            case _:
                return 0.0
