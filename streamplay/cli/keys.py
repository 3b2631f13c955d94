"""Keys of a terminal: read one by one, without an echo, while something is played.

The terminal keeps its signals (Ctrl-C, Ctrl-Z) and its flow control. Its settings are changed only
while the process is in the foreground, and always given back: also before the process is stopped,
and when a signal ends it.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ESCAPE_SECONDS: Final = 0.05
"""Within this time the rest of a key's escape sequence comes, over ssh too: or it was Esc."""

_ARROWS: Final = {"A": "up", "B": "down", "C": "right", "D": "left"}


class KeyReader:
    """Bytes of a terminal → names of keys, however they are cut. Pure.

    A printable character is its own name; arrows are ``left``, ``right``, ``up`` and ``down``.
    Other sequences (function keys, pasted text's brackets, mouse reports) have no name.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    @property
    def waits(self) -> bool:
        """Whether a sequence has begun."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Return the keys that these bytes complete."""
        keys = []
        for character in self._decoder.decode(data):
            self._rest += character
            if (key := self._key()) is not None:
                self._rest = ""
                keys.append(key)
        return [key for key in keys if key]

    def give_up(self) -> None:
        """Drop a sequence that goes on no more: it was Esc, or is of no known kind."""
        self._rest = ""
        self._decoder.reset()

    def _key(self) -> str | None:
        """Return the key; nothing where it has no name, None where more has to come."""
        rest = self._rest
        if rest[0] != "\x1b":
            return rest if rest.isprintable() else ""
        if len(rest) == 1 or (len(rest) == 2 and rest[1] in "[O"):
            return None
        if rest[1] not in "[O":
            return ""  # Alt and a character
        if rest[1] == "[" and not "@" <= rest[-1] <= "~":
            return None if len(rest) < 32 else ""  # a sequence's parameters
        return _ARROWS.get(rest[-1], "")


class Keyboard:
    """Reads keys of the terminal on standard input, on a thread, and restores its settings.

    Parameters
    ----------
    on_key : callable
        Is told each key; on the keyboard's thread.
    """

    def __init__(self, on_key: Callable[[str], object], descriptor: int = 0) -> None:
        self._on_key = on_key
        self._descriptor = descriptor
        self._before: list[Any] | None = None
        self._lock = threading.RLock()  # a signal handler may restore
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._closed = False
        self._thread = threading.Thread(target=self._read, name="streamplay-keys", daemon=True)

    def open(self) -> None:
        """Take the terminal, and begin to read."""
        self.take()
        self._thread.start()

    def take(self) -> None:
        """Have keys come at once and unseen, where the process is in the foreground.

        Also where it has the terminal already: a shell may have given it other settings while the
        process was stopped.
        """
        import termios

        with self._lock, contextlib.suppress(OSError, termios.error):
            if self._closed or not is_foreground(self._descriptor):
                return
            before = termios.tcgetattr(self._descriptor)
            changed = [*before[:6], [*before[6]]]
            changed[3] &= ~(termios.ICANON | termios.ECHO)
            changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._descriptor, termios.TCSANOW, changed)
            self._before = before if self._before is None else self._before
            self._wake()

    def restore(self) -> None:
        """Give the terminal its settings back."""
        import termios

        with self._lock, contextlib.suppress(OSError, termios.error):
            before, self._before = self._before, None
            # In the background a change would stop the process; the shell has reset it by then.
            if before is not None and is_foreground(self._descriptor):
                termios.tcsetattr(self._descriptor, termios.TCSANOW, before)

    def close(self) -> None:
        """Give it back, and end reading."""
        self.restore()
        self._closed = True
        self._wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(1)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"\0")

    def _read(self) -> None:
        reader = KeyReader()
        while not self._closed:
            waiting = [self._wake_read]
            if self._before is not None:
                waiting.append(self._descriptor)
            seconds = ESCAPE_SECONDS if reader.waits else None
            ready, _, _ = select.select(waiting, [], [], seconds)
            if not ready:
                reader.give_up()
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
            elif self._descriptor in ready and not self._pass_on(reader):
                return

    def _pass_on(self, reader: KeyReader) -> bool:
        """Tell the keys that have come; return whether more may come."""
        try:
            data = os.read(self._descriptor, 256) if self._before is not None else b"\0"
        except OSError:
            return False
        for key in reader.feed(data):
            self._on_key(key)
        return bool(data)


def is_foreground(descriptor: int) -> bool:
    """Return whether the process may use the terminal, and is no background job."""
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
