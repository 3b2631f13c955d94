"""Calls into a library that may never return, each with a deadline.

A call to an audio server that hangs has no time limit and cannot be cancelled. So it is made on a
daemon thread: neither the caller nor the interpreter's exit has to wait for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class OutOfTime(Exception):
    """The call has not returned in time; it goes on."""


def within(
    seconds: float,
    function: Callable[[], T],
    *,
    late: Callable[[T], object] = lambda _: None,
) -> T:
    """Return what `function` returns, or raise what it raises.

    Parameters
    ----------
    seconds : float
        How long to wait for it.
    function : callable
        Called on a thread of its own.
    late : callable
        Called with the result where that comes after the deadline.

    Raises
    ------
    OutOfTime
        If it takes longer, or if the interpreter is ending and starts no new threads.
    """
    call = _Call(function, late)
    try:
        threading.Thread(target=call.run, name="streamplay deadline", daemon=True).start()
    except RuntimeError as error:
        raise OutOfTime from error
    return call.outcome(seconds)


class _Call(Generic[T]):
    """One call; its result goes to `outcome` in time, and to `late` after that."""

    def __init__(self, function: Callable[[], T], late: Callable[[T], object]) -> None:
        self._function = function
        self._late = late
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._awaited = True
        self._error: BaseException | None = None
        self._results: list[T] = []

    def run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001 - `outcome` raises it
            self._error = error
        with self._lock:
            self._ended.set()
            awaited = self._awaited
        if not awaited and self._results:
            self._late(self._results[0])

    def outcome(self, seconds: float) -> T:
        self._ended.wait(seconds)
        with self._lock:
            self._awaited = False
            if not self._ended.is_set():
                raise OutOfTime
        if self._error is not None:
            raise self._error
        return self._results[0]
