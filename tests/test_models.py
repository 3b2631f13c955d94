from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.models import (
    DEFAULT_MODEL,
    Voice,
    default_voice,
    effective_format,
    known_model,
    known_models,
    read_models,
    read_voices,
)

S16_24K = AudioFormat("pcm_s16le", 24000)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("samplerate", [8000, 24000, 44100])
@pytest.mark.parametrize("model", ["canopylabs/orpheus-3b-0.1-ft", "hexgrad/Kokoro-82M"])
def test_orpheus_and_kokoro_return_s16_at_24000_whatever_was_asked(
    model: str, encoding: str, samplerate: int
) -> None:
    assert effective_format(model, encoding, samplerate) == (S16_24K, "model")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_minimax_returns_s16_at_the_rate_asked(encoding: str) -> None:
    effective = effective_format("minimax/speech-2.6-turbo", encoding, 32000)
    assert effective == (AudioFormat("pcm_s16le", 32000), "model")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("model", ["cartesia/sonic", "cartesia/sonic-2", "cartesia/sonic-3"])
def test_cartesia_returns_what_was_asked(model: str, encoding: str) -> None:
    assert effective_format(model, encoding, 8000) == (AudioFormat(encoding, 8000), "model")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_a_stranger_returns_is_only_a_guess(encoding: str) -> None:
    guess = (AudioFormat(encoding, 16000), "request")
    assert effective_format("someone/else", encoding, 16000) == guess


def test_a_new_release_of_a_known_family_keeps_its_rule() -> None:
    assert effective_format("hexgrad/Kokoro-90M", "pcm_mulaw", 8000) == (S16_24K, "model")
    assert effective_format("CANOPYLABS/Orpheus-4b", "pcm_mulaw", 8000) == (S16_24K, "model")
    assert effective_format("minimax/speech-9", "pcm_alaw", 16000)[0].encoding == "pcm_s16le"


def test_a_family_is_found_by_its_longest_name() -> None:
    longest = known_model("cartesia/sonic-2-2025")
    assert longest is not None
    assert longest.id == "cartesia/sonic-2"
    assert known_model("sonic-2") is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("acme/canopylabs/orpheus-3b-0.1-ft-9e8d7c6b", "canopylabs/orpheus-3b-0.1-ft"),
        ("acme/cartesia/sonic-3-9e8d7c6b", "cartesia/sonic-3"),
        ("Acme/MiniMax/speech-2.6-turbo-9e8d7c6b", "minimax/speech-2.6-turbo"),
        ("acme/rime-labs/rime-arcana-v3-turbo-9e8d7c6b", "rime-labs/rime-arcana-v3"),
        ("acme/rime-labs/rime-mist-v3-9e8d7c6b", "rime-labs/rime-mist-v2"),
        ("acme/deepgram/deepgram-aura-2-9e8d7c6b", "deepgram/deepgram-aura-2"),
    ],
)
def test_the_family_of_a_dedicated_endpoint_stands_inside_its_name(name: str, family: str) -> None:
    found = known_model(name)
    assert found is not None
    assert found.id == family


def test_what_no_document_tells_of_a_family_is_only_a_guess() -> None:
    guess = (AudioFormat("pcm_s16le", 22050), "request")
    assert effective_format("rime-labs/rime-mist-v2", "pcm_s16le", 22050) == guess


def test_the_default_model_is_known_first_and_has_a_voice() -> None:
    assert known_models()[0].id == DEFAULT_MODEL
    assert default_voice(DEFAULT_MODEL) == "tara"
    assert default_voice("hexgrad/Kokoro-82M") == "af_alloy"
    assert default_voice("someone/else") is None


def test_every_known_model_is_found_by_its_own_id() -> None:
    assert [known_model(model.id) for model in known_models()] == list(known_models())


def test_voices_are_read_from_the_list_by_model() -> None:
    answer = {
        "data": [
            {"model": "a/b", "voices": [{"id": "v1", "name": "First"}, {"name": "second"}]},
            {"model": "c/d", "voices": ["third"]},
        ]
    }
    assert read_voices(answer) == [
        Voice("v1", "First", "a/b"),
        Voice("second", "second", "a/b"),
        Voice("third", "third", "c/d"),
    ]
    assert [voice.id for voice in read_voices(answer, "c/d")] == ["third"]
    assert read_voices(answer, "e/f") == []


def test_voices_are_read_from_a_flat_list() -> None:
    answer = {"voices": [{"id": "x", "name": "X", "language": "de"}, "y"]}
    expected = [Voice("x", "X", "a/b", "de"), Voice("y", "y", "a/b")]
    assert read_voices(answer, "a/b") == expected
    assert read_voices(["y"]) == [Voice("y", "y")]


@pytest.mark.parametrize(
    "answer",
    [
        {"voices": {"alloy": "alloy.wav", "echo": "echo.wav"}},
        {"voices": {"alloy": {"gender": "f"}, "echo": {"gender": "m"}}},
        {"voices": {"en": ["alloy"], "de": ["echo"]}},
        {"data": {"voices": ["alloy", "echo"]}},
        {"data": [], "voices": ["alloy", "echo"]},
        [{"voice": "alloy"}, {"voice_id": "echo"}],
        [{"ShortName": "alloy"}, {"voiceId": "echo"}],
    ],
)
def test_voices_are_read_from_every_shape_of_list(answer: object) -> None:
    assert [voice.id for voice in read_voices(answer)] == ["alloy", "echo"]


def test_one_model_under_another_name_is_still_the_one_asked_about() -> None:
    answer = {"data": [{"model": "Orpheus 3B", "voices": ["tara"]}]}
    assert [voice.id for voice in read_voices(answer, DEFAULT_MODEL)] == ["tara"]


@pytest.mark.parametrize(
    "answer",
    [None, 3, "voices", {}, {"data": None}, {"data": [None, 1, {}, {"id": 7}, ""]}, {"voices": {}}],
)
def test_an_answer_that_lists_no_voices_gives_none(answer: object) -> None:
    assert read_voices(answer) == []


def test_models_are_read_from_each_kind_of_list() -> None:
    assert read_models([{"id": "a", "type": "audio"}, {"id": "b", "type": "chat"}]) == ["a"]
    assert read_models({"data": [{"id": "a"}, {"name": "b"}, "c", 4, {}]}) == ["a", "b", "c"]
    assert read_models(
        {"data": [{"id": "a", "task": "text-to-speech"}, {"id": "b", "task": "asr"}]}
    ) == ["a"]
    assert read_models({"error": "none"}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "voices", "models", "id", "name", "model", "type"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_without_a_fault(answer: object) -> None:
    assert all(voice.id and voice.name for voice in read_voices(answer, "m"))
    assert all(read_models(answer))
