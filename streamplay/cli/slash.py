"""The commands of `live`: lines that begin with a slash; ``//`` begins an ordinary line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: Final = {
    "/again": "say again what was lost, or else the last line",
    "/now": "TEXT: say it now, cutting in",
    "/p": "NAME: speak a phrase",
    "/phrase": "add NAME TEXT: keep a phrase; clear: forget them",
    "/voice": "NAME: the voice from now on",
    "/model": "NAME: the model from now on",
    "/speed": "FACTOR: the voice's pace from now on; 1 is its own",
    "/volume": "DB: the volume; 0 is as it came",
    "/device": "NAME: another output device",
    "/save": "FILE: keep the sound of the last line that was heard",
    "/stats": "the receipt of the last line",
    "/help": "the keys and commands",
    "/quit": "leave after the last word",
}
"""Every command, and what it does."""

KEYS: Final = {
    "Enter": "speak the line after those before it",
    "Alt-Enter": "say it now, cutting in",
    "Ctrl-C, Esc": "silence",
    "Ctrl-T": "say again what was lost, or else the last line",
    "Tab": "complete a word or a command",
    "Up, Down": "earlier lines",
    "F1 … F12, Alt-1 … Alt-9": "speak a phrase",
    "Ctrl-D": "leave after the last word; again: at once",
    "Ctrl-Z": "stop; fg goes on",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed: its name with the slash, and what follows it."""

    name: str
    rest: str


def parse(line: str) -> Command | str:
    """Return the command that a line is, or the text that it says."""
    if line.startswith("//"):
        return line[1:]
    if not line.startswith("/"):
        return line
    name, _, rest = line.partition(" ")
    return Command(name, rest.strip())


def help_text(delivers: Callable[[str], bool], columns: int = 80) -> str:
    """Return the keys that the terminal delivers, and the commands, as rows.

    Parameters
    ----------
    delivers : callable
        Whether the terminal is known to deliver the keys of a row of `KEYS`.
    columns : int
        How wide it is: longer rows are wrapped.
    """
    rows = [(keys, what) for keys, what in KEYS.items() if delivers(keys)] + list(COMMANDS.items())
    width = max(len(keys) for keys, _ in rows)
    width = width if columns > 2 * width else 0  # no columns on a narrow terminal
    indent = " " * (width + 2)
    told = (f"{keys:<{width}}  {what}" for keys, what in rows)
    return "\n".join(console.wrapped(row, columns, indent) for row in told)
