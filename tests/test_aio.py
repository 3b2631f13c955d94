"""The player for asyncio: made once, closed once, never in the loop's way."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamplay import AsyncPlayer, AsyncUtterance, Heard
from streamplay.core import PlayerCore
from streamplay.errors import (
    InvalidRequest,
    ModelNotFound,
    NoDevice,
    PlayerClosed,
    TextFailed,
)
from streamplay.events import Finished, Interrupted
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    asking,
    counting,
    open_things,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from streamplay.events import Event
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
            assert len(utterance._state._callbacks) == 1  # the player's own
            assert (await utterance.wait(PATIENCE)).complete
            assert (await utterance.wait(0)).complete

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
            player.events()  # dropped before it has begun
            gc.collect()
            assert player._core is not None
            assert not player._core._watchers

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


# Silence under cancellation


async def say_for_long(player: AsyncPlayer, said: list[AsyncUtterance]) -> None:
    async with player:
        said.append(await player.say("hello", extra=counting(60)))
        said.append(await player.say("and on", extra=counting(60)))
        await heard(said[0], 1000)


async def cancel(task: asyncio.Task[None], times: int) -> None:
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_task_that_is_cancelled_while_it_leaves_is_silent_at_once(
    speech_server: LocalServer, silent: Silent, made: list[PlayerCore], times: int
) -> None:
    said: list[AsyncUtterance] = []

    async def main() -> None:
        player = AsyncPlayer(base_url=speech_server.base_url)
        task = asyncio.create_task(say_for_long(player, said))
        await asyncio.to_thread(wait_until, lambda: made and not can_speak(made[0]))
        await cancel(task, times)
        assert [each.receipt.interrupted for each in said] == [True, True]
        await player.close()

    run(main())
    assert account_for(said[0].receipt).frames.played < 30 * 24000


def can_speak(core: PlayerCore) -> bool:
    return not is_closed(core)


@pytest.mark.parametrize("times", [1, 2])
def test_a_task_that_is_cancelled_inside_is_silent_at_once(
    speech_server: LocalServer, silent: Silent, made: list[PlayerCore], times: int
) -> None:
    said: list[AsyncUtterance] = []

    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            said.append(await player.say("hello", extra=counting(60)))
            await asyncio.Event().wait()

    async def cancelling() -> None:
        task = asyncio.create_task(main())
        await asyncio.to_thread(wait_until, lambda: said and said[0].receipt.frames.played)
        await cancel(task, times)
        assert said[0].receipt.interrupted
        await asyncio.to_thread(wait_until, lambda: said[0].done)

    run(cancelling())
    assert is_closed(made[0])


def test_a_time_limit_around_a_player_is_silent_at_once(
    speech_server: LocalServer, silent: Silent
) -> None:
    said: list[AsyncUtterance] = []

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await say_for_long(AsyncPlayer(base_url=speech_server.base_url), said)
        assert all(each.receipt.interrupted for each in said)

    run(main())


INTERRUPTED = """
import asyncio, os, signal, sys, threading
from streamplay import AsyncPlayer, Player, outputs
from streamplay.outputs.silent import SilentOutput
outputs.open_output = lambda rate, channels, **_: SilentOutput(rate, channels)

def interrupt(utterance):
    def when_heard():
        while not utterance.receipt.frames.played:
            pass
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=when_heard).start()

async def asynchronous():
    async with AsyncPlayer(base_url=sys.argv[1]) as player:
        interrupt(await player.say("hello", extra=SCENARIO))

def blocking():
    with Player(base_url=sys.argv[1]) as player:
        interrupt(player.say("hello", extra=SCENARIO))

def never():
    yield "hello. "
    threading.Event().wait()

def stuck():
    with Player(base_url=sys.argv[1]) as player:
        interrupt(player.say(never(), extra=SCENARIO))

