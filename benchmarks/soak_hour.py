"""An hour of audio from a server faster than real time: how much memory it takes.

Three times the same hour, each in a process of its own, beside what the idle player took:

- ``played``: heard by a silent clock, a hundred times as fast as a device;
- ``kept``: not played, written to a file;
- ``waiting``: at real time for a bounded while, so that the queue behind the ring fills and
  reading stops, as it does in front of a real device.

The bound is the queue's own 64 MB, and 20 MB besides. Exit status 1 where it is passed.

    .venv/bin/python -m benchmarks.soak_hour [played kept waiting] [--seconds 3600] [--hold 30]
        [--samples]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from streamplay import Player
from streamplay.outputs import opening
from streamplay.outputs.silent import SilentOutput
from streamplay.playback.queue import QUEUE_BYTES
from streamplay.server.child import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.speech.utterance import Utterance

MIB = 1 << 20
BOUND = QUEUE_BYTES + 20 * MIB
RATE = 24000


def resident() -> int:
    """Return the bytes of this process that are in memory (Linux: proc_pid_statm(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


class Watch:
    """Looks at the memory four times a second."""

    def __init__(self, *, talk: bool) -> None:
        self.idle = resident()
        self.most = 0
        self._talk = talk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.25):
            more = resident() - self.idle
            self.most = max(self.most, more)
            if self._talk:
                print(f"  {time.monotonic() - self._begun:6.1f} s {more / MIB:+7.1f} MB")


def simulate(speed: float) -> None:
    """Have a silent clock stand for the card; blocks are long where it is fast."""

    def open_output(samplerate: int, channels: int, **_: Any) -> SilentOutput:
        blocksize = round(0.005 * samplerate * max(1.0, speed / 4))
        return SilentOutput(samplerate, channels, speed=speed, blocksize=blocksize)

    opening.open_output = open_output


def hour(seconds: float) -> dict[str, Any]:
    return {"extra_params": {"scenario": {"signal": "tone", "seconds": seconds}}}


@contextmanager
def measured(name: str, player: Player, args: argparse.Namespace) -> Iterator[Watch]:
    player.say("warm", extra=hour(1)).wait(60)
    begun = time.monotonic()
    with Watch(talk=args.samples) as watch:
        yield watch
    print(
        f"{name:8} idle {watch.idle / MIB:6.1f} MB, at most {watch.most / MIB:+6.1f} MB "
        f"(bound {BOUND / MIB:+.1f}), {time.monotonic() - begun:.1f} s",
        flush=True,
    )


def whole(name: str, player: Player, args: argparse.Namespace, **kept: Any) -> int:
    with player, measured(name, player, args) as watch:
        receipt = player.say(name, extra=hour(args.seconds), **kept).wait(600)
        assert receipt.complete
        assert receipt.frames.received == receipt.frames.played + receipt.frames.unplayed
        assert receipt.frames.received == round(args.seconds * RATE)
    return watch.most


def waiting(player: Player, args: argparse.Namespace) -> int:
    """Play at real time until the queue is full and reading has stopped, and some while longer."""
    with measured("waiting", player, args) as watch:
        speech = player.say("waiting", extra=hour(args.seconds))
        until = time.monotonic() + args.hold
        while time.monotonic() < until and not speech.done:
            time.sleep(0.1)
        ahead = ahead_bytes(speech)
        player.interrupt()
        receipt = speech.wait(60)
    player.close()
    print(f"{'':8} {ahead / MIB:.1f} MB of samples were ahead, {receipt.frames.flushed} flushed")
    return watch.most


def ahead_bytes(speech: Utterance) -> int:
    frames = speech.receipt.frames
    return 4 * (frames.received - frames.played)


def run(name: str, args: argparse.Namespace) -> int:
    """Run one of them here; return the most memory that it took."""
    with LocalServer() as server, tempfile.TemporaryDirectory() as folder:
        simulate(100 if name == "played" else 1)
        player = Player(base_url=server.base_url, play=name != "kept")
        if name == "waiting":
            return waiting(player, args)
        kept = {"output": Path(folder) / "hour.wav"} if name == "kept" else {}
        return whole(name, player, args, **kept)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="*", default=["played", "kept", "waiting"], metavar="RUN")
    parser.add_argument("--seconds", type=float, default=3600, help="of audio")
    parser.add_argument("--hold", type=float, default=30, help="seconds at real time")
    parser.add_argument("--samples", action="store_true", help="print every look")
    args = parser.parse_args()
    if len(args.runs) == 1:
        return int(run(args.runs[0], args) > BOUND)
    # What one of them freed and the allocator kept is not to hide what the next one takes.
    rest = [each for each in sys.argv[1:] if each not in args.runs]
    commands = [[sys.executable, "-m", "benchmarks.soak_hour", name, *rest] for name in args.runs]
    return max(subprocess.run(command, check=False).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main())
