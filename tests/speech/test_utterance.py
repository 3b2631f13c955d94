from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from streamplay.errors import Truncated
from streamplay.events import Heard
from streamplay.options import Options
from streamplay.outputs.silent import SilentOutput
from streamplay.playback.playout import Playout
from streamplay.playback.pump import Pump
from streamplay.playback.ring import Kind, Note
from streamplay.policy.jitter import Fixed
from streamplay.speech.account import Account
from streamplay.speech.state import UtteranceState
from streamplay.speech.transcript import Piece
from streamplay.speech.utterance import Utterance
from streamplay.words.passage import Passage

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 24000


class Owner:
    """Stands for the player."""

    def __init__(self) -> None:
        self.cancelled: list[UtteranceState] = []

    def cancel(self, utterance: UtteranceState) -> Heard:
        self.cancelled.append(utterance)
        return Heard("so far")

    def following(self, utterance: UtteranceState) -> list[UtteranceState]:
        raise AssertionError(utterance)

    def call_soon(self, function: Callable[[], object]) -> None:
        raise AssertionError(function)

    def make_handle(self, utterance: UtteranceState) -> Utterance:
        return Utterance(utterance)


def state(owner: Owner | None = None) -> UtteranceState:
    options = Options()
    account = Account(options.request("text"), "http://here/v1", playing=True)
    return UtteranceState("One two three.", options, account, owner or Owner())


def playing(said: UtteranceState, *, received: int, played: int) -> None:
    said.account.began(0.0)
    said.account.arrived(np.ones((received, 1), np.float32), 2 * received, 0.1)
    playout = Playout(RATE, 1, received)
    pump = Pump(SilentOutput(RATE), playout, lambda: 0.0, asked=(RATE, 1))
    said.track = said.account.track
    pump.add(said.track, Fixed(0, RATE))
    said.track.start = 0
    playout.write_frames(np.ones((received, 1), np.float32))
    block = np.zeros(played, np.float32)
    playout.render(block.data.cast("B").cast("f"), 0.2)


# Waiting


def test_waiting_returns_the_receipt_of_what_has_been_heard() -> None:
    given = state()
    said = Utterance(given)
    playing(given, received=1000, played=400)
    assert not said.done
    threading.Timer(0.02, given.settle).start()
    assert said.wait(20).frames.played == 400
    assert said.done


def test_a_wait_that_takes_too_long_says_so_and_changes_nothing() -> None:
    given = state()
    said = Utterance(given)
    with pytest.raises(TimeoutError, match=r"not heard within 0\.01 s"):
        said.wait(0.01)
    assert not said.done
    given.settle()
    assert said.wait().frames.received == 0


def test_waiting_raises_what_ended_it_and_the_receipt_never_does() -> None:
    given = state()
    said = Utterance(given)
    given.failure = Truncated("it ended early")
    given.settle()
    with pytest.raises(Truncated, match="it ended early"):
        said.wait()
    assert given.wait_done()
    assert said.receipt.frames.received == 0


def test_cancelling_is_the_players() -> None:
    owner = Owner()
    given = state(owner)
    assert Utterance(given).cancel() == Heard("so far")
    assert owner.cancelled == [given]


def test_callbacks_are_called_once_whether_it_is_done_already_or_not() -> None:
    given = state()
    said = Utterance(given)
    called: list[str] = []
    said.on_done(lambda: called.append("first"))
    said.on_done(lambda: called.append("second"))
    assert called == []
    given.settle()
    assert called == ["first", "second"]
    said.on_done(lambda: called.append("late"))
    assert called == ["first", "second", "late"]


def test_it_can_be_cut_short_only_until_it_is_done() -> None:
    early, late = state(), state()
    late.settle()
    assert (early.interrupt(), late.interrupt()) == (True, False)
    assert (early.interrupted, late.interrupted) == (True, False)
    early.settle()
    assert not early.interrupt()
    assert early.interrupted


# What was heard


def test_nothing_was_heard_before_it_was_played() -> None:
    said = Utterance(state())
    assert said.heard() == Heard(utterance=said)
    assert said.position == 0


def test_what_was_heard_is_told_at_the_sources_rate() -> None:
    said = state()
    playing(said, received=RATE, played=RATE // 2)
    said.pieces.append(Piece(Passage.of("one two three four"), 0, RATE))
    heard = said.heard()
    assert (heard.frames, heard.seconds) == (RATE // 2, 0.5)
    assert (heard.text, heard.characters, heard.exact) == ("one two", 7, False)
    assert heard.dropped == ()


def test_the_position_lags_what_was_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pump, "heard", lambda _: 250)
    said = state()
    playing(said, received=1000, played=400)
    assert said.position == 250
    assert said.receipt.frames.played == 400


def test_a_stall_is_part_of_the_receipt() -> None:
    said = state()
    playing(said, received=1000, played=400)
    said.account.track.apply(Note(Kind.STALLED, 400, 240, 0.3))
    assert said.receipt.stalls.total_ms == pytest.approx(10)
