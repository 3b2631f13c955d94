"""Everything that is known of one utterance, asked by any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.events import Heard
from streamplay.playback.pump import Pump
from streamplay.speech.transcript import Piece
from streamplay.speech.utterance import Utterance
from streamplay.words.passage import Passage
from tests.support.utterances import RATE, playing, state

if TYPE_CHECKING:
    import pytest


def test_callbacks_are_called_once_whether_it_is_done_already_or_not() -> None:
    given = state()
    said = Utterance(given)
    called: list[str] = []
    said.on_done(lambda: called.append("first"))
    said.on_done(lambda: called.append("second"))
    assert called == []
    given.settle(1.0)
    assert called == ["first", "second"]
    said.on_done(lambda: called.append("late"))
    assert called == ["first", "second", "late"]


def test_it_can_be_cut_short_only_until_it_is_done() -> None:
    early, late = state(), state()
    late.settle(1.0)
    assert (early.interrupt(), late.interrupt()) == (True, False)
    assert (early.interrupted, late.interrupted) == (True, False)
    early.settle(1.0)
    assert not early.interrupt()
    assert early.interrupted


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
