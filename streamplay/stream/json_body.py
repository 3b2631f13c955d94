"""JSON with audio inside, as the whole body of an answer: one value, or a value in each line."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from typing import TYPE_CHECKING, Final

from streamplay.errors import (
    KEPT,
    MalformedEvent,
    RemoteError,
    StreamBroken,
    TooLarge,
    Truncated,
    UnexpectedContent,
)
from streamplay.stream.declared import Told, told_by_fields, told_by_type
from streamplay.stream.dialects import Audio, Done, Ignored, WireEvent, meaning_of, parsed
from streamplay.stream.event_notes import EventNotes
from streamplay.stream.outcomes import LONGEST_ERROR, first_value
from streamplay.stream.payload import address_type, find_audio, undo_base64, undo_numbers

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable, Iterator

_UTF_16: Final = (BOM_UTF16_LE, BOM_UTF16_BE)

# Where a value may end: at the end of a line, before the mark of RFC 7464, and where another one
# follows at once.
_VALUE_END: Final = re.compile(rb"[\n\x1e]|\}(?=\s*\{)")
_LONGEST_GAP: Final = 64
_SEPARATORS: Final = b"\x1e \t\r\n"

MAX_JSON_BYTES: Final = 64 << 20
"""Of JSON that is one value: a quarter of an hour of s16 at 24 kHz in base64."""

_MOST_TRIES: Final = 64
"""Lines that are looked at, each with those before it, before JSON is read as one value."""


class JsonBody(EventNotes):
    """Reads it as it comes."""

    turn_bytes = 1 << 15

    def __init__(self, words: Callable[[bytes], str]) -> None:
        super().__init__()
        self._words = words
        self._data = bytearray()
        self._start: bytes | None = b""  # until it is known whether it is UTF-16
        self._utf_16: IncrementalDecoder | None = None
        self._searched = 0
        self._tries = 0  # lines that were no value of their own
        self._first = b""
        self._number = 0
        self._done = False

    def feed(self, data: bytes) -> Iterator[WireEvent]:
        """Yield what `data` completes."""
        self._data += self._in_utf_8(data)
        if len(self._data) > MAX_JSON_BYTES:
            raise TooLarge(
                f"the JSON is longer than {MAX_JSON_BYTES} bytes",
                remedy="Ask for less text at a time, or for raw audio",
            )
        while self._tries < _MOST_TRIES and (
            found := _VALUE_END.search(self._data, self._searched)
        ):
            self._searched = found.end()
            line = bytes(self._data[: found.end()]).strip(_SEPARATORS)
            value = parsed(line) if line else None
            if line and value is None:
                self._tries += 1  # of one value that goes over several lines
                continue
            del self._data[: found.end()]
            self._searched = self._tries = 0
            if line:
                yield from self._read(line, value)
        # What has been searched is not searched again; the next value may follow a little later.
        self._searched = max(self._searched, len(self._data) - _LONGEST_GAP)

    def _in_utf_8(self, data: bytes) -> bytes:
        """Return text in UTF-8, also where its mark says UTF-16."""
        if self._start is not None:
            self._start += data
            if len(self._start) < len(_UTF_16[0]):
                return b""
            data, self._start = self._start, None
            if data.startswith(_UTF_16):
                self._utf_16 = getincrementaldecoder("utf-16")("replace")
        return data if self._utf_16 is None else self._utf_16.decode(data).encode()

    def finish(self) -> Iterator[WireEvent]:
        """Yield what the body's end completes."""
        self._data += self._start or b""
        rest = bytes(self._data).strip(_SEPARATORS)
        self._data.clear()
        while rest:
            value, end = first_value(rest)
            long = self.heard or len(rest) > LONGEST_ERROR
            if value is None and long and rest.startswith((b"{", b"[")):
                raise Truncated("the JSON ended before its end", remedy=KEPT)
            yield from self._read(rest[:end], value)
            rest = rest[end:].strip(_SEPARATORS)
        if not self.heard:
            raise self._no_speech()
        if not self._done:
            self._done = True
            yield Done()

    def _read(self, line: bytes, value: object) -> Iterator[WireEvent]:
        self._first = self._first or line
        for one in value if isinstance(value, list) else (value,):
            self._number += 1
            if self._done:
                self.late += 1
                continue
            try:
                meant = self.once(self._meaning(one, line))
            except (RemoteError, MalformedEvent):
                if self.heard:
                    raise
                raise self._no_speech() from None
            self.note(meant)
            self._done = isinstance(meant, Done)
            if self.heard or not self._done:
                yield meant

    def _meaning(self, value: object, line: bytes) -> WireEvent:
        meant = meaning_of(value, line.decode(errors="replace"), self._number)
        if not isinstance(meant, Ignored) or not meant.suspect or not isinstance(value, dict):
            return meant
        # Nothing else can be meant by so much of base64 in the answer to a request for speech.
        found = find_audio(value)
        told = told_by_fields(found.owner)
        try:
            if isinstance(found.value, list):
                data, encoding = undo_numbers(found.value)
                return Audio(data, Told(0, 0, encoding).over(told).over(meant.told))
            data = undo_base64(found.value)
        except ValueError:
            return meant  # only its beginning looks like it
        told = told_by_type(address_type(found.value[:200])).over(told)
        return Audio(data, told.over(meant.told))

    def _no_speech(self) -> StreamBroken:
        words = self._words(self._first)
        if words:
            return RemoteError(
                f"the server reported an error: {words.rstrip('.')}", remedy="Try again"
            )
        return UnexpectedContent(
            "the server answered with JSON, which is no speech",
            remedy="Look at the base URL: it should end where /audio/speech begins",
        )
