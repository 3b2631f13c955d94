from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import signals
from streamplay.cli.signals import ENDING, Interruption, handled, told_at_once
from streamplay.errors import PlayerClosed
from tests.support.speaking import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _the_process_lives_on() -> Iterator[None]:
    yield
    signals.go_on()


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_calls_what_was_registered_on_another_thread(number: int) -> None:
    called = threading.Event()
    threads: list[threading.Thread] = []

    def action() -> None:
        threads.append(threading.current_thread())
        called.set()

    with Interruption() as interruption:
        interruption.call(action)
        send(number)
        assert called.wait(PATIENCE)
    assert interruption.received == number
    assert threads != [threading.main_thread()]


@pytest.mark.skipif(sys.platform == "win32", reason="a wait is always interrupted there")
def test_a_signal_is_seen_where_its_handler_has_not_run() -> None:
    """The main thread runs handlers, and may have begun a wait that no signal interrupts."""
    called = threading.Event()
    with Interruption() as interruption, handled({signal.SIGTERM: lambda *_: None}):
        interruption.call(called.set)
        send(signal.SIGTERM)
        assert called.wait(PATIENCE)
        assert interruption.received == signal.SIGTERM


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is told there")
def test_signals_are_told_to_each_that_asked_and_to_no_one_after_an_event_loop() -> None:
    told: SimpleQueue[tuple[str, int]] = SimpleQueue()

    def teller(name: str) -> Callable[[int], None]:
        return lambda number: told.put((name, number))

    with handled({signal.SIGTERM: lambda *_: None, signal.SIGHUP: lambda *_: None}):
        with told_at_once(teller("outer"), {signal.SIGTERM}), told_at_once(teller("inner")):
            send(signal.SIGHUP)
            assert told.get(timeout=PATIENCE) == ("inner", signal.SIGHUP)
            send(signal.SIGTERM)
            both = {told.get(timeout=PATIENCE) for _ in range(2)}
            assert both == {("outer", signal.SIGTERM), ("inner", signal.SIGTERM)}
        with told_at_once(teller("outer")):
            with told_at_once(teller("inner")):
                pass
            send(signal.SIGTERM)
            assert told.get(timeout=PATIENCE) == ("outer", signal.SIGTERM)
            with told_at_once(teller("inner")):
                signal.set_wakeup_fd(-1)  # as asyncio does when its last handler is taken away
            assert signal.set_wakeup_fd(-1) == -1


def test_what_is_registered_after_the_signal_is_called_at_once() -> None:
    first, late = threading.Event(), threading.Event()
    with Interruption() as interruption:
        interruption.call(first.set)
        send(signal.SIGTERM)
        assert first.wait(10)
        interruption.call(late.set)
        assert late.is_set()


def test_what_waits_for_ever_is_left_at_a_signal() -> None:
    begun, never = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        never.wait(PATIENCE)
        return "done"

    def interrupt() -> None:
        begun.wait(PATIENCE)
        send(signal.SIGTERM)

    with Interruption() as interruption:
        threading.Thread(target=interrupt).start()
        assert interruption.waiting(work) is None
    never.set()


def test_what_does_not_wait_returns_or_raises_as_it_does_without() -> None:
    with Interruption() as interruption:
        assert interruption.waiting(lambda: 3) == 3
        with pytest.raises(PlayerClosed):
            interruption.waiting(lambda: (_ for _ in ()).throw(PlayerClosed()))


def test_a_second_hangup_changes_nothing() -> None:
    calls: list[int] = []
    called = threading.Event()
    with Interruption() as interruption:
        interruption.call(lambda: calls.append(1))
        interruption.call(called.set)
        send(signal.SIGTERM)
        assert called.wait(10)
        send(signal.SIGHUP)
    assert (interruption.received, calls) == (signal.SIGTERM, [1])


def test_a_player_that_is_closed_already_is_no_failure() -> None:
    def closed() -> None:
        raise PlayerClosed

    after = threading.Event()
    with Interruption() as interruption:
        interruption.call(closed)
        interruption.call(after.set)
        send(signal.SIGTERM)
        assert after.wait(10)


def test_without_a_signal_nothing_is_called_and_the_handlers_return() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    calls: list[int] = []
    with Interruption() as interruption:
        interruption.call(lambda: calls.append(1))
    assert (calls, interruption.received) == ([], None)
    assert [signal.getsignal(number) for number in ENDING] == before


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled({signal.SIGHUP: lambda *_: pytest.fail("handled")}):
            send(signal.SIGHUP)
        with Interruption() as interruption:
            send(signal.SIGHUP)
            assert interruption.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_ends_what_hangs() -> None:
    code = (
        "import signal, time; from streamplay.cli.signals import Interruption\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with Interruption() as interruption:\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(0.01); interruption.received and print('asked', flush=True)\n"
    )
    hanging = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert hanging.stdout is not None
    assert hanging.stdout.readline() == "ready\n"
    hanging.send_signal(signal.SIGINT)
    assert hanging.stdout.readline() == "asked\n"
    hanging.send_signal(signal.SIGINT)
    assert hanging.wait(10) == 130
    hanging.stdout.close()


STORM = """
import os, signal, time
from streamplay.cli import signals
with signals.Interruption() as interruption:
    os.kill(os.getpid(), signal.SIGTERM)
for _ in range(50):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGHUP)
print("the receipt", interruption.received == signal.SIGTERM, signals.is_ending(), flush=True)
os.kill(os.getpid(), signal.SIGINT)
time.sleep(9)
"""


def test_after_a_signal_only_a_second_ctrl_c_ends_the_process_sooner() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STORM], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("the receipt True True\n", "")
    assert done.returncode == 128 + signal.SIGTERM


def test_a_caller_that_lives_on_handles_signals_as_before() -> None:
    before = {number: signal.getsignal(number) for number in ENDING}
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
    assert interruption.received == signal.SIGTERM
    assert signals.is_ending()
    signals.go_on()
    assert not signals.is_ending()
    assert {number: signal.getsignal(number) for number in ENDING} == before
