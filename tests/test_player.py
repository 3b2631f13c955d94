"""The player: who is heard, who is not, and that every frame is accounted for on every path."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay import Player, response
from streamplay.errors import (
    ConnectFailed,
    DeviceLost,
    FileFailed,
    InvalidRequest,
    ModelNotFound,
    NoDevice,
    PlayerClosed,
    RemoteError,
    StreamPlayError,
    Truncated,
)
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    asking,
    counted,
    counting,
    fast,
    silent,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.receipt import Receipt
    from streamplay.server.child import LocalServer
    from streamplay.utterance import Utterance

__all__ = ["fast", "silent"]

RATE = 24000
SONIC = "cartesia/sonic"  # answers as asked: any encoding, any rate

SCHEMA = {
    "": "schema model voice base_url streamed chars requests format output frames bytes events ms "
    "stalls device_underflows safe_start_ms attempts complete interrupted error",
    "format": "requested effective samplerate channels source",
    "output": "kind name samplerate latency_ms engine",
    "frames": "received played flushed trimmed muted unplayed saved",
    "bytes": "body audio",
    "events": "audio words ignored",
    "ms": "connected sent headers first_byte first_audio first_sound first_voice last_audio "
    "finished",
    "stalls": "count total_ms longest_ms",
}


@pytest.fixture
def player(speech_server: LocalServer, fast: Silent) -> Iterator[Player]:
    """A player on the plain server and a fast simulated card."""
    with Player(base_url=speech_server.base_url) as player:
        yield player


@pytest.fixture
def live(speech_server: LocalServer, silent: Silent) -> Iterator[Player]:
    """The same at real time, for what is cut in the middle."""
    player = Player(base_url=speech_server.base_url)
    yield player
    player.close(cut=True)


def failure(utterance: Utterance) -> StreamPlayError:
    """Wait for an utterance that fails; return why, with its account looked at."""
    with pytest.raises(StreamPlayError) as caught:
        utterance.wait(PATIENCE)
    assert caught.value.receipt is not None
    account_for(caught.value.receipt)
    return caught.value


def receipt_of(error: StreamPlayError) -> Receipt:
    assert error.receipt is not None
    return error.receipt


def being_heard(utterance: Utterance, frames: int = 1) -> None:
    wait_until(lambda: utterance.receipt.frames.played >= frames)


def without_gaps(player: Player, *said: dict[str, Any]) -> list[Receipt]:
    """Say all of these once they have been received: the server is not what is looked at."""
    player.pause()
    utterances = [player.say("hello", **each) for each in said]
    wait_until(lambda: all(each.received for each in utterances))
    player.resume()
    return [account_for(each.wait(PATIENCE)) for each in utterances]


# What was heard, and its receipt


def test_what_was_said_is_played_whole(player: Player, fast: Silent) -> None:
    (receipt,) = without_gaps(player, {"extra": counting(1.5)})
    assert receipt.complete
    assert receipt.frames.received == receipt.frames.played == 1.5 * RATE
    np.testing.assert_array_equal(fast.values, counted(36000))


def test_a_receipt_has_every_key_of_its_schema(player: Player) -> None:
    told = player.say("hello", extra=counting(0.2)).wait(PATIENCE).to_dict()
    for section, keys in SCHEMA.items():
        assert set(told[section] if section else told) == set(keys.split()), section
    assert set(told["format"]["requested"]) == {"encoding", "samplerate"}
    assert told["schema"] == 1
    assert told == json.loads(json.dumps(told))


def test_a_receipt_tells_where_what_and_when(player: Player, speech_server: LocalServer) -> None:
    receipt = player.say("hello there", extra=counting(0.5, first_byte_ms=30)).wait(PATIENCE)
    assert receipt.base_url == speech_server.base_url
    assert (receipt.chars, receipt.requests, receipt.attempts) == (11, 1, 1)
    assert (receipt.format.effective, receipt.format.source) == ("pcm_s16le", "model")
    assert (receipt.output.kind, receipt.output.samplerate) == ("silent", RATE)
    assert receipt.bytes.audio == 2 * receipt.frames.received
    assert receipt.bytes.body > receipt.bytes.audio
    ms = receipt.ms
    order = [ms.sent, ms.headers, ms.first_byte, ms.first_audio, ms.first_sound, ms.finished]
    assert None not in order
    assert order == sorted(order, key=lambda at: at or 0.0)
    assert ms.first_audio is not None
    assert ms.last_audio is not None
    assert ms.first_audio <= ms.last_audio


def test_the_first_voice_is_later_than_the_silence_before_it(player: Player) -> None:
    extra = asking(signal="tone", seconds=0.3, leading_silence_ms=400)
    ms = player.say("hello", extra=extra).wait(PATIENCE).ms
    assert ms.first_sound is not None
    assert ms.first_voice is not None
    assert ms.first_voice > ms.first_sound


def test_silence_has_no_first_voice(player: Player) -> None:
    ms = player.say("hello", extra=asking(signal="silence", seconds=0.2)).wait(PATIENCE).ms
    assert ms.first_sound is not None
    assert ms.first_voice is None


def test_the_receipt_of_something_queued_is_empty_and_never_raises(live: Player) -> None:
    live.say("first", extra=counting(3))
    queued = live.say("second", extra=counting(1))
    receipt = account_for(queued.receipt)
    assert receipt.frames.received == 0
    assert not receipt.complete
    assert not queued.done


def test_say_blocks_until_it_has_been_heard(speech_server: LocalServer, fast: Silent) -> None:
    receipt = streamplay.say(
        "hello", base_url=speech_server.base_url, extra=counting(0.5), voice="tara"
    )
    assert account_for(receipt).complete
    assert receipt.frames.played == 12000


def test_two_utterances_join_without_a_frame_between(player: Player, fast: Silent) -> None:
    receipts = without_gaps(player, {"extra": counting(0.5)}, {"extra": counting(0.5)})
    assert [receipt.frames.played for receipt in receipts] == [12000, 12000]
    np.testing.assert_array_equal(fast.values, np.tile(counted(12000), 2))


def test_an_iterable_is_spoken_sentence_by_sentence(player: Player, fast: Silent) -> None:
    def tokens() -> Iterator[str]:
        yield from ("First", " one. Sec", "ond one.", " Third")

    receipt = account_for(player.say(tokens(), extra=counting(0.1)).wait(PATIENCE))
    assert (receipt.requests, receipt.attempts) == (3, 3)
    assert receipt.chars == len("First one.") + len("Second one.") + len("Third")
    assert receipt.frames.played == 3 * 2400
    # At this speed there is silence between them, and nothing was shaped.
    np.testing.assert_array_equal(fast.values[fast.values != 0], np.tile(counted(2400), 3))


def test_a_sentence_is_spoken_before_the_next_is_there(player: Player) -> None:
    go_on = threading.Event()

    def tokens() -> Iterator[str]:
        yield "First one. And"
        assert go_on.wait(PATIENCE)
        yield " more."

    utterance = player.say(tokens(), extra=counting(0.1))
    being_heard(utterance, 2400)
    go_on.set()
    receipt = utterance.wait(PATIENCE)
    assert receipt.requests == 2
    assert receipt.stalls.count == 0  # the text was late, and not the network


def test_what_an_iterable_raises_is_raised_by_wait_and_told(player: Player) -> None:
    def tokens() -> Iterator[str]:
        yield "First one. "
        raise ZeroDivisionError("no more text")

    utterance = player.say(tokens(), extra=counting(0.1))
    with pytest.raises(ZeroDivisionError):
        utterance.wait(PATIENCE)
    receipt = account_for(utterance.receipt)
    assert receipt.frames.played == 2400
    assert receipt.error is not None
    assert receipt.error.type == "ZeroDivisionError"
    assert player.say("and on", extra=counting(0.1)).wait(PATIENCE).complete


@pytest.mark.parametrize("text", [[], ["", "  \n"]])
def test_an_iterable_without_text_is_an_invalid_request(player: Player, text: list[str]) -> None:
    assert isinstance(failure(player.say(text)), InvalidRequest)


def test_an_endless_iterable_is_read_no_further_than_it_is_spoken(live: Player) -> None:
    read = 0

    def tokens() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "word. "

    before = threading.active_count()
    utterance = live.say(tokens(), extra=counting(60, pace=1))
    being_heard(utterance)
    utterance.cancel()
    utterance.wait(PATIENCE)
    wait_until(lambda: threading.active_count() <= before)
    assert read < 1000


# Waiting


def test_wait_gives_up_when_its_time_is_up_and_the_utterance_goes_on(player: Player) -> None:
    utterance = player.say("hello", extra=counting(0.2, first_byte_ms=300))
    with pytest.raises(TimeoutError):
        utterance.wait(0.01)
    assert not utterance.done
    assert utterance.wait(PATIENCE).complete
    assert utterance.done


def test_a_receipt_stays_what_it_was_while_others_are_heard(player: Player) -> None:
    first = player.say("one", extra=counting(0.2))
    first.wait(PATIENCE)
    told = first.receipt
    player.say("two", extra=counting(0.2)).wait(PATIENCE)
    assert first.receipt == told


# Failures


def test_a_refusal_is_raised_with_its_receipt(player: Player, speech_server: LocalServer) -> None:
    error = failure(player.say("hello", model="no/such-model", voice="tara"))
    assert isinstance(error, ModelNotFound)
    receipt = receipt_of(error)
    assert receipt.error is not None
    assert (receipt.error.type, receipt.error.status) == ("ModelNotFound", 404)
    assert receipt.base_url == speech_server.base_url
    assert receipt.ms.sent is not None
    assert receipt.ms.headers is not None
    assert receipt.ms.finished is not None
    assert receipt.ms.first_audio is None
    assert receipt.attempts == 1
    assert not receipt.complete


def test_a_refused_say_tells_whom_it_asked(speech_server: LocalServer, fast: Silent) -> None:
    with pytest.raises(ModelNotFound) as caught:
        streamplay.say(
            "hello", base_url=speech_server.base_url, model="no/such-model", voice="tara"
        )
    assert receipt_of(caught.value).base_url == speech_server.base_url


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt is enough."""
    monkeypatch.setattr(response, "wait_before", lambda *_: None)


