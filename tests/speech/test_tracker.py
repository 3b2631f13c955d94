"""When events are told: as the device's time comes, and no sooner. In virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.events import (
    End,
    Event,
    FirstSound,
    PieceFinished,
    Resumed,
    Stalled,
    Word,
)
from streamplay.options import Options
from streamplay.playback.pump import WATCH_SECONDS
from streamplay.policy.jitter import Fixed
from streamplay.speech.account import Account
from streamplay.speech.state import UtteranceState
from streamplay.speech.tracker import STALL_TOLD_AFTER_SECONDS
from streamplay.speech.transcript import Piece, TimedWord
from streamplay.words.passage import Passage
from tests.playback.test_pump import RATE
from tests.playback.test_pump_wakes import Bench, on_bench
from tests.support.utterances import Owner
from tests.support.virtual_time import run_virtually

BLOCK = 40
DELAY = 0.01
TOLD_WITHIN = 0.010


class Teller(Owner):
    """A player whose loop is the current one."""

    def call_soon(self, function: Any) -> None:
        asyncio.get_running_loop().call_soon(function)


class Saying:
    """An utterance of one piece in virtual time, its words each 0.1 s; what is told of it."""

    def __init__(self, bench: Bench, words: int) -> None:
        options = Options(sample_rate=RATE, encoding="pcm_s16le")
        account = Account(options.request("text"), "http://here/v1", playing=True)
        account.output_rate = RATE
        account.effective(AudioFormat("pcm_s16le", RATE), "header")
        self.bench = bench
        self.state = UtteranceState("text", options, account, Teller())
        self.state._watch._clock = bench.now
        self.events: list[tuple[Event, float]] = []
        self.state.subscribe(lambda event: self.events.append((event, bench.now())))
        self.piece = Piece(Passage.of("word " * words), 0)
        self.words = words
        account.requested(5 * words)
        account.began(bench.now())
        self.state.pieces.append(self.piece)

    def begin(self) -> None:
        """Let the first byte come, and the words' times."""
        account = self.state.account
        account.moment("first_byte", self.bench.now())
        times = ((0.1 * number, 0.1 * (number + 1)) for number in range(self.words))
        self.piece.words += [TimedWord("word", *each, 0, 0) for each in times]
        self.state.track = account.track
        self.bench.current = account.track
        self.bench.pump.add(account.track, Fixed(0, RATE))
        account.counted(audio=1)

    async def put(self, frames: int) -> None:
        self.state.account.arrived(np.zeros((frames, 1), np.float32), 2 * frames, self.bench.now())
        await self.bench.put(frames)

    def end(self) -> None:
        self.piece.frames = self.state.account.meant
        self.bench.pump.close(self.state.account.track)
        self.state.account.changes.notify()

    def told(self, kind: type[Event]) -> list[float]:
        return [at for event, at in self.events if isinstance(event, kind)]


def heard_at(bench: Bench, frame: int) -> tuple[float, float]:
    """Return between which times the device has been heard to `frame` frames."""
    at = next(at for at, position in bench.positions if position >= frame)
    return at + DELAY, at + DELAY + BLOCK / RATE


def is_told(at: float, bench: Bench, frame: int) -> bool:
    """Whether an event was told when `frame` frames had been heard, and soon after."""
    earliest, latest = heard_at(bench, frame)
    return earliest - 1 / RATE <= at <= latest + TOLD_WITHIN


def saying(scenario: Any, words: int = 10) -> tuple[Saying, Bench]:
    made: list[Saying] = []

    async def play(bench: Bench) -> None:
        said = Saying(bench, words)
        made.append(said)
        await asyncio.sleep(0.00037)
        said.begin()
        await scenario(said)
        await asyncio.wrap_future(said.state.account.track.done)
        said.state.settle(1.0)
        await asyncio.sleep(0.05)

    async def main() -> Bench:
        bench = Bench(BLOCK, sleeping=True)
        await on_bench(play, bench)
        return bench

    bench = run_virtually(main())
    return made[0], bench


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(50, 3000)), min_size=1, max_size=8))
def test_a_word_is_told_within_ten_milliseconds_of_being_heard(
    arrivals: list[tuple[int, int]],
) -> None:
    async def scenario(said: Saying) -> None:
        for milliseconds, frames in arrivals:
            await asyncio.sleep(milliseconds / 1000)
            await said.put(frames)
        said.end()

    total = sum(frames for _, frames in arrivals)
    said, bench = saying(scenario, words=1 + total // (RATE // 10))
    told = said.told(Word)
    begun = [number * RATE // 10 for number in range(said.words)]
    due = [frame + 1 for frame in begun if frame < total]
    assert len(told) == len(due)
    assert all(is_told(at, bench, frame) for at, frame in zip(told, due, strict=True))
    assert is_told(*said.told(FirstSound), bench, 1)
    assert [type(event) for event, _ in said.events][-1] in End.__args__


def test_a_stall_is_told_while_it_lasts_and_its_end_when_sound_returns() -> None:
    async def scenario(said: Saying) -> None:
        await said.put(800)
        await asyncio.sleep(0.6)
        await said.put(800)
        said.end()

    said, bench = saying(scenario)
    (stalled,), (resumed,) = said.told(Stalled), said.told(Resumed)
    assert is_told(stalled - STALL_TOLD_AFTER_SECONDS, bench, 800)
    assert stalled < 0.6 <= resumed <= heard_at(bench, 801)[1] + TOLD_WITHIN  # once handed over
    assert is_told(*said.told(PieceFinished), bench, 1600)


def test_a_pause_tells_nothing_and_a_piece_is_told_when_it_has_been_heard() -> None:
    async def scenario(said: Saying) -> None:
        await said.put(1600)
        said.end()
        await asyncio.sleep(0.05)
        said.bench.pump.set_paused(paused=True)
        looks = said.bench.heard.steps
        await asyncio.sleep(20)
        assert said.bench.heard.steps - looks <= 20 / WATCH_SECONDS + 2
        said.bench.pump.set_paused(paused=False)

    said, bench = saying(scenario, words=2)
    first, second = said.told(Word)
    assert first < 1
    assert second > 20
    assert is_told(*said.told(PieceFinished), bench, 1600)
    assert not said.told(Stalled)
