"""A track: one utterance's way through the pump."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamplay.playback.ring import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.ring import Note
    from streamplay.policy.jitter import Policy


@dataclass(slots=True, eq=False)
class Track:
    """One utterance's way through the pump.

    Attributes
    ----------
    closed : bool
        Nothing more will come; what came is played to its end.
    idle : bool
        Nothing is on its way just now (the text has not come): running dry is
        no stall.
    drained_at : int or None
        The output's frame count by which its last frame has been heard.
    """

    span: Span
    policy: Policy
    playout: AnyPlayout
    level: int = 1
    waiting: int = 0
    closed: bool = False
    idle: bool = False
    drained_at: int | None = None
    on_done: Callable[[], None] = lambda: None
    heard: Callable[[], int] = lambda: 0
    catch_up: Callable[[], None] = lambda: None

    def position(self) -> int:
        """Position in the playout of the next frame to be handed over."""
        position = self.playout.position
        self.catch_up()  # a skip is noted before it moves the position
        return position

    def is_handed_over(self) -> bool:
        """Whether nothing of it is left to be cut."""
        stop = self.span.stop
        return self.closed and stop is not None and self.playout.position >= stop


def cut_stretch(tracks: Sequence[Track], position: int) -> tuple[int, int] | None:
    """Return where the first stretch of the ring begins and ends that was cut and is still there.

    Neighbours that were cut are one stretch. None: there is none beyond `position`.
    """
    start: int | None = None
    stop = position
    for span in (track.span for track in tracks):
        if not span.cut or span.start is None or span.stop is None or span.stop <= position:
            continue
        if start is None:
            start, stop = span.start, span.stop
        elif span.start == stop:
            stop = span.stop
    return None if start is None else (start, stop)


@dataclass(slots=True)
class Span:
    """Where one utterance lies in the playout; positions and frames at its rate.

    `start` is known when its first frame is written, `stop` when its last was;
    `cut` says that not all that came was written; `voice_offset` counts the
    frames before the first voice.
    """

    start: int | None = None
    stop: int | None = None
    skips: list[tuple[int, int]] = field(default_factory=list)
    cut: bool = False
    first_sound: float | None = None
    voice_offset: int | None = None
    first_voice: float | None = None
    stalls: list[int] = field(default_factory=list)
    underflows: int = 0

    def apply(self, note: Note) -> None:
        """Take what concerns this utterance out of a note of the callback."""
        if self.start is None:
            return
        overlap = self._overlap(note.position, note.frames)
        if note.kind is Kind.PLAYED and overlap:
            self._heard(note)
        elif note.kind is Kind.SKIPPED and overlap:
            self.skips.append((note.position, note.position + note.frames))
        elif note.kind is Kind.STALLED and self._overlap(note.position, 1):
            self.stalls.append(note.frames)
        elif note.kind is Kind.UNDERFLOWED and self._overlap(note.position, 1):
            self.underflows += 1

    def played(self, position: int) -> int:
        """Return how many of its frames were handed over by `position`."""
        if self.start is None:
            return 0
        reached = max(self.start, position if self.stop is None else min(position, self.stop))
        skipped = sum(
            max(0, min(stop, reached) - max(start, self.start)) for start, stop in self.skips
        )
        return reached - self.start - skipped

    def whole(self, position: int) -> bool:
        """Whether all that came had been handed over by `position`."""
        written = self.stop is not None and not self.cut and not self.skips
        return written and self.stop is not None and position >= self.stop

    def _overlap(self, position: int, frames: int) -> int:
        assert self.start is not None
        begin = max(self.start, position)
        end = position + frames if self.stop is None else min(self.stop, position + frames)
        return max(0, end - begin)

    def _heard(self, note: Note) -> None:
        if self.first_sound is None:
            self.first_sound = note.time
        if self.first_voice is not None or self.voice_offset is None or self.start is None:
            return
        if self.start + self.voice_offset < note.position + note.frames:
            self.first_voice = note.time
