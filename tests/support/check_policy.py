"""Does the real player do what the simulation foretells? See scripts/policy-check.

The local server delivers traces of every family, the player hears them through PortAudio and the
null sink, and keeps its own record of what arrived and when. That record, in virtual time, must
give what the receipt tells and what the sink recorded: the wait within a block and 3 ms, each gap
within a block. Both learn as they go, so that what they learn must agree as well.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from streamplay.audio import AudioFormat
from streamplay.policy.jitter import Auto
from streamplay.policy.learning import PROCESS, Memory, Source
from streamplay.policy.simulate import BLOCK_SECONDS, Played, play_in_blocks
from streamplay.sound.playout import FADE_SECONDS
from streamplay.trace import Trace, TraceWriter, load
from tests.support.families import RATE, family
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamplay.player import Player
    from streamplay.receipt import Receipt
    from tests.support.nullsink import Recording

WAIT_SECONDS: Final = BLOCK_SECONDS + 0.003
GAP_SECONDS: Final = BLOCK_SECONDS + 1 / RATE

KINDS: Final = ("fast", "pauses", "bursts", "near", "slow")

LONGEST_SECONDS: Final = 6.0
"""Of audio: shorter texts, so that more of them fit into a minute."""

SILENT_FRAMES: Final = 24
"""So many zeros in a row are a gap: the signal is a ramp that is 0 for a single frame."""


@dataclass(frozen=True)
class Checked:
    """One utterance: as foretold, as the receipt tells it, and as it was recorded."""

    kind: str
    foretold: Played
    wait: float
    gaps: float
    count: int
    recorded: tuple[float, ...]
    underflows: int

    @property
    def faults(self) -> list[str]:
        """Where they differ by more than they may."""
        found = []
        if abs(self.wait - self.foretold.wait) > WAIT_SECONDS:
            found.append("wait")
        if self.count != len(self.foretold.gaps):
            found.append("number of gaps")
        elif abs(self.gaps - self.foretold.gap) > GAP_SECONDS * max(1, self.count):
            found.append("gaps")
        if len(self.recorded) == len(self.foretold.gaps):
            pairs = zip(self.recorded, self.foretold.gaps, strict=True)
            if any(abs(heard - gap) > GAP_SECONDS for heard, gap in pairs):
                found.append("recorded gaps")
        elif len(self.recorded) != sum(gap > FADE_SECONDS for gap in self.foretold.gaps):
            found.append("number of recorded gaps")  # shorter ones vanish in the ramp
        return found


def main() -> int:
    """Run it; 1 where something differs on a machine that kept up."""
    parser = argparse.ArgumentParser(prog="scripts/policy-check", description=__doc__)
    parser.add_argument("--each", type=int, default=4, help="utterances of each family")
    parser.add_argument("--gap-weight", type=float, default=20.0)
    args = parser.parse_args()
    traces = [(kind, trace) for kind in KINDS for trace in _short(kind, args.each)]
    sink = NullSink(rate=RATE)
    os.environ.update(sink.environment)
    sink.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            checked = _check(traces, sink, Path(folder), args.gap_weight)
    finally:
        sink.close()
    print("| family | wait: foretold, heard ms | gaps: foretold, told, recorded ms | differs |")
    print("| --- | --- | --- | --- |")
    for each in checked:
        print(_row(each))
    wrong = [each for each in checked if each.faults and not each.underflows]
    print(f"{len(checked) - len(wrong)} of {len(checked)} agree")
    return 1 if wrong else 0


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
    with LocalServer([*flags, "--signal", "count"]) as server:
        player = Player(base_url=server.base_url, api_key="none", gap_weight=gap_weight)
        with player:
            for number, (kind, trace) in enumerate(traces):
                name = folder / f"heard {number}"
                receipt, recording = _hear(player, sink, trace, name)
                own = load(name)
                source = Source(own.host, own.model, own.voice)
                assert receipt.ms.first_sound is not None
                began = receipt.ms.first_sound / 1000  # where the device's blocks fell
                auto = Auto(RATE, gap_weight, memory, source)
                foretold = play_in_blocks(own, auto, phase=began)
                checked.append(_compare(kind, foretold, receipt, recording))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return checked


def _write(path: Path, trace: Trace) -> str:
    writer = TraceWriter(path)
    audio = AudioFormat(trace.encoding, trace.samplerate, trace.channels)
    writer.begin(base_url="http://host", model="", voice="", chars=trace.characters, audio=audio)
    for now, frames in trace.arrivals:
        writer.arrival(now, frames)
    writer.end(trace.ended, trace.how)
    return str(path)


def _hear(player: Player, sink: NullSink, trace: Trace, name: Path) -> tuple[Receipt, Recording]:
    text = ("word " * trace.characters)[: trace.characters - 1] + "."
    with sink.record() as recording:
        receipt = player.say(text, record=name).wait()
    return receipt, recording


def _compare(kind: str, foretold: Played, receipt: Receipt, recording: Recording) -> Checked:
    assert receipt.ms.first_sound is not None
    assert receipt.ms.first_audio is not None
    return Checked(
        kind,
        foretold,
        (receipt.ms.first_sound - receipt.ms.first_audio) / 1000,
        receipt.stalls.total_ms / 1000,
        receipt.stalls.count,
        _silences(recording.played[:, 0]),
        receipt.device_underflows,
    )


def _silences(samples: NDArray[np.int16]) -> tuple[float, ...]:
    """Return how long each gap was: zeros in a row, and the ramp that leads to them."""
    sounding = np.flatnonzero(samples)
    zeros = np.diff(sounding) - 1
    return tuple(float(n) / RATE + FADE_SECONDS for n in zeros[zeros >= SILENT_FRAMES])


def _row(each: Checked) -> str:
    wait = f"{1000 * each.foretold.wait:.1f}, {1000 * each.wait:.1f}"
    foretold, told = (
        f"{1000 * total:.1f} ({count})"
        for total, count in ((each.foretold.gap, len(each.foretold.gaps)), (each.gaps, each.count))
    )
    recorded = f"{1000 * sum(each.recorded):.1f} ({len(each.recorded)})"
    underflows = f"; {each.underflows} device underflows" if each.underflows else ""
    differs = (", ".join(each.faults) or "-") + underflows
    return f"| {each.kind} | {wait} | {foretold}, {told}, {recorded} | {differs} |"


if __name__ == "__main__":
    sys.exit(main())
