"""Calls into a library that may never come back: each has its deadline.

An audio server that is stopped keeps whoever asks it for anything, without a time limit and
without a way to call it off. So such a call is made on a thread that nobody has to wait for:
not the caller, and not the interpreter when it ends.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class OutOfTime(Exception):
    """The call has not come back; it goes on."""


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
        Is handed the result where nobody waits for it any more.

    Raises
    ------
    OutOfTime
        If it takes longer, or the interpreter is ending and has no new threads.
    """
    call = _Call(function, late)
    try:
        threading.Thread(target=call.run, name="streamplay deadline", daemon=True).start()
    except RuntimeError as error:
        raise OutOfTime from error
    return call.outcome(seconds)


class _Call(Generic[T]):
    """One call, and who gets its result."""

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
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
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
