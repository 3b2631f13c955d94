"""One HTTP/1.1 answer: bytes in, status, headers and body out. No I/O (RFC 9112).

A parser of our own, because the audio of a hundred streams passes through here: h11 costs four
times as much processor time (`benchmarks/transports`). Tests hold the two together: they accept
the same answers and return the same bodies, however the bytes are cut.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

HEAD_BYTES: Final = 100 * 1024
"""The longest head, and the longest trailer, that is read: h11's own bound is 100 KiB as well."""

_ENDS: Final = re.compile(rb"(?:\r\n|\A)0+[ \t]*(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n\Z")
_END_BYTES: Final = 512  # of the last chunk and its trailer: mostly far less

# The longest line before a chunk: its size, and extensions that nothing here reads.
_SIZE_LINE_BYTES: Final = 4096

# Interim answers (RFC 9110, 15.2), skipped by one match however many came: a server may send
# thousands of them. 101 is not among them: no other protocol was asked for.
_INTERIM: Final = re.compile(
    rb"(?:HTTP/1\.[01] 1(?!01)\d\d(?:[ \t][^\r\n]*)?\r?\n(?:[^\r\n][^\n]*\n)*\r?\n)+"
)
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_LONGEST_END: Final = b"\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([2-9]\d\d)(?: ([^\0\r\n\f\v]*))?")
_FIELD: Final = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*([^\0\r\n\f\v]*?)[ \t]*")
_START: Final = b"HTTP/1."
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[^\r\n]*)?[ \t]*\r\n")
_LENGTH: Final = re.compile(r"\d{1,18}")


def may_end(data: bytes) -> bool:
    """Tell whether a body in chunks may end with `data`: by its last chunk, or by its end mark."""
    if data.endswith(b"\r\n\r\n"):
        return _ENDS.search(data, max(0, len(data) - _END_BYTES)) is not None
    return b"[DONE]" in data[-32:]


class FramingError(Exception):
    """The bytes are no HTTP answer, or no whole one. The caller raises the typed error."""


class BodyCutError(FramingError):
    """The connection ended before the body did."""


