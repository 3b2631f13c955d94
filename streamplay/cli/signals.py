"""SIGINT, SIGTERM and SIGHUP interrupt what is spoken, and let files be finished.

Python runs a handler between any two instructions of the main thread, which may hold a lock of the
player at that moment. So a handler only puts the signal into a queue; a separate thread takes it
from there and interrupts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from functools import partial
from queue import SimpleQueue

from streamplay.cli import status
from streamplay.cli.stuck_terminal import StuckTerminal
from streamplay.errors import StreamPlayError

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from types import FrameType
    from typing import Final, Self, TypeVar

    Done = TypeVar("Done")
    Handler = Callable[[int, FrameType | None], object]

ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask a command to end; Windows has no SIGHUP."""

_ALL: Final = range(256)  # each number is written as a byte

_ending: Final[dict[int, Handler | int | None]] = {}
"""While a signal ends the process: what handled each signal before; else empty."""


def end_by(number: int) -> None:
    """Take no other signal than a second Ctrl-C from now on: signal `number` ends the process.

    Until the end of the process: Python's own handlers would end it in the middle of a receipt or
    a file, and with another status.
    """
    for each in ENDING:
        _ending.setdefault(each, signal.getsignal(each))
        if signal.getsignal(each) is not signal.SIG_IGN:
            last = partial(_end_at_once, number)
            signal.signal(each, last if each == signal.SIGINT else signal.SIG_IGN)


def _end_at_once(number: int, *_: object) -> None:
    os._exit(status.of_signal(number))


def is_ending() -> bool:
    """Whether a signal ends the process."""
    return bool(_ending)


def go_on() -> None:
    """Handle signals as before `end_by`: a test runs on."""
    for number, handler in _ending.items():
        signal.signal(number, handler)
    _ending.clear()


@contextlib.contextmanager
def handled(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """Handle signals while the block runs.

    A signal that was ignored when the command was started stays ignored: ``nohup`` and a shell's
    ``&`` protect commands that way.
    """
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            if number in _ending:
                _ending[number] = handler_before
            else:
                signal.signal(number, handler_before)


@contextlib.contextmanager
def nudged() -> Iterator[None]:
    """Make signal handlers run soon, also while the main thread waits inside ``readline``.

    CPython's readline module waits in ``select``, and runs handlers only when a signal interrupts
    that call. A signal that arrives just before it would wait for the next key: Ctrl-C would not
    silence anything. So each signal is followed by three SIGURG, which interrupt the waiting and do
    nothing else.
    """
    if sys.platform == "win32":
        yield
        return
    nudge = partial(_nudge, threading.get_ident())
    with handled({signal.SIGURG: lambda *_: None}), told_at_once(nudge):
        yield


def _nudge(main_thread: int, number: int) -> None:
    if sys.platform != "win32" and number != signal.SIGURG:
        for _ in range(3):
            time.sleep(0.02)
            signal.pthread_kill(main_thread, signal.SIGURG)


@contextlib.contextmanager
def told_at_once(tell: Callable[[int], object], only: Container[int] = _ALL) -> Iterator[None]:
    """Call `tell` with each signal of `only` that Python handles, on a thread of its own.

    Python's handler runs on the main thread, and not before that has ended a wait or a write: a
    signal that comes just before does not interrupt it. The number of a signal is written to a
    pipe as it arrives. What was told of signals before is told of them still.
    """
    if sys.platform == "win32":  # a wait is interrupted there by Ctrl-C alone, and always
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    telling = threading.Thread(
        target=_tell_each, args=(reading, tell, only, before), name="streamplay-signal", daemon=True
    )
    telling.start()
    try:
        yield
    finally:
        now = signal.set_wakeup_fd(before)
        if now != writing:  # an event loop has set another one meanwhile, or taken it away
            signal.set_wakeup_fd(now)
        os.close(writing)
        telling.join()


def _tell_each(
    reading: int, tell: Callable[[int], object], only: Container[int], before: int
) -> None:
    with os.fdopen(reading, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if before >= 0:
                with contextlib.suppress(OSError):
                    os.write(before, number)
            if number[0] in only:
                tell(number[0])


class Interruption:
    """Calls what was registered at the first signal; a second SIGINT ends the process.

    Attributes
    ----------
    received : int or None
        The first signal that arrived.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._handled_one = False
        self._notes: SimpleQueue[int | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], object]] = []
        self._acted = False
        self._before_exit: list[Callable[[], object]] = []
        self._handled = handled(dict.fromkeys(ENDING, self._note))
        self._woken = told_at_once(self._receive, ENDING)
        self._terminal = StuckTerminal()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="streamplay-signals", daemon=True).start()
        self._terminal.__enter__()
        self._handled.__enter__()
        self._woken.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.received is not None:
            end_by(self.received)
        self._woken.__exit__(None, None, None)
        self._handled.__exit__(None, None, None)
        self._terminal.__exit__(None, None, None)
        self._notes.put(None)

    def call(self, action: Callable[[], object]) -> None:
        """Call `action` when a signal arrives; at once, if one has arrived."""
        with self._lock:
            self._actions.append(action)
            late = self._acted
        if late:
            _act(action)

    def waiting(self, work: Callable[[], Done]) -> Done | None:
        """Do what may wait for ever, such as opening a pipe; return None where a signal came first.

        A system call that blocks the main thread goes on after a signal's handler has run
        (PEP 475). So the work is done on a daemon thread, which does not keep the process alive.
        """
        results: SimpleQueue[tuple[Done | None, BaseException | None]] = SimpleQueue()

        def do() -> None:
            try:
                results.put((work(), None))
            except BaseException as error:  # noqa: BLE001 - raised on the main thread instead
                results.put((None, error))

        threading.Thread(target=do, name="streamplay-opening", daemon=True).start()
        self.call(lambda: results.put((None, None)))
        result, error = results.get()
        if error is not None:
            raise error
        return result

    def before_exit(self, action: Callable[[], object]) -> None:
        """Call `action` when a second Ctrl-C ends the process at once: it gives a terminal back."""
        self._before_exit.append(action)

    def _receive(self, number: int) -> None:
        """Take the first signal, on whichever thread it is seen first."""
        if self.received is None:
            self.received = number
            self._notes.put(number)
            self._terminal.note(number)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if not self._handled_one:
            self._handled_one = True
            self._receive(number)
        elif number == signal.SIGINT:
            # The second Ctrl-C: end without waiting for anything, a sound device included.
            for action in self._before_exit:
                with contextlib.suppress(Exception):
                    action()
            os._exit(status.of_signal(number))

    def _watch(self) -> None:
        if self._notes.get() is None:
            return
        with self._lock:
            self._acted = True
            actions = tuple(self._actions)
        for action in actions:
            _act(action)


def _act(action: Callable[[], object]) -> None:
    # A player that was closed meanwhile has nothing to interrupt.
    with contextlib.suppress(StreamPlayError):
        action()
