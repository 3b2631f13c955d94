from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from streamplay.audio import AudioFormat
from streamplay.cli import report
from streamplay.errors import ModelNotFound, StreamPlayError
from streamplay.receipt import OutputFacts, Receipt


def heard() -> Receipt:
    receipt = report.blank({"local": True})
    receipt.frames.received = receipt.frames.played = 36000
    receipt.output = OutputFacts("device", "pulse", 24000, 25.4, "native")
    receipt.ms.headers, receipt.ms.first_sound, receipt.ms.finished = 3.2, 4.6, 1530.0
    receipt.complete = True
    return receipt


def test_a_receipt_is_told_in_a_few_lines() -> None:
    assert report.receipt_text(heard()).splitlines() == [
        "voice    tara, canopylabs/orpheus-3b-0.1-ft, from local",
        "audio    1.50 s, pcm_s16le at 24000 Hz",
        "output   pulse, 24000 Hz, latency 25 ms, native callback",
        "frames   36000 received = 36000 played",
        "moments  headers 3, first sound 5, finished 1530 ms",
        "stalls   none",
        "result   complete",
    ]


def test_a_format_that_was_not_asked_for_is_explained() -> None:
    receipt = report.blank({"encoding": "pcm_f32le", "sample_rate": 44100})
    told = report.receipt_text(receipt)
    assert ("pcm_s16le at 24000 Hz (the model's own; asked for pcm_f32le at 44100 Hz)") in told


def test_stalls_and_late_callbacks_are_two_things() -> None:
    receipt = heard()
    receipt.stalls.count, receipt.stalls.total_ms, receipt.stalls.longest_ms = 2, 130.4, 90.0
    receipt.device_underflows = 3
    told = report.receipt_text(receipt)
    assert "stalls   2, 130 ms in all, the longest 90 ms; late callbacks: 3" in told


def test_frames_that_were_not_played_are_named() -> None:
    receipt = heard()
    receipt.frames.played, receipt.frames.flushed, receipt.frames.muted = 1000, 34000, 1000
    receipt.frames.saved = 36000
    told = report.receipt_text(receipt)
    assert "36000 received = 1000 played + 34000 flushed + 1000 muted; 36000 saved" in told


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"complete": False}, "incomplete"),
        ({"complete": False, "interrupted": True}, "interrupted"),
        ({"output": OutputFacts("silent", "", 24000, 10.0)}, "complete"),
    ],
)
def test_the_result_is_told(change: dict[str, object], result: str) -> None:
    receipt = heard()
    for name, value in change.items():
        setattr(receipt, name, value)
    assert report.receipt_text(receipt).endswith(f"result   {result}")


def test_no_sound_is_told_as_such() -> None:
    receipt = heard()
    receipt.output = OutputFacts("silent", "", 24000, None)
    assert "silent clock, no sound, 24000 Hz, python callback" in report.receipt_text(receipt)


@pytest.mark.parametrize(
    ("asked", "environment", "base_url"),
    [
        ({"local": True}, "http://e/v1", "local"),
        ({"base_url": "http://f/v1"}, "http://e/v1", "http://f/v1"),
        ({}, "http://e/v1", "http://e/v1"),
        ({}, "", "https://api.together.ai/v1"),
    ],
)
def test_a_blank_receipt_tells_what_was_asked_for(
    asked: dict[str, object], environment: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOGETHER_BASE_URL", environment)
    error = ModelNotFound("no such model", status=404)
    receipt = report.blank(asked, error).to_dict()
    assert receipt["base_url"] == base_url
    assert receipt["error"] == {"type": "ModelNotFound", "message": "no such model", "status": 404}
    assert receipt["complete"] is False
    assert set(receipt["frames"].values()) == {0}


def test_a_blank_receipt_knows_the_user_decides_the_format() -> None:
    receipt = report.blank({"decode_as": AudioFormat("pcm_alaw", 8000)}, StreamPlayError("x"))
    assert receipt.format.source == "user"
    assert (receipt.format.effective, receipt.format.samplerate) == ("pcm_alaw", 8000)


def test_json_is_one_ascii_line() -> None:
    text = report.as_json({"voice": "Zoë\n\x1b[31m\u202e"})
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == {"voice": "Zoë\n\x1b[31m\u202e"}


def test_a_table_in_a_pipe_is_plain_columns(capsys: pytest.CaptureFixture[str]) -> None:
    report.table(("NAME", "RATE"), [("a", "24000"), ("longer", "")])
    assert capsys.readouterr().out == "NAME    RATE\na       24000\nlonger\n"


def test_what_a_terminal_would_obey_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    report.table(("NAME",), [("\x1b[2Jx\u202e",)])
    assert capsys.readouterr().out == "NAME\n\ufffd[2Jx\ufffd\n"


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_table_on_a_terminal_is_coloured_unless_told_otherwise(
    no_color: str, coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    code = "from streamplay.cli import report; report.table(('NAME',), [('[bold]x',)])"
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": no_color}
    subprocess.run([sys.executable, "-c", code], stdout=theirs, check=True, env=environment)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert "[bold]x" in shown
    assert ("\x1b[1m" in shown) is True
    assert ("\x1b[3" in shown) is False or coloured


def test_a_list_that_does_not_fit_a_narrow_terminal_is_printed_cell_by_cell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamplay.cli.console.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "20")
    report.table(("ID", "NAME"), [("1", "a name of many words"), ("2", "")])
    assert capsys.readouterr().out == "ID    1\nNAME  a name of many\n  words\n\nID    2\n"
