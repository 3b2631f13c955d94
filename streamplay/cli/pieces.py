"""Standard input as pieces of text, as they arrive."""

from __future__ import annotations

import codecs
import itertools
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Final

from streamplay.cli.usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ: Final = 65536
"""The most bytes to read at once: the capacity of a Linux pipe."""


class StandardInput:
    """Text from a file descriptor as it arrives, until its end or `close`.

    Reading is not buffered, so that a sentence can be spoken while the next one is being written.
    Invalid UTF-8 becomes U+FFFD.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Lock()
        self._ended = False

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._text()
        finally:
            self._end()

    def close(self) -> None:
        """End the text now, also for a thread that is waiting for more of it."""
        with self._lock:
            if not self._ended:
                os.write(self._wake_write, b".")

    def is_ready(self) -> bool:
        """Whether a part can be read without waiting; the end of the text is one too."""
        if sys.platform == "win32":  # `select` takes no pipes there
            return False
        ready, _, _ = select.select([self._descriptor], [], [], 0)
        return bool(ready)

    def _text(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        while data := self._read():
            if text := decoder.decode(data):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def _end(self) -> None:
        with self._lock:
            if not self._ended:
                self._ended = True
                os.close(self._wake_read)
                os.close(self._wake_write)

    def _read(self) -> bytes:
        # Closing a descriptor does not wake the thread that reads it, so `close` writes to a
        # second one. On Windows `select` takes no pipes: there a read lasts until data comes.
        if sys.platform != "win32":
            ready, _, _ = select.select([self._descriptor, self._wake_read], [], [])
            if self._wake_read in ready:
                return b""
        try:
            return os.read(self._descriptor, _READ)
        except OSError as error:
            raise UsageError(f"standard input cannot be read: {error.strerror}") from error


def from_first_word(pieces: Iterator[str]) -> Iterator[str] | None:
    """Wait for the first piece that is not only white space.

    Returns
    -------
    iterator of str or None
        All pieces from that one on; None if there is no such piece.
    """
    for piece in pieces:
        if piece.strip():
            return itertools.chain((piece,), pieces)
    return None
