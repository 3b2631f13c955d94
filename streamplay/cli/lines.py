"""The lines of a conversation and their states: waiting, speaking, heard, silenced, lost. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class LineState(StrEnum):
    """Where a line is on its way to being heard."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    HEARD = "heard"
    SILENCED = "silenced"
    LOST = "lost"


ENDED: Final = frozenset({LineState.HEARD, LineState.SILENCED, LineState.LOST})

SHOWN_CHARACTERS: Final = 60
"""How much of a line a message names: what still fits one row of 80 columns."""


@dataclass(slots=True, eq=False)
class Line:
    """One line as it was typed.

    Attributes
    ----------
    number : int
        Counted from 1 in this run.
    heard : str
        What of it has been heard so far.
    reason : str
        Why it was lost.
    utterance : Utterance or None
        What the player has of it; None while the player is not open.
    sound : Path or None
        Its audio, kept until the program ends.
    frames : tuple or None
        The sound of a phrase, and its rate: it is played in place of the text.
    now : bool
        Whether it cuts in.
    since : float
        When it was typed, by `time.monotonic`.
    """

    number: int
    text: str
    state: LineState = LineState.WAITING
    heard: str = ""
    reason: str = ""
    utterance: Any = None
    sound: Path | None = None
    frames: tuple[Any, int] | None = None
    now: bool = False
    since: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether it is not going to be heard any further."""
        return self.state in ENDED

    @property
    def name(self) -> str:
        """Its words as a message names them: one row at most, without a line break."""
        return shortened(self.text)


def shortened(text: str, characters: int = SHOWN_CHARACTERS) -> str:
    """Return text in one row of so many characters at most."""
    row = " ".join(text.split())
    return row if len(row) <= characters else f"{row[: characters - 1].rstrip()}…"


KEPT_LINES: Final = 200
"""Lines that have ended and are remembered in this run; /again looks at the last of them."""


class LineList:
    """The lines of a conversation, in the order in which they were typed. For one thread at a time.

    All that wait or are spoken are in it, and the last `KEPT_LINES` that have ended.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._count = 0
        self._batch = 1
        self._ended = 0

    def add(self, text: str, **known: Any) -> Line:
        """Add a line, with what is `known` of it."""
        if not self.is_busy:
            self._batch = self._count + 1
        self._count += 1
        line = Line(self._count, text, **known)
        self._lines.append(line)
        return line

    def restore(self, text: str, reason: str) -> Line:
        """Add a line of an earlier run as a lost one."""
        line = self.add(text, state=LineState.LOST, reason=reason)
        self._ended += 1
        self._batch = self._count + 1
        return line

    def end(self, line: Line, state: LineState, reason: str = "") -> None:
        """Note how a line has ended; forget the one that ended longest ago, where they are many."""
        line.state, line.reason = state, reason
        self._ended += 1
        if self._ended > KEPT_LINES:
            self._lines.remove(next(each for each in self._lines if each.ended))
            self._ended -= 1

    def take_lost(self) -> list[Line]:
        """Return the lost lines, and forget them: they are said again."""
        lost = [line for line in self._lines if line.state is LineState.LOST]
        self._lines = [line for line in self._lines if line.state is not LineState.LOST]
        self._ended -= len(lost)
        return lost

    def find(self, utterance: object) -> Line | None:
        """Return the line that the player has as `utterance`."""
        return next((line for line in self._lines if line.utterance is utterance), None)

    @property
    def next_waiting(self) -> Line | None:
        """The first line that the player does not have yet."""
        waiting = (line for line in self._lines if line.utterance is None and not line.ended)
        return next(waiting, None)

    @property
    def is_busy(self) -> bool:
        """Whether a line is being said, or waits."""
        return self._ended < len(self._lines)

    @property
    def last(self) -> Line | None:
        """The line that was typed last."""
        return self._lines[-1] if self._lines else None

    @property
    def speaking(self) -> Line | None:
        """The line that is being said."""
        return next((line for line in self._lines if line.state is LineState.SPEAKING), None)

    @property
    def going(self) -> list[Line]:
        """The lines that are being said or wait, in the order in which they are heard."""
        going = [line for line in self._lines if not line.ended]
        # What has cut in stands behind those that it is said before.
        return sorted(going, key=lambda line: (line.state is not LineState.SPEAKING, not line.now))

    @property
    def batch(self) -> list[Line]:
        """The lines since nothing was going on: those that have ended, and then those `going`."""
        ended = [line for line in self._lines if line.ended and line.number >= self._batch]
        return [*ended, *self.going]

    @property
    def with_sound(self) -> list[Line]:
        """The lines that have ended and whose sound is kept."""
        return [line for line in self._lines if line.ended and line.sound is not None]


# Lines that were not spoken, for the next run: one JSON array a row, ["+", number, text] where a
# line was taken and ["-", number] where it has ended.


def taken(line: Line) -> str:
    """Return the row that says a line was taken."""
    return json.dumps(["+", line.number, line.text]) + "\n"


def ended(line: Line) -> str:
    """Return the row that says a line has ended."""
    return json.dumps(["-", line.number]) + "\n"


def unspoken(rows: Iterable[str]) -> list[str]:
    """Return the texts of lines that were taken and have not ended; skip damaged rows."""
    waiting: dict[int, str] = {}
    for row in rows:
        try:
            match json.loads(row):
                case ["+", int(number), str(text)]:
                    waiting[number] = text
                case ["-", int(number)]:
                    waiting.pop(number, None)
        except (ValueError, RecursionError):
            continue
    return list(waiting.values())
