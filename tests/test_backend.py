"""Which server speaks: the client, the built-in voice, and falling back to it."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import streamplay
from streamplay import Player
from streamplay.errors import ModelNotFound
from streamplay.player import LazyPlayer
from tests.support.rawserver import unused_port
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    counting,
    open_things,
    wait_until,
)

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer

RATE = 24000


def test_two_failures_at_once_tell_of_the_request_alone(
    speech_server: LocalServer, silent: Silent, capfd: pytest.CaptureFixture[str]
) -> None:
    silent.absent = True
    with pytest.raises(ModelNotFound):
        streamplay.say("hi", base_url=speech_server.base_url, model="no/such", voice="tara")
    assert capfd.readouterr().err == ""


def test_the_built_in_voice_speaks_where_the_server_fails_before_audio(
    fast: Silent, impatient: None
) -> None:
    notices: list[str] = []
    receipt = streamplay.say(
        "Hello.", base_url="http://127.0.0.1:9/v1", fallback="local", notify=notices.append
    )
    account_for(receipt)
    assert receipt.complete
    assert receipt.base_url == "local"
    assert receipt.voice.startswith("eSpeak")
    assert receipt.frames.played > 0
    assert any("built-in voice" in notice for notice in notices)


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "someone/elses", "voice": "nobody", "encoding": "pcm_f32le"},
        {"model": "canopylabs/orpheus-9", "voice": "nobody", "encoding": "pcm_f32le"},
        {"model": "hexgrad/Kokoro-82M", "voice": "af_bella(2)+xx_nobody", "sample_rate": 8000},
        {"model": "someone/elses", "voice": "nobody", "api": "openai", "format": "wav"},
    ],
)
def test_the_built_in_voice_stands_in_for_models_and_voices_that_it_does_not_know(
    asked: dict[str, Any], fast: Silent, impatient: None
) -> None:
    nobody = f"http://127.0.0.1:{unused_port()}/v1"
    receipt = account_for(streamplay.say("Hello.", base_url=nobody, fallback="local", **asked))
    assert receipt.voice.startswith("eSpeak")
    assert receipt.frames.played > 0.3 * receipt.format.samplerate
    assert receipt.frames.muted == 0
    ms = receipt.ms
    assert ms.connected is not None
    assert ms.sent is not None
    assert ms.headers is not None
    assert ms.first_audio is not None
    assert ms.connected < ms.sent < ms.headers < ms.first_audio  # all of the answer that was heard


def test_a_pause_rests_the_time_limits(speech_server: LocalServer, silent: Silent) -> None:
    with Player(base_url=speech_server.base_url, timeout=0.4) as player:
        player.pause()
        utterance = player.say("hello", extra=counting(0.5, stalls=["100:1200"]))
        wait_until(lambda: utterance.receipt.frames.received == 12000)
        player.resume()
        assert utterance.wait(PATIENCE).complete


@pytest.mark.skipif(sys.platform != "linux", reason="counts the entries of /proc/self/fd")
def test_the_built_in_voice_ends_with_its_player(silent: Silent) -> None:
    before = open_things()
    player = Player(local=True, play=False)
    assert player.say("Hello.").wait(PATIENCE).base_url == "local"
    player.close()
    assert open_things() == before


def children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc")
@pytest.mark.parametrize("later", [0.0, 0.02, 0.1])
def test_closing_while_the_built_in_voice_comes_up_leaves_no_process(
    silent: Silent, later: float
) -> None:
    before = children()
    player = LazyPlayer(local=True, play=False)
    utterance = player.say("Hello.")
    time.sleep(later)
    player.close(cut=True)
    assert utterance.receipt.interrupted
    assert children() == before


def test_an_unreachable_server_does_not_keep_a_player_from_being_made(silent: Silent) -> None:
    Player(base_url="http://127.0.0.1:9/v1").close()
