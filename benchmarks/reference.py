"""The echo reference beside the sink's recording: where its frames are, and when.

Short tones are played with pauses between them. Each begins at a frame of the reference, with a DAC
time, and at a frame of the recording of PulseAudio's null sink, whose frames are its clock. Where
the machine was late, and the device ran out, nothing can be compared: run it on a quiet one.

    .venv/bin/python -m benchmarks.reference [--tones 40] [--latency 0.1]
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from streamplay import Player
from tests.support.nullsink import NullSink, Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamplay import ReferenceBlock

RATE = 24000
TONE = np.full(RATE // 10, 0.25, np.float32)
PAUSE = 0.3


def play(tones: int, latency: float) -> tuple[list[ReferenceBlock], int]:
    """Return what the reference gave, and how often the device ran out."""
    blocks: list[ReferenceBlock] = []
    underflows = 0
    with Player(latency=latency) as player:
        reference = player.reference(block=240)
        reading = threading.Thread(target=lambda: blocks.extend(reference))
        reading.start()
        for number in range(tones):
            underflows += player.play(TONE, RATE).wait().device_underflows
            time.sleep(PAUSE + 0.0137 * (number % 7))  # not always at the same place of a block
    reading.join()
    return blocks, underflows + reference.lost


def onsets(samples: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return where sound begins."""
    loud = np.append(False, samples != 0)  # the first frame may be one
    return np.flatnonzero(loud[1:] & ~loud[:-1])


def compare(blocks: list[ReferenceBlock], tape: Recording) -> None:
    heard = np.concatenate([block.frames[:, 0] for block in blocks])
    moments = np.concatenate([block.time + np.arange(len(block.frames)) / RATE for block in blocks])
    here, there = onsets(heard), onsets(tape.frames[:, 0])
    if len(here) != len(there):
        sys.exit(f"{len(here)} tones in the reference, {len(there)} in the recording: it ran out")
    wrong = np.diff(here) - np.diff(there)
    print(
        f"indices: {np.count_nonzero(wrong)} of {len(wrong)} distances differ from the recording's"
    )
    # The recording's first frame has no time: the middle one of all offsets stands for it.
    errors = moments[here] * RATE - there
    errors = np.abs(errors - np.median(errors))
    middle, most, worst = np.percentile(errors, [50, 95, 100])
    print(f"DAC times: off by {middle:.1f} frames (median), {most:.1f} (95 %), {worst:.1f} (most)")


def main() -> None:
    """Play, record, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tones", type=int, default=40)
    parser.add_argument("--latency", type=float, default=0.1)
    args = parser.parse_args()
    sink = NullSink(RATE)
    os.environ.update(sink.environment)  # before PortAudio looks for devices
    sink.start()
    try:
        with sink.record() as tape:
            blocks, late = play(args.tones, args.latency)
    finally:
        sink.close()
    print(f"{args.tones} tones, latency {args.latency:g} s; {late} times too late")
    compare(blocks, tape)


if __name__ == "__main__":
    main()
