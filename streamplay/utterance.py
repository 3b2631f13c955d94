"""One utterance, as whoever asked for it sees it: wait for it, cancel it, read its receipt."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from streamplay.account import Account
    from streamplay.options import Options
    from streamplay.outputs.file import FileOutput
    from streamplay.pump import Lane
    from streamplay.receipt import Receipt
    from streamplay.trace import TraceWriter


@dataclass(frozen=True, slots=True)
class Heard:
    """What had been heard when someone cut in.

    Attributes
    ----------
    text : str
        The words that were heard.
    characters : int
        How many characters of the text that is.
    seconds, frames : float, int
        How much was handed to the output, at the source's rate.
    exact : bool
        Whether `text` is known, and not estimated by the share of frames.
    dropped : tuple of Utterance
        What was queued behind it, and is not going to be heard either.
    """

    text: str = ""
    characters: int = 0
    seconds: float = 0.0
    frames: int = 0
    exact: bool = True
    dropped: tuple[Utterance, ...] = ()


@dataclass(slots=True)
class Piece:
    """A part of the text that was one request, and where its frames begin."""

    text: str
    start: int
    frames: int | None = None  # None while it is still being received


class Utterance:
    """Something that is being said, or is going to be.

    Made by `Player.say`. Everything public may be used from any thread.
    """

    def __init__(
        self,
        text: str | Iterable[str],
        options: Options,
        account: Account,
        canceller: Callable[[Utterance], Heard],
        *,
        keeper: FileOutput | None = None,
        trace: TraceWriter | None = None,
    ) -> None:
        self.text = text
        self.options = options
        self.account = account
        self.keeper = keeper
        self.trace = trace
        self.lane: Lane | None = None
        self.task: asyncio.Task[None] | None = None
        self.pieces: list[Piece] = []
        self.received = False
        self.played = True  # nothing of it is in an output yet
        self.interrupted = False
        self.failure: Exception | None = None
        self._canceller = canceller
        self._done = threading.Event()
        self._lock = threading.RLock()  # a signal's handler may interrupt whoever holds it
        self._callbacks: list[Callable[[], object]] = []

    @property
    def done(self) -> bool:
        """Whether it has been heard, was cut short, or failed."""
        return self._done.is_set()

    @property
    def receipt(self) -> Receipt:
        """What was received and heard so far; never raises."""
        return self.account.receipt(self.lane.position() if self.lane else 0)

    @property
    def position(self) -> int:
        """Frames heard by now, at the source's rate: what has left the loudspeaker.

        By the output's DAC time, so that it lags what was handed over by the
        output's latency; monotone, and without drift.
        """
        return self.account.heard(self.lane.heard() if self.lane else 0)

    def wait(self, timeout: float | None = None) -> Receipt:
        """Wait until it has been heard.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        Receipt
            Also where it was interrupted: that is no error.

        Raises
        ------
        TimeoutError
            If it took longer than `timeout`; it goes on all the same.
        StreamPlayError
            What ended it; ``error.receipt`` tells what was received and heard.
        """
        if not self._done.wait(timeout):
            raise TimeoutError(f"not heard within {timeout:g} s")
        if self.failure is not None:
            raise self.failure
        return self.receipt

    def wait_done(self) -> None:
        """Wait until it is done, however it ended."""
        self._done.wait()

    def cancel(self) -> Heard:
        """Silence it now, whatever the network does; nothing, where it is done already."""
        return self._canceller(self)

    def heard(self) -> Heard:
        """Tell what has been heard of it by now."""
        frames = self.account.heard(self.lane.position() if self.lane else 0)
        rate = self.account.samplerate
        text, exact = heard_text(self.pieces, frames, rate)
        return Heard(text, len(text), frames / rate, frames, exact)

    def on_done(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when it is done, on the player's thread; at once if it is."""
        with self._lock:
            if not self.done:
                self._callbacks.append(callback)
                return
        callback()

    @property
    def handed_over(self) -> bool:
        """Whether all of it is in the output already, and cannot be cut; the player's own."""
        return self.received and self.lane is not None and self.lane.is_handed_over()

    def interrupt(self) -> bool:
        """Mark it as cut short, unless it is done; the player's own."""
        with self._lock:
            self.interrupted = self.interrupted or not self.done
            return not self.done

    def settle(self) -> None:
        """Let go of whoever waits; the player's own."""
        with self._lock:
            self._done.set()
        for callback in self._callbacks:
            callback()


CHARACTERS_PER_SECOND: Final = 15.0
"""Of ordinary speech; only for a piece of which not all has come yet."""


def heard_text(pieces: list[Piece], frames: int, samplerate: int) -> tuple[str, bool]:
    """Estimate which text `frames` of audio have spoken, up to a whole word.

    Returns
    -------
    text : str
        What was heard.
    exact : bool
        Whether it ends where a piece ends, so that nothing had to be estimated.
    """
    said = []
    for piece in pieces:
        into = frames - piece.start
        if into <= 0:
            break
        if piece.frames is not None and into >= piece.frames:
            said.append(piece.text)
            continue
        expected = len(piece.text) / CHARACTERS_PER_SECOND * samplerate
        share = into / max(piece.frames or expected, into)
        said.append(_whole_words(piece.text, round(share * len(piece.text))))
        return " ".join(part for part in said if part), False
    return " ".join(said), True


def _whole_words(text: str, length: int) -> str:
    """Cut `text` at `length`, or at the end of the last word before it."""
    if length >= len(text) or text[length].isspace():
        return text[:length].rstrip()
    return re.sub(r"\S*\Z", "", text[:length]).rstrip()
