"""Closing a player, from any thread or callback, after a fork, or at the interpreter's end."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Closing:
    """Closes a player once. A second call waits for the first, unless its thread is needed there.

    Parameters
    ----------
    work : callable
        Releases everything; its argument tells whether to cut what is spoken.
    is_needed : callable
        Whether `work` needs the current thread to go on; `work` then runs on a separate thread.
    must_return : callable
        Whether `work` waits until the current thread has returned.
    """

    def __init__(
        self,
        work: Callable[[bool], None],
        is_needed: Callable[[], bool],
        must_return: Callable[[], bool],
    ) -> None:
        self.begun = False
        self._work = work
        self._is_needed = is_needed
        self._must_return = must_return
        self._lock = threading.RLock()
        self._closer: threading.Thread | None = None
        self._ended: Future[None] = Future()

    def close(self, *, cut: bool) -> None:
        """Close, or wait until another thread has closed."""
        if not self._is_first():
            # A signal handler may run on the thread that is closing.
            ours = self._closer is threading.current_thread()
            if not (ours or self._is_needed() or self._must_return()):
                self._ended.result()
        elif self._is_needed():
            self._run_aside(cut)
        else:
            self._closer = threading.current_thread()
            self._run(cut)

    def begin(self, *, cut: bool) -> Future[None]:
        """Close on a separate thread, unless that has begun; return a future of its end."""
        if self._is_first():
            self._run_aside(cut)
        return self._ended

    @property
    def ended(self) -> Future[None]:
        """Done when everything has been released."""
        return self._ended

    def abandon(self) -> None:
        """Mark as closed in a forked process, without doing any work."""
        self._lock, self.begun = threading.RLock(), True
        self._ended = Future()
        self._ended.set_result(None)

    def _is_first(self) -> bool:
        with self._lock:
            first, self.begun = not self.begun, True
        return first

    def _run_aside(self, cut: bool) -> None:
        self._closer = threading.Thread(target=self._run, args=(cut,), name="streamplay close")
        try:
            self._closer.start()
        except RuntimeError:  # no new threads while the interpreter ends
            self._run(cut)

    def _run(self, cut: bool) -> None:
        try:
            self._work(cut)
        finally:
            self._ended.set_result(None)


class _Closable(Protocol):
    def close_at_exit(self) -> None: ...
    def abandon(self) -> None: ...


_open: weakref.WeakSet[_Closable] = weakref.WeakSet()


def remember(player: _Closable) -> None:
    """Close `player` at the interpreter's end, and make it unusable after a fork."""
    _open.add(player)


@atexit.register
def _close_all() -> None:
    """Cut and close the players that were never closed, so that their files are complete."""
    for player in list(_open):
        player.close_at_exit()


def _abandon_all() -> None:
    """Mark all players as closed in a forked child, which has only the thread that forked."""
    for player in list(_open):
        player.abandon()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
