"""What a text passes through on its way from the writer to the sentences: as given, or cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamplay.words.passage import Said

if TYPE_CHECKING:
    from collections.abc import Iterable


class Preparation(Protocol):
    """Prepares a text that comes in parts."""

    @property
    def is_holding(self) -> bool:
        """Whether something is held back only because its last word may go on."""

    def feed(self, text: str) -> Iterable[Said]:
        """Take more text; give what is spoken of it."""

    def release(self) -> Iterable[Said]:
        """Give what is held back, now that nothing has come for a while."""

    def finish(self) -> Iterable[Said]:
        """Give the rest."""


class AsGiven:
    """Speaks a text as it is."""

    is_holding = False

    def __init__(self) -> None:
        self._stop = 0

    def feed(self, text: str) -> Iterable[Said]:
        """Take more text."""
        start, self._stop = self._stop, self._stop + len(text)
        return (Said(text, start, self._stop),)

    def release(self) -> Iterable[Said]:
        """Nothing is held back."""
        return ()

    def finish(self) -> Iterable[Said]:
        """Nothing is held back."""
        return ()


def preparation(language: str = "en", *, wanted: bool) -> Preparation:
    """Return what a text passes through before it is cut."""
    if not wanted:
        return AsGiven()
    from streamplay.words.cleaning import Cleaned  # with its scanners: 3 ms that plain text spares

    return Cleaned(language)
