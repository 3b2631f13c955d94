from __future__ import annotations

import numpy as np
import pytest

from streamplay.stream.stillness import SilenceLimits, Stillness, told_pauses

RATE = 8000
SECOND = np.zeros((RATE, 1), np.float32)
SPEECH = np.random.default_rng(1).normal(0, 0.05, (RATE, 1)).astype(np.float32)
LIMITS = SilenceLimits(15)


def passed(stillness: Stillness, seconds: int, *, since: float = 0, pace: float = 1) -> list[float]:
    """Feed so much silence; return the limits that it passes."""
    limits = [
        stillness.exceeded(SECOND, RATE, since + pace * second) for second in range(1, seconds + 1)
    ]
    return [limit for limit in limits if limit is not None]


@pytest.mark.parametrize(
    "second",
    [
        SECOND,
        SECOND - np.float32(0.5),  # a constant is no sound either
        np.random.default_rng(2).choice([-1, 0, 1], (RATE, 1)).astype(np.float32) / 32768,
        np.tile(np.array([[8], [-8]], np.float32) / 32768, (RATE // 2, 2)),  # A-law's least steps
    ],
)
def test_nothing_but_silence_ends_at_the_limit(second: np.ndarray) -> None:  # type: ignore[type-arg]
    stillness = Stillness(LIMITS)
    limits = [stillness.exceeded(second, RATE, at) for at in range(1, 16)]
    assert limits == [None] * 14 + [15]


@pytest.mark.parametrize("silence", [29, 20])
def test_a_pause_inside_speech_is_none_of_it(silence: int) -> None:
    stillness = Stillness(LIMITS)
    waited = 0.0
    for _ in range(5):
        assert stillness.exceeded(SPEECH, RATE, waited) is None
        assert not passed(stillness, silence, since=waited)
        waited += silence + 1


def test_a_whisper_is_no_silence() -> None:
    stillness = Stillness(LIMITS)
    faint = SPEECH / 50  # -60 dBFS
    assert {stillness.exceeded(faint, RATE, at) for at in range(100)} == {None}


def test_speech_that_falls_silent_ends_too() -> None:
    stillness = Stillness(LIMITS)
    stillness.exceeded(SPEECH, RATE, 1)
    assert passed(stillness, 30, since=1) == [30]


def test_a_pause_that_comes_faster_than_it_is_heard_is_borne_longer() -> None:
    stillness = Stillness(LIMITS)
    stillness.exceeded(SPEECH, RATE, 1)
    assert not passed(stillness, 599, since=1, pace=0.01)
    assert passed(stillness, 1, since=7)


def test_a_flood_of_silence_ends_by_its_length() -> None:
    assert passed(Stillness(LIMITS), 120, pace=0) == [120]


def test_a_pause_that_the_text_asks_for_is_borne() -> None:
    stillness = Stillness(SilenceLimits(15, told=told_pauses("Wait <#60#> now.")))
    assert not passed(stillness, 74)
    assert passed(stillness, 1, since=74)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Hello.", 0),
        ("a <#1.5#> b <#2#>", 3.5),
        ('<speak>a<break time="20s"/>b<break strength="weak" time=\'500ms\'/></speak>', 20.5),
        ("a [pause 3s] b [Pause: 2 seconds]", 5),
        ("<break> #5# [pause]", 0),
    ],
)
def test_pauses_in_a_text_are_counted(text: str, seconds: float) -> None:
    assert told_pauses(text) == seconds
