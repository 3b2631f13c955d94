"""Standard input whose first sentence is requested before what plays it is imported."""

from __future__ import annotations

import threading
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
"""Parts that are held while no piece is known: some 1 MB, of what nothing can be spoken of."""

_PROBE: Final = "probe"  # a text that stands for any


def may_be_early(asked: Mapping[str, Any]) -> bool:
    """Return whether the first request of a text that comes in parts can be sent early."""
    return early_request(asked, _PROBE) is not None


class FirstPiece:
    """Reads the text until its first piece is known, and sends the request for that piece.

    The cuts are those of the producer: they depend on the text alone, apart from pauses, and no
    piece is sent from here for a pause. Iterating gives the whole text.

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
        self._held: list[str] = []
        self._error: BaseException | None = None
        self._reading = threading.Lock()  # held by the thread that reads
        self._deciding = threading.Lock()
        self._looking = True
        self._request: EarlyRequest | None = None

    def __iter__(self) -> Iterator[str]:
        self.stop()
        with self._reading:
            held, self._held = self._held, []
        yield from held
        if self._error is not None:
            raise self._error
        yield from self._parts

    def look(self) -> None:
        """Look at what has come; go on on a thread where that holds no whole piece."""
        while self._looking and self._source.is_ready():
            self._read()
        if self._looking:
            threading.Thread(target=self._look_on, name="streamplay text", daemon=True).start()

    def stop(self) -> EarlyRequest | None:
        """Send nothing from here from now on; return the request that was sent."""
        with self._deciding:
            self._looking = False
            return self._request

    def _look_on(self) -> None:
        while self._looking:
            self._read()

    def _read(self) -> None:
        """Read one part; send the request where the first piece is known by then."""
        with self._reading:
            if not self._looking:
                return
            try:
                part = next(self._parts, None)
            except BaseException as error:  # noqa: BLE001 - raised where the text is read
                self._error, part = error, None
            if part is not None:
                self._held.append(part)
        cut = self._cutter.finish() if part is None else self._cutter.feed(part)
        piece = next(filter(is_spoken, cut), None)
        if piece is not None or part is None or len(self._held) >= _MOST_PARTS:
            self._leave(piece)

    def _leave(self, piece: str | None) -> None:
        with self._deciding:
            if self._looking and piece is not None and self._error is None:
                self._request = early_request(self._asked, piece)
                if self._request is not None:
                    send_early(self._request)
            self._looking = False
