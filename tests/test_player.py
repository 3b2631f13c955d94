"""The player: who is heard, who is not, and that every frame is accounted for on every path."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay import Player
from streamplay.errors import (
    FileFailed,
    InvalidRequest,
    StreamPlayError,
)
from streamplay.events import Event, Failed, Finished
from streamplay.player import LazyPlayer
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    asking,
    being_heard,
    counted,
    counting,
    failure,
    wait_until,
    without_gaps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.receipt import Receipt
    from streamplay.server.child import LocalServer
    from streamplay.speech.utterance import Utterance

RATE = 24000

SCHEMA = {
    "": "schema model voice base_url streamed chars requests format output frames bytes events ms "
    "stalls device_underflows safe_start_ms attempts complete interrupted error failures",
    "format": "requested effective samplerate channels source",
    "output": "kind name samplerate latency_ms engine",
    "frames": "received played flushed trimmed muted unplayed saved replayed",
    "bytes": "body audio",
    "events": "audio words ignored",
    "ms": "connected sent headers first_byte first_audio first_sound first_voice last_audio "
    "finished",
    "stalls": "count total_ms longest_ms",
}


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


def test_the_receipt_of_something_queued_is_empty_and_never_raises(live: Player) -> None:
    live.say("first", extra=counting(3))
    queued = live.say("second", extra=counting(1))
    receipt = account_for(queued.receipt)
    assert receipt.frames.received == 0
    assert not receipt.complete
    assert not queued.done


def test_a_receipt_stays_what_it_was_while_others_are_heard(player: Player) -> None:
    first = player.say("one", extra=counting(0.2))
    first.wait(PATIENCE)
    told = first.receipt
    player.say("two", extra=counting(0.2)).wait(PATIENCE)
    assert first.receipt == told


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


# Waiting


def test_wait_gives_up_when_its_time_is_up_and_the_utterance_goes_on(player: Player) -> None:
    utterance = player.say("hello", extra=counting(0.2, first_byte_ms=300))
    with pytest.raises(TimeoutError):
        utterance.wait(0.01)
    assert not utterance.done
    assert utterance.wait(PATIENCE).complete
    assert utterance.done


def test_waiting_on_the_players_own_thread_is_refused_and_freezes_nothing(player: Player) -> None:
    first = player.say("hello", extra=counting(0.2))
    second = player.say("hello", extra=counting(0.2))
    told: list[str] = []

    def wait() -> None:
        for each in (second.wait, lambda: next(second.events())):
            with pytest.raises(StreamPlayError) as caught:
                each()
            told.append(caught.value.message)

    first.on_done(wait)
    assert second.wait(PATIENCE).complete
    assert [text.partition(",")[0][-10:] for text in told] == ["own thread"] * 2


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
    with LazyPlayer(base_url=speech_server.base_url) as player:
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


def test_what_an_interruption_leaves_unheard_is_kept(live: Player, tmp_path: Path) -> None:
    file = tmp_path / "kept.wav"
    utterance = live.say("hello", extra=counting(5), output=file)
    wait_until(lambda: utterance.receipt.frames.received == 5 * RATE)
    being_heard(utterance)
    receipt = cut(live, utterance)
    assert receipt.frames.saved == 5 * RATE
    assert soundfile.info(file).frames == 5 * RATE


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
    wait_until(lambda: utterance.receipt.frames.received == 14400)
    stalls = utterance.receipt.stalls  # of a busy machine
    live.resume()
    receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.frames.played == 14400
    assert receipt.stalls == stalls


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


def test_leaving_a_paused_player_leaves_it_silent(
    speech_server: LocalServer, silent: Silent
) -> None:
    with Player(base_url=speech_server.base_url) as player:
        utterance = player.say("hello", extra=counting(10))
        being_heard(utterance)
        player.pause()
        assert player.paused
        queued = player.say("and on", extra=counting(0.2))
    assert account_for(utterance.receipt).interrupted
    assert utterance.receipt.frames.played < 5 * RATE
    assert (queued.receipt.interrupted, queued.receipt.frames.played) == (True, 0)


def test_an_interruption_ends_a_pause(live: Player, silent: Silent) -> None:
    live.pause()
    held = live.say("hello", extra=counting(1))
    wait_until(lambda: held.receipt.frames.received == RATE)
    live.interrupt()
    assert not live.paused
    assert live.say("and on", extra=counting(0.2)).wait(PATIENCE).complete
    np.testing.assert_array_equal(silent.values, counted(4800))  # and nothing of the first


# Whose


def test_what_was_heard_says_whose_it_was_and_what_else_was_cut(live: Player) -> None:
    said = [live.say(f"number {n}", extra=counting(5)) for n in range(3)]
    being_heard(said[0])
    assert live.speaking is said[0]
    assert live.queue == tuple(said[1:])
    heard = live.interrupt()
    assert heard.utterance is said[0]
    assert heard.dropped == tuple(said[1:])
    assert heard.cut == tuple(said)
    assert [each.receipt.interrupted for each in said] == [True] * 3  # at once
    for each in said:
        each.wait(PATIENCE)
    assert (live.speaking, live.queue) == (None, ())


def test_what_was_heard_of_a_cancelled_utterance_is_its_own(live: Player) -> None:
    first, second = (live.say("hello", extra=counting(5)) for _ in range(2))
    heard = second.cancel()
    assert (heard.utterance, heard.cut, heard.dropped) == (second, (second,), ())
    assert second.receipt.interrupted
    assert first.heard().utterance is first
    assert first.heard().cut == ()


def test_of_two_interruptions_only_one_has_cut(live: Player) -> None:
    said = [live.say("hello", extra=counting(5)) for _ in range(2)]
    being_heard(said[0])
    with ThreadPoolExecutor(8) as threads:
        told = [each.result() for each in [threads.submit(live.interrupt) for _ in range(8)]]
    assert [heard.cut for heard in told if heard.cut] == [tuple(said)]
    assert {heard.utterance for heard in told} <= {None, said[0]}
    assert (live.speaking, live.queue) == (None, ())
    again = said[0].cancel()
    assert again.cut == ()
    assert again.utterance in {None, said[0]}


# Nothing in silence


def test_a_failure_that_no_code_waited_for_is_logged(
    live: Player, caplog: pytest.LogCaptureFixture
) -> None:
    live.say("dropped", extra=asking(status=404))  # the handle too: nothing can wait for it
    wait_until(lambda: caplog.records)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("streamplay", "ERROR")
    assert "ModelNotFound" in record.getMessage()


def test_a_failure_that_was_kept_and_not_waited_for_is_logged_when_the_player_is_closed(
    speech_server: LocalServer, fast: Silent, caplog: pytest.LogCaptureFixture
) -> None:
    with Player(base_url=speech_server.base_url) as player:
        kept = player.say("kept", extra=asking(status=404))
        kept.on_done(lambda: None)
        waited_for = player.say("waited for", extra=asking(status=404))
        failure(waited_for)
        assert caplog.records == []
    assert len(caplog.records) == 1
    assert kept.done


def test_a_failure_that_an_event_told_is_not_logged(
    speech_server: LocalServer, fast: Silent, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Event] = []
    with Player(base_url=speech_server.base_url, on_event=told.append) as player:
        player.say("hello", extra=asking(status=404))
    assert isinstance(told[-1], Failed)
    assert caplog.records == []


def test_a_player_that_lives_to_the_end_of_the_process_warns() -> None:
    program = (
        "from streamplay import Player; player = Player(play=False, base_url='http://[::1]:9/v1')"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", program], capture_output=True, text=True, check=True
    )
    assert "ResourceWarning: unclosed Player" in ended.stderr


def test_the_events_of_all_utterances_come_from_one_iterator(player: Player) -> None:
    first = player.say("one", extra=counting(0.2))
    events = player.events()
    told = [next(events)]
    second = player.say("two", extra=counting(0.2))
    ends = 0
    while ends < 2:
        told.append(next(events))
        ends += isinstance(told[-1], Finished)
    assert {id(event.utterance) for event in told} == {id(first), id(second)}
    player.events()  # dropped before it has begun
    gc.collect()
    assert len(player._core._watchers) == 1
    player.close()
    assert list(events) == []


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


def test_a_wrong_field_is_told_before_anything_is_sent(player: Player) -> None:
    with pytest.raises(InvalidRequest, match="sample_rate"):
        player.say("hello", sample_rate=-1)
    with pytest.raises(InvalidRequest, match="input"):
        player.say("")
    with pytest.raises(TypeError, match="device"):
        player.say("hello", device=3)
    with pytest.raises(TypeError, match="colour"):
        player.say("hello", colour="red")
