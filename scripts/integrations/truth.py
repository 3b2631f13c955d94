"""What the sink recorded of each segment, held against what a framework was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.nullsink import Recording

RATE = 24000

BLOCK = 240
"""Frames of tolerance: a block of the output, and the fade of a cut."""

APART_SECONDS = 0.3
"""Silence between two segments; a shorter one is a stall inside a segment."""


def heard_frames(recording: Recording) -> list[int]:
    """Return how many frames that are no silence each segment has."""
    loud = np.flatnonzero(recording.frames[:, 0])
    if not len(loud):
        return []
    starts = np.flatnonzero(np.diff(loud) > APART_SECONDS * RATE) + 1
    return [len(part) for part in np.split(loud, starts)]


def compare(
    name: str, cuts: Sequence[float], told: Sequence[tuple[float, bool]], recording: Recording
) -> int:
    """Print a row a segment; return 0 where all differences are within a block, else 1."""
    heard = heard_frames(recording)
    print("cut after | told            | recorded | difference")
    worst = 0
    for cut, (position, interrupted), count in zip(cuts, told, heard, strict=True):
        difference = round(position * RATE) - count
        worst = max(worst, abs(difference))
        how = "cut" if interrupted else "whole"
        row = f"{position:.4f} s, {how:<5} | {count / RATE:.4f} s | {difference} frames"
        print(f"{cut or '-':>9} | {row}")
    good = worst <= BLOCK
    print(f"{name}: {'good' if good else 'BAD'}: at most {worst} frames apart")
    return 0 if good else 1
