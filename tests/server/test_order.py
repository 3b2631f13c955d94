from __future__ import annotations

from typing import Any

import pytest

from streamplay.audio import AudioFormat
from streamplay.server import order as orders
from streamplay.server.json_fields import Refusal
from tests.support.server import asking


def whole(**fields: Any) -> dict[str, Any]:
    body = asking(**fields)
    del body["stream"], body["response_format"]
    return body | fields


def test_the_defaults_are_those_of_the_published_schema() -> None:
    order = orders.read(whole(model="cartesia/sonic", voice="newsman"))
    assert (order.container, order.body, order.bit_rate) == ("wav", "whole", 128000)
    assert order.format == AudioFormat("pcm_s16le", 44100)
    raw = orders.read(whole(model="cartesia/sonic", voice="newsman", response_format="raw"))
    assert raw.format == AudioFormat("pcm_f32le", 44100)


@pytest.mark.parametrize(
    ("model", "voice", "stands_in"),
    [
        ("someone/elses", "nobody", ("espeak-ng", "en-us")),
        ("canopylabs/orpheus-9", "nobody", ("canopylabs/orpheus-3b-0.1-ft", "tara")),
        ("deepgram/deepgram-aura-2", "nobody", ("espeak-ng", "en-us")),
        ("cartesia/sonic-2", "newsman", ("cartesia/sonic-2", "newsman")),
    ],
)
def test_others_stand_in_for_names_that_are_unknown_where_that_was_asked_for(
    model: str, voice: str, stands_in: tuple[str, str]
) -> None:
    order = orders.read(whole(model=model, voice=voice), any_name=True)
    assert (order.model.id, order.voice.id) == stands_in


def test_a_stream_is_raw_unless_it_says_otherwise() -> None:
    order = orders.read(whole(stream=True))
    assert (order.container, order.body) == ("raw", "events")


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"stream_format": "sse"}, "events"),
        ({"stream_format": "audio"}, "bytes"),
        ({"stream": False}, "whole"),
    ],
)
def test_how_the_body_is_sent_follows_the_request(fields: dict[str, Any], body: str) -> None:
    assert orders.read(whole(response_format="pcm", **fields)).body == body


def test_pcm_is_what_openai_means_by_it() -> None:
    order = orders.read(whole(model="cartesia/sonic", voice="newsman", response_format="pcm"))
    assert order.format == AudioFormat("pcm_s16le", 24000)


