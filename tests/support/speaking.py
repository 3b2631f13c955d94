"""Players for tests: what to ask of the server, a card that is only simulated, accounts checked."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import Player
from streamplay.errors import NoDevice, StreamPlayError
from streamplay.network import response
from streamplay.outputs import opening
from streamplay.outputs.silent import LATENCY_SECONDS, SilentOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from streamplay.receipt import Receipt
    from streamplay.server.child import LocalServer
    from streamplay.speech.utterance import Utterance

PATIENCE = 20.0
"""Seconds until a test counts as hanging; what it waits for takes a fraction of one."""


def asking(**scenario: Any) -> dict[str, Any]:
    """Return the `extra` that has the local server behave like this for one request."""
    return {"extra_params": {"scenario": scenario}}


def counting(seconds: float, **scenario: Any) -> dict[str, Any]:
    """Return the same, for a signal of which every sample is known: `counted`."""
    return asking(signal="count", seconds=seconds, **scenario)


def counted(frames: int, start: int = 0) -> NDArray[np.int16]:
    """Return what `counting` sends, as 16-bit values."""
    from streamplay.server.known_signals import count

    return count(start, start + frames)


def account_for(receipt: Receipt) -> Receipt:
    """Hold a receipt to its promise: every frame is in one place."""
    frames = receipt.frames
    parts = (frames.played, frames.flushed, frames.trimmed, frames.muted, frames.unplayed)
    assert min(parts) >= 0, frames
    assert frames.received == sum(parts), frames
    return receipt


def wait_until(true: Callable[[], object]) -> None:
    """Wait for something that is about to happen."""
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.002)


class Silent:
    """Stands for the sound card: every output that is opened is a silent clock of these settings.

    Attributes
    ----------
    speed : float
        Times real time.
    latency : float
        Seconds.
    fail_after : int or None
        Blocks until it dies.
    absent : bool
        There is no card at all.
    gate : threading.Event
        Cleared, it holds up whoever opens an output.
    outputs : list of SilentOutput
        What has been opened.
    """

    def __init__(self) -> None:
        self.speed = 1.0
        self.latency = LATENCY_SECONDS
        self.fail_after: int | None = None
        self.absent = False
        self.gate = threading.Event()
        self.gate.set()
        self.outputs: list[SilentOutput] = []
        self._blocks: list[bytes] = []

    def open(self, samplerate: int, channels: int, **_: Any) -> SilentOutput:
        assert self.gate.wait(PATIENCE)
        if self.absent:
            raise NoDevice("there is no card")
        output = SilentOutput(
            samplerate,
            channels,
            speed=self.speed,
            latency=self.latency,
            fail_after=self.fail_after,
            tap=lambda block: self._blocks.append(bytes(block)),
        )
        self.outputs.append(output)
        return output

    def unplug(self) -> None:
        """Have the output that was opened last die."""
        self.outputs[-1]._fail_after = 0

    @property
    def samples(self) -> NDArray[np.float32]:
        """Everything that was rendered, silence included."""
        return np.frombuffer(b"".join(self._blocks), np.float32)

    @property
    def played(self) -> NDArray[np.float32]:
        """`samples` without the silence before the first and after the last sound."""
        samples = self.samples
        loud = np.flatnonzero(samples)
        return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]

    @property
    def values(self) -> NDArray[np.float32]:
        """`played`, on the scale of 16 bits: whole numbers where nothing was shaped."""
        return self.played * np.float32(32768)


class Returning(Silent):
    """The same, but while it is absent the silent clock stands in for it."""

    def open(self, samplerate: int, channels: int, **options: Any) -> SilentOutput:
        if self.absent and options["silence"]:
            options["notify"]("no sound will be heard: there is no card")
            return SilentOutput(samplerate, channels)
        output = super().open(samplerate, channels)
        output.name = "card"
        return output


@pytest.fixture
def returning(monkeypatch: pytest.MonkeyPatch) -> Returning:
    card = Returning()
    card.absent = True
    monkeypatch.setattr(opening, "open_output", card.open)
    return card


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Silent:
    """A simulated card, at real time unless told otherwise."""
    card = Silent()
    monkeypatch.setattr(opening, "open_output", card.open)
    return card


@pytest.fixture
def fast(silent: Silent) -> Silent:
    """A simulated card for tests that look at accounts: 20 times as fast as a real one."""
    silent.speed = 20.0
    return silent


@pytest.fixture
def player(speech_server: LocalServer, fast: Silent) -> Iterator[Player]:
    """A player on the plain server and a fast simulated card."""
    with Player(base_url=speech_server.base_url) as player:
        yield player


@pytest.fixture
def live(speech_server: LocalServer, silent: Silent) -> Iterator[Player]:
    """The same at real time, for what is cut in the middle."""
    player = Player(base_url=speech_server.base_url)
    yield player
    player.close(cut=True)


def failure(utterance: Utterance) -> StreamPlayError:
    """Wait for an utterance that fails; return why, with its account looked at."""
    with pytest.raises(StreamPlayError) as caught:
        utterance.wait(PATIENCE)
    assert caught.value.receipt is not None
    account_for(caught.value.receipt)
    return caught.value


def receipt_of(error: StreamPlayError) -> Receipt:
    assert error.receipt is not None
    return error.receipt


def being_heard(utterance: Utterance, frames: int = 1) -> None:
    wait_until(lambda: utterance.receipt.frames.played >= frames)


def is_received(utterance: Utterance) -> bool:
    return utterance._state.received


def _all_in_the_ring(utterance: Utterance) -> bool:
    track = utterance._state.track
    return track is None or not track.waiting


def without_gaps(player: Player, *said: dict[str, Any]) -> list[Receipt]:
    """Say all of these once they have been received: the server is not what is looked at."""
    player.pause()
    utterances = [player.say("hello", **each) for each in said]
    wait_until(lambda: all(is_received(each) and _all_in_the_ring(each) for each in utterances))
    player.resume()
    return [account_for(each.wait(PATIENCE)) for each in utterances]


def open_things() -> tuple[int, int]:
    return threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt is enough."""
    monkeypatch.setattr(response, "wait_before", lambda *_: None)
