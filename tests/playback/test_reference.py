"""The echo reference: what was played, where and when; playing never waits for its reader."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import AsyncPlayer, Player
from streamplay.errors import InvalidRequest, PlayerClosed
from streamplay.playback.changes import SharedChanges
from streamplay.playback.native import NativePlayout
from streamplay.playback.playout import Playout
from streamplay.playback.reference import KEPT_SECONDS, Reference
from tests.support.speaking import (
    PATIENCE,
    Silent,
    counted,
    counting,
)

if TYPE_CHECKING:
    from streamplay.playback.reference import ReferenceBlock
    from streamplay.server.child import LocalServer
    from tests.support.nullsink import NullSink

RATE = 24000
BLOCK = 120


class Deck:
    """A playout that is rendered by hand, heard 20 ms later."""

    def __init__(self, make: Any, channels: int = 1) -> None:
        self.playout = make(RATE, channels, 2 * RATE)
        self.out = np.zeros(BLOCK * channels, np.float32)
        self.frames = 0

    def render(self, blocks: int) -> np.ndarray[Any, Any]:
        played = []
        for _ in range(blocks):
            now = 10 + self.frames / RATE
            self.playout.render(self.out.data.cast("B").cast("f"), now, delay=0.02)
            self.frames += BLOCK
            played.append(self.out.copy())
        return np.concatenate(played)


class Decks:
    """Outputs of which the last is open."""

    def __init__(self, decks: list[Deck]) -> None:
        self.decks = decks
        self.changes = SharedChanges()

    @property
    def playout(self) -> Any:
        return self.decks[-1].playout if self.decks else None


class End:
    """A player's."""

    def __init__(self) -> None:
        self.ended: Future[None] = Future()


def everything(reference: Reference) -> list[ReferenceBlock]:
    return list(iter(reference.read, None))


@pytest.fixture(params=[Playout, NativePlayout])
def deck(request: pytest.FixtureRequest) -> Deck:
    return Deck(request.param)


def reading(deck: Deck, rate: int | None = None, block: int = 160) -> Reference:
    return Reference(Decks([deck]), rate, block, End())


def test_it_is_what_was_rendered_with_silence_gain_and_fades(deck: Deck) -> None:
    reference = reading(deck)
    deck.playout.gain = 0.5
    deck.playout.write_frames(np.linspace(-1, 1, 3000, dtype=np.float32).reshape(-1, 1))
    deck.playout.end()
    played = [deck.render(10)]
    deck.playout.pause()
    played.append(deck.render(10))
    blocks = everything(reference)
    heard = np.concatenate([block.frames[:, 0] for block in blocks])
    np.testing.assert_array_equal(heard, np.concatenate(played)[: len(heard)])
    assert len(heard) == 2400
    assert [block.index for block in blocks] == list(range(0, 2400, 160))
    for block in blocks:
        assert block.time == pytest.approx(10.02 + block.index / RATE, abs=1e-9)


def test_its_indices_are_the_outputs_whenever_it_begins(deck: Deck) -> None:
    deck.render(7)
    reference = reading(deck, block=120)
    deck.render(2)
    assert [block.index for block in everything(reference)] == [840, 960]


