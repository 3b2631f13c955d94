"""A parser that is written as if all bytes were there, and is fed as they come.

`Script.steps` is a generator: it yields what it has found, and None where more bytes have to come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

T = TypeVar("T")


class Script(ABC, Generic[T]):
    """Reads one stream.

    Attributes
    ----------
    data : bytearray
        What has come and not been taken.
    position : int
        How many bytes have been taken.
    whole : bool
        Whether nothing more follows.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.position = 0
        self.whole = False
        self._running: Iterator[T | None] | None = None

    def feed_bytes(self, data: bytes) -> Iterator[T]:
        """Yield what `data` completes."""
        self.data += data
        if self._running is None:
            self._running = self.steps()
        for part in self._running:
            if part is None:
                return
            yield part

    def finish(self) -> Iterator[T]:
        """Yield what is left; nothing follows."""
        self.whole = True
        yield from self.feed_bytes(b"")

    @abstractmethod
    def steps(self) -> Iterator[T | None]:
        """Read the stream."""

    def wait(self, count: int) -> Generator[T | None, None, bool]:
        """Wait for so many bytes; return whether they have come, or the stream has ended before."""
        while len(self.data) < count:
            if self.whole:
                return False
            yield None
        return True

    def take(self, count: int) -> bytes:
        """Take so many bytes, or what there is of them."""
        taken = bytes(self.data[:count])
        del self.data[:count]
        self.position += len(taken)
        return taken

    def skip(self, count: int) -> Generator[T | None, None, bool]:
        """Pass over so many bytes, none of them held; return whether all have come."""
        while count > 0:
            count -= len(self.take(count))
            if count and not (yield from self.wait(1)):
                return False
        return True
