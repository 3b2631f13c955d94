from __future__ import annotations

import pytest

from streamplay.audio import AudioFormat
from streamplay.server import catalog


def test_every_voice_of_a_model_sounds_different() -> None:
    for model in catalog.models().values():
        ways = [voice.spoken for voice in model.voices.values()]
        assert len(set(ways)) == len(ways), model.id


@pytest.mark.parametrize(
    ("model", "real"),
    [
        ("canopylabs/orpheus-3b-0.1-ft", AudioFormat("pcm_s16le", 24000)),
        ("hexgrad/Kokoro-82M", AudioFormat("pcm_s16le", 24000)),
        ("minimax/speech-2.6-turbo", AudioFormat("pcm_s16le", 44100)),
        ("cartesia/sonic", AudioFormat("pcm_f32le", 44100)),
        ("espeak-ng", AudioFormat("pcm_f32le", 44100)),
    ],
)
def test_a_model_obeys_only_what_it_obeys(model: str, real: AudioFormat) -> None:
    assert catalog.models()[model].format("pcm_f32le", 44100) == real


def test_a_mix_has_the_mean_pitch_and_the_rest_of_the_heaviest() -> None:
    kokoro = catalog.models()["hexgrad/Kokoro-82M"]
    alone = kokoro.voices["af_bella"].spoken
    mix = kokoro.find("af_bella(3)+af_jessica(1)")
    assert mix is not None
    other = kokoro.voices["af_jessica"].spoken
    assert mix.spoken.name == alone.name
    assert mix.spoken.pitch == round((3 * alone.pitch + other.pitch) / 4)


@pytest.mark.parametrize("mix", ["af_bella+nobody", "af_bella(0)+af_heart(0)", "af_bella+", "+"])
def test_a_bad_mix_is_no_voice(mix: str) -> None:
    assert catalog.models()["hexgrad/Kokoro-82M"].find(mix) is None


def test_only_models_that_mix_take_a_mix() -> None:
    assert catalog.models()["canopylabs/orpheus-3b-0.1-ft"].find("tara+leah") is None


def test_the_own_model_takes_any_variant_of_any_language() -> None:
    own = catalog.models()["espeak-ng"]
    found = own.find("de+f3")
    assert found is not None
    assert found.spoken.name == "de+f3"
    assert own.find("de+nobody") is None
    assert own.find("nowhere+f3") is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("en", "en-us"),
        ("zh", "cmn"),
        ("zh-hk", "yue"),
        ("no", "nb"),
        ("de-at", "de"),
        ("en-gb", "en"),
        ("fr-fr", "fr"),
    ],
)
def test_a_language_code_finds_its_voice(code: str, name: str) -> None:
    assert catalog.language(code) == name


@pytest.mark.parametrize("code", ["", "xx", "english", "EN", "en_us"])
def test_what_is_no_language_code_finds_none(code: str) -> None:
    assert catalog.language(code) is None


def test_every_listed_language_code_can_be_asked_for() -> None:
    for model in catalog.models().values():
        for voice in model.voices.values():
            assert catalog.language(voice.language.lower()), voice
