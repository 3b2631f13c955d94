"""The fields of a request: what is wrong with one is told by its name."""

from __future__ import annotations

import math
from typing import Any

import pytest

from streamplay.audio import AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.options import Options
from streamplay.request import SpeechRequest
from streamplay.rules.option_table import BIT_RATES


def make(**fields: Any) -> SpeechRequest:
    return SpeechRequest(**({"input": "Hello"} | fields))


def refused(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        make(**fields)
    return caught.value


@pytest.mark.parametrize("voice", ["af_bella", "af_bella+af_heart", "af_bella(2)+af_heart(0.5)"])
def test_kokoro_mixes_voices(voice: str) -> None:
    assert make(model="hexgrad/Kokoro-82M", voice=voice).body()["voice"] == voice


@pytest.mark.parametrize("voice", ["af_bella+", "+af", "af(", "af()", "af(x)+b", "a(1)b", "(2)"])
def test_a_mix_that_is_none_is_refused(voice: str) -> None:
    assert refused(model="hexgrad/Kokoro-82M", voice=voice).field == "voice"


def test_the_voice_of_an_engine_is_no_mix() -> None:
    for model in ("canopylabs/orpheus-3b-0.1-ft", "hexgrad/Kokoro-82M"):
        assert make(model=model, voice="espeak:en-us+f3").voice == "espeak:en-us+f3"


def test_only_kokoro_mixes_among_the_known_models() -> None:
    assert refused(voice="tara+leo").field == "voice"
    assert make(model="someone/else", voice="a+b").voice == "a+b"


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("input", "", "text"),
        ("input", " \n\t", "text"),
        ("input", None, "text"),
        ("input", b"bytes", "text"),
        ("input", "broken \udc80 text", "UTF-8"),
        ("model", "", "text"),
        ("voice", "", "text"),
        ("voice", 3, "text"),
        ("response_format", "pcm", "raw, wav, mp3"),
        ("response_format", None, "raw, wav, mp3"),
        ("response_encoding", "s16", "pcm_f32le, pcm_s16le, pcm_mulaw, pcm_alaw"),
        ("sample_rate", 7999, "8000 to 48000"),
        ("sample_rate", 48001, "8000 to 48000"),
        ("sample_rate", 24000.0, "8000 to 48000"),
        ("sample_rate", True, "8000 to 48000"),
        ("sample_rate", "24000", "8000 to 48000"),
        ("language", "EN", "zh-hk"),
        ("language", "english please", "zh-hk"),
        ("language", "", "zh-hk"),
        ("language", 7, "zh-hk"),
        ("stream", "yes", "True, False"),
        ("stream", 1, "True, False"),
        ("pronounce", "omg/oh", "list"),
        ("pronounce", {"omg": "oh"}, "list"),
        ("pronounce", ["omg"], "SOURCE/REPLACEMENT"),
        ("pronounce", ["/oh"], "SOURCE/REPLACEMENT"),
        ("pronounce", ["omg/ "], "SOURCE/REPLACEMENT"),
        ("pronounce", [3], "text"),
        ("alignment", "letter", "none, word"),
        ("segment", "word", "sentence, immediate, never"),
        ("speed", 0.2, "0.25 to 4"),
        ("speed", 4.1, "0.25 to 4"),
        ("speed", math.nan, "0.25 to 4"),
        ("speed", True, "0.25 to 4"),
        ("speed", "fast", "0.25 to 4"),
        ("instructions", "", "text"),
        ("instructions", 1, "text"),
        ("extra", [("speed", 1)], "mapping"),
        ("extra", {3: 4}, "names"),
        ("extra", {"voice": "leo"}, "voice itself"),
        ("extra", {"speed": float("nan")}, "JSON"),
        ("extra", {"speed": {1, 2}}, "JSON"),
        ("extra", {"extra_params": []}, "object"),
    ],
)
def test_a_bad_field_is_named_with_what_is_allowed(field: str, value: Any, allowed: str) -> None:
    error = refused(**{field: value})
    assert error.field == field
    assert str(error).startswith(f"{field}: ")
    assert allowed in str(error)


def test_an_error_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="sample_rate: 1 is no rate"):
        make(sample_rate=1)


@pytest.mark.parametrize("bit_rate", BIT_RATES)
def test_the_schemas_bit_rates_are_taken_for_mp3(bit_rate: int) -> None:
    assert make(response_format="mp3", bit_rate=bit_rate).body()["bit_rate"] == bit_rate


def test_a_bit_rate_is_for_mp3_and_one_of_the_schemas() -> None:
    assert "128000" in str(refused(response_format="mp3", bit_rate=123))
    assert "mp3" in str(refused(response_format="wav", bit_rate=128000))


def test_pronunciations_are_given_in_one_place_only() -> None:
    extra = {"extra_params": {"pronunciation_dict": ["a/b"]}}
    assert make(extra=extra).body()["extra_params"] == extra["extra_params"]
    assert refused(extra=extra, pronounce=["c/d"]).field == "pronounce"


def test_to_another_server_than_togethers_unknown_values_go_as_they_are() -> None:
    fields = {"model": "somebody/new", "voice": "v"}
    request = make(language="English", response_encoding="linear16", strict=False, **fields)
    assert (request.body()["language"], request.body()["response_encoding"]) == (
        "English",
        "linear16",
    )
    assert request.expected == (AudioFormat("pcm_s16le", 24000), "request")
    with pytest.raises(InvalidRequest, match="language"):
        make(language="", strict=False)
    with pytest.raises(InvalidRequest, match="language"):
        make(language="English")


@pytest.mark.parametrize(
    ("base_url", "variable", "strict"),
    [
        (None, None, True),
        ("https://api.together.xyz/v1", "http://10.0.0.1/v1", True),
        (None, "http://10.0.0.1/v1", False),
        ("http://127.0.0.1:8000/v1", None, False),
    ],
)
def test_a_player_knows_whose_values_its_server_takes(
    base_url: str | None, variable: str | None, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOGETHER_BASE_URL", raising=False)
    if variable is not None:
        monkeypatch.setenv("TOGETHER_BASE_URL", variable)
    assert Options(base_url=base_url).request("x").strict is strict
    assert Options(local=True).request("x").strict
