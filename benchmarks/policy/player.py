"""Compare the real player with what the simulation predicts.

    nice -n -11 .venv/bin/python -m benchmarks.policy.player [--each 4]

The local server delivers traces of every family, and frames in real time with jitter. The player
plays them through PortAudio and the null sink, and keeps its own record of what arrived when. That
record, in virtual time, must give what the receipt tells and what the sink recorded: the wait
within a block and 3 ms, each gap within a block. Both learn as they go, so what they learn must
agree as well. Exit status 1 where they differ on a machine that kept up; `nice -n -11`, where it
is allowed, helps the machine to keep up.

Two things are not predicted, and are given to the simulation as they were. The device asks for
blocks, several at once where it woke up late. And an arrival is in the pump a little after the
moment that is recorded: where a block falls between the two, the ring runs dry for the length of a
block or it does not, and what is gathered from then on depends on which it was.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.policy.families import RATE, family
from streamplay.audio import AudioFormat
from streamplay.outputs.device import NATIVE_LATENCY
from streamplay.playback.playout import FADE_SECONDS
from streamplay.playback.virtual import play_in_blocks
from streamplay.policy.jitter import Auto
from streamplay.policy.learning import PROCESS, Memory, Source
from streamplay.policy.simulate import BLOCK_SECONDS
from streamplay.speech import delivery
from streamplay.trace import Trace, TraceWriter, load
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from numpy.typing import NDArray

    from streamplay.player import Player
    from streamplay.policy.jitter import Policy
    from streamplay.policy.simulate import Played
    from streamplay.receipt import Receipt

WAIT_SECONDS: Final = BLOCK_SECONDS + 0.003
GAP_SECONDS: Final = BLOCK_SECONDS + 8 / RATE
"""A block; and in the recording a few frames at the ends of the fades are rounded to 0."""

KINDS: Final = ("fast", "pauses", "bursts", "near", "slow")

FEEDS: Final = {"call": (480, 1.0), "chunks": (2400, 1.0), "chunks, 1.05": (2400, 1.05)}
"""Frames that come in real time, as they are given to `play`: frames a piece, and the pace."""

LONGEST_SECONDS: Final = 6.0
"""Of audio: shorter texts, so that more of them fit into a minute."""

SILENT_FRAMES: Final = 24
"""So many zeros in a row are a gap: the signal is a ramp that is 0 for a single frame."""

SHORTEST_GAP: Final = FADE_SECONDS + SILENT_FRAMES / RATE
"""A gap that is no longer than this vanishes in the ramp that leads to it."""

LATE_SECONDS: Final = NATIVE_LATENCY
"""A device that asks for nothing for longer than its buffer lasts has run dry, told or not."""

LOOK_SECONDS: Final = 0.0002
"""How often it is looked whether the device has asked for a block."""

SHIFTS: Final = (0.0, -0.0005, 0.0005, -0.001, 0.001, -0.002, 0.002)
"""Seconds by which a block may have been asked for at another time than it was seen. An arrival in
the same moment may have come before it or after: a gap more or less, in a stream at real time."""


@dataclass(frozen=True)
class Heard:
    """One utterance: what the player recorded and told, and what the sink recorded.

    `puts` are the moments when each arrival was in the pump, `blocks` those when the device asked;
    seconds since the request was begun, as in the record.
    """

    record: Trace
    receipt: Receipt
    puts: tuple[float, ...]
    blocks: tuple[float, ...]
    silences: tuple[float, ...]

    @property
    def wait(self) -> float:
        """Seconds from the first audio to the first sound."""
        assert self.receipt.ms.first_sound is not None
        assert self.receipt.ms.first_audio is not None
        return (self.receipt.ms.first_sound - self.receipt.ms.first_audio) / 1000

    @property
    def late(self) -> bool:
        """Whether the device ran dry: it says so, or was not asked for longer than it lasts."""
        longest = max(after - before for before, after in pairwise(self.blocks))
        return self.receipt.device_underflows > 0 or longest > LATE_SECONDS

    @property
    def handling(self) -> tuple[float, ...]:
        """Seconds from each arrival until it was in the pump."""
        pairs = zip(self.puts, self.record.arrivals, strict=True)
        return tuple(put - now for put, (now, _) in pairs)


@dataclass(frozen=True)
class Checked:
    """One utterance as heard, as its record alone foretells it, and with the moments of putting."""

    kind: str
    heard: Heard
    alone: Played
    foretold: Played

    @property
    def faults(self) -> list[str]:
        """Where they differ by more than they may."""
        stalls, silences = self.heard.receipt.stalls, self.heard.silences
        longer = [gap for gap in self.foretold.gaps if gap > SHORTEST_GAP]
        return [
            name
            for name, differs in {
                "wait": abs(self.heard.wait - self.alone.wait) > WAIT_SECONDS,
                "number of gaps": stalls.count != len(self.foretold.gaps),
                "gaps": not self._is_told(self.foretold),
                "number of silences": len(silences) != len(longer),
                "silences": any(
                    abs(silence - gap) > GAP_SECONDS
                    for silence, gap in zip(silences, longer, strict=False)
                ),
            }.items()
            if differs
        ]

    @property
    def follows_from_the_record(self) -> bool:
        """Whether the record alone foretells the gaps, too."""
        return self._is_told(self.alone)

    def _is_told(self, played: Played) -> bool:
        stalls = self.heard.receipt.stalls
        near = abs(stalls.total_ms / 1000 - played.gap) <= GAP_SECONDS * max(1, stalls.count)
        return near and stalls.count == len(played.gaps)


class Noted:
    """A policy that notes when it is asked: the moment in which what has arrived is put."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.on_request, self.on_end = policy.on_request, policy.on_end
        self.moments: list[float] = []

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Note it, and pass it on."""
        self.moments.append(time.perf_counter())
        return self._policy.on_arrival(frames, now, dry=dry)


class Recorded:
    """A policy that is told of each arrival as it was recorded, whenever it is asked."""

    def __init__(self, policy: Policy, record: Trace) -> None:
        self._policy = policy
        self.on_request, self.on_end = policy.on_request, policy.on_end
        self._moments = (now for now, _ in record.arrivals)

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Pass on what was recorded."""
        del now
        return self._policy.on_arrival(frames, next(self._moments), dry=dry)


