"""Arrivals in virtual time: when they would have been heard, and with which gaps.

The playout in closed form, a step an arrival; the policy is the player's own.
`streamplay.playback.virtual` gives the same by the real playout, a step a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.policy.jitter import Policy
    from streamplay.trace import Trace

_HAIR: Final = 1e-9
"""Two times closer than this are the same: sums of decimal fractions are not exact."""


@dataclass(frozen=True, slots=True)
class Played:
    """What would have been heard; seconds.

    Attributes
    ----------
    wait : float
        From the first audio to the first sound.
    gaps : tuple of float
        How long each stall was.
    safe_start : float
        The least wait that would have avoided every stall.
    finished : float
        From the beginning of the request until the last frame has sounded.
    """

    wait: float
    gaps: tuple[float, ...]
    safe_start: float
    finished: float

    @property
    def gap(self) -> float:
        """Seconds of all gaps."""
        return sum(self.gaps)

    @property
    def regret(self) -> float:
        """Seconds waited in vain."""
        return max(0.0, self.wait - self.safe_start)

    def cost(self, weight: float) -> float:
        """Return wait + weight × gaps."""
        return self.wait + weight * self.gap


def play(trace: Trace, policy: Policy) -> Played:
    """Play `trace` in virtual time, a step an arrival.

    Parameters
    ----------
    trace : Trace
        With at least one arrival.
    policy : Policy
        Is asked as the player asks it, and learns where the trace is complete.
    """
    policy.on_request(trace.characters)
    gate = _Gate(trace.samplerate)
    for now, frames in trace.arrivals:
        level = policy.on_arrival(frames, now, dry=gate.is_dry(now))
        gate.arrive(frames, now, level)
    gate.end(trace.ended)
    policy.on_end(learn=trace.complete)
    first = trace.arrivals[0][0]
    assert gate.first_sound is not None
    return Played(gate.first_sound - first, tuple(gate.gaps), trace.safe_start, gate.dry_at)


class _Gate:
    """The playout in closed form: when it is open, and until when there is sound.

    Attributes
    ----------
    dry_at : float
        When the sound runs out; or ran out, where it is closed.
    """

    def __init__(self, samplerate: int) -> None:
        self.first_sound: float | None = None
        self.gaps: list[float] = []
        self.dry_at = 0.0
        self._rate = samplerate
        self._ahead: int | None = 0  # frames behind a closed gate; None: it is open

    def is_dry(self, now: float) -> bool:
        """Whether all that came by `now` has sounded."""
        begun = self.first_sound is not None
        return begun and not self._ahead and now >= self.dry_at - _HAIR

    def arrive(self, frames: int, now: float, level: int) -> None:
        """Take an arrival, and the start level that holds from then on."""
        if self._ahead is None and now > self.dry_at + _HAIR:
            self._ahead = 0
        if self._ahead is None:
            self.dry_at += frames / self._rate
            return
        self._ahead += frames
        if self._ahead >= level:
            self._open(now)

    def end(self, now: float) -> None:
        """Nothing more comes: what is there sounds."""
        if self._ahead:
            self._open(now)

    def _open(self, now: float) -> None:
        assert self._ahead is not None
        if self.first_sound is None:
            self.first_sound = now
        else:
            self.gaps.append(now - self.dry_at)
        self.dry_at = now + self._ahead / self._rate
        self._ahead = None
