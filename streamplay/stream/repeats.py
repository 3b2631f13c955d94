"""Events that repeat an earlier one but for their audio: read without JSON, without I/O.

Most servers send thousands of events that differ only in one string of base64. Bytes that equal an
earlier event before and behind that string, and hold base64 of the strict alphabet in its place,
mean what the earlier event meant, with other audio: no character of the alphabet ends a string of
JSON, begins an escape, or ends a line. Anything else is left to the readers that it came from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pybase64

from streamplay.stream.dialects import Audio

if TYPE_CHECKING:
    from typing import Self

# What may be hexadecimal, in which `payload.undo_base64` finds other bytes.
_HEX: Final = re.compile(rb"[0-9a-f]{64}")

_LEAST: Final = 16
"""Bytes of audio below which a string may stand in an event twice, and mean two things."""


class Repeats:
    """One event as a pattern: what stands before its base64, and behind it.

    Attributes
    ----------
    audio : Audio
        What the event meant.
    end : int
        Where the event ended that `read` has found.
    """

    __slots__ = ("_after", "_before", "audio", "end")

    def __init__(self, before: bytes, after: bytes, audio: Audio) -> None:
        self._before = before
        self._after = after
        self.audio = audio
        self.end = 0

    @classmethod
    def of(cls, block: bytes, audio: Audio) -> Self | None:
        """Return the pattern of one whole event; None where its audio does not stand there once.

        Parameters
        ----------
        block : bytes
            The event's lines, with the blank line that ends it.
        audio : Audio
            What the event means.
        """
        if len(audio.data) < _LEAST:
            return None
        before, found, after = block.partition(b'"%b"' % pybase64.b64encode(audio.data))
        if not found or found[1:-1] in after:
            return None
        return cls(before + b'"', b'"' + after, audio)

    def read(self, data: bytes, at: int) -> Audio | None:
        """Return what the event at `at` means, and set `end`; None where it is another one."""
        begin = at + len(self._before)
        if not data.startswith(self._before, at):
            return None
        end = data.find(b'"', begin)
        if end < 0 or not data.startswith(self._after, end) or _HEX.match(data, begin):
            return None
        try:
            found = pybase64.b64decode(data[begin:end], validate=True)
        except ValueError:
            return None
        self.end = end + len(self._after)
        return Audio(found, self.audio.told, self.audio.ends_with_body)

    def may_begin(self, rest: bytes) -> bool:
        """Tell whether `rest` may be the beginning of such an event, and is no whole one."""
        size = len(self._before)
        if len(rest) <= size:
            return self._before.startswith(rest)
        if not rest.startswith(self._before):
            return False
        end = rest.find(b'"', size)
        if end < 0:
            return b"\n" not in rest[size:]
        return len(rest) - end < len(self._after) and self._after.startswith(rest[end:])

    def may_end(self, data: bytes) -> bool:
        """Tell whether an event that has begun may end in `data`."""
        return b'"' in data or b"\n" in data
