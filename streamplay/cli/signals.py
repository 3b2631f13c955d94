"""SIGINT, SIGTERM and SIGHUP, turned into one orderly interruption.

A handler runs between any two instructions of the main thread, which may hold a
lock of the player's at that moment. So a handler only leaves a note; a thread of
its own reads it and acts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from queue import SimpleQueue

from streamplay.cli import status
from streamplay.errors import StreamPlayError

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType
    from typing import Final, Self

    Handler = Callable[[int, FrameType | None], object]

ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask a command to end; Windows has no SIGHUP."""


@contextlib.contextmanager
def handled(handlers: Mapping[int, Handler]) -> Iterator[None]:
    """Handle signals while the block runs.

    What was ignored when the command was started stays ignored: that is how
    ``nohup`` and a shell's ``&`` protect what they start.
    """
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


@contextlib.contextmanager
def nudged() -> Iterator[None]:
    """Have handlers run soon also while the main thread waits inside ``readline``.

    CPython's readline module waits in ``select`` and runs handlers only where a
    signal interrupts that. One that comes a moment earlier, while a key is being
    drawn, would wait for the next key: Ctrl-C would silence nothing. So whatever
    signal comes is followed by a few that interrupt the waiting and mean nothing
    (SIGURG, which does nothing where it has no handler).
    """
    if sys.platform == "win32":
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    nudge = threading.Thread(
        target=_nudge, args=(reading, threading.get_ident()), name="streamplay-nudge", daemon=True
    )
    before = signal.set_wakeup_fd(writing)
    nudge.start()
    try:
        with handled({signal.SIGURG: lambda *_: None}):
            yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)
        nudge.join()


def _nudge(reading: int, main_thread: int) -> None:
    with os.fdopen(reading, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if number[0] == signal.SIGURG:
                continue
            for _ in range(3):
                time.sleep(0.02)
                signal.pthread_kill(main_thread, signal.SIGURG)


class Interruption:
    """The first ending signal calls what was registered; a second SIGINT forces.

    Attributes
    ----------
    received : int or None
        The first signal that came.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._notes: SimpleQueue[int | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], object]] = []
        self._acted = False
        self._handled = handled(dict.fromkeys(ENDING, self._note))

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="streamplay-signals", daemon=True).start()
        self._handled.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handled.__exit__(None, None, None)
        self._notes.put(None)

    def call(self, action: Callable[[], object]) -> None:
        """Call `action` when a signal comes; now, if one has come already."""
        with self._lock:
            self._actions.append(action)
            late = self._acted
        if late:
            _act(action)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
            self._notes.put(number)
        elif number == signal.SIGINT:
            # Asked twice: nothing may hold the exit up, not even a sound device.
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
    # A player that has just been closed has nothing left to interrupt.
    with contextlib.suppress(StreamPlayError):
        action()
