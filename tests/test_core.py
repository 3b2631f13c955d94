"""What both faces share: cutting in from anywhere, and giving everything back."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

import streamplay
from streamplay import Player
from streamplay.errors import (
    PlayerClosed,
)
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    being_heard,
    counting,
    open_things,
    wait_until,
)

if TYPE_CHECKING:
    from streamplay.server.child import LocalServer


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


def test_a_player_that_is_dropped_warns_and_gives_everything_back(
    speech_server: LocalServer, fast: Silent
) -> None:
    before = open_things()
    with pytest.warns(ResourceWarning, match="unclosed Player"):
        utterance = Player(base_url=speech_server.base_url).say("hello", extra=counting(0.3))
    assert utterance.wait(PATIENCE).complete  # what was queued is heard all the same
    wait_until(lambda: open_things() == before)


def test_a_closed_player_says_nothing_more(speech_server: LocalServer, silent: Silent) -> None:
    player = Player(base_url=speech_server.base_url)
    player.close()
    player.close()
    louder = partial(setattr, player, "volume", -3.0)
    quieter = partial(player.duck, -12)
    for use in (lambda: player.say("hello"), player.pause, player.resume, louder, quieter):
        with pytest.raises(PlayerClosed):
            use()
    assert player.interrupt() == streamplay.Heard()  # it is silent: who wants that is not refused


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