def test_what_is_not_read_in_time_is_lost_counted_and_jumped_over(deck: Deck) -> None:
    reference = reading(deck, block=120)
    room = round(KEPT_SECONDS * RATE) // BLOCK
    deck.render(room + 5)
    assert len(everything(reference)) == room
    assert reference.lost == 5 * BLOCK
    deck.render(1)
    (block,) = everything(reference)
    assert block.index == (room + 5) * BLOCK
    assert block.time == pytest.approx(10.02 + block.index / RATE, abs=1e-9)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_at_another_rate_it_is_the_same_sound_at_the_same_time(deck: Deck, rate: int) -> None:
    reference = reading(deck, rate)
    wave = np.sin(2 * np.pi * 300 * np.arange(9600) / RATE).astype(np.float32) / 2
    deck.playout.write_frames(wave.reshape(-1, 1))
    deck.playout.end()
    deck.render(80)
    blocks = everything(reference)
    heard = np.concatenate([block.frames[:, 0] for block in blocks])
    index = np.arange(len(heard))
    expected = np.sin(2 * np.pi * 300 * index / rate) / 2
    middle = slice(rate // 20, len(heard) - rate // 20)
    assert np.abs(heard - expected)[middle].max() < 1e-3
    assert [block.index for block in blocks] == [160 * number for number in range(len(blocks))]
    assert blocks[-1].time == pytest.approx(10.02 + blocks[-1].index / rate, abs=1e-9)


def test_two_channels_stay_two() -> None:
    deck = Deck(Playout, channels=2)
    reference = reading(deck, block=120)
    frames = np.stack((np.full(240, 0.25), np.full(240, -0.5)), axis=1).astype(np.float32)
    deck.playout.write_frames(frames)
    deck.playout.end()
    deck.render(2)
    np.testing.assert_array_equal(
        np.concatenate([block.frames for block in everything(reference)]), frames
    )


def test_another_output_is_followed_and_its_frames_are_counted_on(deck: Deck) -> None:
    decks = [deck]
    reference = Reference(Decks(decks), None, 120, End())
    deck.render(3)
    before = everything(reference)
    decks.append(Deck(Playout))
    assert everything(reference) == []
    decks[-1].render(2)
    after = everything(reference)
    assert [block.index for block in (*before, *after)] == [0, 120, 240, 360, 480]


def test_closed_it_keeps_nothing(deck: Deck) -> None:
    with reading(deck) as reference:
        deck.render(2)
    deck.render(2)
    assert reference.closed
    assert reference.read() is None
    assert list(reference) == []


def test_who_waits_is_woken_by_an_output_by_closing_and_by_the_players_end(deck: Deck) -> None:
    decks, end = Decks([]), End()
    reference = Reference(decks, None, 120, end)
    blocks: list[ReferenceBlock] = []
    came = threading.Semaphore(0)

    def read() -> None:
        for block in reference:
            blocks.append(block)
            came.release()

    readers = [threading.Thread(target=read)]
    readers[0].start()
    decks.decks.append(deck)
    decks.changes.notify()
    while not blocks:  # until it has attached to the output, nothing is kept
        deck.render(1)
        came.acquire(timeout=0.01)
    end.ended.set_result(None)
    readers[0].join(PATIENCE)
    assert not readers[0].is_alive()


def test_the_next_block_is_waited_for_by_the_outputs_own_time(deck: Deck) -> None:
    reference = reading(deck, block=480)
    deck.render(1)
    assert reference.read() is None
    assert reference._seconds_to_next() == pytest.approx(360 / RATE)
    deck.render(2)
    assert reference._seconds_to_next() == pytest.approx(max(120 / RATE, 0.005))


def test_tasks_on_any_loop_are_woken_by_any_thread_and_miss_nothing() -> None:
    changes = SharedChanges()

    async def main() -> None:
        number = changes.number
        changes.notify()
        await changes.wait(number)  # it has changed since
        number = changes.number
        await changes.wait(number, 0.001)
        waiting = asyncio.create_task(changes.wait(number))
        await asyncio.sleep(0)
        await asyncio.to_thread(changes.notify)
        await waiting

    asyncio.run(main())


# With a player


def test_a_player_is_heard_by_its_reference(live: Player, silent: Silent) -> None:
    reference = live.reference(block=240)
    with pytest.raises(InvalidRequest):
        live.reference()
    with pytest.raises(InvalidRequest):
        live.reference(block=0)
    utterance = live.say("hello", extra=counting(0.5))
    heard: list[Any] = []
    for block in reference:
        heard.append(block.frames[:, 0])
        if utterance.done:
            break
    sound = np.trim_zeros(np.concatenate(heard)) * np.float32(32768)
    np.testing.assert_array_equal(sound, counted(12000))
    assert reference.lost == 0
    reference.close()
    live.reference().close()


def test_it_ends_with_its_player(speech_server: LocalServer, fast: Silent) -> None:
    player = Player(base_url=speech_server.base_url)
    reference = player.reference()
    player.close()
    list(reference)
    with pytest.raises(PlayerClosed):
        player.reference()


def test_it_can_be_awaited(speech_server: LocalServer, silent: Silent) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            reference = await player.reference(16000, 320)
            blocks = []
            async for block in reference:
                blocks.append(block)
                if len(blocks) == 5:
                    break
            assert [len(block.frames) for block in blocks] == [320] * 5
            assert [b.index - blocks[0].index for b in blocks] == [0, 320, 640, 960, 1280]

    asyncio.run(main())


def test_it_is_what_the_sink_records_frame_by_frame(
    speech_server: LocalServer, null_sink: NullSink
) -> None:
    with Player(base_url=speech_server.base_url, latency=0.1) as player, null_sink.record() as tape:
        with player.reference(block=240) as reference:
            utterance = player.say("hello", extra=counting(1.0))
            blocks = []
            for block in reference:
                blocks.append(block)
                if utterance.done:
                    break
        assert utterance.wait(PATIENCE).device_underflows == 0
        assert reference.lost == 0
    heard = np.concatenate([block.frames[:, 0] for block in blocks]) * np.float32(32768)
    np.testing.assert_array_equal(np.trim_zeros(heard), tape.played[:, 0])
    assert all(b.index - a.index == 240 for a, b in pairwise(blocks))
