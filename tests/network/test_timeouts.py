"""Limits are tested in virtual time: a loop whose clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import TimedOut
from streamplay.network.timeouts import Limits, Timeouts, limits_of
from streamplay.request import SpeechRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine

SHORT = SpeechRequest(input="Hello")


class VirtualTime(asyncio.SelectorEventLoop):
    """Nothing is waited for: where only a timer is left, it is its time."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += timeout or 0.0
        return super().select(0)


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_wait_that_is_short_enough_is_left_alone() -> None:
    async def main() -> None:
        with Timeouts().wait("chunk", 10):
            await asyncio.sleep(9)
        assert now() == pytest.approx(9)

    run(main())


def test_a_wait_that_is_too_long_tells_what_it_waited_for() -> None:
    async def main() -> None:
        with pytest.raises(TimedOut) as caught, Timeouts().wait("chunk", 10):
            await asyncio.sleep(11)
        assert (caught.value.waiting_for, caught.value.seconds) == ("chunk", 10)
        assert now() == pytest.approx(10)

    run(main())


def test_what_is_waited_for_may_change_inside() -> None:
    async def main() -> None:
        patience = Timeouts()

        async def waiter() -> None:
            with patience.wait("connect", 5):
                await asyncio.sleep(4)
                patience.expect("first byte", 15)
                await asyncio.sleep(20)

        with pytest.raises(TimedOut) as caught:
            await waiter()
        assert caught.value.waiting_for == "first byte"
        assert now() == pytest.approx(19)

    run(main())


def test_the_deadline_runs_over_all_waits() -> None:
    async def main() -> None:
        patience = Timeouts(deadline=12)
        patience.start()
        with patience.wait("chunk", 10):
            await asyncio.sleep(9)
        assert patience.left() == pytest.approx(3)
        with pytest.raises(TimedOut) as caught, patience.wait("chunk", 10):
            await asyncio.sleep(9)
        assert (caught.value.waiting_for, caught.value.seconds) == ("deadline", 12)
        assert "--deadline" in str(caught.value)
        assert now() == pytest.approx(12)
        assert patience.left() == 0

    run(main())


def test_without_a_deadline_there_is_no_end() -> None:
    async def main() -> None:
        patience = Timeouts()
        patience.start()
        assert patience.left() is None

    run(main())


def test_a_pause_suspends_the_wait_and_its_end_begins_it_anew() -> None:
    async def main() -> None:
        patience = Timeouts()

        async def waiter() -> None:
            with patience.wait("chunk", 10):
                await asyncio.sleep(9)
                patience.suspend()
                patience.suspend()
                await asyncio.sleep(3600)
                patience.resume()
                await asyncio.sleep(11)

        with pytest.raises(TimedOut):
            await waiter()
        assert now() == pytest.approx(9 + 3600 + 10)

    run(main())


def test_a_pause_suspends_the_deadline_too() -> None:
    async def main() -> None:
        patience = Timeouts(deadline=10)
        patience.start()
        patience.suspend()
        with patience.wait("chunk", 5):
            await asyncio.sleep(3600)
        patience.resume()
        assert patience.left() == pytest.approx(10)
        with pytest.raises(TimedOut) as caught, patience.wait("chunk", 100):
            await asyncio.sleep(11)
        assert caught.value.waiting_for == "deadline"

    run(main())


def test_resuming_what_was_not_paused_changes_nothing() -> None:
    async def main() -> None:
        patience = Timeouts(deadline=10)
        patience.start()
        patience.resume()
        assert patience.left() == pytest.approx(10)

    run(main())


def test_a_wait_that_ran_out_as_it_was_paused_has_run_out() -> None:
    async def main() -> None:
        patience = Timeouts()

        async def waiter() -> None:
            with patience.wait("chunk", 10):
                try:
                    await asyncio.sleep(11)
                finally:
                    patience.suspend()

        with pytest.raises(TimedOut):
            await waiter()

    run(main())


def test_somebody_elses_time_out_is_not_taken_for_ours() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError, match="theirs"), Timeouts().wait("chunk", 10):
            raise TimeoutError("theirs")

    run(main())


def test_a_cancellation_is_no_time_out() -> None:
    async def main() -> None:
        async def waiter() -> None:
            with Timeouts().wait("chunk", 10):
                await asyncio.sleep(3600)

        task = asyncio.create_task(waiter())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_the_limits_are_those_of_the_interface() -> None:
    limits = limits_of(None, None)
    assert (limits.connect, limits.first_byte, limits.chunk) == (5, 15, 10)
    assert limits.deadline is None


def test_a_timeout_replaces_every_limit_but_the_deadline() -> None:
    limits = limits_of(3, 60)
    assert (limits.connect, limits.first_byte, limits.chunk, limits.deadline) == (3, 3, 3, 60)


def test_a_long_text_made_as_a_whole_may_take_as_long_as_it_will_last() -> None:
    text = "word " * 300
    streamed = SpeechRequest(input=text)
    whole = SpeechRequest(input=text, response_format="wav")
    assert Limits().first_byte_of(streamed) == 15
    assert Limits().first_byte_of(whole) == 15 + 100
    assert limits_of(3, None).first_byte_of(whole) == 3
