from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from streamplay.errors import Truncated
from streamplay.options import Options
from streamplay.outputs.silent import SilentOutput
from streamplay.playback.playout import Playout
from streamplay.playback.pump import Pump
from streamplay.playback.ring import Kind, Note
from streamplay.policy.jitter import Fixed
from streamplay.speech.account import Account
from streamplay.speech.transcript import Heard, Piece
from streamplay.speech.utterance import Utterance

RATE = 24000


def utterance(text: str = "One two three.", **how: Any) -> Utterance:
    options = Options()
    account = Account(options.request("text"), "http://here/v1", playing=True)
    return Utterance(text, options, account, how.pop("canceller", lambda _: Heard()), **how)


def playing(said: Utterance, *, received: int, played: int) -> None:
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
    said = utterance()
    playing(said, received=1000, played=400)
    assert not said.done
    threading.Timer(0.02, said.settle).start()
    assert said.wait(20).frames.played == 400
    assert said.done


def test_a_wait_that_takes_too_long_says_so_and_changes_nothing() -> None:
    said = utterance()
    with pytest.raises(TimeoutError, match=r"not heard within 0\.01 s"):
        said.wait(0.01)
    assert not said.done
    said.settle()
    assert said.wait().frames.received == 0


def test_waiting_raises_what_ended_it_and_the_receipt_never_does() -> None:
    said = utterance()
    said.failure = Truncated("it ended early")
    said.settle()
    with pytest.raises(Truncated, match="it ended early"):
        said.wait()
    said.wait_done()
    assert said.receipt.frames.received == 0


def test_cancelling_is_the_players() -> None:
    asked = []
    said = utterance(canceller=lambda each: (asked.append(each), Heard("so far"))[1])
    assert said.cancel() == Heard("so far")
    assert asked == [said]


def test_callbacks_are_called_once_whether_it_is_done_already_or_not() -> None:
    said = utterance()
    called: list[str] = []
    said.on_done(lambda: called.append("first"))
    said.on_done(lambda: called.append("second"))
    assert called == []
    said.settle()
    assert called == ["first", "second"]
    said.on_done(lambda: called.append("late"))
    assert called == ["first", "second", "late"]


def test_it_can_be_cut_short_only_until_it_is_done() -> None:
    early, late = utterance(), utterance()
    late.settle()
    assert (early.interrupt(), late.interrupt()) == (True, False)
    assert (early.interrupted, late.interrupted) == (True, False)
    early.settle()
    assert not early.interrupt()
    assert early.interrupted


# What was heard


def test_nothing_was_heard_before_it_was_played() -> None:
    said = utterance()
    assert said.heard() == Heard()
    assert said.position == 0


def test_what_was_heard_is_told_at_the_sources_rate() -> None:
    said = utterance()
    playing(said, received=RATE, played=RATE // 2)
    said.pieces.append(Piece("one two three four", 0, RATE))
    heard = said.heard()
    assert (heard.frames, heard.seconds) == (RATE // 2, 0.5)
    assert (heard.text, heard.characters, heard.exact) == ("one two", 7, False)
    assert heard.dropped == ()


def test_the_position_lags_what_was_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pump, "heard", lambda _: 250)
    said = utterance()
    playing(said, received=1000, played=400)
    assert said.position == 250
    assert said.receipt.frames.played == 400


def test_a_stall_is_part_of_the_receipt() -> None:
    said = utterance()
    playing(said, received=1000, played=400)
    said.account.track.apply(Note(Kind.STALLED, 400, 240, 0.3))
    assert said.receipt.stalls.total_ms == pytest.approx(10)