class AnswerReader:
    """Reads one answer from one connection.

    Parameters
    ----------
    bodiless : bool
        Whether the answer has no body whatever its headers say: that to HEAD or CONNECT.

    Attributes
    ----------
    status : int
        Of the final answer; 0 until its head has been read.
    headers : dict of str
        By name in lower case; the values of one that came twice are joined by a comma.
    complete : bool
        Whether the body has ended by its own framing.
    reusable : bool
        Whether the connection may serve another request once this answer is complete.
    rest : bytes
        What came behind the end of the answer: nothing, from a well-kept server.
    """

    def __init__(self, *, bodiless: bool = False) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.reusable = False
        self.rest = b""
        self._bodiless = bodiless
        self._head: bytearray | None = bytearray()
        self._looked_at = 0  # bytes of it, in which it does not end
        self._chunked = False
        self._left: int | None = None  # bytes of the body, or of the chunk; None: until the end
        self._carry = b""  # an unfinished line of the chunked coding
        self._trailer = False
        self._trailer_bytes = 0  # of its lines that have ended
        self._broken = False

    def feed_bytes(self, data: bytes) -> bytes:
        """Take what came; return what it holds of the body. Then `check`.

        Raises
        ------
        FramingError
            Where the head is no HTTP.
        """
        if self._head is not None:
            self._head += data
            after = self._read_head(self._head)
            if after is None:
                return b""
            data, self._head = after, None
        return self._read_body(data)

    @property
    def length_is_told(self) -> bool:
        """Whether a header has told how long the body is: its last byte has no mark."""
        return self._left is not None and not self._chunked

    def check(self) -> None:
        """Raise `FramingError` where the body is broken behind what `feed_bytes` has returned."""
        if self._broken:
            raise FramingError

    def feed_end(self) -> None:
        """Take the connection's end.

        Raises
        ------
        FramingError
            If there was no answer, or not a whole one (`BodyCutError`).
        """
        if self.status and self._left is None and not self._chunked:
            self.complete = True
        if not self.complete:
            raise BodyCutError if self.status else FramingError

    def _read_head(self, head: bytearray) -> bytes | None:
        """Read the final answer's head; return what follows it, or None where it is unfinished."""
        end = _HEAD_END.search(head, self._looked_at)
        if end is not None and (interim := _INTERIM.match(head)) is not None:
            del head[: interim.end()]
            end = _HEAD_END.search(head)
        if not (head.startswith(_START) or _START.startswith(head)):
            raise FramingError
        if end is None:
            if len(head) > HEAD_BYTES:
                raise FramingError
            self._looked_at = max(0, len(head) - len(_LONGEST_END))
            return None
        self._take_head(bytes(head[: end.start()]))
        return bytes(head[end.end() :])

    def _take_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\n")
        status = _STATUS.fullmatch(first.removesuffix(b"\r"))
        if status is None:
            raise FramingError
        for name, value in _fields(lines):
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self._choose_framing(int(status[2]))
        close = "close" in _listed(self.headers.get("connection", ""))
        self.reusable = (
            status[1] == b"1" and not close and (self.complete or self._left is not None)
        )
        self.status = int(status[2])

    def _choose_framing(self, status: int) -> None:
        """Decide how the body's end is told: RFC 9112, 6.3, in its order."""
        codings = _listed(self.headers.get("transfer-encoding", ""))
        codings = [coding for coding in codings if coding != "identity"]  # of RFC 2616: none
        lengths = set(_listed(self.headers.get("content-length", "")))
        if codings not in ([], ["chunked"]) or len(lengths) > 1:
            raise FramingError
        if not all(_LENGTH.fullmatch(length) for length in lengths):
            raise FramingError
        if self._bodiless or status in (204, 304):
            self.complete = True
        elif codings:
            self._chunked, self._left = True, 0
        elif lengths:
            self._left = int(lengths.pop())
            self.complete = self._left == 0

    def _read_body(self, data: bytes) -> bytes:
        if self._broken:
            return b""
        if self.complete:
            self.rest += data[:1]  # one byte tells enough, and what is kept stays bounded
            return b""
        if self._chunked:
            return self._dechunk(self._carry + data if self._carry else data)
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        self.complete = self._left == 0
        self.rest = data[len(body) : len(body) + 1]
        return body

    def _dechunk(self, data: bytes) -> bytes:
        """Return what `data` holds of chunks' content; keep the line that is unfinished.

        `_left` counts a chunk's content with the CR LF behind it; at 0 a size comes next.
        """
        pieces: list[bytes] = []
        at, self._carry = 0, b""
        while at < len(data) and not self._trailer:
            if self._left:
                begin, end = at, min(len(data), at + self._left)
                at, self._left = end, self._left - (end - begin)
                if self._left < 2:  # CR LF has begun, or has come whole
                    line_end = b"\r\n"[: 2 - self._left]
                    content = end - len(line_end)
                    end = max(begin, content)
                    self._broken = not data.startswith(line_end[end - content :], end)
                pieces.append(data[begin:end])
                if self._broken:
                    break
            elif (size := _CHUNK.match(data, at)) is not None:
                at = size.end()
                length = int(size[1], 16)
                self._trailer = length == 0
                self._left = length + 2 if length else 0
            else:
                self._keep_line(data[at:], _SIZE_LINE_BYTES)
                break
        if self._trailer:
            self._read_trailer(data[at:])
        return b"".join(pieces)

    def _keep_line(self, line: bytes, bound: int) -> None:
        """Keep an unfinished line; a finished line that did not match is broken coding."""
        self._broken = b"\n" in line or len(line) > bound
        self._carry = line

    def _read_trailer(self, data: bytes) -> None:
        """Skip the fields behind the last chunk; the blank line after them ends the body."""
        at = 0
        while not self._broken and (end := data.find(b"\n", at)) >= 0:
            line, at = data[at:end], end + 1
            if line in (b"", b"\r"):
                self.complete = True
                self.rest = data[at : at + 1]
                return
            self._broken = line.startswith(b"\r")
        self._trailer_bytes += at
        self._carry = data[at:]
        self._broken |= self._trailer_bytes + len(self._carry) > HEAD_BYTES


def _fields(lines: list[bytes]) -> Iterator[tuple[str, str]]:
    """Yield the header fields, names in lower case; a line that begins with a blank goes on."""
    joined: list[bytes] = []
    for line in lines:
        text = line.removesuffix(b"\r")
        if text[:1] in (b" ", b"\t") and joined:
            joined[-1] += b" " + text.strip()
        else:
            joined.append(text)
    for text in joined:
        field = _FIELD.fullmatch(text)
        if field is None:
            raise FramingError
        yield field[1].decode("ascii").lower(), field[2].decode("latin-1")


def _listed(value: str) -> list[str]:
    return [part.strip().lower() for part in value.split(",") if part.strip()]
