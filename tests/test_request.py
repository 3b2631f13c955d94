from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import InvalidRequest
from streamplay.request import SpeechRequest


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


def test_mulaw_is_expected_as_such_and_may_turn_out_to_be_something_else() -> None:
    asked = make(response_format="mulaw", model="cartesia/sonic-3", voice="v", sample_rate=8000)
    assert asked.expected == (AudioFormat("pcm_mulaw", 8000), "request")
    assert asked.body()["response_format"] == "mulaw"


@pytest.mark.parametrize("file", ["wav", "mp3", "opus", "flac", "aac", "mulaw"])
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
