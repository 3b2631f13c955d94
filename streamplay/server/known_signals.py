"""Signals whose every sample is known, made quickly and lazily, of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.server.speech import SpokenPiece

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from streamplay.audio import AudioFormat, Frames

    Samples = NDArray[np.floating]

COUNT_PERIOD: Final = 16381
"""The ramp of `count` begins again after so many frames: a prime, so that it
shares no factor with any block size, and no loss of whole blocks goes unseen."""

_NOISE_LEVEL: Final = 0.1
_TONE_LEVEL: Final = 0.3


def pieces(signal: str, audio: AudioFormat, seconds: float, seed: int) -> Iterator[SpokenPiece]:
    """Yield a signal, a second a piece.

    Parameters
    ----------
    signal : {'tone', 'count', 'noise', 'silence'}
        `tone`: a new pitch each second. `count`: frame *n* is
        ``n % COUNT_PERIOD - 8190`` as a 16-bit value. `noise`: white.
    """
    import numpy as np

    total = audio.frames(seconds)
    random = np.random.default_rng(seed)
    for start in range(0, total, audio.samplerate):
        # In a call of its own: a generator that waits for its reader would hold every array.
        stop = min(start + audio.samplerate, total)
        yield SpokenPiece(_second(signal, start, stop, audio.samplerate, random))


def _second(
    signal: str, start: int, stop: int, samplerate: int, random: np.random.Generator
) -> Frames:
    import numpy as np

    if signal == "noise":
        samples: Samples = random.uniform(-_NOISE_LEVEL, _NOISE_LEVEL, stop - start)
    else:
        samples = _known(signal, np.arange(start, stop), samplerate)
    return samples.astype(np.float32).reshape(-1, 1)


def count(start: int, stop: int) -> NDArray[np.int16]:
    """Return frames `start` to `stop` of the signal `count`, as 16-bit values."""
    import numpy as np

    return (np.arange(start, stop) % COUNT_PERIOD - COUNT_PERIOD // 2).astype(np.int16)


def _known(signal: str, index: NDArray[np.int64], samplerate: int) -> Samples:
    import numpy as np

    if signal == "count":
        return count(int(index[0]), int(index[-1]) + 1) / 32768
    if signal == "silence":
        return np.zeros(len(index))
    # 50 pitches from 300 Hz on, 20 Hz apart: which second it is can be heard.
    pitch = 300 + 20 * (int(index[0]) // samplerate % 50)
    return _TONE_LEVEL * np.sin(2 * np.pi * pitch * (index % samplerate) / samplerate)
