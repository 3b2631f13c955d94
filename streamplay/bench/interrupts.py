"""Signals during a benchmark: what was measured until then is still told.

The first Ctrl-C begins no more requests and waits for those that have begun, the second cuts
those off, the third ends the process. SIGTERM and SIGHUP cut off at once.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

STOP: Final = 1
"""From this many signals on no request is begun."""

CUT: Final = 2
"""From this many on the requests that have begun are cut off."""

_CUTTING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupts:
    """A context manager that receives the signals of the whole command, in the main thread.

    Attributes
    ----------
    count : int
        How far the run is to be stopped: `STOP`, `CUT`; 0: go on.
    received : int or None
        The signal that arrived last.
    """

    def __init__(self) -> None:
        self.count = 0
        self.received: int | None = None
        self._listeners: list[Callable[[int], object]] = []
        self._arrived = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *_CUTTING):
                # What was ignored when the command began stays so: `nohup`, a shell's `&`.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    @property
    def stopped(self) -> bool:
        """Whether no request is to be begun any more."""
        return self.count >= STOP

    def add(self) -> None:
        """Take one more Ctrl-C.

        Raises
        ------
        KeyboardInterrupt
            From the third on.
        """
        self.count += 1
        self._arrived.set()
        if self.count > CUT:
            raise KeyboardInterrupt
        for listener in tuple(self._listeners):
            listener(self.count)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal arrives."""
        self._arrived.wait(seconds)

    @contextmanager
    def telling(self, listener: Callable[[int], object]) -> Iterator[None]:
        """Tell `listener` each new count inside the block, at once if there is one already.

        It is called by the handler, between any two instructions of the main thread.
        """
        self._listeners.append(listener)
        if self.count:
            listener(self.count)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        if number in _CUTTING:
            self.count = max(self.count, CUT - 1)
        self.add()
