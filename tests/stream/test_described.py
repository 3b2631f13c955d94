from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import READABLE
from streamplay.stream.described import CHANNELS, RATES, channels_in, encoding_in, rate_in


@pytest.mark.parametrize(
    ("text", "rate", "channels", "encoding"),
    [
        ("s16le, 44100 Hz, mono", 44100, 1, "pcm_s16le"),
        ("PCM 16-bit signed little-endian, 22.05 kHz, 2 channels", 22050, 2, "pcm_s16le"),
        ("ulaw_8000", 8000, 0, "pcm_mulaw"),
        ("float 64 bit", 0, 0, "pcm_f64le"),
        ("rate=12345", 12345, 0, ""),
        ("file 12345 of 44099", 0, 0, ""),
        ("opus; 6.1 channels", 0, 1, ""),
        ("int24 big endian", 0, 0, "pcm_s24be"),
    ],
)
def test_a_few_words_are_understood(text: str, rate: int, channels: int, encoding: str) -> None:
    assert (rate_in(text), channels_in(text), encoding_in(text)) == (rate, channels, encoding)


@given(st.text(max_size=300))
def test_any_text_says_what_can_be_or_nothing(text: str) -> None:
    assert rate_in(text) in (0, *RATES)
    assert channels_in(text) in (0, *CHANNELS)
    assert encoding_in(text) in ("", *READABLE)
