"""First token to first sound, and the gaps between pieces: streamplay beside RealtimeTTS.

    .venv/bin/python -m benchmarks.tokens [--runs 10] [--python PYTHON]

A scripted model writes 20 tokens a second. A server on loopback needs 150 ms to its first byte and
answers as fast as it can with a steady tone, as long as the text takes to say (15 characters a
second). Both players ask that server: streamplay by its own client, RealtimeTTS by an engine of a
few lines over urllib. What differs is where the text is cut, when a piece is asked for, and how
pieces are joined. Each run is a process of its own, in turns, on PulseAudio's null sink. The first
sound is measured where it is handed to the device, gaps in the sink's recording. A run takes 25 s.

RealtimeTTS is installed into `.peers/tokens` (pyaudio needs portaudio19-dev and a compiler), or is
taken from `--python`, an interpreter that has it.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import venv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.nullsink import Recording

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".peers" / "tokens"
PEER_NEEDS = ("RealtimeTTS", "stream2sentence", "emoji", "pyaudio", "pydub", "resampy")
RATE = 24000
FIRST_BYTE_SECONDS = 0.150
TOKENS_PER_SECOND = 20
CHARACTERS_PER_SECOND = 15
TEXT = (
    "Sure, I can help you with that, and it will not take long. Dr. Smith measured 3.5 volts at "
    "the input, which is more than the U.S. standard allows. Turn the device off first! Then wait "
    "for ten seconds, so that nothing is left in it, and open the case. Is the lamp still on? "
    "Then something else is feeding it."
)
SILENCE_SECONDS = 0.002  # the tone itself passes through zero, for a sample
WHO = ("streamplay", "realtimetts")
requests: list[tuple[float, str]] = []


def tokens() -> list[str]:
    """Cut the text as models do: a word with the space before it."""
    words = TEXT.split(" ")
    return [words[0], *(f" {word}" for word in words[1:])]


def written(begun: list[float]) -> Iterator[str]:
    """Yield the tokens on their schedule."""
    for index, token in enumerate(tokens()):
        if not begun:
            begun.append(time.perf_counter())
        time.sleep(max(0.0, begun[0] + index / TOKENS_PER_SECOND - time.perf_counter()))
        yield token


def tone(text: str) -> bytes:
    """Return a tone as long as `text` takes to say."""
    frames = round(len(text) / CHARACTERS_PER_SECOND * RATE)
    period = [round(8000 * math.sin(2 * math.pi * n / 60)) for n in range(60)]
    return (struct.pack("<60h", *period) * (frames // 60 + 1))[: 2 * frames]


class Speech(BaseHTTPRequestHandler):
    """Answers as the speech API does."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Let a client connect ahead."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Wait, then send it all."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        requests.append((time.perf_counter(), asked["input"]))
        data = tone(asked["input"])
        parts = [data[at : at + 4800] for at in range(0, len(data), 4800)]
        lines = [json.dumps({"b64": base64.b64encode(part).decode()}) for part in parts]
        body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
        time.sleep(FIRST_BYTE_SECONDS)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def by_streamplay(url: str) -> tuple[float, float, str]:
    """Return when the first token and the first sound were there, and what else it tells."""
    from streamplay import Player

    begun: list[float] = []
    with Player(base_url=url) as player:
        utterance = player.say(written(begun))
        receipt = utterance.wait()
        first = (utterance._state.account.begun or 0) + (receipt.ms.first_sound or 0) / 1000
        told = f"{receipt.stalls.count} stalls, {receipt.device_underflows} underflows"
    return begun[0], first, told


def engine(url: str) -> object:
    """Return an engine of RealtimeTTS that asks the server."""
    from RealtimeTTS import BaseEngine

    class Engine(BaseEngine):
        """Asks the server for a piece."""

        def post_init(self) -> None:
            self.engine_name = "tokens"

        def get_stream_info(self) -> tuple[int, int, int]:
            import pyaudio

            return pyaudio.paInt16, 1, RATE

        def synthesize(self, text: str, *_: object) -> bool:
            asked = json.dumps({"input": text}).encode()
            request = urllib.request.Request(f"{url}/audio/speech", asked)
            with urllib.request.urlopen(request) as answer:
                for line in answer:
                    if line.startswith(b'data: {"b64"'):
                        self.queue.put(base64.b64decode(json.loads(line[6:])["b64"]))
            return True

        def get_voices(self) -> list[str]:
            return []

        def set_voice(self, voice: object) -> None:
            """There is one."""

        def set_voice_parameters(self, **_: object) -> None:
            """There are none."""

    return Engine()