def test_a_rate_that_a_container_cannot_hold_becomes_the_nearest() -> None:
    fields = {"model": "espeak-ng", "voice": "de", "sample_rate": 47000}
    for container, rate in [("mp3", 48000), ("opus", 48000), ("wav", 47000), ("flac", 47000)]:
        order = orders.read(whole(response_format=container, **fields))
        assert order.format.samplerate == rate


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert orders.read(whole(model="cartesia/sonic", voice="newsman", sample_rate=8000.0))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": None}, "input"),
        ({"input": "x" * 100_001}, "input"),
        ({"voice": ["tara"]}, "voice"),
        ({"response_format": "ogg"}, "response_format"),
        ({"response_encoding": "pcm_s24le"}, "response_encoding"),
        ({"sample_rate": 7999}, "sample_rate"),
        ({"sample_rate": 48001}, "sample_rate"),
        ({"sample_rate": "24000"}, "sample_rate"),
        ({"sample_rate": True}, "sample_rate"),
        ({"sample_rate": 24000.5}, "sample_rate"),
        ({"bit_rate": 1}, "bit_rate"),
        ({"language": "xx"}, "language"),
        ({"voice": {"name": "tara"}}, "voice"),
        ({"stream": "true"}, "stream"),
        ({"stream_format": "mp3"}, "stream_format"),
        ({"speed": 5}, "speed"),
        ({"speed": "1"}, "speed"),
        ({"instructions": 1}, "instructions"),
        ({"alignment": "letter"}, "alignment"),
        ({"segment": "word"}, "segment"),
        ({"extra_params": []}, "extra_params"),
        ({"extra_params": {"pronunciation_dict": "a/b"}}, "extra_params.pronunciation_dict"),
        ({"extra_params": {"pronunciation_dict": [1]}}, "extra_params.pronunciation_dict"),
        ({"extra_params": {"pronunciation_dict": ["ab"]}}, "extra_params.pronunciation_dict"),
        ({"extra_params": {"scenario": 1}}, "extra_params.scenario"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as caught:
        orders.read(whole(**fields))
    assert (caught.value.status, caught.value.param) == (400, param)
    assert param in caught.value.message


@pytest.mark.parametrize("field", ["model", "input", "voice"])
def test_a_required_field_is_required(field: str) -> None:
    body = whole()
    del body[field]
    with pytest.raises(Refusal, match=f"{field}: is required"):
        orders.read(body)


@pytest.mark.parametrize("container", ["wav", "mp3", "flac", "opus"])
def test_a_stream_of_files_is_refused(container: str) -> None:
    with pytest.raises(Refusal, match="only raw is supported when streaming"):
        orders.read(asking(response_format=container))


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(Refusal, match="JSON object"):
        orders.read([1])


def test_an_unknown_model_or_voice_is_not_found_and_named() -> None:
    with pytest.raises(Refusal, match=r"'a/b' does not exist.*Served here: .*orpheus") as no:
        orders.read(whole(model="a/b"))
    assert (no.value.status, no.value.body()["error"]["code"]) == (404, "model_not_found")
    with pytest.raises(Refusal, match=r"'bob' does not exist.*Voices: tara") as no:
        orders.read(whole(voice="bob"))
    assert (no.value.status, no.value.body()["error"]["code"]) == (404, "voice_not_found")


def test_a_dedicated_endpoint_is_the_model_inside_its_name() -> None:
    order = orders.read(whole(model="acme/hexgrad/Kokoro-82M-9e8d7c6b", voice="af_bella+af_sky"))
    assert order.model.id == "hexgrad/Kokoro-82M"


def test_mulaw_is_g711_without_a_header() -> None:
    order = orders.read(whole(response_format="mulaw", sample_rate=8000))
    assert (order.container, order.body) == ("mulaw", "whole")
    assert order.format == AudioFormat("pcm_mulaw", 24000)


def test_a_long_wrong_value_is_shown_in_part() -> None:
    with pytest.raises(Refusal) as caught:
        orders.read(whole(response_format="x" * 5000))
    assert len(caught.value.message) < 300


def test_null_is_absent_in_every_field_that_is_not_required() -> None:
    optional = ["response_format", "response_encoding", "sample_rate", "bit_rate", "language"]
    optional += ["stream", "stream_format", "speed", "instructions", "alignment", "segment"]
    optional += ["extra_params"]
    assert orders.read(whole(**dict.fromkeys(optional))) == orders.read(whole())


@pytest.mark.parametrize(
    ("fields", "container", "body"),
    [
        ({}, "mp3", "bytes"),
        ({"response_format": "pcm"}, "pcm", "bytes"),
        ({"response_format": "opus", "stream": True}, "opus", "bytes"),
        ({"response_format": "wav"}, "wav", "whole"),
        ({"response_format": "wav", "stream": True}, "wav", "bytes"),
        ({"stream_format": "sse"}, "mp3", "events"),
        ({"instructions": "Cheerfully.", "speed": 1.5}, "mp3", "bytes"),
    ],
)
@pytest.mark.parametrize("model", ["tts-1", "tts-1-1106", "gpt-4o-mini-tts-2025-12-15"])
def test_openais_models_are_answered_in_openais_shape(
    model: str, fields: dict[str, Any], container: str, body: str
) -> None:
    order = orders.read(whole(model=model, voice="marin", **fields))
    assert (order.container, order.body, order.openai) == (container, body, True)
    assert order.format == AudioFormat("pcm_s16le", 24000)


def test_a_field_that_only_openai_has_makes_openais_shape_of_any_model() -> None:
    order = orders.read(whole(instructions="None"))
    assert (order.container, order.body) == ("mp3", "bytes")
    assert not orders.read(whole(instructions=None)).openai


@pytest.mark.parametrize(
    "voice",
    [
        "alloy",
        "ash",
        "ballad",
        "cedar",
        "coral",
        "echo",
        "fable",
        "marin",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    ],
)
def test_openais_voices_are_known_by_name_and_as_objects(voice: str) -> None:
    fields = {"model": "gpt-4o-mini-tts"}
    order = orders.read(whole(voice=voice, **fields))
    assert orders.read(whole(voice={"id": voice}, **fields)).spoken == order.spoken


def test_pronunciations_are_applied_once() -> None:
    rules = {"pronunciation_dict": ["a/a a"] * 64}
    assert orders.read(whole(input="a", extra_params=rules)).text == "a a"
    swapped = {"pronunciation_dict": ["a/b", "b/a", "a b/c"]}
    assert orders.read(whole(input="a, b, a b", extra_params=swapped)).text == "b, a, c"


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (["a/" + "b" * 99_999], "longer than 100000"),
        ([f"{n}/x" for n in range(1001)], "1001 rules"),
        (["x" * 10_001 + "/y"], "more than 10000 characters"),
        (["a/"], "source/replacement"),
        (["a/ "], "source/replacement"),
    ],
)
def test_pronunciations_are_bounded(rules: list[str], problem: str) -> None:
    with pytest.raises(Refusal, match=problem) as caught:
        orders.read(whole(input="a a", extra_params={"pronunciation_dict": rules}))
    assert caught.value.param == "extra_params.pronunciation_dict"


def test_pronunciations_replace_whole_words() -> None:
    rules = {"pronunciation_dict": [r"omg/oh my \g<0> god", "C++/see plus plus"]}
    order = orders.read(whole(input="omg, omgs and C++!", extra_params=rules))
    assert order.text == r"oh my \g<0> god, omgs and see plus plus!"


def test_a_language_changes_the_tongue_and_keeps_the_voice() -> None:
    order = orders.read(whole(language="fr"))
    assert order.spoken.name == "fr+f3"
    british = {"model": "hexgrad/Kokoro-82M", "voice": "bm_george", "language": "en"}
    assert orders.read(whole(**british)).spoken.language == "en"


def test_speed_changes_the_words_per_minute_within_what_espeak_can() -> None:
    assert orders.read(whole(speed=2)).spoken.rate == 330
    assert orders.read(whole(speed=4.0)).spoken.rate == 450
    assert orders.read(whole(speed=0.25)).spoken.rate == 80
