"""Back, forward and another speed, as a key asks for them; blocks are rendered by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from streamplay.outputs.silent import SilentOutput
from streamplay.playback.playout import Playout
from streamplay.playback.pump import Pump
from streamplay.policy.jitter import Fixed
from streamplay.speech.steering import STEP_SECONDS, SteeredUtterance
from streamplay.speech.transcript import NOT_YET, Piece
from streamplay.words.passage import Passage
from tests.support.utterances import RATE, Owner, state

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any


class AtOnce(Owner):
    """A player whose loop is the caller's thread."""

    def call_soon(self, function: Callable[[], object]) -> None:
        function()


class Listener:
    """An utterance of three sentences, two of which have come."""

    def __init__(self, *texts: str) -> None:
        self.now = 0.0
        self.state = state(AtOnce())
        account = self.state.account
        account.began(0.0)
        self.track = self.state.track = account.track
        self.track.keeps = True
        self.playout = Playout(RATE, 1, 2 * RATE)
        output = SilentOutput(RATE)
        self.pump = Pump(output, self.playout, lambda: self.now, asked=(RATE, 1))
        self.pump.add(self.track, Fixed(0, RATE))
        self.speech = SteeredUtterance(self.state)
        self.moved = 0
        for text in texts:
            self.state.pieces.append(Piece(replace(Passage.of(text), before=" "), NOT_YET))

    def come(self, number: int, seconds: float) -> None:
        """Let a piece come whole."""
        account, piece = self.state.account, self.state.pieces[number]
        piece.start = account.meant
        self.track.begin_piece()
        count = round(seconds * RATE)
        frames = np.full((count, 1), 0.1 * (number + 1), np.float32)
        account.arrived(frames, 2 * count, self.now)
        run(self.pump.put_frames(self.track, frames, self.now))
        piece.frames = count

    def play(self, seconds: float) -> list[float]:
        heard: list[float] = []
        for _ in range(round(seconds * 100)):
            block = np.zeros(RATE // 100, np.float32)
            self.playout.render(block.data.cast("B").cast("f"), self.now)
            self.now += 0.01
            self.pump.step()
            heard += block.tolist()
        return heard

    def press(self, action: Callable[[Callable[[], object]], object]) -> float:
        """Go somewhere; return where the listener is then."""
        action(self._note)
        return self.speech.view().seconds

    def _note(self) -> None:
        self.moved += 1


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.fixture
def apart() -> Listener:
    made = Listener("One sentence.", "Another one.", "A third.")
    made.come(0, 3)
    made.come(1, 4)
    return made


def test_back_and_forward_lead_to_the_beginnings_of_sentences(apart: Listener) -> None:
    apart.play(2)
    assert apart.speech.view().seconds == pytest.approx(2, abs=0.001)
    assert apart.press(apart.speech.go_forward) == 3
    assert set(np.round(apart.play(0.5)[1000:], 3)) == {0.2}
    assert apart.press(apart.speech.go_back) == 0
    apart.play(2)
    assert apart.press(apart.speech.go_back) == 0
    assert apart.moved == 3


def test_keys_in_quick_succession_count_from_where_the_last_one_leads(apart: Listener) -> None:
    apart.play(2)
    assert apart.press(apart.speech.go_forward) == 3
    assert apart.press(apart.speech.go_back) == 0
    assert apart.press(apart.speech.go_forward) == 3


def test_forward_beyond_what_has_come_waits_for_the_next_sentence(apart: Listener) -> None:
    apart.play(4)
    assert apart.press(apart.speech.go_forward) == 7
    assert not any(apart.play(0.5)[1000:])
    assert apart.moved == 1
    apart.pump.set_paused(paused=True)
    apart.come(2, 2)
    # A listener who has paused is told, and shown the sentence, all the same.
    assert apart.moved == 2
    sentence = apart.speech.view().sentence
    assert sentence is not None
    assert sentence.text == "A third."
    apart.pump.set_paused(paused=False)
    assert apart.speech.view().seconds == 7
    assert set(np.round(apart.play(1)[1000:], 3)) == {0.3}


def test_back_after_forward_beyond_what_has_come_leads_back(apart: Listener) -> None:
    apart.play(4)
    assert apart.press(apart.speech.go_forward) == 7
    assert apart.press(apart.speech.go_back) == 3
    rest = np.full((RATE, 1), 0.2, np.float32)  # of the second, which the listener has gone back to
    apart.state.account.arrived(rest, 2 * RATE, apart.now)
    run(apart.pump.put_frames(apart.track, rest, apart.now))
    assert apart.speech.view().seconds == 3
    assert set(np.round(apart.play(1)[1000:], 3)) == {0.2}


def test_forward_in_the_last_sentence_ends_it(apart: Listener) -> None:
    apart.come(2, 2)
    apart.state.received = True
    apart.pump.close(apart.track)
    apart.play(7.5)
    apart.press(apart.speech.go_forward)
    apart.play(0.5)
    assert apart.track.done.done()
    receipt = apart.state.receipt
    assert receipt.frames.played + receipt.frames.unplayed == 9 * RATE


def test_without_sentences_a_key_leads_five_seconds_away() -> None:
    one = Listener("One request.")
    one.come(0, 30)
    one.play(8)
    assert one.press(one.speech.go_back) == pytest.approx(8 - STEP_SECONDS, abs=0.001)
    assert one.press(one.speech.go_forward) == pytest.approx(8, abs=0.001)
    one.play(0.5)
    assert one.press(one.speech.go_back) == pytest.approx(8.5 - STEP_SECONDS, abs=0.02)
    assert one.press(one.speech.go_back) == 0


def test_at_twice_the_speed_the_place_goes_on_twice_as_fast() -> None:
    one = Listener("One request.")
    one.come(0, 30)
    one.speech.set_speed(2.0, lambda: None)
    assert one.speech.speed == 2.0
    one.play(2.5)  # what the ring holds is heard at the speed before
    before = one.speech.view().seconds
    one.play(2)
    assert one.speech.view().seconds - before == pytest.approx(4, abs=0.02)
    until = one.speech.seconds_until(one.speech.view().seconds + 1)
    assert until == pytest.approx(0.5, abs=0.02)


def test_what_was_heard_again_is_counted_apart(apart: Listener) -> None:
    apart.play(2)
    apart.press(apart.speech.go_back)
    apart.play(1)
    frames = apart.state.receipt.frames
    assert frames.played == pytest.approx(2 * RATE, abs=0.01 * RATE)
    assert frames.replayed == pytest.approx(RATE, abs=0.01 * RATE)
    assert frames.received == frames.played + frames.unplayed


def test_the_view_tells_the_sentence_and_the_pace(apart: Listener) -> None:
    apart.play(3.5)
    view = apart.speech.view()
    assert view.sentence is not None
    assert (view.sentence.text, view.known, view.whole) == ("Another one.", 7, False)
    assert view.spoken == (len("One sentence.") + len("Another one."), 7)
    assert view.first_sound == 0
