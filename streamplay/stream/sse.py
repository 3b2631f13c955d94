"""Body bytes → server-sent events, without I/O.

The rules are the WHATWG's (https://html.spec.whatwg.org/multipage/server-sent-events.html).
httpx-sse's decoder reads the fields; the lines are cut here, from bytes, because
its own line decoder (0.4.3) lets a byte order mark swallow the first event,
obeys ``charset=`` although the format is always UTF-8, and has no bound. The lines of
data are joined here too: it keeps each as a string of its own, of 50 bytes and more.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Final

from streamplay.errors import KEPT, MalformedEvent, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from httpx_sse import ServerSentEvent
    from httpx_sse._decoders import SSEDecoder

MAX_EVENT_BYTES: Final = 16 << 20
"""The largest event that is read unless more is allowed: four minutes of s16 at 24 kHz, since some
servers send the whole of a text as one event."""

_NAMES: Final = ("", "data", "event", "id", "retry")  # the first is a comment's

_BOM: Final = b"\xef\xbb\xbf"


class EventReader:
    """Cuts a body into events, whatever its chunks.

    Parameters
    ----------
    max_event_bytes : int
        How long one event may be, line ends apart. No more than this, and one
        chunk, is ever held.

    Attributes
    ----------
    dataless : str
        The name of the last event that had no data: it is none to the format, and may have ended
        the stream.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._fields: SSEDecoder = decoders().SSEDecoder()
        self._max = max_event_bytes
        self._size = 0  # bytes in the event's lines so far, the unfinished one included
        self._line: list[bytes] = []  # pieces of the unfinished line: joined once, when it ends
        self._data: bytes | bytearray | None = None  # of the event so far, its first name with it
        self._after_cr = False
        self._at_start = True
        self.dataless = ""

    def feed(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `data` completes, those without data left out.

        Raises
        ------
        TooLarge
            Where an event is longer than allowed.
        MalformedEvent
            Where a line is no text.
        """
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]  # CR ended the line at once; this LF belongs to it
            self._after_cr = False
        if not data:
            return
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()  # of bytes: CR, LF and CRLF, and nothing else
        unfinished = b"" if data.endswith((b"\n", b"\r")) else lines.pop()
        for line in lines:
            event = self._end_line(line)
            if event is not None and event.data:
                yield event
            elif event is not None and event.event:
                self.dataless = event.event
        if unfinished:
            self._grow(unfinished)
            self._line.append(unfinished)

    @property
    def is_between(self) -> bool:
        """Whether no line of an event has come that is not ended, other than comments."""
        return not (self._size or self._line or self._after_cr or self._at_start)

    def pending(self) -> ServerSentEvent | None:
        """Take the event that the body's end left unfinished.

        The format's rule is to drop it; the caller may know better.
        """
        event = self._end_line(b"") or self._dispatch()
        return event if event is not None and event.data else None

    def _end_line(self, end: bytes) -> ServerSentEvent | None:
        self._grow(end)
        if self._line:
            self._line.append(end)
            end = b"".join(self._line)
            self._line.clear()
        if self._at_start:
            self._at_start = False
            end = end.removeprefix(_BOM)
        if not end:
            self._size = 0
            return self._dispatch()
        if end.startswith(b"data:") or end == b"data":
            self._add_data(end)
            return None
        line = end.decode("utf-8", "replace")
        _check_text(line)
        if line[0] == ":":
            self._size -= len(end)  # a comment: nothing of it is kept
        return self._fields.decode(line)

    def _add_data(self, line: bytes) -> None:
        if self._data is None:
            self._data = line  # mostly the only one: it is not copied
            return
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data)
        value = line[len(b"data:") :]
        self._data += b"\n" + value.removeprefix(b" ")

    def _dispatch(self) -> ServerSentEvent | None:
        data, self._data = self._data, None
        if data is not None:
            # The line ends inside are part of the value: only the first name is looked at.
            text = data.decode("utf-8", "replace")
            self._fields.decode(text if text.startswith("data:") else f"data:{text[4:]}")
        return self._fields.decode("")

    def _grow(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            raise TooLarge(
                f"an event of the stream is longer than {self._max} bytes",
                remedy="Ask the server for smaller chunks",
            )


@cache
def decoders() -> ModuleType:
    """Import httpx-sse's decoders without its face, which imports httpx.

    That takes 60 ms, and the first event has come already where its request left early. Any
    thread may ask: a module is put where others find it only when it is whole.
    """
    face = find_spec("httpx_sse")
    folder = face.submodule_search_locations if face else None
    for name in ("httpx_sse._models", "httpx_sse._decoders"):
        spec = PathFinder.find_spec(name, folder)
        if name not in sys.modules and spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[name] = module
    return import_module("httpx_sse._decoders")


def _check_text(line: str) -> None:
    """Refuse binary rubbish where it may have damaged a line of data.

    The format ignores a field that is unknown. But a damaged `data`, or one whose
    line end was lost, would be ignored too, and the stream be called complete.
    """
    name = line.partition(":")[0]
    rubbish = "\ufffd" in line or not line.isprintable()
    # An event's name may hold anything, and so may a comment: but no JSON.
    in_doubt = name not in _NAMES or "{" in line
    if not name.isascii() or (rubbish and in_doubt):
        raise MalformedEvent("a line of the stream is no text", remedy=KEPT)
