"""Count what PulseAudio and PipeWire lose of a counted signal, run by run.

Each run is a `say` in a process of its own: 3 s of a signal in which every frame tells its place,
sent at once, over a private server's null sink, whose monitor is recorded. `paplay` plays the same
signal for comparison: what `paplay` loses is not streamplay's fault. Printed: the median (range)
of each run's milliseconds and breaks.

    .venv/bin/python -m benchmarks.audio_servers
        [--runs 10] [--latency 0.02] [--plugin FILE.so] [--ordinary]

`--plugin` names PipeWire's own ALSA plugin (`libasound_module_pcm_pipewire.so`, Debian's
pipewire-alsa, which cannot be installed beside pulseaudio: unpack it with `dpkg -x`). PipeWire asks
for real-time priority, as it does when it is installed, but for `--ordinary`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from contextlib import closing

from benchmarks.comparison.ear import RATE, Ear, judge
from benchmarks.comparison.pipewire import PipeWire
from streamplay.server.child import LocalServer
from streamplay.server.known_signals import count
from tests.support.nullsink import NullSink

SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--latency", default="0.02")
    parser.add_argument("--plugin", default="")
    parser.add_argument("--ordinary", action="store_true", help="no real-time priority")
    args = parser.parse_args()
    when = time.strftime("%Y-%m-%d %H:%M")
    print(f"{when}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with LocalServer(["--signal", "count", "--seconds", str(SECONDS)]) as server:
        with closing(NullSink(rate=RATE)) as sink:
            sink.start()
            tell("PulseAudio, pulse plugin", args, sink.environment, server.base_url)
            tell("PulseAudio, paplay", args, sink.environment)
        with PipeWire(realtime=not args.ordinary) as pipewire:
            tell("PipeWire, pulse plugin", args, pipewire.environment, server.base_url)
            tell("PipeWire, paplay", args, pipewire.environment)
        if args.plugin:
            with PipeWire(args.plugin, realtime=not args.ordinary) as pipewire:
                tell("PipeWire, its own plugin", args, pipewire.environment, server.base_url)


def tell(name: str, args: argparse.Namespace, environment: dict[str, str], url: str = "") -> None:
    player = say(url, args.latency) if url else PAPLAY
    runs = [once(environment, player) for _ in range(args.runs)]
    whole = sum(not run["breaks"] and not run["head"] and not run["tail"] for run in runs)
    told = [f"{fact} {spread([run[fact] for run in runs])}" for fact in runs[0]]
    print(f"{name}: {whole} of {len(runs)} bit for bit; {', '.join(told)}", flush=True)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def say(url: str, latency: str) -> list[str]:
    return [
        *(sys.executable, "-m", "streamplay", "say", "x"),
        *("--base-url", url, "-q", "--latency", latency),
    ]


PAPLAY = ["paplay", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency=4800"]
"""100 ms, by the server's own client: what that loses is the server's, or the recorder's."""


def once(environment: dict[str, str], player: list[str]) -> dict[str, float]:
    ear = Ear(environment)
    signal = count(0, round(SECONDS * RATE)).tobytes() if player is PAPLAY else b""
    subprocess.run(player, env=os.environ | environment, input=signal, check=True)
    time.sleep(0.5)
    return judge(ear.close(), round(SECONDS * RATE))


if __name__ == "__main__":
    main()