SCENARIO = {"extra_params": {"scenario": {"signal": "count", "seconds": 600}}}
try:
    asyncio.run(asynchronous()) if sys.argv[2] == "asynchronous" else globals()[sys.argv[2]]()
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("how", ["asynchronous", "blocking", "stuck"])
def test_ctrl_c_while_it_is_left_ends_the_process(speech_server: LocalServer, how: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, speech_server.base_url, how],
        capture_output=True,
        text=True,
        timeout=60,  # it would speak for ten minutes
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("interrupted\n", "")


def test_what_a_cancelled_task_needs_never_suspends(
    speech_server: LocalServer, silent: Silent
) -> None:
    async def main() -> None:
        async with AsyncPlayer(base_url=speech_server.base_url) as player:
            utterance = await player.say("hello", extra=counting(10))
            await heard(utterance, 100)
            calls = (player.pause(), player.resume(), player.duck(-6), player.interrupt())
            for call in (*calls, utterance.cancel()):
                with pytest.raises(StopIteration):
                    call.send(None)

    run(main())


# The same object everywhere


def test_events_and_interruptions_name_the_object_that_say_returned(
    speech_server: LocalServer, silent: Silent
) -> None:
    told: list[tuple[Event, threading.Thread]] = []

    async def main() -> None:
        asked = AsyncPlayer(
            base_url=speech_server.base_url,
            on_event=lambda event: told.append((event, threading.current_thread())),
        )
        async with asked as player:
            first = await player.say("one", extra=counting(10))
            second = await player.say("two", extra=counting(0.1))
            events = player.events()
            await heard(first, 100)
            assert (player.speaking, player.queue) == (first, (second,))
            spoken = await player.interrupt()
            assert spoken.utterance is first
            assert spoken.cut == (first, second)
            for each in (first, second):
                await each.wait(PATIENCE)
            event = await anext(events)
            assert event.utterance is first
            await events.aclose()

    run(main())
    assert {thread for _, thread in told} == {threading.main_thread()}
    assert {type(event.utterance) for event, _ in told} == {AsyncUtterance}


def test_a_wrong_argument_is_told_when_it_is_made() -> None:
    with pytest.raises(TypeError, match="did you mean voice"):
        AsyncPlayer(voise="tara")  # type: ignore[call-arg]
    with pytest.raises(InvalidRequest, match="on_event"):
        AsyncPlayer(on_event=asyncio.sleep)
    with pytest.raises(InvalidRequest, match="volume"):
        AsyncPlayer(volume=99)
    with pytest.raises(InvalidRequest, match="base_url"):
        AsyncPlayer(base_url="ftp://host.example")
    with pytest.raises(InvalidRequest, match="sample_rate"):
        AsyncPlayer(sample_rate=-1)


def test_one_that_is_dropped_warns(speech_server: LocalServer, fast: Silent) -> None:
    async def main() -> None:
        said = await AsyncPlayer(base_url=speech_server.base_url).say("one", extra=counting(0.1))
        assert (await said.wait(PATIENCE)).complete

    before = open_things()
    with pytest.warns(ResourceWarning, match="unclosed AsyncPlayer"):
        run(main())
    wait_until(lambda: open_things() == before)


def test_a_text_of_a_loop_that_has_ended_keeps_nothing_from_being_heard(
    speech_server: LocalServer, fast: Silent
) -> None:
    player = AsyncPlayer(base_url=speech_server.base_url)

    async def tokens() -> AsyncIterator[str]:
        while True:
            yield "word. "
            await asyncio.sleep(0.01)

    async def begin() -> AsyncUtterance:
        said = await player.say(tokens(), extra=counting(0.1))
        await heard(said, 100)
        return said

    async def go_on(first: AsyncUtterance) -> None:
        with pytest.raises(TextFailed):
            await first.wait(PATIENCE)
        second = await player.say("and on", extra=counting(0.1))
        assert (await second.wait(PATIENCE)).complete
        await player.close()

    run(go_on(run(begin())))
