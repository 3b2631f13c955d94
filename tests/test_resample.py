from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.resample import Adapter, Uniform

RATES = (8000, 22050, 24000, 44100, 48000)


def sine(
    count: int, rate: int, channels: int = 1
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    wave = np.sin(np.arange(count) * 2 * np.pi * 300 / rate) / 2
    return np.repeat(wave.astype(np.float32).reshape(-1, 1), channels, axis=1)


def test_what_fits_already_passes_untouched() -> None:
    adapter = Adapter((24000, 2), (24000, 2))
    frames = sine(100, 24000, 2)
    assert adapter.convert(frames) is frames
    assert adapter.finish().shape == (0, 2)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(RATES),
    st.sampled_from(RATES),
    st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]),
    st.lists(st.integers(0, 3000), min_size=1, max_size=6),
)
def test_every_frame_has_its_share_of_the_output_whatever_the_chunks(
    source: int, target: int, channels: tuple[int, int], sizes: list[int]
) -> None:
    adapter = Adapter((source, channels[0]), (target, channels[1]))
    frames = sine(sum(sizes), source, channels[0])
    edges = itertools.accumulate(sizes, initial=0)
    parts = [adapter.convert(frames[a:b]) for a, b in itertools.pairwise(edges)]
    parts.append(adapter.finish())
    assert all(part.dtype == np.float32 and part.flags.c_contiguous for part in parts)
    out = np.concatenate(parts)
    assert out.shape[1] == channels[1]
    assert abs(len(out) - len(frames) * target / source) <= 1


@pytest.mark.parametrize("target", [22050, 48000])
def test_a_tone_stays_the_tone_it_was(target: int) -> None:
    adapter = Adapter((24000, 1), (target, 1))
    out = np.concatenate([adapter.convert(sine(24000, 24000)), adapter.finish()])
    np.testing.assert_allclose(out[1000:-1000], sine(target, target)[1000:-1000], atol=1e-3)


def test_mono_goes_to_every_channel_and_comes_back_as_the_mean() -> None:
    mono = sine(500, 24000)
    both = Adapter((24000, 1), (24000, 2)).convert(mono)
    assert np.array_equal(both, np.repeat(mono, 2, axis=1))
    assert np.array_equal(Adapter((24000, 2), (24000, 1)).convert(both), mono)
    apart = np.array([[1.0, -1.0], [0.5, 0.25]], np.float32)
    assert Adapter((24000, 2), (24000, 1)).convert(apart).ravel().tolist() == [0.0, 0.375]


def test_loud_edges_do_not_overshoot_full_scale() -> None:
    adapter = Adapter((24000, 1), (48000, 1))
    square = np.sign(sine(24000, 24000)) * np.float32(1)
    out = np.concatenate([adapter.convert(square), adapter.finish()])
    assert np.abs(out).max() == 1


def test_silence_of_no_length_is_no_frames() -> None:
    adapter = Adapter((24000, 1), (48000, 2))
    assert adapter.convert(np.zeros((0, 1), np.float32)).shape == (0, 2)
    assert adapter.finish().shape == (0, 2)


PARTS = st.lists(
    st.tuples(st.sampled_from([8000, 24000, 48000]), st.sampled_from([1, 2]), st.integers(0, 3000)),
    max_size=6,
)


@given(PARTS)
def test_every_part_comes_out_as_long_as_it_is_at_the_first_rate(
    parts: list[tuple[int, int, int]],
) -> None:
    uniform = Uniform((24000, 1))
    came, wanted = [np.empty((0, 1), np.float32)], 0
    for rate, channels, count in parts:
        came.append(uniform.finish())
        uniform.change((rate, channels))
        wanted += uniform.length(count)
        came.append(uniform.convert(np.full((count, channels), 0.5, np.float32)))
    came.append(uniform.finish())
    frames = np.concatenate(came)
    assert abs(len(frames) - wanted) <= len(parts)
    assert len(uniform.finish()) == 0


def test_what_has_the_first_format_passes_untouched() -> None:
    uniform = Uniform((24000, 2))
    frames = np.ones((10, 2), np.float32)
    assert uniform.convert(frames) is frames
    uniform.change((24000, 2))
    assert uniform.convert(frames) is frames
