"""The engine in the long run: streams, interruptions, cycles, and the clock of what is heard.

.venv/bin/python -m benchmarks.soak KIND [--engine ENGINE], where KIND is

streams    [--count 1000]   every frame once, in order, both engines
sink       [--count 500]    the same through the null sink
handover   [--count 200]    warm: from the first decoded frame to the device
cycles     [--count 10000]  threads, descriptors, memory after play and cancel
hour                        position over an hour of virtual time
clock      [--seconds 600]  position in real time, over the null sink
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Unpack
from unittest import mock

import numpy as np

import streamplay
from streamplay.outputs.silent import SilentOutput
from streamplay.playback import native
from streamplay.playback.playclock import PlayClock
from streamplay.playback.playout import Playout
from streamplay.server.child import LocalServer
from streamplay.server.known_signals import count

if TYPE_CHECKING:
    from streamplay.options import PlayerOptions

RATE = 24000
ENGINES: Final[tuple[Literal["native", "python"], ...]] = ("native", "python")


class Ear:
    """Listens at a silent clock of a certain speed."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.blocks: list[np.ndarray] = []
        self.rendered = 0

    def open(self, samplerate: int, channels: int, **_: object) -> SilentOutput:
        return SilentOutput(samplerate, channels, speed=self.speed, tap=self.hear)

    def hear(self, block: memoryview[float]) -> None:
        self.blocks.append(np.array(block, np.float32))
        self.rendered += len(block)

    def take(self) -> np.ndarray:
        blocks, self.blocks = self.blocks, []
        return np.concatenate(blocks) if blocks else np.empty(0, np.float32)

    def player(self, **options: Unpack[PlayerOptions]) -> streamplay.Player:
        with mock.patch("streamplay.outputs.opening.open_output", self.open):
            return streamplay.Player(**options)


def between_silence(samples: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(samples)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def ramp(frames: int) -> np.ndarray:
    return count(0, frames).astype(np.float32) / np.float32(32768)


# --- streams ---------------------------------------------------------------------------------


def streams(args: argparse.Namespace) -> bool:
    good = True
    seconds = 0.5
    sent = between_silence(ramp(round(seconds * RATE)))
    flags = ["--signal", "count", "--seconds", str(seconds), "--split", "random"]
    with LocalServer([*flags, "--chunk-ms", "37"]) as server:
        for engine in args.engine:
            ear = Ear(speed=20)
            right = 0
            # Whole before it starts: at twenty times real time the server may well be the slower.
            with ear.player(base_url=server.base_url, engine=engine, prebuffer=1500) as player:
                for _ in range(args.count):
                    receipt = player.say("ramp").wait(timeout=60)
                    right += np.array_equal(between_silence(ear.take()), sent)
                    assert receipt.frames.played == receipt.frames.received
            good &= right == args.count
            print(f"{engine:<7} {right} of {args.count} streams whole and in order", flush=True)
    return good


BATCH: Final = 25
"""Streams in one recording: what the recorder takes to begin and to end is shared."""


def sink(args: argparse.Namespace) -> bool:
    from tests.support.nullsink import NullSink

    good = True
    null = NullSink()
    os.environ.update(null.environment)
    null.start()
    seconds = 0.2
    sent = count(0, round(seconds * RATE))
    try:
        with LocalServer(
            ["--signal", "count", "--seconds", str(seconds), "--split", "odd"]
        ) as server:
            for engine in args.engine:
                right = late = every = 0
                # Room for a busy machine: what is counted is frames, not scheduling.
                with streamplay.Player(
                    base_url=server.base_url, engine=engine, latency=0.1
                ) as player:
                    while every < args.count:
                        number = min(BATCH, args.count - every)
                        before = null.fed_again
                        with null.record() as recording:
                            said = [player.say("ramp") for _ in range(number)]
                            receipts = [each.wait(timeout=60) for each in said]
                        found = whole_streams(recording.played[:, 0], sent)
                        every += number
                        right += min(found, number)
                        dry = any(each.device_underflows for each in receipts)
                        if found < number and (dry or null.fed_again > before + 1):
                            late += number - found
                good &= right + late == args.count
                print(
                    f"{engine:<7} {right} of {args.count} streams bit for bit "
                    f"({late} in recordings with underflows)",
                    flush=True,
                )
    finally:
        null.close()
    return good


def whole_streams(played: np.ndarray, sent: np.ndarray) -> int:
    """Return how many times `sent` stands in a recording, whole; silence is only between."""
    starts = np.flatnonzero(played == sent[0])
    return sum(np.array_equal(played[start : start + len(sent)], sent) for start in starts)


def handover(args: argparse.Namespace) -> bool:
    from tests.support.nullsink import NullSink

    null = NullSink()
    os.environ.update(null.environment)
    null.start()
    good = True
    try:
        with LocalServer(["--signal", "tone", "--seconds", "0.05"]) as server:
            for engine in ENGINES:
                with streamplay.Player(base_url=server.base_url, engine=engine) as player:
                    waits = []
                    for _ in range(args.count):
                        moments = player.say("tone").wait(timeout=60).ms
                        assert moments.first_sound is not None
                        assert moments.first_audio is not None
                        waits.append(moments.first_sound - moments.first_audio)
                    block = 1000 * block_of(player) / RATE
                low, middle, high = np.percentile(waits, [5, 50, 95])
                good &= middle <= block + 3
                print(
                    f"{engine:<7} {args.count} warm: first decoded frame → handed over "
                    f"p5 {low:.1f} p50 {middle:.1f} p95 {high:.1f} ms (a block: {block:.1f} ms)",
                    flush=True,
                )
    finally:
        null.close()
    return good


def block_of(player: streamplay.Player) -> int:
    """Frames in one block: what the output has just asked for."""
    pump = player._core._resources.session.pump
    assert pump is not None
    before = pump.playout.rendered
    sizes: list[int] = []
    while len(sizes) < 20:
        now = pump.playout.rendered
        if now != before:
            sizes.append(now - before)
            before = now
        time.sleep(0.0005)
    return int(statistics.median(sizes))


# --- cycles ----------------------------------------------------------------------------------


def held() -> tuple[int, int, float]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    megabytes = pages * resource.getpagesize() / 1e6
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir())), megabytes


