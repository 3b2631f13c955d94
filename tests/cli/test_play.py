"""`streamplay play`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from streamplay.cli import main
from tests.support.speaking import (
    Silent,
    counted,
)

if TYPE_CHECKING:
    import pytest

RATE = 24000


COUNT = counted(RATE)


def test_the_command_plays_a_file_and_tells(
    fast: Silent, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sound.wav"
    soundfile.write(file, COUNT, RATE, subtype="PCM_16")
    assert main(["play", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"]["played"] == RATE
    assert told["base_url"] == str(file)
    assert main(["play", str(file), "--stats"]) == 0
    assert "played" in capsys.readouterr().out


def test_the_command_plays_raw_audio_from_standard_input(
    fast: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(COUNT.tobytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["play", "-", "--decode-as", f"pcm_s16le@{RATE}"]) == 0
    np.testing.assert_array_equal(fast.values, COUNT)


def test_the_command_says_what_is_wrong_with_a_file(
    fast: Silent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["play", str(Path("/nonexistent.wav")), "--json"]) == 4
    said = capsys.readouterr()
    assert "cannot read /nonexistent.wav" in said.err
    told = json.loads(said.out)
    assert (told["base_url"], told["model"]) == ("/nonexistent.wav", "")
    assert told["error"]["type"] == "FileFailed"
    assert main(["play", "x.pcm", "--decode-as", "nonsense", "--json"]) == 2
    assert capsys.readouterr().out == ""
