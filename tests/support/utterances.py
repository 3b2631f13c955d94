"""One utterance without a player: its state, and what a player would do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamplay.events import Heard
from streamplay.options import Options
from streamplay.outputs.silent import SilentOutput
from streamplay.playback.playout import Playout
from streamplay.playback.pump import Pump
from streamplay.playback.track import TrackPart
from streamplay.policy.jitter import Fixed
from streamplay.speech.account import Account
from streamplay.speech.state import UtteranceState
from streamplay.speech.utterance import Utterance

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

    is_current = False

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
    said.track.parts = [TrackPart(0, received, 0, received)]
    said.track.tape.end = received
    playout.write_frames(np.ones((received, 1), np.float32))
    block = np.zeros(played, np.float32)
    playout.render(block.data.cast("B").cast("f"), 0.2)
