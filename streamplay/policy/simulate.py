"""Arrivals in virtual time: when they would have been heard, and with which gaps.

The playout in closed form, a step an arrival; the policy is the player's own. A device takes
frames in blocks, so that a ring is dry only when a block has found it so: a stall is silence that
was rendered. `streamplay.playback.virtual` gives the same by the real playout, a step a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.policy.jitter import Policy
    from streamplay.trace import Trace

BLOCK_SECONDS: Final = 0.005
"""PortAudio on ALSA asks for 120 frames at 24 kHz when left to itself."""

RAMP_SECONDS: Final = 0.005
"""The playout's ramp into silence (`streamplay.playback.playout.FADE_SECONDS`): sound does not
return before its end."""

_HAIR: Final = 1e-6
"""Frames closer than this are at the same time: sums of decimal fractions are not exact."""


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

    The device asks for its first block with the first arrival, and regularly after that.

    Parameters
    ----------
    trace : Trace
        With at least one arrival.
    policy : Policy
        Is asked as the player asks it, and learns where the trace is complete.
    """
    policy.on_request(trace.characters)
    first, rate = trace.arrivals[0][0], trace.samplerate
    gate = _Gate(rate)
    for now, frames in trace.arrivals:
        at = (now - first) * rate
        level = policy.on_arrival(frames, now, dry=gate.is_dry(at))
        gate.arrive(frames, at, level)
    gate.end((trace.ended - first) * rate)
    policy.on_end(learn=trace.complete)
    assert gate.first_sound is not None
    gaps = tuple(frames / rate for frames in gate.gaps)
    return Played(gate.first_sound / rate, gaps, trace.safe_start, first + gate.dry_at / rate)


class _Gate:
    """The playout in closed form: when it is open, and until when there is sound.

    Times are in frames since the device's first block, which is its own clock.

    Attributes
    ----------
    first_sound : int or None
        When sound began.
    gaps : list of int
        How long each stall was.
    dry_at : int
        When the sound runs out; or ran out, where it is closed.
    """

    def __init__(self, samplerate: int) -> None:
        self.first_sound: int | None = None
        self.gaps: list[int] = []
        self.dry_at = 0
        self._block = max(1, round(BLOCK_SECONDS * samplerate))
        self._ramp = max(1, round(RAMP_SECONDS * samplerate))
        self._ahead: int | None = 0  # frames behind a closed gate; None: it is open

    def is_dry(self, now: float) -> bool:
        """Whether a block before `now` has found nothing left."""
        if self.first_sound is None or self._ahead:
            return False
        # The block that takes the last frames is whole; the next one is not.
        missing = self.dry_at // self._block * self._block
        return missing < self._first_block(now)

    def arrive(self, frames: int, now: float, level: int) -> None:
        """Take an arrival, and the start level that holds from then on."""
        if self._ahead is None and self.is_dry(now):
            self._ahead = 0
        if self._ahead is None:
            self.dry_at += frames
            return
        self._ahead += frames
        if self._ahead >= level:
            self._open(now)

    def end(self, now: float) -> None:
        """Nothing more comes: what is there sounds."""
        if self._ahead:
            self._open(now)

    def _first_block(self, now: float) -> int:
        """Return when the first block is asked for that finds what came at `now`."""
        return ceil((now - _HAIR) / self._block) * self._block

    def _open(self, now: float) -> None:
        assert self._ahead is not None
        begins = self._first_block(now)
        if self.first_sound is None:
            self.first_sound = begins
        else:
            begins = max(begins, self.dry_at + self._ramp)
            self.gaps.append(begins - self.dry_at)
        self.dry_at = begins + self._ahead
        self._ahead = None
