"""Pieces of a text stream: asked for ahead, joined without a gap, and what becomes of failures."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from streamplay import Player, ServerFailed
from streamplay.errors import InvalidRequest, NotAuthorized
from streamplay.models import DEFAULT_MODEL
from streamplay.player import LazyPlayer
from streamplay.policy.jitter import policy
from streamplay.policy.learning import PROCESS, Lessons, Source
from streamplay.policy.simulate import play
from streamplay.speech import prefetch
from streamplay.speech.prefetch import Fetch
from streamplay.trace import load
from tests.support.rawserver import Connection, answer, chunked, delta, refuse, running, speech
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    being_heard,
    failure,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from streamplay.receipt import Receipt

RATE = 24000
NAMES = ["One", "Two", "Three", "Four", "Five"]
# Too long for two of them to be asked for as one while little is ahead.
TEXTS = [
    f"{name} is a sentence that is long enough to be a piece of its own here." for name in NAMES
]
LEVELS = dict(zip(TEXTS, (1000, 2000, 3000, 4000, 5000), strict=True))
ONE, TWO, THREE, *_ = TEXTS
BROKEN = chunked([delta(np.full(RATE, 7000, "<i2").tobytes())], end=False)

ENDED_EARLY = answer(delta(np.full(RATE, 7000, "<i2").tobytes()))  # in order, and without its mark


def sound(text: str, seconds: float = 1.0, quiet: float = 0.0) -> bytes:
    """Return what says `text`: a level of its own, with silence before and after."""
    silence = np.zeros(round(RATE * quiet), "<i2")
    level = np.full(round(RATE * seconds), LEVELS[text], "<i2")
    data = np.concatenate([silence, level, silence]).tobytes()
    return speech(*(data[at : at + 2 * RATE] for at in range(0, len(data), 2 * RATE)))


class Pieces:
    """A server that answers each piece as told, and sees how many are under way."""

    def __init__(self, **told: Any) -> None:
        self.told = {TEXTS[NAMES.index(name)]: list(answers) for name, answers in told.items()}
        self.texts: list[str] = []
        self.now = self.most = 0

    async def __call__(self, connection: Connection) -> None:
        while True:
            received = await connection.request()
            if received.method != "POST":
                await connection.send(answer())
                continue
            await self._answer(connection, received.json["input"])

    async def _answer(self, connection: Connection, text: str) -> None:
        self.texts.append(text)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            left = self.told.get(text) or [sound(text)]
            told = left.pop(0) if len(left) > 1 else left[0]
            if callable(told):
                told = await told()
            await connection.send(told)
            if told is BROKEN:
                connection.reset()
        finally:
            self.now -= 1


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[Fetch]:
    """Every piece that is asked for."""
    made: list[Fetch] = []

    class Noted(Fetch):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(prefetch, "Fetch", Noted)
    return made


def tokens_of(texts: list[str]) -> Iterator[str]:
    return (f"{text} " for text in texts)


def saying(
    server: Pieces,
    body: Callable[[Player], Any],
    **options: Any,
) -> Any:
    """Run `body` with a player of `server`."""

    async def run() -> Any:
        async with running(server) as running_server:

            def speak() -> Any:
                with Player(base_url=running_server.base_url, **options) as player:
                    return body(player)

            return await asyncio.to_thread(speak)

    return asyncio.run(run())


def said(server: Pieces, texts: list[str] = TEXTS, **options: Any) -> Receipt:
    tokens = tokens_of(texts)
    return saying(server, lambda player: account_for(player.say(tokens).wait(PATIENCE)), **options)


def levels(card: Silent) -> list[int]:
    """Return the levels that were heard, one after the other."""
    values = np.round(card.values).astype(int)
    values = values[np.isin(values, list(LEVELS.values()))]
    return [int(values[at]) for at in np.flatnonzero(np.diff(values, prepend=0))]


def test_pieces_are_joined_in_order_without_a_gap_or_an_overlap(fast: Silent) -> None:
    seconds = 0.6  # all five are handed on: 3 s are ahead at most
    each = round(RATE * seconds)
    server = Pieces(**{text.split()[0]: [sound(text, seconds)] for text in TEXTS})

    def body(player: Player) -> Receipt:
        player.pause()  # until all has come: the server is not what is looked at
        utterance = player.say(tokens_of(TEXTS))
        wait_until(lambda: utterance.receipt.frames.received == 5 * each)
        player.resume()
        return account_for(utterance.wait(PATIENCE))

    receipt = saying(server, body, prefetch=4)
    assert sorted(server.texts) == sorted(TEXTS)
    assert receipt.stalls.count == 0
    np.testing.assert_array_equal(fast.values, np.repeat(list(LEVELS.values()), each))


def test_no_more_is_asked_for_than_the_prefetch_allows(fast: Silent) -> None:
    server = Pieces()

    def body(player: Player) -> None:
        player.pause()
        utterance = player.say(tokens_of(TEXTS))
        wait_until(lambda: utterance.receipt.frames.received == 3 * RATE)
        time.sleep(0.1)  # in which another could be asked for
        # Asked for in order; over connections of their own they may arrive in another.
        assert sorted(server.texts) == sorted(TEXTS[:3])
        player.resume()
        assert account_for(utterance.wait(PATIENCE)).complete

    saying(server, body)
    assert sorted(server.texts) == sorted(TEXTS)


def test_without_prefetch_there_is_one_request_at_a_time(fast: Silent) -> None:
    server = Pieces()
    said(server, TEXTS[:3], prefetch=0)
    assert server.texts == TEXTS[:3]
    assert server.most == 1


def test_a_slow_piece_does_not_let_a_quick_one_pass(fast: Silent) -> None:
    server = Pieces()

    async def when_all_are_asked_for() -> bytes:
        await asyncio.to_thread(wait_until, lambda: len(server.texts) == 3)
        return sound(ONE)

    server.told[ONE] = [when_all_are_asked_for]
    assert said(server, TEXTS[:3]).complete
    assert levels(fast) == [1000, 2000, 3000]


def test_a_trace_of_pieces_that_came_side_by_side_can_be_replayed(
    fast: Silent, tmp_path: Path
) -> None:
    server = Pieces()

    async def when_all_have_come() -> bytes:
        await asyncio.to_thread(wait_until, lambda: len(server.texts) == 3 and server.now == 1)
        return sound(ONE)

    server.told[ONE] = [when_all_have_come]

    def body(player: Player) -> Receipt:
        utterance = player.say(tokens_of(TEXTS[:3]), record=tmp_path / "trace")
        return account_for(utterance.wait(PATIENCE))

    receipt = saying(server, body)
    recorded = load(tmp_path / "trace")
    assert recorded.frames == receipt.frames.received == 3 * RATE
    assert play(recorded, policy(0, RATE)).gaps == ()


def test_nobody_waits_with_a_whole_piece_for_the_next(fast: Silent) -> None:
    server = Pieces()
    heard = threading.Event()

    async def once_the_first_is_heard() -> bytes:
        assert await asyncio.to_thread(heard.wait, PATIENCE)
        return sound(TWO)

    server.told[TWO] = [once_the_first_is_heard]

    def body(player: Player) -> Receipt:
        source = Source("127.0.0.1", DEFAULT_MODEL, "tara")
        PROCESS.keep(source, Lessons((100.0,)))  # a server to be waited for longer than this lasts
        utterance = player.say(tokens_of(TEXTS[:2]))
        being_heard(utterance)
        heard.set()
        return account_for(utterance.wait(PATIENCE))

    assert saying(server, body).complete
    assert levels(fast) == [1000, 2000]


@pytest.mark.parametrize("broken", [BROKEN, ENDED_EARLY])
def test_a_piece_that_breaks_off_unheard_is_asked_for_again(fast: Silent, broken: bytes) -> None:
    receipt = said(Pieces(One=[sound(ONE, 20)], Two=[broken, sound(TWO)]), TEXTS[:3])
    assert receipt.complete
    assert receipt.attempts == 4
    assert levels(fast) == [1000, 2000, 3000]


def test_what_fails_for_good_ends_the_utterance_after_what_came_before(
    fast: Silent, impatient: None
) -> None:
    server = Pieces(Two=[refuse(500, {"error": {"message": "no"}})])
    error = saying(server, lambda player: failure(player.say(tokens_of(TEXTS[:3]))))
    assert isinstance(error, ServerFailed)
    assert error.receipt is not None
    assert error.receipt.frames.played == RATE
    assert levels(fast) == [1000]


def test_the_rest_is_said_all_the_same_where_that_was_chosen(fast: Silent, impatient: None) -> None:
    notices: list[str] = []
    server = Pieces(Two=[refuse(500, {"error": {"message": "no"}})])
    receipt = said(server, TEXTS[:3], on_error="continue", notify=notices.append)
    assert levels(fast) == [1000, 3000]
    assert not receipt.complete
    assert receipt.error is None
    assert [(each.type, each.status) for each in receipt.failures] == [("ServerFailed", 500)]
    assert len([notice for notice in notices if "going on" in notice]) == 1


def test_what_was_fetched_ahead_of_a_cut_is_counted_and_kept(
    silent: Silent, tmp_path: Path, fetches: list[Fetch]
) -> None:
    server = Pieces()

    def body(player: Player) -> None:
        utterance = player.say(tokens_of(TEXTS), output=tmp_path / "kept.wav")
        being_heard(utterance, 100)
        wait_until(lambda: len(fetches) == 3 and all(fetch.done for fetch in fetches))
        utterance.cancel()
        receipt = account_for(utterance.wait(PATIENCE))
        assert (receipt.requests, receipt.attempts) == (3, 3)
        assert receipt.frames.received == receipt.frames.saved == 3 * RATE
        assert 100 <= receipt.frames.played < RATE
        assert receipt.bytes.audio == 3 * 2 * RATE
        assert receipt.bytes.body > receipt.bytes.audio
        assert receipt.events.audio == 3

    saying(server, body)
    kept, _ = soundfile.read(tmp_path / "kept.wav", dtype="int16")
    np.testing.assert_array_equal(kept, np.repeat([1000, 2000, 3000], RATE))


def test_what_was_fetched_behind_a_failure_is_counted_and_not_heard(
    fast: Silent, impatient: None, fetches: list[Fetch]
) -> None:
    server = Pieces()

    async def when_the_third_has_come() -> bytes:
        await asyncio.to_thread(wait_until, lambda: len(fetches) == 3 and fetches[2].done)
        return refuse(500, {"error": {"message": "no"}})

    server.told[TWO] = [when_the_third_has_come]
    error = saying(server, lambda player: failure(player.say(tokens_of(TEXTS[:3]))))
    receipt = error.receipt
    assert receipt.attempts == 3
    assert (receipt.frames.played, receipt.frames.received) == (RATE, 2 * RATE)
    assert levels(fast) == [1000]


def test_what_would_fail_every_piece_ends_the_utterance_all_the_same(fast: Silent) -> None:
    server = Pieces(Two=[refuse(401, {"error": {"message": "no"}})])
    tokens = tokens_of(TEXTS[:3])
    error = saying(server, lambda player: failure(player.say(tokens, on_error="continue")))
    assert isinstance(error, NotAuthorized)


def test_an_utterance_of_which_every_piece_failed_has_failed(fast: Silent, impatient: None) -> None:
    no = refuse(500, {"error": {"message": "no"}})
    server = Pieces(One=[no], Two=[no])
    tokens = tokens_of(TEXTS[:2])
    error = saying(server, lambda player: failure(player.say(tokens, on_error="continue")))
    assert isinstance(error, ServerFailed)


UNTIL_FOUR_IS_ASKED_FOR = None


@pytest.mark.parametrize(
    ("refused", "held", "most"),
    [
        ([], {TWO: UNTIL_FOUR_IS_ASKED_FOR, THREE: UNTIL_FOUR_IS_ASKED_FOR}, 3),
        ([TWO], {TWO: 0.2, THREE: UNTIL_FOUR_IS_ASKED_FOR}, 2),
        ([TWO, THREE], {TWO: 0.2, THREE: 0.4}, 1),
    ],
)
def test_fewer_are_asked_for_at_once_after_each_429(
    fast: Silent, refused: list[str], held: dict[str, float | None], most: int
) -> None:
    server = Pieces()

    async def when_all_have_begun() -> bytes:
        await asyncio.to_thread(wait_until, lambda: len(server.texts) == 3 + len(refused))
        server.most = 0
        return sound(ONE)

    def holding(text: str) -> Callable[[], Awaitable[bytes]]:
        async def hold() -> bytes:
            # Where no piece may be asked for beside it, waiting for one would never end.
            seconds = held[text]
            if seconds is None:
                await asyncio.to_thread(wait_until, lambda: TEXTS[3] in server.texts)
            else:
                await asyncio.sleep(seconds)
            return sound(text)

        return hold

    too_many = refuse(429, {"error": {"message": "slow down"}}, retry_after="0")
    server.told[ONE] = [when_all_have_begun]
    for text in (TWO, THREE):
        server.told[text] = [too_many, holding(text)] if text in refused else [holding(text)]
    assert said(server, TEXTS[:4]).frames.played == 4 * RATE
    assert server.most == most


@pytest.mark.parametrize(("pause_ms", "trimmed"), [(None, 0), (100, 0.7), (0, 0.8)])
def test_the_silence_between_pieces_may_be_cut_to_a_pause(
    fast: Silent, pause_ms: float | None, trimmed: float
) -> None:
    texts = TEXTS[:2]
    server = Pieces(**{text.split()[0]: [sound(text, 0.5, 0.4)] for text in texts})
    receipt = said(server, texts, pause_ms=pause_ms)
    assert receipt.complete
    assert receipt.frames.trimmed == round(RATE * trimmed)
    assert receipt.frames.received == round(RATE * 2.6)
    between = np.flatnonzero(fast.values == 0)
    assert len(between) == round(RATE * (0.8 - trimmed))


@pytest.mark.parametrize(("prefetch", "silence"), [(0, 0.4), (1, 4.0)])
def test_silence_that_is_held_back_does_not_hold_up_the_next_piece(
    fast: Silent, prefetch: int, silence: float
) -> None:
    texts = TEXTS[:2]
    server = Pieces(**{text.split()[0]: [sound(text, 0.1, silence)] for text in texts})
    receipt = said(server, texts, pause_ms=50, prefetch=prefetch)
    assert receipt.complete
    assert receipt.frames.trimmed == round(RATE * (2 * silence - 0.05))


def test_an_async_iterable_is_spoken_and_closed_when_cut(silent: Silent) -> None:
    closed = threading.Event()

    async def tokens() -> AsyncIterator[str]:
        try:
            for text in TEXTS[:2]:
                yield f"{text} "
            await asyncio.Event().wait()
        finally:
            closed.set()

    def body(player: Player) -> None:
        utterance = player.say(tokens())
        being_heard(utterance)
        utterance.cancel()
        assert closed.wait(PATIENCE)
        assert account_for(utterance.wait(PATIENCE)).interrupted

    saying(Pieces(), body)


def test_a_generator_is_closed_when_what_it_says_is_cut(silent: Silent) -> None:
    closed = threading.Event()

    def tokens() -> Iterator[str]:
        try:
            while True:
                yield f"{ONE} "
        finally:
            closed.set()

    def body(player: Player) -> None:
        utterance = player.say(tokens())
        being_heard(utterance)
        player.interrupt()
        assert closed.wait(PATIENCE)

    saying(Pieces(), body)


def test_the_account_holds_whenever_it_is_cut(silent: Silent) -> None:
    def body(player: Player) -> None:
        for frames in (1, RATE // 2, RATE + 100):
            utterance = player.say(tokens_of(TEXTS), pause_ms=0)
            being_heard(utterance, frames)
            heard = utterance.cancel()
            receipt = account_for(utterance.wait(PATIENCE))
            assert receipt.interrupted
            assert heard.frames <= receipt.frames.played

    saying(Pieces(), body)


@pytest.mark.parametrize(
    "wrong", [{"prefetch": -1}, {"prefetch": 99}, {"pause_ms": -1}, {"on_error": "panic"}]
)
def test_how_pieces_are_joined_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        LazyPlayer(**wrong)
