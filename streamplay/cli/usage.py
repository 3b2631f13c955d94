"""The error for a wrong command line, and suggestions for what was meant."""

from __future__ import annotations

from streamplay.errors import StreamPlayError

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final


class UsageError(StreamPlayError):
    """A flag, an argument or the configuration file is wrong; nothing was done."""

    def __init__(self, message: str, *, see: str = "") -> None:
        super().__init__(message, remedy=f"See: {see} --help" if see else "")


_MEANT: Final = {
    "--rate": "--speed",
    "--tempo": "--speed",
    "--pace": "--speed",
    "-r": "--speed",
    "--out": "--output",
    "--output-file": "--output",
    "--input": "--file",
    "--input-file": "--file",
    "--text-file": "--file",
    "-l": "--language",
    "--lang": "--language",
    "--locale": "--language",
    "-s": "--speed",
    "--gain": "--volume",
    "--speaker": "--voice",
    "--url": "--base-url",
    "--server": "--base-url",
    "--host": "--base-url",
    "--offline": "--local",
    "--key": "--api-key-env",
    "--api-key": "--api-key-env",
    "--silent": "--quiet",
    "--mute": "--no-play",
    "-V": "--version",
    "speak": "say",
    "read": "say",
    "tts": "say",
    "talk": "live",
    "chat": "live",
    "repl": "live",
    "check": "doctor",
    "server": "serve",
    "benchmark": "bench",
    "list": "voices",
    "configure": "config",
    "auth": "login",
}
"""Flags and commands of other programs, and ours for the same."""


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``'. Closest: …'`` if a known word resembles `word`, otherwise ``''``."""
    import difflib

    names = list(known)
    meant = [each for each in (_MEANT.get(word),) if each in names]
    # A word that goes on as this one begins is nearer than one of the same letters.
    begun = [each for each in names if len(word) > 3 and each.startswith(word)]
    near = meant or begun or difflib.get_close_matches(word, names, n=1)
    return f". Closest: {near[0]}" if near else ""
