"""The player for asyncio: made once, closed once, never in the loop's way."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamplay import AsyncPlayer, Heard
from streamplay.core import PlayerCore
from streamplay.errors import ModelNotFound, NoDevice, PlayerClosed
from streamplay.events import Finished, Interrupted
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    asking,
    counting,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from streamplay.aio import AsyncUtterance
    from streamplay.server.child import LocalServer


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[PlayerCore]:
    """All players that an AsyncPlayer makes."""
    players: list[PlayerCore] = []

    def make(*given: Any, **options: Any) -> PlayerCore:
        player = PlayerCore(*given, **options)
        players.append(player)
        return player

    monkeypatch.setattr("streamplay.aio.PlayerCore", make)
    return players


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in asyncio's debug mode, which tells of every callback that takes long."""
    return asyncio.run(coroutine, debug=True)


async def heard(utterance: AsyncUtterance, frames: int) -> None:
    await asyncio.to_thread(wait_until, lambda: utterance.receipt.frames.played >= frames)


def is_closed(player: PlayerCore) -> bool:
    try:
        player.check_open()
    except PlayerClosed:
        return True
    return False


def test_what_is_said_is_heard(speech_server: LocalServer, fast: Silent) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            utterance = await player.say("hello", extra=counting(0.3))
            receipt = account_for(await utterance.wait(PATIENCE))
            assert receipt.complete
            assert utterance.done
            assert utterance.receipt == receipt
            assert utterance.position == 7200

    run(main())


def test_an_error_is_raised_by_wait(speech_server: LocalServer, fast: Silent) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            utterance = await player.say("hello", extra=asking(status=404))
            with pytest.raises(ModelNotFound):
                await utterance.wait(PATIENCE)

    run(main())


def test_an_async_iterable_is_consumed_on_the_callers_loop(
    speech_server: LocalServer, fast: Silent
) -> None:
    threads: set[threading.Thread] = set()

    async def tokens() -> AsyncIterator[str]:
        for word in ("One ", "two. ", "Three."):
            threads.add(threading.current_thread())
            await asyncio.sleep(0.005)
            yield word

    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            utterance = await player.say(tokens(), extra=counting(0.2))
            assert (await utterance.wait(PATIENCE)).complete

    run(main())
    assert threads == {threading.main_thread()}


def test_cancelling_a_task_that_waits_cancels_the_utterance(
    speech_server: LocalServer, silent: Silent
) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            utterance = await player.say("hello", extra=counting(10))
            task = asyncio.create_task(utterance.wait())
            await heard(utterance, 1000)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await utterance.wait(PATIENCE)).interrupted

    run(main())


def test_a_wait_that_takes_too_long_cancels_nothing(
    speech_server: LocalServer, fast: Silent
) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            utterance = await player.say("hello", extra=counting(0.2, first_byte_ms=200))
            with pytest.raises(TimeoutError):
                await utterance.wait(0.01)
            assert (await utterance.wait(PATIENCE)).complete

    run(main())


def test_events_come_in_order_until_the_end(speech_server: LocalServer, silent: Silent) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            first = await player.say("hello", extra=counting(0.2))
            names = [type(event).__name__ async for event in first.events()]
            order = "Requested FirstByte FirstSound PieceFinished Finished"
            assert names == order.split()
            assert [type(event) async for event in first.events()][-1] is Finished
            second = await player.say("hello", extra=counting(10))
            await heard(second, 1000)
            told = asyncio.create_task(anext(e async for e in second.events() if is_end(e)))
            spoken = await player.interrupt()
            end = await told
            assert end.heard.frames >= spoken.frames > 0

    def is_end(event: object) -> bool:
        return isinstance(event, Interrupted)

    run(main())


def test_pausing_ducking_and_the_volume(speech_server: LocalServer, silent: Silent) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url, volume=-6) as player:
            assert player.volume == -6
            player.volume = 0
            await player.pause()
            utterance = await player.say("hello", extra=counting(0.2))
            await player.duck(-20)
            await asyncio.sleep(0.05)
            assert utterance.receipt.frames.played == 0
            await player.resume()
            await utterance.wait(PATIENCE)

    run(main())
    assert abs(silent.played).max() == pytest.approx(8190 / 32768 / 10, rel=1e-3)


# Made once, closed once


def test_two_first_calls_at_once_make_one_player(
    speech_server: LocalServer, fast: Silent, made: list[PlayerCore]
) -> None:
    async def main() -> None:
        player = AsyncPlayer(base_url=speech_server.base_url)
        said = await asyncio.gather(*(player.say("hello", extra=counting(0.1)) for _ in range(3)))
        for each in said:
            assert (await each.wait(PATIENCE)).complete
        await player.close()

    run(main())
    assert len(made) == 1
    assert is_closed(made[0])


def test_closing_one_that_was_never_used_makes_none(made: list[PlayerCore]) -> None:
    async def main() -> None:
        player = AsyncPlayer(base_url="http://127.0.0.1:9/v1")
        assert await player.interrupt() == Heard()
        await player.close()
        await player.close()
        with pytest.raises(PlayerClosed):
            await player.say("hello")
        assert await player.interrupt() == Heard()

    run(main())
    assert made == []


@pytest.mark.parametrize("entering", [True, False])
def test_cancelling_while_it_is_being_made_leaves_nothing_open(
    speech_server: LocalServer, silent: Silent, made: list[PlayerCore], *, entering: bool
) -> None:
    silent.gate.clear()

    async def main() -> None:
        player = AsyncPlayer(base_url=speech_server.base_url)
        first = player.__aenter__() if entering else player.say("hello", extra=counting(0.1))
        task = asyncio.create_task(first)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        silent.gate.set()
        if not entering:  # it may be used all the same, and is the caller's to close
            said = await player.say("hello", extra=counting(0.1))
            assert (await said.wait(PATIENCE)).complete
            await player.close()

    run(main())
    assert len(made) == 1
    assert is_closed(made[0])


def test_closing_while_it_is_being_made(
    speech_server: LocalServer, silent: Silent, made: list[PlayerCore]
) -> None:
    silent.gate.clear()

    async def main() -> None:
        player = AsyncPlayer(base_url=speech_server.base_url)
        task = asyncio.create_task(player.say("hello", extra=counting(0.1)))
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(player.close())
        await asyncio.sleep(0.01)
        silent.gate.set()
        await closing
        with pytest.raises(PlayerClosed):
            await task

    run(main())
    assert [is_closed(player) for player in made] == [True]


def test_a_player_that_could_not_be_made_is_tried_again(
    speech_server: LocalServer, silent: Silent
) -> None:
    async def main() -> None:
        player = AsyncPlayer(base_url=speech_server.base_url)
        silent.absent = True
        with pytest.raises(NoDevice):
            await player.say("hello")
        silent.absent = False
        said = await player.say("hello", extra=counting(0.1))
        assert (await said.wait(PATIENCE)).complete
        await player.close()

    run(main())


def test_nothing_is_slow_on_the_callers_loop(
    speech_server: LocalServer, silent: Silent, caplog: pytest.LogCaptureFixture
) -> None:
    turns: list[list[str]] = []

    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            for _ in range(5):
                caplog.clear()
                utterance = await player.say("hello", extra=counting(5))
                await heard(utterance, 500)
                await player.duck(-12)
                await player.interrupt()
                await utterance.wait(PATIENCE)
                turns.append([record.getMessage() for record in caplog.records])

    with caplog.at_level(logging.WARNING, logger="asyncio"):
        run(main())
    # A busy machine may take the processor away in one turn; what is slow is slow in every turn.
    assert [] in turns
