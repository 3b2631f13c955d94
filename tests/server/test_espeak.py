from __future__ import annotations

import time

import espeakng_loader
import pytest

from streamplay.server import espeak
from streamplay.server.espeak import Spoken, SynthesisFailed, speak

ENGLISH = Spoken("en-us", "f3")


def test_the_same_text_gives_the_same_samples_whatever_was_spoken_between() -> None:
    first = speak("Hello from streamplay.", ENGLISH)
    speak("Something else, and longer.", Spoken("fr", "m1"))
    assert speak("Hello from streamplay.", ENGLISH) == first


def test_the_time_of_day_makes_no_difference() -> None:
    # eSpeak NG seeds its random numbers with the second in which it is initialised.
    first = speak("Hello.", ENGLISH)
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.01)
    assert speak("Hello.", ENGLISH) == first


def test_words_come_with_their_places_in_time() -> None:
    spoke = speak("Hello from streamplay.", ENGLISH)
    assert [word.text for word in spoke.words] == ["Hello", "from", "streamplay"]
    starts = [word.start for word in spoke.words]
    assert starts == sorted(set(starts))
    assert starts[-1] < spoke.seconds


def test_a_number_that_is_said_in_several_words_is_one() -> None:
    spoke = speak("On 12/05/2024 we saw 5 cats for $19.99 per day.", ENGLISH)
    said = "".join(word.text for word in spoke.words)
    assert said == "On12/05/2024wesaw5catsfor$19.99perday"


def test_words_are_cut_by_characters_and_not_by_bytes() -> None:
    spoke = speak("Ça été élu.", Spoken("fr"))
    assert [word.text for word in spoke.words] == ["Ça", "été", "élu"]


def test_a_voice_can_be_heard_to_differ_by_language_variant_pitch_and_rate() -> None:
    ways = [
        ENGLISH,
        Spoken("en-us"),
        Spoken("de", "f3"),
        Spoken("en-us", "f3", pitch=70),
        Spoken("en-us", "f3", rate=300),
    ]
    assert len({speak("Hello.", way).samples for way in ways}) == len(ways)


def test_a_nul_and_a_lone_surrogate_are_spoken_over() -> None:
    assert speak("One\0two.", ENGLISH).samples == speak("One two.", ENGLISH).samples
    assert speak("One \ud800 two.", ENGLISH).samples


def test_an_unknown_voice_is_an_error() -> None:
    with pytest.raises(SynthesisFailed, match="nonsense"):
        speak("Hello.", Spoken("nonsense"))


def test_a_missing_library_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: "/nowhere.so")
    with pytest.raises(SynthesisFailed, match="cannot be loaded"):
        speak("Hello.", ENGLISH)


def test_missing_data_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = speak("Hello.", ENGLISH)
    with monkeypatch.context() as without:
        without.setattr(espeakng_loader, "get_data_path", lambda: "/nowhere")
        with pytest.raises(SynthesisFailed, match="its own data"):
            speak("Hello.", ENGLISH)
    assert speak("Hello.", ENGLISH) == before


def test_the_names_of_languages_and_variants_are_those_of_the_library() -> None:
    assert {"en-us", "en", "fr", "cmn", "yue"} <= espeak.languages()
    assert {"f3", "m1"} <= espeak.variants()


def test_every_language_speaks_and_nothing_is_complained_of(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for language in espeak.languages():
        assert speak("1", Spoken(language, "f3")).samples, language
    assert capfd.readouterr() == ("", "")
