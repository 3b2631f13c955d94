"""Standard input whose first sentence is requested before what plays it is imported."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, Queue
from typing import TYPE_CHECKING, Final

from streamplay.network.early import early_request, send_early
from streamplay.words.boundaries import is_spoken
from streamplay.words.text import SentenceCutter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from streamplay.cli.pieces import StandardInput
    from streamplay.network.early import EarlyRequest

_MOST_PARTS: Final = 16
"""Parts that are looked at while no piece is known: some 1 MB, of which nothing can be spoken."""

_AHEAD_PARTS: Final = 64
"""Parts that are read ahead of what takes them: 4 MB at most."""

_PROBE: Final = "probe"  # a text that stands for any


def may_be_early(asked: Mapping[str, Any]) -> bool:
    """Return whether the first request of a text that comes in parts can be sent early."""
    return early_request(asked, _PROBE) is not None


class FirstPiece:
    """Reads the text until its first piece is known, and sends the request for that piece.

    The cuts are those of the producer: they depend on the text alone, apart from pauses, and no
    piece is sent from here for a pause. Iterating gives the whole text, as it comes.

    Parameters
    ----------
    source : StandardInput
        The text.
    asked : mapping
        Options of a `streamplay.Player`, those that were given.
    """

    def __init__(self, source: StandardInput, asked: Mapping[str, Any]) -> None:
        self._source = source
        self._parts = iter(source)
        self._asked = asked
        self._cutter = SentenceCutter(asked.get("language") or "en")
        self._read: Queue[str | BaseException | None] = Queue(_AHEAD_PARTS)
        self._looked_at = 0
        self._deciding = threading.Lock()
        self._looking = True
        self._ended = False
        self._request: EarlyRequest | None = None

    def __iter__(self) -> Iterator[str]:
        self.stop()
        try:
            while (part := self._read.get()) is not None:
                if isinstance(part, BaseException):
                    raise part
                yield part
        finally:
            self._ended = True
            with suppress(Empty):  # a thread that waits for room goes on, and ends
                while True:
                    self._read.get_nowait()

    def look(self) -> None:
        """Look at what has come; read on on a thread, to the end of the text."""
        while self._looking and self._source.is_ready():
            self._take()
        if not self._ended:
            threading.Thread(target=self._take_all, name="streamplay text", daemon=True).start()

    def stop(self) -> EarlyRequest | None:
        """Send nothing from here from now on; return the request that was sent."""
        with self._deciding:
            self._looking = False
            return self._request

    def _take_all(self) -> None:
        while not self._ended:
            self._take()

    def _take(self) -> None:
        """Read one part; send the request where the first piece is known by then."""
        try:
            part = next(self._parts, None)
        except BaseException as error:  # noqa: BLE001 - raised where the text is read
            self._ended, self._looking = True, False
            self._read.put(error)
            return
        self._ended = self._ended or part is None
        if self._looking:
            self._look_at(part)
        self._read.put(part)

    def _look_at(self, part: str | None) -> None:
        self._looked_at += 1
        cut = self._cutter.finish() if part is None else self._cutter.feed(part)
        piece = next(filter(is_spoken, cut), None)
        if piece is not None:
            self._leave(piece)
        elif part is None or self._looked_at >= _MOST_PARTS:
            self._looking = False

    def _leave(self, piece: str) -> None:
        with self._deciding:
            if self._looking:
                self._request = early_request(self._asked, piece)
                if self._request is not None:
                    send_early(self._request)
            self._looking = False