def test_a_server_that_is_not_there_is_a_connect_failure(silent: Silent, impatient: None) -> None:
    with Player(base_url="http://127.0.0.1:9/v1") as player:
        error = failure(player.say("hello"))
    assert isinstance(error, ConnectFailed)
    assert receipt_of(error).base_url == "http://127.0.0.1:9/v1"
    assert receipt_of(error).attempts == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("end-between-chunks", Truncated), ("error-event", RemoteError)],
)
def test_what_came_before_a_fault_is_heard_and_kept(
    player: Player, fast: Silent, tmp_path: Path, fault: str, kind: type[StreamPlayError]
) -> None:
    file = tmp_path / "kept.wav"
    extra = counting(2, fault=fault, at_event=4)
    error = failure(player.say("hello", extra=extra, output=file))
    assert isinstance(error, kind)
    frames = receipt_of(error).frames
    assert 0 < frames.received == frames.played == frames.saved
    np.testing.assert_array_equal(fast.values[: frames.received], counted(frames.received))
    samples, _ = soundfile.read(file, dtype="int16")
    np.testing.assert_array_equal(samples, counted(frames.received))


def test_a_failure_leaves_the_next_utterance_whole(player: Player) -> None:
    broken = player.say("one", extra=counting(1, fault="reset", at_event=4))
    whole = player.say("two", extra=counting(0.5))
    failure(broken)
    assert account_for(whole.wait(PATIENCE)).complete


