"""What a player holds open for sound: the output, and another one where it is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay import Player
from streamplay.errors import (
    DeviceLost,
    InvalidRequest,
    NoDevice,
)
from streamplay.outputs import portaudio, watchdog
from streamplay.outputs.silent import SilentOutput
from streamplay.playback import pump, queue, session
from streamplay.playback import session as session_module
from streamplay.player import LazyPlayer
from streamplay.stream import wire
from tests.support.speaking import (
    PATIENCE,
    Returning,
    Silent,
    account_for,
    being_heard,
    counted,
    counting,
    failure,
    receipt_of,
    wait_until,
    without_gaps,
)

if TYPE_CHECKING:
    from pathlib import Path

    from streamplay.server.child import LocalServer

RATE = 24000


def test_a_lost_device_ends_what_was_on_its_way_and_is_opened_anew_for_what_follows(
    speech_server: LocalServer, silent: Silent
) -> None:
    with Player(base_url=speech_server.base_url) as player:
        utterance = player.say("one", extra=counting(5))
        being_heard(utterance)
        silent.absent = True
        silent.unplug()
        error = failure(utterance)
        assert isinstance(error, DeviceLost)
        assert receipt_of(error).frames.flushed > 0
        assert "Heard: 0." in str(error)
        silent.absent = False
        assert player.say("two", extra=counting(0.1)).wait(PATIENCE).complete
    assert len(silent.outputs) == 2


def test_a_lost_device_is_replaced_and_all_that_it_did_not_ask_for_is_played(
    speech_server: LocalServer, silent: Silent
) -> None:
    told: list[str] = []
    with Player(base_url=speech_server.base_url, notify=told.append) as player:
        utterance = player.say("one", extra=counting(2))
        being_heard(utterance)
        silent.unplug()
        receipt = account_for(utterance.wait(PATIENCE))
    assert (receipt.frames.played, receipt.complete) == (2 * RATE, True)
    assert len(silent.outputs) == 2
    assert [line for line in told if "going on at" in line]


def test_a_device_that_is_lost_again_at_once_is_not_replaced_for_ever(
    speech_server: LocalServer, silent: Silent
) -> None:
    with Player(base_url=speech_server.base_url) as player:
        utterance = player.say("one", extra=counting(2))
        being_heard(utterance)
        silent.fail_after = 3
        silent.unplug()
        assert isinstance(failure(utterance), DeviceLost)
    assert len(silent.outputs) == 2


@pytest.mark.parametrize(
    ("follows", "changes", "looks", "opened"),
    [
        # The default device is opened again each time; PortAudio begins anew once in a while.
        (True, True, [1], 3),
        (True, False, [], 1),  # no device has come or gone
        (False, True, [], 1),
    ],
)
def test_the_default_device_is_looked_up_anew_where_it_may_be_another_and_that_is_allowed(
    speech_server: LocalServer,
    silent: Silent,
    monkeypatch: pytest.MonkeyPatch,
    *,
    follows: bool,
    changes: bool,
    looks: list[int],
    opened: int,
) -> None:
    monkeypatch.setattr(session_module, "FOLLOW_SECONDS", PATIENCE)
    stamps = count()
    stamp = lambda: next(stamps) if changes else 0  # noqa: E731
    monkeypatch.setattr("streamplay.outputs.devices.devices_stamp", stamp)
    monkeypatch.setattr(portaudio, "has_begun", lambda: False)  # by an earlier test
    looked: list[int] = []
    monkeypatch.setattr(portaudio, "look_again", lambda: looked.append(len(silent.outputs)))
    with Player(base_url=speech_server.base_url, follow_default=follows) as player:
        for _ in range(3):
            assert player.say("hello", extra=counting(0.1)).wait(PATIENCE).complete
            session = player._core._resources.session
            wait_until(lambda session=session: session.pump and session.pump.resting)
    assert (looked, len(silent.outputs)) == (looks, opened)


def test_a_device_that_sleeps_is_woken_with_silence(
    speech_server: LocalServer, fast: Silent
) -> None:
    with Player(base_url=speech_server.base_url, wake=100) as player:
        receipt = player.say("hello", extra=counting(0.5)).wait(PATIENCE)
    assert receipt.frames.played == RATE // 2
    assert not fast.samples[: RATE // 10].any()


def test_a_device_that_was_lost_while_nothing_was_said_is_opened_anew(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.fail_after = 20
    with Player(base_url=speech_server.base_url) as player:
        silent.fail_after = None
        wait_until(lambda: silent.outputs[0].failure)
        assert player.say("hello", extra=counting(0.1)).wait(PATIENCE).complete
    assert len(silent.outputs) == 2


def test_a_device_that_comes_back_is_opened_for_the_next_utterance(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.absent = True
    with LazyPlayer(base_url=speech_server.base_url) as player:
        assert isinstance(failure(player.say("one", extra=counting(0.1))), NoDevice)
        silent.absent = False
        assert player.say("two", extra=counting(0.1)).wait(PATIENCE).complete


def test_a_device_that_is_found_takes_over_what_the_silent_clock_still_holds(
    speech_server: LocalServer, returning: Returning
) -> None:
    told: list[str] = []
    with Player(base_url=speech_server.base_url, notify=told.append) as player:
        first = player.say("one", extra=counting(3))
        being_heard(first)
        returning.absent = False
        second = player.say("two", extra=counting(0.5))
        for utterance, frames in ((first, 3 * RATE), (second, RATE // 2)):
            receipt = account_for(utterance.wait(PATIENCE))
            assert (receipt.frames.played, receipt.complete) == (frames, True)
        assert receipt.output.name == "card"
    assert [line[:22] for line in told] == ["no sound will be heard", "sound goes on at 'card"]
    np.testing.assert_array_equal(returning.values[-RATE // 2 :], counted(RATE // 2))


def test_a_device_that_was_lost_while_it_played_is_told_lost_once_and_back_once(
    speech_server: LocalServer, returning: Returning
) -> None:
    told: list[str] = []
    returning.absent = False
    with Player(base_url=speech_server.base_url, notify=told.append) as player:
        utterance = player.say("one", extra=counting(5))
        being_heard(utterance)
        returning.absent = True
        returning.unplug()
        assert isinstance(failure(utterance), DeviceLost)
        for absent in (True, True, False, False):
            returning.absent = absent
            assert player.say("two", extra=counting(0.1)).wait(PATIENCE).complete
    assert [line[:22] for line in told] == ["no sound will be heard", "sound goes on at 'card"]


def test_a_look_for_a_device_that_hangs_holds_up_no_interruption(
    speech_server: LocalServer, returning: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOOK_PATIENCE_SECONDS", 2 * PATIENCE)
    with Player(base_url=speech_server.base_url) as player:
        returning.gate.clear()
        returning.absent = False
        utterance = player.say("one", extra=counting(1))
        wait_until(lambda: utterance.receipt.frames.received)
        player.interrupt()
        assert utterance.wait(PATIENCE / 2).interrupted
    assert not returning.outputs
    returning.gate.set()
    wait_until(lambda: returning.outputs and returning.outputs[0]._stop.is_set())


def test_an_output_that_opens_for_an_utterance_that_was_cut_is_closed_with_the_player(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.gate.clear()
    with LazyPlayer(base_url=speech_server.base_url) as player:
        utterance = player.say("one", extra=counting(1))
        wait_until(lambda: utterance.receipt.frames.received)
        player.interrupt()
        assert utterance.wait(PATIENCE).interrupted
        silent.gate.set()
    assert [output._stop.is_set() for output in silent.outputs] == [True]


def test_a_device_that_is_not_there_is_told_when_the_player_is_made(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.absent = True
    with pytest.raises(NoDevice):
        Player(base_url=speech_server.base_url)


def test_a_device_that_is_not_there_fails_say_with_a_receipt(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.absent = True
    with pytest.raises(NoDevice) as caught:
        streamplay.say("hello", base_url=speech_server.base_url, extra=counting(0.5))
    receipt = account_for(receipt_of(caught.value))
    assert receipt.frames.flushed == receipt.frames.received > 0
    assert receipt.output.kind == "none"


def test_the_volume_halves_every_sample_from_the_first(
    speech_server: LocalServer, fast: Silent
) -> None:
    with Player(base_url=speech_server.base_url, volume=-6.0) as player:
        without_gaps(player, {"extra": counting(0.5)})
    expected = counted(12000) * 10 ** (-6 / 20)
    np.testing.assert_allclose(fast.values, expected, atol=0.01)


def test_a_changed_volume_reaches_what_comes_after(player: Player, fast: Silent) -> None:
    assert player.volume == 0.0
    player.volume = -6.0
    assert player.volume == -6.0
    without_gaps(player, {"extra": counting(0.5)})
    expected = counted(12000) * 10 ** (-6 / 20)
    np.testing.assert_allclose(fast.values[1000:], expected[1000:], atol=0.01)


@pytest.mark.parametrize("paused", [False, True])
def test_what_is_asked_for_while_the_output_starts_is_obeyed(
    paused: bool, fast: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()
    start = SilentOutput.start

    def slowly(self: SilentOutput, *args: Any) -> None:
        begun.set()
        assert go.wait(PATIENCE)
        start(self, *args)

    monkeypatch.setattr(SilentOutput, "start", slowly)
    player = LazyPlayer()
    if not paused:
        player.pause()
    utterance = player.play(np.full(2400, 0.5, np.float32), 24000)
    assert begun.wait(PATIENCE)
    if paused:
        player.pause()
    else:
        player.resume()
    player.volume = -20
    time.sleep(0.05)  # the loop has seen it
    go.set()
    if paused:
        with pytest.raises(TimeoutError):
            utterance.wait(0.3)
        player.resume()
    assert utterance.wait(PATIENCE).frames.played == 2400
    player.close()
    assert 0.04 < fast.played.max() < 0.06


def test_minus_infinity_is_silence(player: Player, fast: Silent) -> None:
    player.volume = -np.inf
    receipt = player.say("hello", extra=counting(0.5)).wait(PATIENCE)
    assert receipt.frames.played == 12000
    assert not fast.samples[-6000:].any()


@pytest.mark.parametrize("level", [float("nan"), 21, float("inf"), "loud"])
def test_an_impossible_volume_is_told_and_changes_nothing(player: Player, level: Any) -> None:
    with pytest.raises(InvalidRequest, match="volume"):
        player.volume = level
    assert player.volume == 0.0


FORGETFUL = """
import sys, time
from streamplay import Player
from streamplay.outputs import opening
from streamplay.outputs.silent import SilentOutput
if {simulated}:
    opening.open_output = lambda rate, channels, **_: SilentOutput(rate, channels)
