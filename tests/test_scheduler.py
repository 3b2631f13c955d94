"""The scheduler: one utterance after the other, each settled for itself."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay import Heard, Player
from streamplay.errors import FileFailed, TextFailed
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
    is_received,
    receipt_of,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from streamplay.server.child import LocalServer

RATE = 24000


def test_a_failure_leaves_the_next_utterance_whole(player: Player) -> None:
    broken = player.say("one", extra=counting(1, fault="reset", at_event=4))
    whole = player.say("two", extra=counting(0.5))
    failure(broken)
    assert account_for(whole.wait(PATIENCE)).complete


def test_each_of_two_failures_has_a_receipt_of_its_own(live: Player, silent: Silent) -> None:
    live.pause()
    said = [live.say("one", extra=counting(1)), live.say("longer", extra=counting(1))]
    wait_until(lambda: all(is_received(each) for each in said))
    silent.absent = True
    silent.unplug()
    errors = [failure(each) for each in said]
    assert [receipt_of(error).chars for error in errors] == [3, 6]


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


def test_a_cancelled_utterance_leaves_those_before_and_after_it_whole(
    live: Player, silent: Silent
) -> None:
    live.pause()
    before = live.say("one", extra=counting(0.5))
    between = live.say("two", extra=counting(0.5))
    after = live.say("three", extra=counting(0.5))
    wait_until(lambda: is_received(after))
    live.resume()
    being_heard(before)
    heard = between.cancel()
    assert (heard.text, heard.frames) == ("", 0)
    receipts = [account_for(each.wait(PATIENCE)) for each in (before, between, after)]
    assert [receipt.complete for receipt in receipts] == [True, False, True]
    assert receipts[1].interrupted
    assert receipts[1].frames.flushed == 12000
    np.testing.assert_array_equal(silent.values, np.tile(counted(12000), 2))


def test_what_follows_a_cancelled_utterance_is_heard_at_once_behind_its_fade(
    live: Player, silent: Silent
) -> None:
    cut, after = live.say("one", extra=counting(10)), live.say("two", extra=counting(0.5))
    wait_until(lambda: is_received(after))
    being_heard(cut, 1000)
    cut.cancel()
    assert account_for(after.wait(PATIENCE)).complete
    played = cut.receipt.frames.played
    np.testing.assert_array_equal(silent.values[played:], counted(12000))


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
    player = LazyPlayer(base_url=speech_server.base_url, play=False)
    going = player.say("one", extra=counting(60, pace=1), output=tmp_path / "one.wav")
    player.say("two", output=tmp_path / "two.wav")
    wait_until(lambda: going.receipt.frames.saved)
    player.close(cut=True)
    assert soundfile.info(tmp_path / "one.wav").frames == going.receipt.frames.saved
    assert not (tmp_path / "two.wav").exists()


class Text:
    """A text that never ends by itself."""

    def __init__(self) -> None:
        self.begun = self.closed = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.begun = True
        time.sleep(0.01)
        return "word "

    def close(self) -> None:
        self.closed = True


def test_a_text_that_is_dropped_before_its_turn_is_closed_unread(live: Player) -> None:
    said = live.say("one", extra=counting(10))
    text = Text()
    dropped = live.say(text)
    being_heard(said)
    live.interrupt()
    assert dropped.wait(PATIENCE).interrupted
    wait_until(lambda: text.closed)
    assert not text.begun


def test_what_is_dropped_behind_a_text_that_does_not_close_is_done_all_the_same(
    live: Player,
) -> None:
    never = threading.Event()

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield "One sentence. "
            await asyncio.Event().wait()
        finally:
            never.wait()

    stuck, dropped = live.say(stubborn(), extra=counting(0.1)), live.say("two")
    being_heard(stuck)
    live.interrupt()
    assert dropped.wait(PATIENCE).interrupted
    assert live.say("three", extra=counting(0.1)).wait(PATIENCE).complete
    never.set()


def test_a_text_that_never_comes_can_be_cancelled_and_the_next_is_heard(live: Player) -> None:
    never = threading.Event()

    def stuck() -> Iterator[str]:
        never.wait()
        yield "late"

    silent, after = live.say(stuck()), live.say("and on", extra=counting(0.1))
    silent.cancel()
    assert silent.wait(PATIENCE).interrupted
    assert after.wait(PATIENCE).complete
    never.set()


# First, and left alone


def in_two_parts(go_on: threading.Event) -> Iterator[str]:
    yield "One sentence. "
    assert go_on.wait(PATIENCE)
    yield "And another."


def test_what_is_given_first_is_heard_next_and_the_rest_keep_their_order(
    live: Player, silent: Silent
) -> None:
    one, two, three = (live.say(f"number {n}", extra=counting(0.5)) for n in range(3))
    wait_until(lambda: is_received(three))  # all of them lie in the ring
    being_heard(one)
    first = live.say("first", extra=counting(0.25), first=True)
    second = live.play(np.full(4800, 9000, np.int16), RATE, first=True)
    assert live.speaking is one
    assert live.queue == (first, second, two, three)
    receipts = [account_for(each.wait(PATIENCE)) for each in (one, first, second, two, three)]
    assert all(receipt.complete for receipt in receipts)
    half, quarter, tone = counted(12000), counted(6000), np.full(4800, 9000)
    np.testing.assert_array_equal(silent.values, np.concatenate([half, quarter, tone, half, half]))


def test_an_utterance_that_waits_for_its_text_lets_another_speak_between_two_pieces(
    live: Player, silent: Silent
) -> None:
    go_on = threading.Event()
    slow = live.say(in_two_parts(go_on), extra=counting(0.25))
    after = live.say("after", extra=counting(0.1))
    being_heard(slow, 6000)
    filler = live.say("One moment.", extra=counting(0.5), first=True)
    being_heard(filler)
    assert live.speaking is filler
    assert live.queue == (slow, after)
    assert (slow.receipt.frames.played, slow.done) == (6000, False)
    go_on.set()
    assert account_for(filler.wait(PATIENCE)).complete
    assert not slow.done
    receipts = [account_for(each.wait(PATIENCE)) for each in (slow, after)]
    assert [receipt.frames.played for receipt in receipts] == [12000, 2400]
    assert [receipt.stalls.count for receipt in receipts] == [0, 0]
    quarter, half, tenth = counted(6000), counted(12000), counted(2400)
    played = silent.values[silent.values != 0]  # the gap was silent
    whole = np.concatenate([quarter, half, quarter, tenth])
    np.testing.assert_array_equal(played, whole[whole != 0])


@pytest.mark.parametrize("others", [0, 1])
def test_what_was_given_first_and_cancelled_lets_no_other_speak_in_the_gap(
    live: Player, others: int
) -> None:
    go_on = threading.Event()
    slow = live.say(in_two_parts(go_on), extra=counting(0.4, pace=1.0))
    being_heard(slow)
    after = [live.say("after", extra=counting(0.1)) for _ in range(others)]
    filler = live.say("One moment.", extra=counting(0.5), first=True)
    filler.cancel()
    wait_until(lambda: filler.done)
    being_heard(slow, 9600)
    assert not any(each.receipt.requests for each in after)
    go_on.set()
    assert account_for(slow.wait(PATIENCE)).frames.played == 2 * 9600
    for each in after:
        assert account_for(each.wait(PATIENCE)).complete


def test_an_interruption_in_a_gap_is_of_what_is_heard_there(live: Player) -> None:
    never = threading.Event()

    def text() -> Iterator[str]:
        yield "One sentence. "
        never.wait()

    slow = live.say(text(), extra=counting(0.25))
    being_heard(slow, 6000)
    filler = live.say("One moment, please.", extra=counting(5), first=True)
    being_heard(filler, 2000)
    heard = live.interrupt()
    assert heard.utterance is filler
    assert heard.cut == (filler, slow)
    assert 2000 <= heard.frames <= account_for(filler.wait(PATIENCE)).frames.played
    assert account_for(slow.wait(PATIENCE)).frames.played == 6000
    never.set()


def test_what_is_given_first_and_fails_holds_nothing_up(live: Player, silent: Silent) -> None:
    one, two = (live.say(f"number {n}", extra=counting(0.3)) for n in range(2))
    wait_until(lambda: is_received(two))
    broken = live.say("first", extra=asking(status=404), first=True)
    failure(broken)
    for each in (one, two):
        assert account_for(each.wait(PATIENCE)).complete
    np.testing.assert_array_equal(silent.values, np.tile(counted(7200), 2))


def test_what_must_not_be_interrupted_is_left_alone(live: Player) -> None:
    notice = live.say("Recording begins.", extra=counting(0.5), interruptible=False)
    dropped = live.say("two", extra=counting(5))
    being_heard(notice)
    heard = live.interrupt()
    assert (heard.utterance, heard.cut) == (dropped, (dropped,))
    assert account_for(notice.wait(PATIENCE)).complete
    another = live.say("Recording ends.", extra=counting(5), interruptible=False)
    being_heard(another)
    assert live.interrupt() == Heard()
    assert another.cancel().utterance is another


@pytest.mark.parametrize("kind", ["text", "sound"])
def test_a_source_that_is_stuck_keeps_no_player_from_closing(
    speech_server: LocalServer, fast: Silent, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamplay.scheduler.SOURCE_SECONDS", 0.2)
    never = threading.Event()

    def text() -> Iterator[str]:
        yield "One sentence. "
        never.wait()

    def sound() -> Iterator[NDArray[np.int16]]:
        yield np.full(2400, 1000, np.int16)
        never.wait()

    with Player(base_url=speech_server.base_url) as player:
        if kind == "text":
            stuck = player.say(text(), extra=counting(0.1))
        else:
            stuck = player.play(sound(), RATE)
        being_heard(stuck, 2400)
        after = player.say("and on", extra=counting(0.1))
    error = failure(stuck)
    assert isinstance(error, TextFailed)
    assert receipt_of(error).frames.played == 2400
    assert after.wait(PATIENCE).complete
    never.set()
