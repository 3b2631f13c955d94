"""The end of a player: from callbacks, from many threads, from a signal's handler."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from streamplay import Player
from streamplay.closing import Closing
from streamplay.errors import PlayerClosed
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    being_heard,
    counting,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.server.child import LocalServer


def refuses(use: Callable[[], object]) -> bool:
    try:
        use()
    except PlayerClosed:
        return True
    return False


def test_closing_from_notify_ends_it(speech_server: LocalServer, silent: Silent) -> None:
    closed = threading.Event()

    def close(_: str) -> None:
        player.close(cut=True)
        closed.set()

    player = Player(base_url=speech_server.base_url, notify=close)
    utterance = player.say("hello", extra=counting(10, send_as="pcm_s16le@16000", headers="first"))
    assert closed.wait(PATIENCE)
    utterance._state.wait_done()
    player.close()
    assert refuses(player.pause)


def test_closing_when_an_utterance_is_done_lets_the_others_be_heard(
    speech_server: LocalServer, fast: Silent
) -> None:
    player = Player(base_url=speech_server.base_url)
    first = player.say("one", extra=counting(0.2))
    second = player.say("two", extra=counting(0.2))
    first.on_done(player.close)
    assert second.wait(PATIENCE).complete
    player.close()
    assert refuses(player.pause)


def test_closing_from_an_event_ends_it(speech_server: LocalServer, silent: Silent) -> None:
    player = Player(
        base_url=speech_server.base_url,
        on_event=lambda event: (
            player.close(cut=True) if type(event).__name__ == "FirstSound" else None
        ),
    )
    utterance = player.say("hello", extra=counting(10))
    assert utterance.wait(PATIENCE).interrupted
    player.close()


def test_closing_from_many_threads_is_one_and_each_returns_when_it_is_done(
    speech_server: LocalServer, fast: Silent
) -> None:
    player = Player(base_url=speech_server.base_url)
    utterance = player.say("hello", extra=counting(0.5))
    done: list[bool] = []
    threads = [
        threading.Thread(target=lambda: (player.close(), done.append(utterance.done)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert done == [True] * 6


def test_a_handler_may_close_what_its_own_thread_is_closing() -> None:
    calls: list[str] = []

    def work(_: bool) -> None:
        calls.append("begun")
        closing.close(cut=True)  # as a signal's handler would
        calls.append("done")

    closing = Closing(work, lambda: False, lambda: False)
    closing.close(cut=False)
    assert calls == ["begun", "done"]


def test_an_interrupt_silences_a_player_that_lets_its_last_words_be_heard(live: Player) -> None:
    utterance = live.say("hello", extra=counting(60))
    being_heard(utterance)
    closing = threading.Thread(target=live.close)
    closing.start()
    wait_until(lambda: refuses(live.pause))
    live.interrupt()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert account_for(utterance.receipt).interrupted
