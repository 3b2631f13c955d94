"""Notices of one line, for the user's `notify`: what that raises ends nothing of ours."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Notices:
    """Passes notices on to a user's function, and logs what that raises.

    Parameters
    ----------
    notify : callable, optional
        Takes one line; without it notices are dropped.
    """

    def __init__(self, notify: Callable[[str], object] | None) -> None:
        self._notify = notify

    def __call__(self, notice: str) -> None:
        """Pass on one line."""
        if self._notify is None:
            return
        try:
            self._notify(notice)
        except BaseException as error:  # an error of the user's code ends only the call
            import logging  # only this failure needs it

            logging.getLogger("streamplay").exception("notify raised at: %s", notice)
            leaves = isinstance(error, SystemExit | KeyboardInterrupt)
            if leaves and threading.current_thread() is threading.main_thread():
                raise  # on the player's loop it would end what is being said
