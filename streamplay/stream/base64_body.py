"""A body that is base64 and nothing else, cut anywhere → bytes, without I/O.

Lines of any length, the URL's alphabet, a ``data:`` address in front, several texts of it one after
the other: each ends with its padding.
"""

from __future__ import annotations

import re
from typing import Final

import pybase64

from streamplay.errors import KEPT, MalformedEvent

_TEXTS: Final = re.compile(rb"[^=]+=*")
_URL_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")
_SPACE: Final = b"\t\r\n "
_LONGEST_ADDRESS: Final = 200
_ADDRESS: Final = b"data:"


class Base64Body:
    """Reads one body.

    Attributes
    ----------
    media : str
        What its ``data:`` address says it is, with parameters; mostly nothing.
    """

    def __init__(self) -> None:
        self.media = ""
        self._begun = False
        self._rest = b""  # of four characters; before it has begun, all

    def feed_bytes(self, data: bytes) -> bytes:
        """Return the bytes that `data` completes.

        Raises
        ------
        MalformedEvent
            Where it is no base64.
        """
        text = self._rest + data.translate(_URL_ALPHABET, _SPACE) if self._begun else b""
        if not self._begun:
            self._rest += data
            if not self._begin():
                return b""
            text = self._rest.translate(_URL_ALPHABET, _SPACE)
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        return _undone(text[:whole])

    def finish(self) -> bytes:
        """Return the last bytes, also where their padding is missing."""
        rest, self._rest = self._rest.translate(_URL_ALPHABET, _SPACE), b""
        return _undone(rest + b"=" * (-len(rest) % 4))

    def _begin(self) -> bool:
        """Take the address in front; tell whether it has come, or there is none."""
        start = self._rest[:_LONGEST_ADDRESS]
        if _ADDRESS.startswith(start[: len(_ADDRESS)].lower()):
            if b"," not in start:
                return len(start) == _LONGEST_ADDRESS
            address, _, self._rest = self._rest.partition(b",")
            media = address[len(_ADDRESS) :].decode("ascii", "replace")
            self.media = media.removesuffix(";base64")
        self._begun = True
        return True


def _undone(text: bytes) -> bytes:
    try:
        return b"".join(pybase64.b64decode(one, validate=True) for one in _TEXTS.findall(text))
    except ValueError as error:
        raise MalformedEvent(f"the body is not base64 ({error})", remedy=KEPT) from error
