"""Processor time while speech is played in real time, and while nothing is.

    .venv/bin/python -m benchmarks.playing [--seconds 8] [--rounds 5]

Each program is a process of its own before the same local server and the same null sink, in turn,
at 50 ms latency. The server sends at the pace of speech; process time is taken over `--seconds` of
steady sound, from two seconds after the first.

- `streamplay`: a `Player` that says one thing.
- `plain`: the plainest loop that plays a stream: httpx-sse, json, base64, numpy and a sounddevice
  callback in Python.
- `idle`: a `Player` that has spoken and waits, its device open; and of that, our own threads.
- `stream`: a PortAudio stream with a C callback that fills in silence, and nothing else.

Exit status 1 where streamplay takes more than 1.2 times the plain loop (median of the rounds),
where its own threads take 0.05 % of a processor while idle, or where it takes more idle than the
bare stream and the spread of that.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.machine import Machine
from streamplay.server.child import LocalServer
from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from collections.abc import Callable

RATE: Final = 24000
LATENCY: Final = 0.05
SETTLED: Final = 2.0
"""Seconds of sound before the measurement: imports, connection and warm-up are over."""

LIMIT: Final = 1.2
OWN_IDLE: Final = 0.0005
TEXT: Final = "hello"


def scenario(seconds: float) -> dict[str, Any]:
    """Return what asks the server for so much sound at the pace of speech."""
    return {"scenario": {"signal": "count", "seconds": seconds + 2 * SETTLED, "pace": 1.0}}


# --- one process each ------------------------------------------------------------------------


def measured(seconds: float) -> dict[str, float]:
    """Return the shares of a processor that this process, and its other threads, take now."""
    before, others = time.process_time(), own_threads()
    begun = time.perf_counter()
    time.sleep(seconds)
    taken = time.perf_counter() - begun
    own = own_threads() - others
    return {"process": (time.process_time() - before) / taken, "own": own / taken}


def own_threads() -> float:
    """Return the processor time of the threads that Python has begun: PortAudio's are not."""
    threads = [Path(f"/proc/self/task/{thread.native_id}") for thread in threading.enumerate()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def streamplay(url: str, seconds: float) -> dict[str, float]:
    import streamplay

    with streamplay.Player(base_url=url, latency=LATENCY) as player:
        speech = player.say(TEXT, extra={"extra_params": scenario(seconds)})
        while not speech.receipt.frames.played:
            time.sleep(0.01)
        time.sleep(SETTLED)
        told = measured(seconds)
        speech.cancel()
        receipt = speech.wait()
    assert receipt.output.engine == "native"
    assert receipt.frames.played >= seconds * RATE
    return told


def idle(url: str, seconds: float) -> dict[str, float]:
    import streamplay

    with streamplay.Player(base_url=url, latency=LATENCY) as player:
        player.say(TEXT, extra={"extra_params": {"scenario": {"seconds": 0.3}}}).wait()
        time.sleep(SETTLED)
        return measured(seconds)


def plain(url: str, seconds: float) -> dict[str, float]:
    import httpx
    import numpy as np
    import sounddevice as sd
    from httpx_sse import EventSource

    waiting: deque[Any] = deque()
    sounding = threading.Event()

    def callback(out: Any, frames: int, _: Any, __: Any) -> None:
        done = 0
        while done < frames and waiting:
            taken = waiting[0][: frames - done]
            out[done : done + len(taken), 0] = taken
            done += len(taken)
            rest = waiting.popleft()[len(taken) :]
            if len(rest):
                waiting.appendleft(rest)
            sounding.set()
        out[done:] = 0

    def receive() -> None:
        body: dict[str, Any] = {
            "model": "canopylabs/orpheus-3b-0.1-ft",
            "voice": "tara",
            "input": TEXT,
        }
        body |= {"response_format": "raw", "response_encoding": "pcm_s16le", "stream": True}
        body |= {"sample_rate": RATE, "extra_params": scenario(seconds)}
        client = httpx.Client(timeout=30, trust_env=False)
        with client, client.stream("POST", f"{url}/audio/speech", json=body) as response:
            for event in EventSource(response).iter_sse():
                if event.data == "[DONE]":
                    break
                data = base64.b64decode(json.loads(event.data)["b64"])
                waiting.append(np.frombuffer(data, "<i2").astype(np.float32) / 32768)

    output = sd.OutputStream(
        samplerate=RATE, channels=1, dtype="float32", latency=LATENCY, callback=callback
    )
    with output:
        threading.Thread(target=receive, daemon=True).start()
        assert sounding.wait(20)
        time.sleep(SETTLED)
        return measured(seconds)


def stream(_: str, seconds: float) -> dict[str, float]:
    import sounddevice as sd

    from streamplay.playback.native import Callback

    silence = Callback(1)
    output = sd._StreamBase(
        kind="output",
        wrap_callback=None,
        callback=silence.address,
        userdata=sd._ffi.cast("void*", silence.userdata),
        samplerate=RATE,
        channels=1,
        dtype="float32",
        device=None,
        latency=LATENCY,
        blocksize=0,
    )
    with output:
        time.sleep(SETTLED)
        return measured(seconds)


PROGRAMS: Final[dict[str, Callable[[str, float], dict[str, float]]]] = {
    each.__name__: each for each in (streamplay, plain, idle, stream)
}


# --- the parent ------------------------------------------------------------------------------


def run(name: str, url: str, seconds: float, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.playing", "--child", name, "--url", url]
    command += ["--seconds", str(seconds)]
    ran = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        sys.exit(f"{name} failed:\n{ran.stderr}")
    made: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return made


def spread(values: list[float], unit: float = 100, sign: str = " %") -> str:
    low, high = unit * min(values), unit * max(values)
    return f"{unit * statistics.median(values):.2f}{sign} ({low:.2f}–{high:.2f})"


def report(rounds: list[dict[str, dict[str, float]]]) -> bool:
    """Print what was measured; return whether it is within the limits."""
    process = {name: [each[name]["process"] for each in rounds] for name in PROGRAMS}
    own = [each["idle"]["own"] for each in rounds]
    ratios = [each["streamplay"]["process"] / each["plain"]["process"] for each in rounds]
    print("\nShare of a processor: median (range)\n")
    for name, values in process.items():
        print(f"{name:<12} {spread(values)}")
    print(f"{'idle, own':<12} {spread(own)}")
    print(f"\nstreamplay / plain: {spread(ratios, 1, '')}, limit {LIMIT}")
    beside = statistics.median(process["idle"]) - statistics.median(process["stream"])
    noise = max(process["stream"]) - min(process["stream"])
    print(f"idle beside the bare stream: {100 * beside:+.2f} %, spread {100 * noise:.2f} %")
    return (
        statistics.median(ratios) <= LIMIT and statistics.median(own) < OWN_IDLE and beside <= noise
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="of steady sound")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(PROGRAMS[args.child](args.url, args.seconds)))
        return
    sink, server = NullSink(), LocalServer()
    sink.start()
    try:
        url = server.start()
        with Machine() as machine:
            rounds = []
            for _ in range(args.rounds):
                made = {n: run(n, url, args.seconds, sink.environment) for n in PROGRAMS}
                rounds.append(made)
                print(", ".join(f"{n} {100 * m['process']:.2f} %" for n, m in made.items()))
        print(machine.says)
        within = report(rounds)
    finally:
        server.close()
        sink.close()
    sys.exit(not within)


if __name__ == "__main__":
    main()
