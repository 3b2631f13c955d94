"""`streamplay models`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamplay.cli import main

if TYPE_CHECKING:
    import pytest

    from streamplay.server.child import LocalServer

ORPHEUS = "canopylabs/orpheus-3b-0.1-ft"


def test_the_models_tell_what_they_really_return(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    models = {model.pop("id"): model for model in json.loads(capsys.readouterr().out)}
    assert models[ORPHEUS] == {
        "encoding": "pcm_s16le",
        "samplerate": 24000,
        "streams": True,
        "voice": "tara",
    }
    assert models["cartesia/sonic"]["encoding"] is None


def test_the_models_are_a_table_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["MODEL", "ENCODING", "RATE", "STREAMS", "VOICE"]
    assert lines[1].split() == [ORPHEUS, "pcm_s16le", "24000", "yes", "tara"]


def test_a_server_that_is_named_lists_its_own(
    speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--json", "--base-url", speech_server.base_url]) == 0
    models = {model.pop("id"): model for model in json.loads(capsys.readouterr().out)}
    assert models[ORPHEUS]["encoding"] == "pcm_s16le"
    assert models["tts-1"] == {"encoding": None, "samplerate": None, "streams": None, "voice": None}
