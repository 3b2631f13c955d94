"""The callback's notes, read: what happened to each track, and which frame is heard now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.playback.playclock import PlayClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.track import Track


class Hearing:
    """Reads the journal of a playout; under the pump's lock.

    Parameters
    ----------
    playout : Playout
        Whose journal.
    tracks : sequence of Track
        The pump's own list: those whom notes may concern.
    clock : callable
        Seconds, monotonic.
    """

    def __init__(
        self, playout: AnyPlayout, tracks: Sequence[Track], clock: Callable[[], float]
    ) -> None:
        self._playout = playout
        self._tracks = tracks
        self._clock = clock
        self._heard = PlayClock(playout.samplerate)
        self._reading = False

    def read(self) -> None:
        """Take in the notes since the last call.

        A signal's handler may come upon its own thread in here, and the lock lets
        it in: whoever it came upon reads to the end.
        """
        if self._reading:
            return
        self._reading = True
        try:
            notes = self._playout.journal.take()
            self._heard.feed(notes)
            for note in notes:
                for track in self._tracks:
                    track.span.apply(note)
        finally:
            self._reading = False

    def position(self) -> int:
        """Return the position that is heard now, by the output's own time."""
        self.read()
        return self._heard.position(self._clock())
