from __future__ import annotations

import numpy as np
import pytest

from streamplay.audio import AudioFormat
from streamplay.server import known_signals

S16 = AudioFormat("pcm_s16le", 8000)


def whole(signal: str, seconds: float, seed: int = 0) -> np.ndarray:
    return np.concatenate(
        [piece.frames for piece in known_signals.pieces(signal, S16, seconds, seed)]
    )


@pytest.mark.parametrize("signal", ["tone", "count", "noise", "silence"])
def test_a_signal_lasts_as_long_as_asked_and_is_not_full_scale(signal: str) -> None:
    frames = whole(signal, 2.5)
    assert frames.shape == (20000, 1)
    assert frames.dtype == np.float32
    assert np.abs(frames).max() < 0.5


def test_count_tells_every_frame_by_its_value() -> None:
    data = S16.encode(whole("count", 5.1))
    values = np.frombuffer(data, dtype="<i2")
    np.testing.assert_array_equal(values, known_signals.count(0, len(values)))
    assert len(set(values[: known_signals.COUNT_PERIOD].tolist())) == known_signals.COUNT_PERIOD


def test_the_tone_is_another_one_each_second() -> None:
    frames = whole("tone", 3)[:, 0].reshape(3, 8000)
    peaks = np.abs(np.fft.rfft(frames, axis=1)).argmax(axis=1)
    assert peaks.tolist() == [300, 320, 340]


def test_noise_is_the_same_for_the_same_seed() -> None:
    np.testing.assert_array_equal(whole("noise", 1), whole("noise", 1))
    assert (whole("noise", 1) != whole("noise", 1, seed=1)).any()


def test_no_seconds_are_no_pieces() -> None:
    assert list(known_signals.pieces("tone", S16, 0, 0)) == []
