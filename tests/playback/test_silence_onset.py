from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.playback.silence import VoiceOnset

RATE = 24000


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 2),
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0.0, 0.004, 0.02, 0.5])), max_size=8),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_the_onset_of_voice_does_not_depend_on_the_chunks(
    channels: int, stretches: list[tuple[int, float]], sizes: list[int]
) -> None:
    levels = [np.full((n, channels), level, np.float32) for n, level in stretches]
    sound = np.concatenate([np.zeros((0, channels), np.float32), *levels])
    whole, parts = VoiceOnset(8000), VoiceOnset(8000)
    whole.feed(sound)
    edges = [*itertools.accumulate(sizes, initial=0), len(sound)]
    for begin, end in itertools.pairwise(edges):
        parts.feed(sound[begin:end])
    assert parts.frame == whole.frame
    windows = [sound[at : at + 80] for at in range(0, len(sound) - 79, 80)]
    loud = [n for n, window in enumerate(windows) if np.mean(np.square(window)) > 1e-4]
    assert whole.frame == (80 * loud[0] if loud else None)


@pytest.mark.parametrize(("decibels", "heard"), [(-39.5, True), (-40.5, False)])
def test_voice_is_what_is_louder_than_40_db_below_full_scale(
    decibels: float, *, heard: bool
) -> None:
    onset = VoiceOnset(RATE)
    onset.feed(np.full((2400, 1), 10 ** (decibels / 20), np.float32))
    assert (onset.frame == 0) is heard
