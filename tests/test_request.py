from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.request import SpeechRequest
from streamplay.rules.option_table import BIT_RATES


def make(**fields: Any) -> SpeechRequest:
    return SpeechRequest(**({"input": "Hello"} | fields))


def refused(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        make(**fields)
    return caught.value


def test_a_request_with_nothing_but_text_says_everything_explicitly() -> None:
    assert make().body() == {
        "model": "canopylabs/orpheus-3b-0.1-ft",
        "input": "Hello",
        "voice": "tara",
        "response_format": "raw",
        "response_encoding": "pcm_s16le",
        "sample_rate": 24000,
        "stream": True,
    }


def test_every_field_is_sent_under_the_schemas_name() -> None:
    request = make(
        model="cartesia/sonic-2",
        voice="laidback woman",
        response_format="mp3",
        response_encoding="pcm_f32le",
        sample_rate=44100,
        language="zh-hk",
        bit_rate=192000,
        pronounce=["omg/oh my god", "SQL/sequel"],
        segment="never",
        speed=1.5,
        instructions="Whisper.",
        extra={"style": 3, "extra_params": {"emotion": ["calm"]}},
    )
    assert request.body() == {
        "model": "cartesia/sonic-2",
        "input": "Hello",
        "voice": "laidback woman",
        "response_format": "mp3",
        "response_encoding": "pcm_f32le",
        "sample_rate": 44100,
        "language": "zh-hk",
        "bit_rate": 192000,
        "stream": False,
        "segment": "never",
        "extra_params": {
            "pronunciation_dict": ["omg/oh my god", "SQL/sequel"],
            "emotion": ["calm"],
        },
        "speed": 1.5,
        "instructions": "Whisper.",
        "style": 3,
    }


def test_word_timestamps_are_asked_for_where_it_streams() -> None:
    assert make(alignment="word").body()["alignment"] == "word"
    assert refused(alignment="word", stream=False).field == "alignment"


def test_what_no_flag_names_may_be_said_as_any_other_field() -> None:
    extra = {"alignment": "word", "segment": "never"}
    assert make(extra=extra).body() == make(**extra).body()
    assert refused(segment="never", extra=extra).field == "segment"


def test_what_was_said_by_extra_before_it_had_a_name_still_may_be() -> None:
    assert make(extra={"speed": 2}).body() == make(speed=2).body()
    assert refused(speed=2, extra={"speed": 2}).field == "speed"
    assert refused(instructions="Hush.", extra={"instructions": "Hush."}).field == "instructions"


@pytest.mark.parametrize("file", ["wav", "mp3", "opus", "flac", "aac"])
def test_whole_files_are_not_streamed(file: str) -> None:
    assert make(response_format=file).stream is False
    error = refused(response_format=file, stream=True)
    assert error.field == "stream"
    assert file in str(error)


def test_raw_may_be_asked_for_as_a_whole() -> None:
    assert make(stream=False).body()["stream"] is False


def test_the_openai_shape_asks_for_pcm_and_events() -> None:
    assert make(voice="alloy", model="tts", response_encoding="pcm_f32le").body("openai") == {
        "model": "tts",
        "input": "Hello",
        "voice": "alloy",
        "response_format": "pcm",
        "stream_format": "sse",
    }
    whole = make(response_format="wav").body("openai")
    assert whole["response_format"] == "wav"
    assert "stream_format" not in whole


def test_what_was_meant_is_sent_in_the_openai_shape_too() -> None:
    body = make(language="de", alignment="word", speed=2, instructions="Hush.").body("openai")
    assert (body["language"], body["alignment"], body["speed"]) == ("de", "word", 2)
    assert body["instructions"] == "Hush."


def test_the_model_decides_what_is_expected() -> None:
    asked = make(response_encoding="pcm_f32le", sample_rate=44100)
    assert asked.expected == (AudioFormat("pcm_s16le", 24000), "model")
    stranger = replace(asked, model="someone/else", voice="v")
    assert stranger.expected == (AudioFormat("pcm_f32le", 44100), "request")


def test_openai_pcm_is_s16_at_24000_whatever_was_asked() -> None:
    asked = make(model="cartesia/sonic", response_encoding="pcm_alaw", sample_rate=8000)
    assert asked.expected_from("openai") == (AudioFormat("pcm_s16le", 24000), "request")


def test_the_user_is_believed_over_everyone() -> None:
    told = AudioFormat("pcm_mulaw", 8000)
    assert make(decode_as=told).expected == (told, "user")
    assert make(decode_as=told).expected_from("openai") == (told, "user")


def test_a_model_without_a_voice_of_its_own_wants_one() -> None:
    error = refused(model="someone/else")
    assert error.field == "voice"
    assert "streamplay voices --model someone/else" in str(error)
    assert make(model="someone/else", voice="eve").voice == "eve"


@pytest.mark.parametrize("voice", ["af_bella", "af_bella+af_heart", "af_bella(2)+af_heart(0.5)"])
def test_kokoro_mixes_voices(voice: str) -> None:
    assert make(model="hexgrad/Kokoro-82M", voice=voice).body()["voice"] == voice


@pytest.mark.parametrize("voice", ["af_bella+", "+af", "af(", "af()", "af(x)+b", "a(1)b", "(2)"])
def test_a_mix_that_is_none_is_refused(voice: str) -> None:
    assert refused(model="hexgrad/Kokoro-82M", voice=voice).field == "voice"


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


def test_a_request_keeps_its_fields_when_the_callers_change() -> None:
    rules, extra = ["a/b"], {"list": [1]}
    request = make(pronounce=rules, extra=extra)
    rules.append("c/d")
    extra["list"].append(2)
    assert request.body()["extra_params"]["pronunciation_dict"] == ["a/b"]
    assert request.body()["list"] == [1]


def test_a_body_may_be_changed_without_changing_the_request() -> None:
    request = make(extra={"extra_params": {"a": 1}})
    request.body()["extra_params"]["a"] = 2
    assert request.body()["extra_params"] == {"a": 1}


def test_a_request_can_be_copied() -> None:
    request = make(extra={"speed": 1})
    assert asdict(request)["extra"] == {"speed": 1}
    assert replace(request, input="Other").body()["speed"] == 1


@given(
    text=st.text(min_size=1).filter(lambda text: text.strip()),
    encoding=st.sampled_from(ENCODINGS),
    rate=st.integers(8000, 48000),
)
def test_any_text_is_sent_as_it_is(text: str, encoding: Any, rate: int) -> None:
    request = make(input=text, response_encoding=encoding, sample_rate=rate)
    body = json.loads(json.dumps(request.body()))
    assert (body["input"], body["response_encoding"], body["sample_rate"]) == (text, encoding, rate)
