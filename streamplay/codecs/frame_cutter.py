"""Streams of frames that tell their own length (mp3, ADTS), cut anywhere → whole frames.

Such a stream has no header of its own: a frame is known by its first bytes, and, as those may
stand anywhere in other data, by the frames that follow where it says that it ends. So whatever
lies before, between and after the frames is passed over: tags of every kind, a tag whose length
is wrong, zeros, rubbish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAIN: Final = 3
"""Frames in a row that tell a stream wherever it begins: in other bytes three headers stand where
each says that the next one does in one of 2**50 places or so."""

CHAIN_AT_ONCE: Final = 2
"""Frames in a row that tell it where it begins with the first byte: one of 2**30 streams of samples
begins so. The first frame is heard when the second one has begun."""


class FrameHeader(NamedTuple):
    """What a frame's first bytes say.

    Parameters
    ----------
    size : int
        Bytes of the whole frame.
    kind : tuple of int
        What stays the same from frame to frame of one stream.
    """

    size: int
    kind: tuple[int, ...]


def is_chain(
    data: bytes | bytearray,
    at: int,
    read: Callable[[bytes | bytearray, int], FrameHeader | None],
    least: int,
    *,
    whole: bool,
) -> bool | None:
    """Tell whether frames of one kind follow each other from `at` on.

    Parameters
    ----------
    read : callable
        Reads the header at a place: a size of 0 where the data end before it can be told.
    least : int
        How many frames it takes.
    whole : bool
        Whether nothing follows `data`: then two will do, or one that has come whole.

    Returns
    -------
    bool or None
        None: more data have to be seen.
    """
    kind: tuple[int, ...] | None = None
    for number in range(least):
        header = read(data, at)
        if header is None or (kind is not None and header.kind != kind and header.size):
            return whole and number > 1  # two frames, and then a tag
        if not header.size:
            return (number > 1 or (number == 1 and at <= len(data))) if whole else None
        kind = header.kind
        at += header.size
    return True


def is_frame(
    data: bytes | bytearray,
    at: int,
    read: Callable[[bytes | bytearray, int], FrameHeader | None],
) -> bool | None:
    """Tell whether a whole frame begins at a place where one is to be expected.

    The next one's header is not waited for; where it has come it must fit.

    Returns
    -------
    bool or None
        None: more data have to be seen.
    """
    header = read(data, at)
    if header is None:
        return False
    if not header.size or len(data) < at + header.size:
        return None
    behind = read(data, at + header.size)
    return behind is not None and (not behind.size or behind.kind == header.kind)


class FrameCutter:
    """Cuts a stream into its frames.

    Parameters
    ----------
    mark : bytes
        The byte that each frame begins with.
    read : callable
        Reads the header at a place of the data: None where there is none, a size of 0
        where the data end before it can be told.
    first : int, optional
        The byte of the stream at which the first frame is expected, with reason.

    Attributes
    ----------
    incomplete : bool
        After `finish`: whether a frame had begun, and did not come whole.
    """

    def __init__(
        self,
        mark: bytes,
        read: Callable[[bytes | bytearray, int], FrameHeader | None],
        *,
        first: int | None = None,
    ) -> None:
        self._first = first
        self._mark = mark
        self._read = read
        self._data = bytearray()
        self._kind: tuple[int, ...] | None = None  # of the frames before; None while searching
        self._fresh = True  # nothing has been passed over
        self.incomplete = False

    def feed_bytes(self, data: bytes, *, whole: bool = False) -> Iterator[bytes]:
        """Yield the frames that `data` completes; `whole`: nothing follows."""
        self._data += data
        at = 0
        while True:
            header = self._read(self._data, at) if self._kind is not None else None
            if header is None or (header.size and header.kind != self._kind):
                at = self._search(at, whole=whole)
                if self._kind is None:
                    break
                continue
            if not header.size or at + header.size > len(self._data):
                break
            yield bytes(self._data[at : at + header.size])
            at += header.size
        del self._data[:at]
        if at and self._first is not None:
            self._first = self._first - at if at <= self._first else None

    def finish(self) -> Iterator[bytes]:
        """Yield what only the end of the data tells to be frames."""
        yield from self.feed_bytes(b"", whole=True)
        self.incomplete = self._kind is not None and bool(self._data)

    def _search(self, at: int, *, whole: bool) -> int:
        """Look for frames from `at` on; return where they begin, or may once more has come."""
        self._kind = None
        while (at := self._data.find(self._mark, at)) >= 0:
            self._fresh = self._fresh and not at
            found = self._begins(at, whole=whole)
            if found:
                self._fresh = False
                header = self._read(self._data, at)
                assert header is not None
                self._kind = header.kind
            if found or found is None:
                return at
            at += 1
            self._fresh = False
        return len(self._data)

    def _begins(self, at: int, *, whole: bool) -> bool | None:
        """Tell whether frames begin at a place; None where more data have to be seen."""
        if at == self._first:
            found = is_frame(self._data, at, self._read)
            if found:
                self._first = None
                return True
        least = CHAIN_AT_ONCE if self._fresh else CHAIN
        return is_chain(self._data, at, self._read, least, whole=whole)
