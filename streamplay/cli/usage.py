"""The error for a wrong command line, and suggestions for what was meant."""

from __future__ import annotations

from streamplay.errors import StreamPlayError

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from collections.abc import Iterable


class UsageError(StreamPlayError):
    """A flag, an argument or the configuration file is wrong; nothing was done."""

    def __init__(self, message: str, *, see: str = "") -> None:
        super().__init__(message, remedy=f"See: {see} --help" if see else "")


_MEANT = {"--rate": "--speed", "--tempo": "--speed", "--out": "--output", "--lang": "--language"}
"""Flags of other programs, and ours for the same."""


def closest(word: str, known: Iterable[str]) -> str:
    """Return ``'. Closest: …'`` if a known word resembles `word`, otherwise ``''``."""
    import difflib

    names = list(known)
    if _MEANT.get(word) in names:
        return f". Closest: {_MEANT[word]}"
    near = difflib.get_close_matches(word, names, n=1)
    return f". Closest: {near[0]}" if near else ""
