"""Another speed: as long as it should be, of the same pitch, and without a frame that is lost."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from streamplay.codecs.tempo import TempoChanger
from streamplay.errors import InvalidRequest

RATE = 24000


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_takes_so_much_less_time_and_keeps_the_pitch(speed: float, channels: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(3 * RATE) / RATE)
    frames = np.repeat(tone[:, None], channels, axis=1).astype(np.float32)
    changer = TempoChanger(RATE, channels, speed)
    given = [changer.convert(frames[at : at + 1000]) for at in range(0, len(frames), 1000)]
    heard = np.concatenate([*given, changer.finish()])
    assert heard.shape[1] == channels
    assert len(heard) == pytest.approx(len(frames) / speed, abs=0.1 * RATE)
    spectrum = np.abs(np.fft.rfft(heard[:, 0] * np.hanning(len(heard))))
    assert np.argmax(spectrum) * RATE / len(heard) == pytest.approx(220, abs=4)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InvalidRequest, match=r"pip install 'streamplay\[codecs\]'"):
        TempoChanger(RATE, 1, 1.5)