def cycles(args: argparse.Namespace) -> bool:
    with LocalServer(["--signal", "tone", "--seconds", "5", "--pace", "20"]) as server:
        ear = Ear(speed=4)
        ear.hear = lambda _: None  # type: ignore[method-assign, assignment]
        with ear.player(base_url=server.base_url) as player:
            told = []
            for cycle in range(args.count + 1):
                if cycle % max(1, args.count // 10) == 0:
                    told.append(held())
                    print(
                        "cycle {:>6}: {} threads, {} descriptors, {:.1f} MB".format(
                            cycle, *told[-1]
                        )
                    )
                utterance = player.say("tone")
                while not utterance.done and utterance.receipt.ms.first_sound is None:
                    time.sleep(0.0005)
                utterance.cancel()
                utterance.wait(timeout=10)
    first, last = told[1], told[-1]
    return last[0] <= first[0] and last[1] <= first[1] + 2 and last[2] < first[2] + 10


# --- the clock -------------------------------------------------------------------------------


def hour(args: argparse.Namespace) -> bool:
    """Blocks of 120 frames, a DAC delay that wanders, and an underflow now and then."""
    del args
    good = True
    for make in (native.NativePlayout, Playout):
        playout = make(RATE, 1, RATE * 2)
        clock, worst = PlayClock(RATE), 0
        dice = random.Random(1)
        block = memoryview(bytearray(480)).cast("f")
        chunk = np.full((RATE, 1), 0.1, np.float32)
        now, missed = 0.0, 0.0
        for index in range(3600 * RATE // 120):
            if playout.written - playout.position < RATE:
                playout.write_frames(chunk)
            if dice.random() < 1e-4:
                missed += 0.05  # an underflow: the device goes on without us
            now = index * 120 / RATE + missed
            playout.render(block, now, delay=0.02)
            clock.add_notes(playout.journal.read_notes())
            truth = max(0, index * 120 - round(0.02 * RATE))
            if index % 50 == 0 and index > 10:
                worst = max(worst, abs(clock.position(now) - truth))
        after = 120 + round(
            0.05 * RATE
        )  # where it has just underflowed, the old period is still heard
        good &= worst <= after
        print(
            f"{playout.engine:<7} an hour, {missed / 0.05:.0f} underflows: "
            f"worst {worst} frames of {after}"
        )
    return good


def clock(args: argparse.Namespace) -> bool:
    from tests.support.nullsink import NullSink

    null = NullSink()
    os.environ.update(null.environment)
    null.start()
    try:
        with (
            LocalServer(["--signal", "count", "--seconds", str(args.seconds)]) as server,
            streamplay.Player(base_url=server.base_url) as player,
        ):
            utterance = player.say("ramp")
            while utterance.position == 0:
                time.sleep(0.001)
            return follow(utterance, round(args.seconds * RATE))
    finally:
        null.close()


def follow(utterance: streamplay.Utterance, frames: int) -> bool:
    """Compare the position with the time that has passed; the sink's clock is the system's."""
    begun, first = time.perf_counter(), utterance.position
    off, before, back = [], 0, 0
    memory = held()[2]
    while not utterance.done and utterance.position < frames - RATE:
        time.sleep(0.1)
        now, position = time.perf_counter(), utterance.position
        off.append(position - first - (now - begun) * RATE)
        back += position < before
        before = position
    receipt = utterance.receipt
    third = len(off) // 3
    drift = statistics.median(off[-third:]) - statistics.median(off[:third])
    print(
        f"{len(off)} looks over {before / RATE:.0f} s: went back {back} times, off by median "
        f"{statistics.median(off):.0f}, min {min(off):.0f}, max {max(off):.0f} frames; "
        f"drift {drift:.0f} frames; {receipt.device_underflows} underflows; "
        f"memory {memory:.0f} → {held()[2]:.0f} MB"
    )
    return back == 0


KINDS = {"streams": (streams, 1000), "sink": (sink, 500)} | {
    "handover": (handover, 200),
    "cycles": (cycles, 10000),
    "hour": (hour, 0),
    "clock": (clock, 0),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int)
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--seconds", type=float, default=600)
    args = parser.parse_args()
    run, usual = KINDS[args.kind]
    args.count = args.count or usual
    sys.exit(not run(args))


if __name__ == "__main__":
    main()
