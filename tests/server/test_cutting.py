from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.server.containers import wav_header
from streamplay.server.cutting import TRAILER, Cutter
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
