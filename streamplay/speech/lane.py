"""A lane: one utterance's way through the pump."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamplay.policy.jitter import Policy
    from streamplay.sound.native import AnyPlayout
    from streamplay.speech.span import Span


@dataclass(slots=True, eq=False)
class Lane:
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


def cut_stretch(lanes: Sequence[Lane], position: int) -> tuple[int, int] | None:
    """Return where the first stretch of the ring begins and ends that was cut and is still there.

    Neighbours that were cut are one stretch. None: there is none beyond `position`.
    """
    start: int | None = None
    stop = position
    for span in (lane.span for lane in lanes):
        if not span.cut or span.start is None or span.stop is None or span.stop <= position:
            continue
        if start is None:
            start, stop = span.start, span.stop
        elif span.start == stop:
            stop = span.stop
    return None if start is None else (start, stop)
