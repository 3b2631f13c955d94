"""The null sink is itself a measuring instrument: what it hears must be what was played."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sounddevice

from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.no_cover


def _play(samples: NDArray[np.int16]) -> None:
    """Play through a float32 callback stream, then silence until the last frame is out."""
    data = memoryview((samples.astype(np.float32) / 32768).tobytes())
    position = 0

    def fill(out: memoryview, frames: int, _time: object, _status: object) -> None:
        nonlocal position
        block = data[position : position + 4 * frames]
        out[: len(block)] = block
        out[len(block) :] = bytes(4 * frames - len(block))
        position += 4 * frames

    # Half a second of buffer: this tests the sink, and a busy machine must not break it.
    with sounddevice.RawOutputStream(24000, channels=1, latency=0.5, callback=fill) as stream:
        drained = len(data) + 4 * 2 * round(24000 * stream.latency)
        while position < drained:
            time.sleep(0.005)


def test_every_sample_value_is_recorded_bit_for_bit(null_sink: NullSink) -> None:
    values = np.arange(-32768, 32768)
    samples = np.random.default_rng(1).permutation(values[values != 0]).astype(np.int16)
    with null_sink.record() as recording:
        _play(samples)
    assert np.array_equal(recording.played[:, 0], samples)


def test_silence_is_recorded_as_silence(null_sink: NullSink) -> None:
    with null_sink.record() as recording:
        pass
    assert len(recording.frames) > 0
    assert len(recording.played) == 0


def test_a_sink_may_have_another_rate_and_two_channels() -> None:
    sink = NullSink(rate=48000, channels=2)
    try:
        sink.start()
        with sink.record() as recording:
            pass
    finally:
        sink.close()
    assert recording.frames.shape[1] == 2


def test_a_sink_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = NullSink()
    monkeypatch.setenv("PATH", "")
    try:
        with pytest.raises(RuntimeError, match="apt-get install"):
            sink.start()
    finally:
        sink.close()
