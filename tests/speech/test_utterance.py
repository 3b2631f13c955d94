from __future__ import annotations

import threading

import pytest

from streamplay.errors import Truncated
from streamplay.events import Heard
from streamplay.playback.ring import Kind, Note
from streamplay.speech.utterance import Utterance
from tests.support.utterances import Owner, playing, state

# Waiting


def test_waiting_returns_the_receipt_of_what_has_been_heard() -> None:
    given = state()
    said = Utterance(given)
    playing(given, received=1000, played=400)
    assert not said.done
    threading.Timer(0.02, lambda: given.settle(1.0)).start()
    assert said.wait(20).frames.played == 400
    assert said.done


def test_a_wait_that_takes_too_long_says_so_and_changes_nothing() -> None:
    given = state()
    said = Utterance(given)
    with pytest.raises(TimeoutError, match=r"not heard within 0\.01 s"):
        said.wait(0.01)
    assert not said.done
    given.settle(1.0)
    assert said.wait().frames.received == 0


def test_waiting_raises_what_ended_it_and_the_receipt_never_does() -> None:
    given = state()
    said = Utterance(given)
    given.failure = Truncated("it ended early")
    given.settle(1.0)
    with pytest.raises(Truncated, match="it ended early"):
        said.wait()
    assert given.wait_done()
    assert said.receipt.frames.received == 0


def test_cancelling_is_the_players() -> None:
    owner = Owner()
    given = state(owner)
    assert Utterance(given).cancel() == Heard("so far")
    assert owner.cancelled == [given]


# What was heard


def test_a_stall_is_part_of_the_receipt() -> None:
    said = state()
    playing(said, received=1000, played=400)
    said.account.track.apply(Note(Kind.STALLED, 400, 240, 0.3))
    assert said.receipt.stalls.total_ms == pytest.approx(10)