class Blocks:
    """When a device asks for its blocks, seen from outside: its playout counts them."""

    def __init__(self, player: Player) -> None:
        assert player._core._resources.session.playout is not None
        self._playout = player._core._resources.session.playout
        self.moments: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        block = round(BLOCK_SECONDS * RATE)
        seen = self._playout.rendered
        while not self._over.wait(LOOK_SECONDS):
            whole, now = (self._playout.rendered - seen) // block, time.perf_counter()
            self.moments += [now] * whole
            seen += whole * block


def main() -> int:
    """Run it; 1 where something differs though the device kept up, or where it never did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--each", type=int, default=4, help="utterances of each family")
    parser.add_argument("--gap-weight", type=float, default=20.0)
    args = parser.parse_args()
    traces = [(feed, _feed(feed, number)) for feed in FEEDS for number in range(args.each)]
    traces += [(kind, trace) for kind in KINDS for trace in _short(kind, args.each)]
    sink = NullSink(rate=RATE)
    os.environ.update(sink.environment)
    sink.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            checked = _check(traces, sink, Path(folder), args.gap_weight)
    finally:
        sink.close()
    _print(checked)
    kept_up = [each for each in checked if not each.heard.late]
    return 0 if kept_up and not any(each.faults for each in kept_up) else 1


def _feed(name: str, number: int) -> Trace:
    """Return three seconds in real time, each piece late by up to 15 ms."""
    frames, pace = FEEDS[name]
    draw = random.Random(f"{name} {number}")
    count = 3 * RATE // frames
    due = (0.1 + n * frames / RATE / pace + draw.uniform(0, 0.015) for n in range(count))
    arrivals = tuple((now, frames) for now in sorted(due))
    return Trace("host", "model", "voice", 45, "pcm_s16le", RATE, 1, arrivals, arrivals[-1][0])


def _short(kind: str, count: int) -> list[Trace]:
    every = family(kind, 100 * count, "check")
    short = (trace for trace in every if 1 < trace.frames / RATE < LONGEST_SECONDS)
    return [trace for trace, _ in zip(short, range(count), strict=False)]


def _check(
    traces: Sequence[tuple[str, Trace]], sink: NullSink, folder: Path, gap_weight: float
) -> list[Checked]:
    # PortAudio looks for devices when it is imported: only now is there one.
    from streamplay.player import Player
    from streamplay.server.child import LocalServer

    flags: list[str] = []
    for number, (_, trace) in enumerate(traces):
        flags += ["--replay", _write(folder / f"{number}", trace)]
    memory = Memory()
    PROCESS.clear()
    checked = []
    _note_puts()
    with LocalServer([*flags, "--signal", "count"]) as server:
        player = Player(base_url=server.base_url, api_key="none", gap_weight=gap_weight)
        with player:
            for number, (kind, trace) in enumerate(traces):
                heard = _hear(player, sink, trace, folder / f"heard {number}")
                checked.append(_compare(kind, heard, gap_weight, memory))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return checked


def _note_puts() -> None:
    chosen = vars(delivery)["policy"]

    def noted(*args: Any, **kwargs: Any) -> Noted:
        return Noted(chosen(*args, **kwargs))

    vars(delivery)["policy"] = noted


def _write(path: Path, trace: Trace) -> str:
    writer = TraceWriter(path, force=True)
    audio = AudioFormat(trace.encoding, trace.samplerate, trace.channels)
    writer.begin(base_url="http://host", model="", voice="", chars=trace.characters, audio=audio)
    for now, frames in trace.arrivals:
        writer.arrival(now, frames)
    writer.end(trace.ended, trace.how)
    return str(path)


def _hear(player: Player, sink: NullSink, trace: Trace, name: Path) -> Heard:
    text = ("word " * trace.characters)[: trace.characters - 1] + "."
    with Blocks(player) as blocks, sink.record() as recording:
        speech = player.say(text, record=name)
        receipt = speech.wait()
    begun = speech._state.account.begun
    assert begun is not None
    assert speech._state.track is not None
    assert isinstance(speech._state.track.policy, Noted)
    return Heard(
        load(name),
        receipt,
        tuple(moment - begun for moment in speech._state.track.policy.moments),
        tuple(moment - begun for moment in blocks.moments),
        _silences(recording.played[:, 0]),
    )


def _compare(kind: str, heard: Heard, gap_weight: float, memory: Memory) -> Checked:
    record = heard.record
    source = Source(record.host, record.model, record.voice)
    counts = (frames for _, frames in record.arrivals)
    put = replace(record, arrivals=tuple(zip(heard.puts, counts, strict=True)))

    def foretell(trace: Trace, shift: float) -> Played:
        told = Recorded(Auto(RATE, gap_weight, deepcopy(memory), source), record)
        return play_in_blocks(trace, told, blocks=[moment + shift for moment in heard.blocks])

    alone = foretell(record, 0.0)
    checks = [Checked(kind, heard, alone, foretell(put, shift)) for shift in SHIFTS]
    play_in_blocks(record, Auto(RATE, gap_weight, memory, source), blocks=heard.blocks)  # learns
    return min(checks, key=lambda check: len(check.faults))


def _silences(samples: NDArray[np.int16]) -> tuple[float, ...]:
    """Return how long each gap was: zeros in a row, and the ramp that leads to them."""
    sounding = np.flatnonzero(samples)
    zeros = np.diff(sounding) - 1
    return tuple(float(n) / RATE + FADE_SECONDS for n in zeros[zeros >= SILENT_FRAMES])


def _print(checked: Sequence[Checked]) -> None:
    print("| family | wait: foretold, heard ms | gaps: foretold, told, recorded ms | differs |")
    print("| --- | --- | --- | --- |")
    for each in checked:
        print(_row(each))
    kept_up = [each for each in checked if not each.heard.late]
    agree = sum(not each.faults for each in kept_up)
    alone = sum(each.follows_from_the_record for each in kept_up)
    print(f"\n{agree} of {len(kept_up)} agree, {alone} by the record alone;", end=" ")
    print(f"the device ran dry in {len(checked) - len(kept_up)} more, which are not counted")
    handling = 1000 * np.array([each for one in checked for each in one.heard.handling])
    p50, p99, most = np.quantile(handling, [0.5, 0.99, 1])
    print(f"from an arrival until it is in the pump: p50 {p50:.2f}, p99 {p99:.2f}, ", end="")
    print(f"max {most:.2f} ms, of {len(handling)}")


def _row(each: Checked) -> str:
    wait = f"{1000 * each.alone.wait:.1f}, {1000 * each.heard.wait:.1f}"
    told, silences = each.heard.receipt.stalls, each.heard.silences
    gaps = ", ".join(
        f"{total:.1f} ({count})"
        for total, count in (
            (1000 * each.foretold.gap, len(each.foretold.gaps)),
            (told.total_ms, told.count),
            (1000 * sum(silences), len(silences)),
        )
    )
    late = "; the device ran dry" if each.heard.late else ""
    return f"| {each.kind} | {wait} | {gaps} | {', '.join(each.faults) or '-'}{late} |"


if __name__ == "__main__":
    sys.exit(main())
