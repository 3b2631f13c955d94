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
