"""Audio lost while Python is busy: the native engine, the Python one, and a bare C callback.

For each load and each engine one process plays a counted ramp over the null sink at 20 ms
latency, and the sink's monitor records it: each recorded frame tells its place in the ramp,
so that lost and inserted frames are counted from what was really played. The bare C
callback hands out the same ramp from memory; what it loses is the machine's own share.

    .venv/bin/python -m benchmarks.gil [--seconds 60] [--loads sort,json] [--engines native,bare]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.comparison.players.loads import LOADS, put_under
from streamplay.server.child import LocalServer
from streamplay.server.known_signals import COUNT_PERIOD as PERIOD
from streamplay.server.known_signals import count
from tests.support.nullsink import NullSink

RATE = 24000
LATENCY = 0.02

BARE = """
#include <string.h>
static const float *ramp; static long frames, at, underflows;
void begin(const float *r, long n) { ramp = r; frames = n; at = 0; underflows = 0; }
long missed(void) { return underflows; }
long reached(void) { return at; }
int callback(const void *in, void *out, unsigned long n, const void *t, unsigned long flags,
             void *u) {
    (void)in; (void)t; (void)u;
    long left = frames - at, take = (long)n < left ? (long)n : left;
    if ((flags & 4) && at > 0 && left > 0) underflows++;
    memcpy(out, ramp + at, take * sizeof(float));
    memset((float *)out + take, 0, (n - take) * sizeof(float));
    at += take;
    return 0;
}
"""

# --- one process each ------------------------------------------------------------------------


def play(engine: Any, load: str, base_url: str) -> dict[str, object]:
    import streamplay

    player = streamplay.Player(base_url=base_url, engine=engine, latency=LATENCY)
    utterance = player.say("ramp")
    while utterance.receipt.ms.first_sound is None:
        time.sleep(0.01)
    put_under(load)
    receipt = utterance.wait()
    return {
        "underflows": receipt.device_underflows,
        "stalls": receipt.stalls.count,
        "stall_ms": receipt.stalls.total_ms,
        "engine": receipt.output.engine,
    }


def bare(load: str, seconds: float, library: str) -> dict[str, object]:
    import sounddevice as sd

    loaded = ctypes.CDLL(library)
    ramp = (count(0, round(seconds * RATE)) / np.float32(32768)).astype(np.float32)
    loaded.begin(ctypes.c_void_p(ramp.ctypes.data), ctypes.c_long(len(ramp)))
    stream = sd._StreamBase(
        kind="output", samplerate=RATE, channels=1, dtype="float32", latency=LATENCY, blocksize=0,
        wrap_callback=None, callback=ctypes.cast(loaded.callback, ctypes.c_void_p).value,
        clip_off=True, dither_off=True,
    )  # fmt: skip
    stream.start()
    time.sleep(0.1)
    put_under(load)
    while loaded.reached() < len(ramp):
        time.sleep(0.05)
    time.sleep(0.2)
    stream.close()
    return {"underflows": int(loaded.missed()), "stalls": 0, "stall_ms": 0.0, "engine": "bare C"}


def judge(recorded: np.ndarray, frames: int) -> dict[str, int]:
    """Count what was lost and inserted, by each recorded frame's place in the ramp."""
    place = {int(value): index for index, value in enumerate(count(0, PERIOD))}
    lost = inserted = breaks = 0
    expected = 0
    for value in recorded.tolist():
        if value == expected_value(expected):
            expected += 1
            continue
        here = place.get(value)
        ahead = None if here is None else (here - expected) % PERIOD
        if ahead is None or ahead > PERIOD // 2 or value == 0:
            inserted += 1  # silence, or a fade's frame
            continue
        lost, breaks, expected = lost + ahead, breaks + 1, expected + ahead + 1
    return {"lost": lost + max(0, frames - expected), "inserted": inserted, "breaks": breaks}


_RAMP: list[int] = count(0, PERIOD).tolist()


def expected_value(frame: int) -> int:
    return _RAMP[frame % PERIOD]


# --- the table -------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--loads", default=",".join(LOADS))
    parser.add_argument("--engines", default="native,python,bare")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        engine, load, base_url, library = args.child
        facts = (
            bare(load, args.seconds, library) if engine == "bare" else play(engine, load, base_url)
        )
        print(json.dumps(facts), flush=True)
        os._exit(0)  # the load's threads never end
    print(f"{args.seconds:g} s each, {LATENCY * 1000:g} ms latency, {os.cpu_count()} processors")
    print(
        f"{'load':<8} {'engine':<7} {'lost':>7} {'inserted':>8} {'breaks':>6} "
        f"{'underflows':>10} {'stalls':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        run(args, Path(folder))


def run(args: argparse.Namespace, folder: Path) -> None:
    (folder / "bare.c").write_text(BARE)
    library = str(folder / "bare.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, folder / "bare.c"], check=True)
    sink = NullSink(rate=RATE)
    sink.start()
    frames = round(args.seconds * RATE)
    try:
        with LocalServer(["--signal", "count", "--seconds", str(args.seconds)]) as server:
            for load in args.loads.split(","):
                for engine in args.engines.split(","):
                    measure(args, sink, engine, load, server.base_url, library, frames)
    finally:
        sink.close()


def measure(  # noqa: PLR0917 - a row of the table, and where it is measured
    args: argparse.Namespace,
    sink: NullSink,
    engine: str,
    load: str,
    base_url: str,
    library: str,
    frames: int,
) -> None:
    command = [sys.executable, "-m", "benchmarks.gil", "--seconds", str(args.seconds)]
    with sink.record() as recording:
        ran = subprocess.run(
            [*command, "--child", engine, load, base_url, library],
            env=os.environ | sink.environment, capture_output=True, text=True, check=True,
            timeout=args.seconds * 3 + 60,
        )  # fmt: skip
    facts = json.loads(ran.stdout)
    heard = judge(recording.played[:, 0], frames)
    print(
        f"{load:<8} {engine:<7} {heard['lost']:>7} {heard['inserted']:>8} {heard['breaks']:>6} "
        f"{facts['underflows']:>10} {facts['stalls']:>6}",
        flush=True,
    )


if __name__ == "__main__":
    main()
