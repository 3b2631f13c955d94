from __future__ import annotations

import asyncio
import threading

import pytest

from streamplay.loop import BackgroundLoop


def test_a_coroutine_runs_on_the_loops_own_thread() -> None:
    loop = BackgroundLoop("test loop")

    async def where() -> tuple[str, bool]:
        return threading.current_thread().name, loop.is_current

    assert loop.submit(where()).result(20) == ("test loop", True)
    assert not loop.is_current
    loop.stop()


def test_what_a_coroutine_raises_is_the_callers() -> None:
    loop = BackgroundLoop("test loop")

    async def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        loop.submit(fail()).result(20)
    loop.stop()


def test_functions_are_called_in_order_from_any_thread() -> None:
    loop = BackgroundLoop("test loop")
    called: list[int] = []
    for n in range(100):
        loop.call(called.append, n)
    done = threading.Event()
    loop.call(done.set)
    assert done.wait(20)
    assert called == list(range(100))
    loop.stop()


def test_stopping_cancels_what_still_runs_and_closes_what_it_held() -> None:
    loop = BackgroundLoop("test loop")
    events: list[str] = []
    waiting = threading.Event()

    async def numbers() -> None:
        try:
            waiting.set()
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            events.append("tidied")

    loop.call(lambda: events.append("task") or asyncio.ensure_future(numbers()))
    assert waiting.wait(20)
    loop.stop()
    assert events == ["task", "cancelled", "tidied"]


def test_stopping_ends_the_thread_and_is_idempotent() -> None:
    loop = BackgroundLoop("test loop to end")
    loop.stop()
    loop.stop()
    assert "test loop to end" not in {thread.name for thread in threading.enumerate()}


def test_after_it_has_stopped_nothing_is_called_and_nothing_raised() -> None:
    loop = BackgroundLoop("test loop")
    loop.stop()
    called: list[int] = []
    loop.call(called.append, 1)
    assert called == []


def test_it_can_be_stopped_from_its_own_thread() -> None:
    loop = BackgroundLoop("test loop")
    loop.call(loop.stop)
    loop._thread.join(20)
    assert not loop._thread.is_alive()


@pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()])
def test_an_exit_on_the_loop_ends_only_what_raised_it(leaving: BaseException) -> None:
    loop = BackgroundLoop("test loop")

    def leave() -> None:
        raise leaving

    async def still_there() -> bool:
        return loop.is_current

    loop.call(leave)
    assert loop.submit(still_there()).result(20)
    loop.stop()