def by_realtimetts(url: str) -> tuple[float, float, str]:
    """Return the same, by what its player hands to its stream."""
    from RealtimeTTS import TextToAudioStream

    handed: list[float] = []
    begun: list[float] = []
    stream = TextToAudioStream(engine(url), tokenizer="rule-based")
    stream.feed(written(begun))
    stream.play(on_audio_chunk=lambda _: handed.append(time.perf_counter()), tokenizer="rule-based")
    return begun[0], handed[0], ""


def run_once(who: str) -> None:
    """Speak the text once, and print what was seen as JSON."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Speech)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    begun, first, told = (by_streamplay if who == "streamplay" else by_realtimetts)(url)
    asked = sorted(requests)
    seen = {
        "asked": 1000 * (asked[0][0] - begun),
        "first": 1000 * (first - begun),
        "pieces": [text for _, text in asked],
        "told": told,
    }
    print("\n" + json.dumps(seen))


def peer() -> Path:
    """Return an interpreter that has RealtimeTTS, installed where it was not."""
    python = PEER / "bin" / "python"
    if not python.exists():
        venv.create(PEER, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *PEER_NEEDS[1:]], check=True)
        # Without its own needs: it names engines that take gigabytes.
        subprocess.run([*pip, "--no-deps", PEER_NEEDS[0]], check=True)
    return python


def spread(values: list[float]) -> str:
    """Tell the median, and the least and the most."""
    return f"{median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"


def gaps(tape: Recording) -> list[float]:
    """Return the silences of more than a few samples between the first sound and the last."""
    sound = tape.played[:, 0].nonzero()[0]
    silent = [int(after - before - 1) for before, after in pairwise(sound)]
    return [1000 * frames / RATE for frames in silent if frames > SILENCE_SECONDS * RATE]


def tell(seen: dict[str, list[dict[str, Any]]]) -> None:
    """Print what was seen of each, and their difference turn by turn."""
    for who, runs in seen.items():
        silent = [gap for run in runs for gap in run["gaps"]]
        print(
            f"{who}: first request {spread([run['asked'] for run in runs])}, "
            f"first sound {spread([run['first'] for run in runs])}"
        )
        print(
            f"  pieces: {median(len(run['pieces']) for run in runs):.0f}, the first one: "
            + ", ".join(sorted({run["pieces"][0] for run in runs}))
        )
        longest = f", the longest {max(silent):.0f} ms" if silent else ""
        print(f"  gaps: {len(silent)} in {len(runs)} runs{longest}")
    pairs = list(zip(*(seen[who] for who in WHO), strict=True))
    sooner = [theirs["first"] - ours["first"] for ours, theirs in pairs]
    won = sum(each > 0 for each in sooner)
    print(f"streamplay is sooner by {spread(sooner)}, in {won} of {len(sooner)} turns")


def compare(runs: int, python: Path) -> None:
    """Take turns."""
    from tests.support.nullsink import NullSink

    sink = NullSink(RATE)
    seen: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
    sink.start()
    try:
        for turn in range(runs):
            for who in WHO if turn % 2 == 0 else reversed(WHO):
                interpreter = sys.executable if who == "streamplay" else python
                command = [interpreter, "-m", "benchmarks.tokens", "--only", who]
                with sink.record() as tape:
                    ran = subprocess.run(
                        command,
                        env=os.environ | sink.environment,
                        capture_output=True,
                        text=True,
                        timeout=120,
                        check=False,
                    )
                if ran.returncode:
                    sys.exit(f"{who} failed: {ran.stderr[-500:]}")
                last = json.loads(ran.stdout.splitlines()[-1]) | {"gaps": gaps(tape)}
                seen[who].append(last)
                silent = f"{len(last['gaps'])} gaps of {sum(last['gaps']):.0f} ms together"
                told = f"first sound {last['first']:.0f} ms; {silent}; {last['told']}"
                print(f"{turn + 1} {who}: {told}", flush=True)
    finally:
        sink.close()
    tell(seen)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--python", type=Path)
    parser.add_argument("--only", choices=WHO, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        run_once(args.only)
    else:
        compare(args.runs, args.python or peer())


if __name__ == "__main__":
    main()
