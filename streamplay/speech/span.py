"""Where one utterance lies in the playout, and what became of it there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamplay.sound.journal import Kind

if TYPE_CHECKING:
    from streamplay.sound.journal import Note


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
