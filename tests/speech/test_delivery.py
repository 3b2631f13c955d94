"""Frames on their way: traced, kept, converted, and told of."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import soundfile

import streamplay
from streamplay import Player
from streamplay.events import Word
from streamplay.trace import load
from tests.support.speaking import (
    PATIENCE,
    Silent,
    asking,
    counting,
    failure,
    without_gaps,
)

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.server.child import LocalServer


RATE = 24000


SONIC = "cartesia/sonic"  # answers as asked: any encoding, any rate


def test_a_trace_holds_the_arrivals(player: Player, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    player.say("hello", extra=counting(0.5), record=file).wait(PATIENCE)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["streamplay_trace"] == 1
    assert lines[0]["chars"] == 5
    assert sum(line.get("frames", 0) for line in lines) == 12000
    assert lines[-1]["end"] == "complete"


def test_a_trace_of_nothing_is_a_trace_too(player: Player, tmp_path: Path, impatient: None) -> None:
    file = tmp_path / "trace.jsonl"
    failure(player.say("hello", extra=asking(status=500), record=file))
    trace = load(file)
    assert (trace.how, trace.arrivals, trace.characters) == ("ServerFailed", (), 5)
    assert trace.host == "127.0.0.1"


def test_the_other_law_is_warned_of_once(speech_server: LocalServer, fast: Silent) -> None:
    """A-law read as µ-law is speech, only harsher: heard as it is, and told."""
    notices: list[str] = []
    with Player(base_url=speech_server.base_url, notify=notices.append) as player:
        text = "We were away a year ago, and now we are all along the wall. " * 2
        fields = {"model": SONIC, "encoding": "pcm_mulaw", "sample_rate": 8000}
        extra = asking(send_as="pcm_alaw@8000")
        receipt = player.say([text, text], extra=extra, **fields).wait(PATIENCE)
    assert receipt.complete
    assert [notice for notice in notices if "--decode-as pcm_alaw" in notice] == notices
    assert len(notices) == 1


def test_another_format_than_was_asked_for_is_told_once_with_both_and_why(
    speech_server: LocalServer, fast: Silent
) -> None:
    notices: list[str] = []
    with Player(base_url=speech_server.base_url, notify=notices.append) as player:
        receipt = player.say(
            iter(["One. ", "Two."]), encoding="pcm_f32le", sample_rate=44100, extra=counting(0.2)
        ).wait(PATIENCE)
    assert receipt.frames.played == 9600
    assert receipt.format.requested.encoding == "pcm_f32le"
    assert len(notices) == 1
    for word in ("pcm_f32le", "44100", "pcm_s16le", "24000", "orpheus"):
        assert word in notices[0]
    assert "\n" not in notices[0]


def test_a_stream_of_another_rate_is_resampled_with_every_frame_accounted_for(
    player: Player, fast: Silent
) -> None:
    sonic = {"model": SONIC, "voice": "nonfiction man", "sample_rate": 16000}
    (receipt,) = without_gaps(player, {**sonic, "extra": counting(1)})
    assert receipt.frames.received == receipt.frames.played == 16000
    assert receipt.output.samplerate == RATE
    assert abs(len(fast.played) - RATE) <= 2


def test_where_the_server_knows_no_speed_the_sound_is_stretched_before_it_counts(
    speech_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As for Together's own hosts, whose HTTP API has no such field.
    monkeypatch.setattr("streamplay.speech_servers.asks_together", lambda *_: True)
    seconds, ends = {}, {}
    for speed in (None, 2.0):
        words: list[Word] = []
        sound = tmp_path / f"{speed}.wav"
        with streamplay.Player(
            base_url=speech_server.base_url,
            alignment="word",
            on_event=lambda event: words.append(event) if isinstance(event, Word) else None,  # noqa: B023
        ) as player:
            receipt = player.say("One sentence, at a speed.", speed=speed, output=sound).wait(20)
        frames = receipt.frames
        assert receipt.complete
        assert frames.received == frames.played == frames.saved == len(soundfile.read(sound)[0])
        seconds[speed], ends[speed] = frames.received / RATE, words[-1].stop
    assert seconds[2.0] == pytest.approx(seconds[None] / 2, abs=0.1)
    assert ends[2.0] == pytest.approx(ends[None] / 2, abs=0.05)


def test_where_the_sound_cannot_be_stretched_either_that_is_told(
    speech_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamplay.speech_servers.asks_together", lambda *_: True)
    monkeypatch.setitem(sys.modules, "av", None)
    told: list[str] = []
    receipt = streamplay.say(
        "Hello.", base_url=speech_server.base_url, speed=2.0, play=False, notify=told.append
    )
    assert receipt.complete
    assert [each for each in told if "the server knows no speed" in each] == told[-1:]
