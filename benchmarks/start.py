"""The first 400 ms of `streamplay say`, from the start of its process to its first sound.

Runs it against a local server whose first byte comes after 300 ms, on the null sink, and prints
a waterfall of medians: the interpreter, what is imported before the request is begun, the
connection, the request, the first byte, the first sound. `--imports` adds what
`python -X importtime` says of everything that is imported, largest first.

    .venv/bin/python -m benchmarks.start [--runs 9] [--imports] [--svg docs/images/start.svg]
    .venv/bin/python -m benchmarks.start --ways [--runs 9]

`--ways` compares what `say` can be asked for besides with `curl | aplay`: see
`benchmarks.start_ways`. Exit status 1 where one of them takes more than 1.15 times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.start_ways import compare, environment_of
from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink

FIRST_BYTE_MS = 300

# The clock of the marks is perf_counter, which is one for all processes on Linux.
PROGRAM = """
import sys, time
marks = {"interpreter": time.perf_counter()}
from importlib.machinery import PathFinder
WATCHED = {"streamplay.cli.say", "asyncio", "streamplay.player", "numpy", "sounddevice", "httpx"}
def watch_device(module):
    whole = module.Session._open
    async def opened(self, *args):
        marks["opening the device"] = time.perf_counter()
        pump = await whole(self, *args)
        marks["device runs"] = time.perf_counter()
        return pump
    module.Session._open = opened
def watch_early(module):
    make = module.EarlyRequest.__init__
    def made(self, *args, **kwargs):
        make(self, *args, **kwargs)
        marks["request begun"] = self.begun
    module.EarlyRequest.__init__ = made
def watch_moments(module):
    fill = module.Moments.__init__
    def filled(self, begun, *args, **kwargs):
        fill(self, begun, *args, **kwargs)
        if begun:
            marks.setdefault("request begun late", begun)
    module.Moments.__init__ = filled
# Changed when they are imported: to import them here would import asyncio before its time.
CHANGED = {
    "streamplay.playback.session": watch_device,
    "streamplay.network.early": watch_early,
    "streamplay.network.body": watch_moments,
}
class Watch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in WATCHED and name not in CHANGED:
            return None
        spec = PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def exec_module(module):
            marks[name + " begins"] = time.perf_counter()
            load(module)
            marks[name + " is there"] = time.perf_counter()
            if name in CHANGED:
                CHANGED[name](module)
        if spec.loader.__class__.__name__ == "SourceFileLoader":
            spec.loader.exec_module = exec_module
        return spec
sys.meta_path.insert(0, Watch)
import io, json
from streamplay.cli import main
kept = sys.stdout
sys.stdout = io.StringIO()
main(["say", *sys.argv[2:], "--base-url", sys.argv[1], "--json"])
receipt = json.loads(sys.stdout.getvalue())
late = marks.pop("request begun late", None)
if "request begun" in marks:
    marks["sent early"] = marks["request begun"]
marks.setdefault("request begun", late)
for name in ("connected", "sent", "headers", "first_byte", "first_audio", "first_sound"):
    value = receipt["ms"][name]
    if value is not None:
        marks[name.replace("_", " ")] = marks["request begun"] + value / 1000