@pytest.mark.parametrize("at_block", [0, 40])
def test_a_lost_device_ends_what_was_on_its_way_and_is_opened_anew_for_what_follows(
    speech_server: LocalServer, silent: Silent, at_block: int
) -> None:
    silent.fail_after = at_block
    with Player(base_url=speech_server.base_url) as player:
        silent.fail_after = None
        error = failure(player.say("one", extra=counting(1)))
        assert isinstance(error, DeviceLost)
        assert receipt_of(error).frames.flushed > 0
        assert player.say("two", extra=counting(0.1)).wait(PATIENCE).complete
    assert len(silent.outputs) == 2


def test_each_of_two_failures_has_a_receipt_of_its_own(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.fail_after = 50
    with Player(base_url=speech_server.base_url) as player:
        first = player.say("one", extra=counting(0.3))
        second = player.say("longer", extra=counting(1))
        wait_until(lambda: second.receipt.frames.received)
        errors = failure(first), failure(second)
    assert [receipt_of(error).chars for error in errors] == [3, 6]


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


def test_two_failures_at_once_tell_of_the_request_alone(
    speech_server: LocalServer, silent: Silent, capfd: pytest.CaptureFixture[str]
) -> None:
    silent.absent = True
    with pytest.raises(ModelNotFound):
        streamplay.say("hi", base_url=speech_server.base_url, model="no/such", voice="tara")
    assert capfd.readouterr().err == ""


def test_a_file_that_cannot_be_written_any_more_ends_the_utterance(
    player: Player, tmp_path: Path
) -> None:
    full = tmp_path / "full.pcm"
    full.symlink_to("/dev/full")
    error = failure(player.say("hello", extra=counting(2), output=full, force=True))
    assert isinstance(error, FileFailed)
    assert not receipt_of(error).complete
    assert player.say("and on", extra=counting(0.1)).wait(PATIENCE).complete


def test_a_trace_that_cannot_be_finished_ends_only_its_utterance(
    player: Player, tmp_path: Path
) -> None:
    full = tmp_path / "full.jsonl"
    full.symlink_to("/dev/full")
    error = failure(player.say("hello", extra=counting(0.1), record=full))
    assert isinstance(error, FileFailed)
    assert player.say("and on", extra=counting(0.1)).wait(PATIENCE).complete


def test_a_file_that_exists_is_told_at_once_and_left_alone(player: Player, tmp_path: Path) -> None:
    file = tmp_path / "old.wav"
    file.write_bytes(b"old")
    with pytest.raises(FileFailed):
        player.say("hello", output=file)
    assert file.read_bytes() == b"old"


def test_a_trace_that_cannot_be_made_leaves_no_file_behind(player: Player, tmp_path: Path) -> None:
    with pytest.raises(FileFailed):
        player.say("hello", output=tmp_path / "new.wav", record=tmp_path / "no" / "trace")
    assert list(tmp_path.iterdir()) == []


def test_a_trace_holds_the_arrivals(player: Player, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    player.say("hello", extra=counting(0.5), record=file).wait(PATIENCE)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["streamplay_trace"] == 1
    assert lines[0]["chars"] == 5
    assert sum(line.get("frames", 0) for line in lines) == 12000
    assert lines[-1]["end"] == "complete"


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


def test_nothing_is_said_twice_where_the_server_fails_after_audio(
    speech_server: LocalServer, fast: Silent
) -> None:
    with Player(base_url=speech_server.base_url, fallback="local") as player:
        extra = counting(1, fault="end-between-chunks", at_event=3)
        error = failure(player.say("hello", extra=extra))
    assert isinstance(error, Truncated)
    assert receipt_of(error).base_url == speech_server.base_url


def test_without_playing_everything_is_received_kept_and_unplayed(
    speech_server: LocalServer, silent: Silent, tmp_path: Path
) -> None:
    file = tmp_path / "kept.wav"
    receipt = account_for(
        streamplay.say(
            "hello",
            base_url=speech_server.base_url,
            play=False,
            output=file,
            extra=counting(5),
        )
    )
    assert receipt.complete
    assert receipt.frames.received == receipt.frames.unplayed == receipt.frames.saved == 5 * RATE
    assert receipt.output.kind == "none"
    assert silent.outputs == []
    samples, rate = soundfile.read(file, dtype="int16")
    assert rate == RATE
    np.testing.assert_array_equal(samples, counted(5 * RATE))


# Interrupting, in every state


def cut(player: Player, utterance: Utterance) -> Receipt:
    """Interrupt, and see that nothing hangs and everything is accounted for."""
    heard = player.interrupt()
    receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.interrupted
    assert not receipt.complete
    assert receipt.error is None
    assert heard.frames <= receipt.frames.played
    return receipt


def test_interrupted_before_its_request(live: Player) -> None:
    first = live.say("one", extra=counting(1, first_byte_ms=60000))
    second = live.say("two", extra=counting(1))
    heard = live.interrupt()
    assert heard.dropped == (second,)
    for utterance in (first, second):
        assert account_for(utterance.wait(PATIENCE)).interrupted
    assert second.receipt.requests == 0
    assert second.receipt.ms.finished is None


def test_interrupted_while_the_output_is_being_opened(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.gate.clear()
    with Player.lazy(base_url=speech_server.base_url) as player:
        utterance = player.say("hello", extra=counting(1))
        wait_until(lambda: utterance.receipt.frames.received)
        heard = player.interrupt()
        receipt = account_for(utterance.wait(PATIENCE))
        silent.gate.set()
    assert receipt.interrupted
    assert heard.frames == receipt.frames.played == 0
    assert len(silent.played) == 0


def test_interrupted_while_waiting_for_the_first_byte(live: Player) -> None:
    utterance = live.say("hello", extra=counting(1, first_byte_ms=60000))
    wait_until(lambda: utterance.receipt.requests)
    receipt = cut(live, utterance)
    assert receipt.frames.received == 0


def test_interrupted_in_the_middle_it_falls_silent(live: Player, silent: Silent) -> None:
    utterance = live.say("one two three four five", extra=counting(10))
    being_heard(utterance, 2000)
    receipt = cut(live, utterance)
    assert 2000 <= receipt.frames.played < 5 * RATE
    assert receipt.frames.flushed > 0
    assert len(silent.played) <= receipt.frames.played
    end = len(silent.samples)
    wait_until(lambda: len(silent.samples) > end + 2400)
    assert not silent.samples[end:].any()


def test_interrupted_while_it_is_still_being_received(live: Player) -> None:
    utterance = live.say("hello", extra=counting(60, pace=2))
    being_heard(utterance)
    cut(live, utterance)


def test_interrupted_in_a_stall(live: Player) -> None:
    utterance = live.say("hello", extra=counting(2, stalls=["200:60000"]))
    being_heard(utterance, 4800)
    cut(live, utterance)


def test_interrupted_while_paused(live: Player) -> None:
    utterance = live.say("hello", extra=counting(10))
    being_heard(utterance)
    live.pause()
    receipt = cut(live, utterance)
    assert receipt.frames.flushed > 0
    live.resume()
    assert live.say("and on", extra=counting(0.1)).wait(PATIENCE).complete


def test_interrupted_while_its_last_frames_are_on_their_way(
    speech_server: LocalServer, silent: Silent
) -> None:
    player = Player(base_url=speech_server.base_url)
    utterance = player.say("hello", extra=counting(0.1))
    being_heard(utterance, 2400)
    heard = player.interrupt()
    receipt = account_for(utterance.wait(PATIENCE))
    player.close()
    assert receipt.frames.played == 2400
    assert (heard.frames, heard.text) in {(2400, "hello"), (0, "")}  # done already, perhaps


def test_an_interruption_is_of_what_is_said_now_and_not_of_what_has_been_said(
    speech_server: LocalServer, silent: Silent
) -> None:
    silent.latency = 1.0  # the device still has the end of the first when the second begins
    with Player(base_url=speech_server.base_url) as player:
        first = player.say("one", extra=counting(0.5))
        second = player.say("two", extra=counting(10))
        third = player.say("three", extra=counting(1))
        being_heard(second, 100)
        assert not first.done
        heard = player.interrupt()
        receipts = [account_for(each.wait(PATIENCE)) for each in (first, second, third)]
    assert heard.frames == pytest.approx(receipts[1].frames.played, abs=2400)
    assert heard.dropped == (third,)
    assert [receipt.complete for receipt in receipts] == [True, False, False]
    assert [receipt.interrupted for receipt in receipts] == [False, True, True]


def test_interrupted_when_nothing_is_said(live: Player) -> None:
    assert live.interrupt() == streamplay.Heard()


def test_interrupted_with_nothing_played_at_all(speech_server: LocalServer) -> None:
    with Player(base_url=speech_server.base_url, play=False) as player:
        utterance = player.say("hello", extra=counting(60, pace=1))
        wait_until(lambda: utterance.receipt.frames.received)
        player.interrupt()
        receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.interrupted
    assert receipt.frames.unplayed == receipt.frames.received > 0


def test_after_an_interruption_the_next_is_heard_from_its_first_frame(
    live: Player, silent: Silent
) -> None:
    first = live.say("one", extra=counting(10))
    being_heard(first, 2000)
    live.interrupt()
    (receipt,) = without_gaps(live, {"extra": counting(0.3)})
    assert receipt.frames.played == 7200
    np.testing.assert_array_equal(silent.values[-7200:], counted(7200))


def test_an_interruption_tells_which_words_were_heard(live: Player) -> None:
    text = "one two three four five six seven eight nine ten"
    utterance = live.say(text, extra=counting(2))
    being_heard(utterance, RATE)
    heard = live.interrupt()
    assert text.startswith(heard.text)
    assert 0 < heard.characters == len(heard.text) < len(text)
    assert heard.frames >= RATE
    assert heard.seconds == heard.frames / RATE
    assert not heard.exact


def test_an_interruption_from_many_threads_is_one(live: Player) -> None:
    utterance = live.say("hello", extra=counting(10))
    queued = live.say("more", extra=counting(10))
    being_heard(utterance)
    threads = [threading.Thread(target=live.interrupt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    for each in (utterance, queued):
        assert account_for(each.wait(PATIENCE)).interrupted
    assert live.say("and on", extra=counting(0.1)).wait(PATIENCE).complete


def test_an_interruption_from_a_signal_handler(live: Player) -> None:
    utterance = live.say("hello", extra=counting(10))
    being_heard(utterance)
    before = signal.signal(signal.SIGUSR1, lambda *_: live.interrupt())
    try:
        sender = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
        sender.start()
        receipt = account_for(utterance.wait(PATIENCE))
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert receipt.interrupted


def test_what_an_interruption_leaves_unheard_is_kept(live: Player, tmp_path: Path) -> None:
    file = tmp_path / "kept.wav"
    utterance = live.say("hello", extra=counting(5), output=file)
    wait_until(lambda: utterance.receipt.frames.received == 5 * RATE)
    being_heard(utterance)
    receipt = cut(live, utterance)
    assert receipt.frames.saved == 5 * RATE
    assert soundfile.info(file).frames == 5 * RATE


def test_a_cancelled_utterance_leaves_those_before_and_after_it_whole(
    live: Player, silent: Silent
) -> None:
    live.pause()
    before = live.say("one", extra=counting(0.5))
    between = live.say("two", extra=counting(0.5))
    after = live.say("three", extra=counting(0.5))
    wait_until(lambda: after.received)
    live.resume()
    being_heard(before)
    heard = between.cancel()
    assert (heard.text, heard.frames) == ("", 0)
    receipts = [account_for(each.wait(PATIENCE)) for each in (before, between, after)]
    assert [receipt.complete for receipt in receipts] == [True, False, True]
    assert receipts[1].interrupted
    assert receipts[1].frames.flushed == 12000
    np.testing.assert_array_equal(silent.values, np.tile(counted(12000), 2))


def test_every_second_one_may_be_cancelled(live: Player, silent: Silent) -> None:
    said = [live.say(f"number {n}", extra=counting(0.1)) for n in range(8)]
    wait_until(lambda: said[-1].receipt.frames.received == 2400)
    for each in said[1::2]:
        each.cancel()
    for each in said:
        account_for(each.wait(PATIENCE))
    assert len(silent.played) >= 4 * 2400
    assert all(each.receipt.frames.played == 2400 for each in said[::2])


def test_cancelling_what_is_done_does_nothing(player: Player) -> None:
    utterance = player.say("hello", extra=counting(0.1))
    receipt = utterance.wait(PATIENCE)
    assert utterance.cancel() == streamplay.Heard()
    assert utterance.receipt == receipt


# Pausing


def test_a_pause_loses_nothing(live: Player, silent: Silent) -> None:
    utterance = live.say("hello", extra=counting(0.6))
    being_heard(utterance, 3000)
    live.pause()
    played = 0

    def at_rest() -> bool:
        nonlocal played
        end, played = played, utterance.receipt.frames.played
        time.sleep(0.03)
        return end == played > 0

    wait_until(at_rest)
    assert not utterance.done
    live.resume()
    receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.frames.played == 14400
    assert receipt.stalls.count == 0


def test_a_pause_before_anything_is_said_holds_it(live: Player, silent: Silent) -> None:
    live.pause()
    utterance = live.say("hello", extra=counting(0.2))
    wait_until(lambda: utterance.receipt.frames.received == 4800)
    end = len(silent.samples)
    wait_until(lambda: len(silent.samples) > end + 2400)
    assert utterance.receipt.frames.played == 0
    live.resume()
    assert utterance.wait(PATIENCE).frames.played == 4800
    np.testing.assert_array_equal(silent.values, counted(4800))


def test_a_pause_rests_the_time_limits(speech_server: LocalServer, silent: Silent) -> None:
    with Player(base_url=speech_server.base_url, timeout=0.4) as player:
        player.pause()
        utterance = player.say("hello", extra=counting(0.5, stalls=["100:1200"]))
        wait_until(lambda: utterance.receipt.frames.received == 12000)
        player.resume()
        assert utterance.wait(PATIENCE).complete


def test_leaving_a_paused_player_lets_it_be_heard(
    speech_server: LocalServer, silent: Silent
) -> None:
    with Player(base_url=speech_server.base_url) as player:
        player.pause()
        utterance = player.say("hello", extra=counting(0.2))
    assert utterance.receipt.frames.played == 4800


# Volume


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


# Closing


def test_leaving_lets_what_is_queued_be_heard(speech_server: LocalServer, fast: Silent) -> None:
    with Player(base_url=speech_server.base_url) as player:
        said = [player.say("hello", extra=counting(0.3)) for _ in range(3)]
    assert all(each.done and each.receipt.complete for each in said)
    assert all(each.receipt.frames.played == 7200 for each in said)


@contextmanager
def leaving_by_exception() -> Iterator[None]:
    with pytest.raises(KeyError, match="leaving"):
        yield


def test_leaving_by_an_exception_cuts(speech_server: LocalServer, silent: Silent) -> None:
    with leaving_by_exception(), Player(base_url=speech_server.base_url) as player:
        said = [player.say("hello", extra=counting(10)) for _ in range(3)]
        being_heard(said[0])
        raise KeyError("leaving")
    for each in said:
        assert each.done
        assert account_for(each.receipt).interrupted


def test_closing_while_another_waits_lets_it_go(speech_server: LocalServer, silent: Silent) -> None:
    player = Player(base_url=speech_server.base_url, play=False)
    said = [player.say("hello", extra=counting(1, first_byte_ms=60000)) for _ in range(3)]
    waiting = [threading.Thread(target=each.wait, args=(PATIENCE,)) for each in said]
    for thread in waiting:
        thread.start()
    player.close(cut=True)
    for thread in waiting:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_closing_cut_finishes_the_files(
    speech_server: LocalServer, silent: Silent, tmp_path: Path
) -> None:
    player = Player.lazy(base_url=speech_server.base_url, play=False)
    going = player.say("one", extra=counting(60, pace=1), output=tmp_path / "one.wav")
    player.say("two", output=tmp_path / "two.wav")
    wait_until(lambda: going.receipt.frames.saved)
    player.close(cut=True)
    assert soundfile.info(tmp_path / "one.wav").frames == going.receipt.frames.saved
    assert not (tmp_path / "two.wav").exists()


def test_a_closed_player_says_nothing_more(speech_server: LocalServer, silent: Silent) -> None:
    player = Player(base_url=speech_server.base_url)
    player.close()
    player.close()
    for use in (lambda: player.say("hello"), player.pause, player.resume):
        with pytest.raises(PlayerClosed):
            use()
    assert player.interrupt() == streamplay.Heard()
    player.volume = -3.0


def open_things() -> tuple[int, int]:
    return threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.skipif(sys.platform != "linux", reason="counts the entries of /proc/self/fd")
def test_nothing_stays_open_after_closing(speech_server: LocalServer, fast: Silent) -> None:
    def use() -> None:
        with Player(base_url=speech_server.base_url) as player:
            player.say("hello", extra=counting(0.1)).wait(PATIENCE)
            player.say(iter(["One. ", "Two."]), extra=counting(0.1))
            player.say("broken", extra=counting(1, fault="reset", at_event=3))
            player.say("cut", extra=counting(60, pace=1)).cancel()

    use()
    before = open_things()
    for _ in range(3):
        use()
    assert open_things() == before


@pytest.mark.skipif(sys.platform != "linux", reason="counts the entries of /proc/self/fd")
def test_the_built_in_voice_ends_with_its_player(silent: Silent) -> None:
    before = open_things()
    player = Player(local=True, play=False)
    assert player.say("Hello.").wait(PATIENCE).base_url == "local"
    player.close()
    assert open_things() == before


def test_closing_while_the_built_in_voice_comes_up_leaves_no_process(silent: Silent) -> None:
    player = Player.lazy(local=True, play=False)
    utterance = player.say("Hello.")
    player.close(cut=True)
    assert utterance.receipt.interrupted
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    assert threading.active_count() == 1 or children is not None


FORGETFUL = """
import sys, time
from streamplay import Player, outputs
from streamplay.outputs.silent import SilentOutput
if {simulated}:
    outputs.open_output = lambda rate, channels, **_: SilentOutput(rate, channels)
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


# Formats


def test_decode_as_wins_over_the_model(speech_server: LocalServer, fast: Silent) -> None:
    notices: list[str] = []
    with Player(base_url=speech_server.base_url, notify=notices.append) as player:
        extra = counting(0.5, send_as="pcm_f32le@24000")
        (receipt,) = without_gaps(player, {"extra": extra, "decode_as": "pcm_f32le@24000"})
    assert (receipt.format.effective, receipt.format.source) == ("pcm_f32le", "user")
    assert receipt.frames.played == 12000
    np.testing.assert_array_equal(fast.values, counted(12000))
    assert len(notices) == 1
    assert "decode_as" in notices[0]


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


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_a_whole_file_is_played_and_is_no_surprise(
    speech_server: LocalServer, fast: Silent, form: str
) -> None:
    notices: list[str] = []
    receipt = streamplay.say(
        "Hello.", base_url=speech_server.base_url, format=form, notify=notices.append
    )
    assert account_for(receipt).complete
    assert not receipt.streamed
    assert receipt.frames.played == receipt.frames.received > 0
    assert notices == []


def test_a_stream_of_another_rate_is_resampled_with_every_frame_accounted_for(
    player: Player, fast: Silent
) -> None:
    sonic = {"model": SONIC, "voice": "nonfiction man", "sample_rate": 16000}
    (receipt,) = without_gaps(player, {**sonic, "extra": counting(1)})
    assert receipt.frames.received == receipt.frames.played == 16000
    assert receipt.output.samplerate == RATE
    assert abs(len(fast.played) - RATE) <= 2


def test_a_wrong_field_is_told_before_anything_is_sent(player: Player) -> None:
    with pytest.raises(InvalidRequest, match="encoding"):
        player.say("hello", encoding="pcm_u8")
    with pytest.raises(InvalidRequest, match="input"):
        player.say("")
    with pytest.raises(TypeError, match="device"):
        player.say("hello", device=3)
    with pytest.raises(TypeError, match="colour"):
        player.say("hello", colour="red")


def test_an_unreachable_server_does_not_keep_a_player_from_being_made(silent: Silent) -> None:
    Player(base_url="http://127.0.0.1:9/v1").close()
