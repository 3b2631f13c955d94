from __future__ import annotations

import numpy as np

from streamplay.server.synthesis import Sound


def test_a_sound_lasts_as_long_as_its_frames() -> None:
    assert Sound(np.zeros(12000, np.float32), 24000).seconds == 0.5
    assert Sound(np.zeros(0, np.float32), 24000).seconds == 0