kept.write(json.dumps(marks))
kept.flush()
"""


def run(url: str, environment: dict[str, str]) -> dict[str, float]:
    # perf_counter of this process: both count from the same start.
    begun = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, "Hello."],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: 1000 * (at - begun) for name, at in json.loads(ended.stdout).items()}


def waterfall(runs: list[dict[str, float]]) -> None:
    names = sorted(runs[0], key=lambda name: statistics.median(r.get(name, 1e9) for r in runs))
    before = 0.0
    print(f"{'':<32}{'at, ms':>8}{'range':>14}{'  since the last':>16}")
    for name in names:
        values = [r[name] for r in runs if name in r]
        at = statistics.median(values)
        bar = " " * int(before / 12) + "█" * max(1, int((at - before) / 12))
        spread = f"{min(values):>8.0f}–{max(values):<5.0f}"
        print(f"{name:<32}{at:>8.0f}{spread}{at - before:>10.0f}  {bar}")
        before = at


STYLE = """
.ground { fill: #ffffff } text { fill: #24292f; font: 13px sans-serif } .title { font-weight: bold }
.ours { fill: #2a6f97 } .waits { fill: #b9c3cc } .grid { stroke: #d8dee4 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } text { fill: #e6edf3 }
.ours { fill: #61a5c2 } .waits { fill: #4a525c } .grid { stroke: #30363d } }
"""

# What the picture shows: a span from one mark to another, and whether this process works in it.
SPANS = (
    ("the interpreter starts", None, "interpreter", "ours"),
    ("the command line is read", "interpreter", "request begun", "ours"),
    ("connection, request", "request begun", "sent", "ours"),
    ("asyncio and the player are imported", "asyncio begins", "streamplay.player is there", "ours"),
    ("the device is opened", "opening the device", "device runs", "ours"),
    ("numpy is imported, beside it", "numpy begins", "numpy is there", "ours"),
    ("the server thinks", "sent", "first byte", "waits"),
    ("decoded, and handed to the device", "first byte", "first sound", "ours"),
)


def picture(runs: list[dict[str, float]]) -> str:
    """Return the waterfall as SVG: medians, on a ground of its own, light and dark."""
    at = {name: statistics.median(r[name] for r in runs if name in r) for name in runs[0]}
    left, width, row, top = 270, 470, 26, 44
    scale = width / (at["first sound"] * 1.08)
    height = top + row * len(SPANS) + 56
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 60} {height}" '
            f'width="{left + width + 60}" height="{height}" role="img">'
        ),
        f"<title>From the start of the process to the first sound</title><style>{STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        (
            f'<text class="title" x="12" y="24">Cold start of say: ms from the start of the '
            f"process, medians of {len(runs)} runs, first byte {FIRST_BYTE_MS} ms after the "
            "request</text>"
        ),
        f'<text x="12" y="{height - 8}">{_when()}</text>',
    ]
    foot = top + row * len(SPANS)
    for tick in range(0, int(width / scale) + 1, 50):
        x = left + tick * scale
        parts.append(f'<path class="grid" d="M{x:.1f} {top - 6} V{foot}"/>')
        parts.append(f'<text x="{x:.1f}" y="{foot + 18}" text-anchor="middle">{tick}</text>')
    for number, (name, start, end, kind) in enumerate(SPANS):
        if end not in at or (start is not None and start not in at):
            continue
        begin, y = at[start] if start else 0.0, top + row * number
        long = max(2.0, (at[end] - begin) * scale)
        parts.append(f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{name}</text>')
        parts.append(
            f'<rect class="{kind}" x="{left + begin * scale:.1f}" y="{y + 2}" '
            f'width="{long:.1f}" height="{row - 8}" rx="2"/>'
            f'<text x="{left + begin * scale + long + 6:.1f}" y="{y + 15}">{at[end]:.0f}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _when() -> str:
    """Return when and where it was measured."""
    load = os.getloadavg()[0]
    return f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} processors, load {load:.1f}"


def imports(url: str, environment: dict[str, str]) -> None:
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "streamplay",
        "say",
        "x",
        "--base-url",
        url,
        "-q",
    ]
    told = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stderr
    rows = []
    for line in told.splitlines():
        fields = line.removeprefix("import time:").split("|")
        if len(fields) == 3 and fields[1].strip().isdigit():
            rows.append((int(fields[1]), fields[2].strip()))
    for microseconds, name in sorted(rows, reverse=True)[:30]:
        print(f"{microseconds / 1000:>8.1f} ms  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--imports", action="store_true")
    parser.add_argument("--ways", action="store_true", help="compare what say can be asked for")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the waterfall")
    args = parser.parse_args()
    sink = NullSink()
    sink.start()
    environment = environment_of(sink.environment)
    try:
        with LocalServer(["--first-byte-ms", str(FIRST_BYTE_MS)]) as server:
            if args.ways:
                sys.exit(not compare(server.base_url, environment, args.runs))
            run(server.base_url, environment)
            runs = [run(server.base_url, environment) for _ in range(args.runs)]
            waterfall(runs)
            if args.svg:
                args.svg.write_text(picture(runs), encoding="utf-8")
            if args.imports:
                imports(server.base_url, environment)
    finally:
        sink.close()


if __name__ == "__main__":
    main()
