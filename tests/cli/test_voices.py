"""`streamplay voices`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer
    from tests.support.nullsink import NullSink

ORPHEUS = "canopylabs/orpheus-3b-0.1-ft"


def test_the_voices_of_a_server(
    speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["voices", "--base-url", speech_server.base_url]
    assert main([*words, "--json"]) == 0
    voices = json.loads(capsys.readouterr().out)
    assert all(set(voice) == {"id", "name", "model", "language"} for voice in voices)
    assert main([*words, "--json", "-m", ORPHEUS]) == 0
    of_one = json.loads(capsys.readouterr().out)
    assert of_one == [voice for voice in voices if voice["model"] == ORPHEUS]
    assert "tara" in {voice["id"] for voice in of_one}
    assert main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(voices)


def test_voices_are_filtered_by_words_and_by_language(
    speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["voices", "--base-url", speech_server.base_url]
    assert main([*words, "TAR", "--json"]) == 0
    assert {voice["id"] for voice in json.loads(capsys.readouterr().out)} == {"tara"}
    assert main([*words, "--language", "en", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found
    assert all(voice["language"].partition("-")[0] == "en" for voice in found)
    assert main([*words, "no such voice"]) == 0
    assert capsys.readouterr() == ("", "streamplay: no voice fits\n")
    assert main([*words, "tara"]) == 0
    assert "NAME" not in capsys.readouterr().out  # it says nothing that VOICE does not


def test_a_voice_is_heard_in_one_sentence(
    speech_server: LocalServer, null_sink: NullSink, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["voices", "tara", "--base-url", speech_server.base_url, "--preview"]
    with null_sink.record() as recording:
        assert main(words) == 0
    assert capsys.readouterr().out == "tara\n"
    assert recording.played.any()


@pytest.mark.parametrize(("words", "notices"), [([], 1), (["--local"], 0), (["-q"], 0)])
def test_the_built_in_voices(
    words: list[str], notices: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["voices", "-m", ORPHEUS, *words]) == 0
    out, err = capsys.readouterr()
    assert "tara" in out
    assert err.count("\n") == notices


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--base-url", "http://127.0.0.1:9/v1"], 1),
        (["--base-url", "nonsense"], 2),
        (["--local", "--base-url", "http://127.0.0.1:9/v1"], 2),
        (["--api-key-env", "NO_SUCH_VARIABLE"], 2),
    ],
)
def test_voices_that_cannot_be_asked_for_are_one_sentence(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["voices", *words, "-q"]) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_a_server_without_voices_is_told(
    speech_server: LocalServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr("streamplay.network.client.SpeechClient.voices", nothing)
    assert main(["voices", "--base-url", speech_server.base_url]) == 0
    assert capsys.readouterr() == ("", "streamplay: the server names no voices\n")
