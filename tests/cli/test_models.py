"""`streamplay models`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamplay.cli import main

if TYPE_CHECKING:
    import pytest

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
