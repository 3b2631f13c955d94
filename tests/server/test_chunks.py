from __future__ import annotations

from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.server.chunks import TRAILER, Cutter, Schedule
from streamplay.server.containers import wav_header
from streamplay.server.scenario import Scenario

S16 = AudioFormat("pcm_s16le", 24000)


def cut(data: bytes, **keys: Any) -> list[bytes]:
    return [chunk for chunk, _ in Cutter(Scenario(**keys), S16).cut(data)]


@given(
    st.binary(max_size=2000),
    st.sampled_from(["even", "odd", "random"]),
    st.integers(min_value=1, max_value=300),
)
def test_the_chunks_are_the_audio_however_it_is_cut(data: bytes, split: str, size: int) -> None:
    assert b"".join(cut(data, split=split, chunk_bytes=size)) == data


def test_a_chunk_lasts_as_long_as_asked() -> None:
    assert [len(chunk) for chunk in cut(bytes(5000), chunk_ms=40)] == [1920, 1920, 1160]


def test_odd_chunks_split_samples() -> None:
    assert [len(chunk) for chunk in cut(bytes(12), split="odd", chunk_bytes=4)] == [5, 5, 2]


def test_random_chunks_are_the_same_for_the_same_seed() -> None:
    data = bytes(9000)
    first = cut(data, split="random", seed=1)
    assert first == cut(data, split="random", seed=1) != cut(data, split="random", seed=2)


def test_a_header_stands_before_the_first_chunk_only_or_before_each() -> None:
    header = wav_header(S16, 0xFFFFFFFF)
    assert cut(b"abcd", headers="first", chunk_bytes=2) == [header + b"ab", b"cd"]
    assert cut(b"abcd", headers="each", chunk_bytes=2) == [header + b"ab", header + b"cd"]


@pytest.mark.parametrize(("sizes", "size"), [("zero", 0), ("max", 0xFFFFFFFF), ("exact", 2)])
def test_the_sizes_in_a_header_are_those_asked_for(sizes: str, size: int) -> None:
    assert cut(b"ab", headers="each", header_sizes=sizes) == [wav_header(S16, size) + b"ab"]


def test_a_trailer_follows_audio_whose_size_is_told() -> None:
    keys = {"headers": "each", "trailer": True}
    exact = wav_header(S16, 2)
    assert cut(b"ab", header_sizes="exact", **keys) == [exact + b"ab" + TRAILER]
    assert TRAILER not in cut(b"ab", header_sizes="zero", **keys)[0]


def test_the_audio_in_a_chunk_is_counted_without_its_header() -> None:
    cutter = Cutter(Scenario(headers="each", chunk_bytes=2), S16)
    assert [size for _, size in cutter.cut(b"abc")] == [2, 1]


def times(count: int, number: int = 1, **keys: Any) -> list[float]:
    """Return when chunks of 100 ms are due."""
    schedule = Schedule(Scenario(**keys), number)
    return [schedule.due(index / 10) for index in range(count)]


def test_without_a_pace_everything_is_due_at_once() -> None:
    assert times(3, first_byte_ms=200) == [0.2, 0.2, 0.2]
    assert times(3, pace=float("inf")) == [0, 0, 0]


def test_at_a_pace_audio_comes_by_a_factor_of_real_time() -> None:
    assert times(3, pace=2) == pytest.approx([0, 0.05, 0.1])
    assert times(3, pace=0.5, first_byte_ms=1000) == pytest.approx([1, 1.2, 1.4])


def test_a_stall_holds_up_what_comes_after_it() -> None:
    stalls = ("200:500", "100:50")
    assert times(4, stalls=stalls) == pytest.approx([0, 0.05, 0.55, 0.55])


@pytest.mark.parametrize("jitter", ["uniform", "normal", "exponential", "pareto"])
def test_jitter_has_its_mean_and_keeps_the_order(jitter: str) -> None:
    late = []
    for number in range(400):
        due = times(5, number, jitter=jitter, jitter_ms=20, pace=1)
        assert all(a <= b for a, b in pairwise(due))
        late.append(due[0])
    assert min(late) >= 0
    # Pareto's heavy tail makes its sample mean wander.
    assert mean(late) == pytest.approx(0.02, rel=0.35)


def test_jitter_without_a_mean_is_none() -> None:
    assert times(2, jitter="exponential") == [0, 0]


def test_each_request_draws_its_own_jitter_and_a_seed_repeats_it() -> None:
    keys = {"jitter": "uniform", "jitter_ms": 50.0}
    assert times(5, 1, **keys) == times(5, 1, **keys)
    assert times(5, 1, **keys) != times(5, 2, **keys)
    assert times(5, 1, **keys) != times(5, 1, seed=1, **keys)