player = Player(base_url={base_url!r})
speech = player.say("hello", extra={extra!r}, output={file!r})
while speech.receipt.frames.played < 2400:
    time.sleep(0.01)
"""


@pytest.mark.parametrize("simulated", [True, False])
def test_a_process_that_never_closes_its_player_ends_and_finishes_its_file(
    speech_server: LocalServer, tmp_path: Path, simulated: bool
) -> None:
    file = tmp_path / "kept.wav"
    program = FORGETFUL.format(
        simulated=simulated,
        base_url=speech_server.base_url,
        extra=counting(60, pace=4),
        file=str(file),
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    samples, _ = soundfile.read(file, dtype="int16")
    assert len(samples) >= 2400
    np.testing.assert_array_equal(samples, counted(len(samples)))


def test_a_header_that_changes_the_rate_opens_the_output_at_that_rate(
    speech_server: LocalServer, fast: Silent
) -> None:
    notices: list[str] = []
    receipt = streamplay.say(
        "hello",
        base_url=speech_server.base_url,
        notify=notices.append,
        prebuffer=1000,  # more than there is: all has come when it starts
        extra=counting(0.5, send_as="pcm_s16le@16000", headers="first"),
    )
    account_for(receipt)
    assert (receipt.format.samplerate, receipt.format.source) == (16000, "header")
    assert receipt.output.samplerate == 16000
    assert receipt.frames.played == 8000
    np.testing.assert_array_equal(fast.values, counted(8000))
    assert len(notices) == 1
    assert "header" in notices[0]


def test_a_device_that_asks_for_nothing_is_lost(
    speech_server: LocalServer, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "QUIET_SECONDS", 0.2)
    silent.speed = 0.001
    with Player(base_url=speech_server.base_url) as player:
        silent.speed = 1.0
        silent.absent = True
        error = failure(player.say("one", extra=counting(1)))
        silent.absent = False
        assert isinstance(error, DeviceLost)
        assert "asked for no sound" in error.message
        assert player.say("two", extra=counting(0.1)).wait(PATIENCE).complete


def test_a_full_queue_holds_up_reading_and_an_interruption_goes_through(
    speech_server: LocalServer, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "QUEUE_BYTES", 4 * 5000)
    with Player(base_url=speech_server.base_url) as player:
        utterance = player.say("hello", extra=counting(20))
        ahead = round(pump.RING_SECONDS * RATE) + 5000

        def waiting() -> int:
            frames = utterance.receipt.frames
            return frames.received - frames.played

        being_heard(utterance, 4000)
        wait_until(lambda: waiting() > ahead / 2)
        turn = 3 * wire._TURN_BYTES // 4 // 2  # frames in what is decoded at a time
        assert waiting() < ahead + 2 * turn
        player.interrupt()
        assert account_for(utterance.wait(PATIENCE)).interrupted


def test_what_waited_for_room_is_played_whole(
    speech_server: LocalServer, fast: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "QUEUE_BYTES", 4 * 5000)
    with Player(base_url=speech_server.base_url) as player:
        receipt = player.say("hello", extra=counting(6)).wait(PATIENCE)
    assert receipt.frames.received == receipt.frames.played == 6 * RATE
