"""The end of a player: from any thread, callback or handler, after a fork, at a process's end."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from streamplay import Player
from streamplay.errors import PlayerClosed, StreamPlayError
from streamplay.playback.pump import Pump
from streamplay.scheduler import Scheduler
from streamplay.speech.account import Account
from streamplay.speech.tracker import Tracker
from tests.support.programs import started
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    asking,
    being_heard,
    counting,
    failure,
    open_things,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.server.child import LocalServer

pytestmark = pytest.mark.no_cover


def in_a_child(check: Callable[[], bool]) -> bool:
    """Fork; return what `check` returned in the child, which must not hang."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            code = 0 if check() else 1
        finally:
            os._exit(code)
    ended: list[int] = []
    waiting = threading.Thread(target=lambda: ended.append(os.waitpid(pid, 0)[1]))
    waiting.start()
    waiting.join(PATIENCE)
    if waiting.is_alive():
        os.kill(pid, signal.SIGKILL)
        waiting.join()
        return False
    return os.waitstatus_to_exitcode(ended[0]) == 0


def refuses(use: Callable[[], object]) -> bool:
    try:
        use()
    except PlayerClosed:
        return True
    return False


# Closing from where it is hard


# Processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_a_fork_the_child_is_refused_and_the_parent_goes_on(live: Player) -> None:
    utterance = live.say("hello", extra=counting(0.6))
    being_heard(utterance)

    def child() -> bool:
        live.close()
        live.interrupt()
        uses = (lambda: live.say("more"), live.pause, lambda: live.duck(-3), utterance.wait)
        return all(refuses(use) for use in uses) and utterance.done

    assert in_a_child(child)
    assert utterance.wait(PATIENCE).complete


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_may_have_a_player_of_its_own(
    live: Player, speech_server: LocalServer, fast: Silent
) -> None:
    def child() -> bool:
        with Player(base_url=speech_server.base_url) as player:
            return player.say("hello", extra=counting(0.1)).wait(PATIENCE).complete

    assert in_a_child(child)


PROGRAM = """
import signal, sys, threading, time
from streamplay import Player
player = Player(base_url=sys.argv[1], device=None, on_event=lambda event: None)
utterance = player.say("hello", extra={"extra_params": {"scenario": {"signal": "count",
    "seconds": 60}}})
while not utterance.receipt.frames.played:
    time.sleep(0.01)
print("playing", flush=True)
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("raise ValueError('the caller')", 1),
        ("import os\nif os.fork():\n    os.wait()", 0),
        ("utterance.wait()", -signal.SIGINT),
    ],
)
def test_a_process_ends_however_it_ends(speech_server: LocalServer, ending: str, code: int) -> None:
    program = PROGRAM + ending
    with started("-W", "ignore", "-c", program, speech_server.base_url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "playing\n"
        if code == -signal.SIGINT:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, errors


def test_many_players_at_once_and_one_for_many_threads(
    speech_server: LocalServer, fast: Silent
) -> None:
    before = open_things()
    players = [Player(base_url=speech_server.base_url) for _ in range(4)]
    complete: list[bool] = []

    def talk(player: Player) -> None:
        for _ in range(3):
            said = player.say("hello", extra=counting(0.05))
            complete.append(account_for(said.wait(PATIENCE)).complete)

    threads = [threading.Thread(target=talk, args=(player,)) for player in players * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for each in players:
        each.close()
    assert complete == [True] * 24
    assert open_things() == before


# A bug of ours


def test_a_bug_in_the_pump_fails_the_utterance_and_hangs_nobody(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Pump) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Pump, "_check_output", broken)
    error = failure(player.say("hello", extra=asking(first_byte_ms=50)))
    assert "a bug" in str(error)
    monkeypatch.undo()
    assert player.say("hello", extra=counting(0.1)).wait(PATIENCE).complete


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Account, "finish"), (Scheduler, "_finish_files"), (Scheduler, "_source"), (Tracker, "end")],
)
def test_a_bug_where_an_utterance_ends_fails_it_and_hangs_nobody(
    player: Player, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        utterance = player.say("hello", extra=counting(0.1))
        with pytest.raises(StreamPlayError, match="a bug"):
            utterance.wait(PATIENCE)
    assert player.say("hello", extra=counting(0.1)).wait(PATIENCE).complete


@pytest.mark.parametrize("error", [ValueError("theirs"), SystemExit(3)])
def test_what_a_callback_raises_is_told_and_keeps_nobody_waiting(
    speech_server: LocalServer, fast: Silent, error: BaseException
) -> None:
    def broken() -> None:
        raise error

    notices: list[str] = []
    called = threading.Event()
    with Player(base_url=speech_server.base_url, notify=notices.append) as player:
        player.pause()
        utterance = player.say("hello", extra=counting(0.1))
        utterance.on_done(broken)
        utterance.on_done(called.set)
        player.resume()
        assert utterance.wait(PATIENCE).complete
        assert called.wait(PATIENCE)
        assert player.say("hello", extra=counting(0.1)).wait(PATIENCE).complete
    assert notices == [f"on_done raised {error!r}"]
