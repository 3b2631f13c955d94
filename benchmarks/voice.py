"""Measure the built-in voices: loading, first sound, pace, memory, and the words that are missed.

Each engine speaks the same sentences in a process of its own. The first sound is that of the first
clause, as `say --local` asks for it. With pocketsphinx (pip install pocketsphinx: its English model
is in the wheel) a recogniser writes down what it hears, at 16 kHz; a word is missed where it is not
found in its place. `--say` times whole commands, to their first audio.

    .venv/bin/python -m benchmarks.voice [--engines hibari espeak] [--say 5]
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

SENTENCES = (
    "The weather today is sunny with a light wind from the west.",
    "Please remember to call your mother before you leave the house.",
    "The train to the city leaves at half past seven every morning.",
    "She put the letter on the table and closed the door behind her.",
    "There are many reasons why people like to live near the sea.",
    "We will meet again next week to talk about the new plan.",
    "I would like a cup of coffee and a piece of cake.",
    "The children are playing in the garden behind the school.",
    "He opened the window because the room was very warm.",
    "Can you tell me how to get to the nearest station?",
    "The book that you gave me last year is still my favorite.",
    "They walked along the river until it was dark.",
    "My brother works for a large company in another country.",
    "The doctor said that you should rest for a few days.",
    "It is better to ask a question than to make a mistake.",
    "The market opens early and closes in the afternoon.",
    "We need more time to finish the work that we have started.",
    "The music was so loud that nobody could hear the phone.",
    "An old man was sitting on a bench and reading the paper.",
    "Thank you very much for your help with this problem.",
    "The dog ran across the street and into the park.",
    "You can find the answer on the last page of the book.",
    "The company has decided to open an office in the north.",
    "After dinner we watched a film about the history of the city.",
    "Nothing is more important than the health of your family.",
    "He did not know what to say, so he said nothing at all.",
)

CHILD = """
import json, resource, sys, time
began = time.perf_counter()
from streamplay.server import engines, espeak, sentences
name, texts = sys.argv[1], json.loads(sys.argv[2])
if name == "espeak":
    manner = espeak.Spoken("en-us")
    engines.sound("Ready.", manner)
else:
    manner = engines.Chosen(name, next(iter(engines.find(name).voices())))
loaded = time.perf_counter() - began
files, took, made, first = [], 0.0, 0.0, []
for number, text in enumerate(texts):
    at = time.perf_counter()
    for place, part in enumerate(sentences.split(text)):
        sound = engines.sound(part, manner)
        if not place:
            first.append(1000 * (time.perf_counter() - at))
        made += sound.seconds
    took += time.perf_counter() - at
    sound.frames.tofile(f"{sys.argv[3]}/{number}.f32")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
told = {"load_s": loaded, "first_ms": first, "rtf": took / made, "peak_mb": peak}
print(json.dumps(told | {"rate": sound.samplerate}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", default=["hibari", "espeak"])
    parser.add_argument("--say", type=int, default=0, metavar="RUNS")
    args = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, load {os.getloadavg()[0]:.1f}")
    for engine in args.engines:
        measure(engine)
    for engine in args.engines if args.say else ():
        commands(engine, args.say)


def measure(engine: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", CHILD, engine, json.dumps(SENTENCES), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        told = json.loads(done.stdout)
        print(
            f"{engine}: loaded in {told['load_s']:.2f} s, "
            f"first sound {median(told['first_ms'])} ms, "
            f"real-time factor {told['rtf']:.4f}, at most {told['peak_mb']:.0f} MB; "
            + missed(Path(folder), told["rate"])
        )


def missed(folder: Path, rate: int) -> str:
    try:
        decoder: Any = import_module("pocketsphinx").Decoder(samprate=16000, loglevel="FATAL")
    except ImportError:
        return "words missed: not run (pip install pocketsphinx)"
    import soxr

    wrong = spoken = 0
    for number, text in enumerate(SENTENCES):
        frames = np.fromfile(folder / f"{number}.f32", np.float32)
        heard = recognised(decoder, soxr.resample(frames, rate, 16000))
        words = re.findall(r"[a-z']+", text.lower())
        match = difflib.SequenceMatcher(a=words, b=heard, autojunk=False)
        wrong += len(words) - sum(block.size for block in match.get_matching_blocks())
        spoken += len(words)
    return f"{wrong} of {spoken} words missed ({100 * wrong / spoken:.0f} %)"


def recognised(decoder: Any, samples: np.ndarray) -> list[str]:
    silence = np.zeros(4000, np.float32)
    data = (np.concatenate([silence, samples, silence]) * 32767).astype("<i2").tobytes()
    decoder.start_utt()
    decoder.process_raw(data, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr.lower().split() if found else []


def commands(engine: str, runs: int) -> None:
    """Time whole commands, from the start of the process to the first audio, and a warm player.

    Cold: `say --local -o -`, until its first byte. A server that is ready: the same, at the server
    of another process. Warm: a `Player` that has spoken before, from the request.
    """
    from streamplay.server.child import LocalServer

    environment = os.environ | {"STREAMPLAY_ENGINE": engine}
    cold = [first_audio(["--local"], environment) for _ in range(runs)]
    with LocalServer(environment=environment) as server:
        there = ["--base-url", server.base_url]
        warm = [first_audio(there, environment) for _ in range(runs + 1)][1:]
    print(
        f"{engine}: first audio of a cold say --local {median(cold)} ms, of a cold say at a "
        f"server that is ready {median(warm)} ms, "
        f"of a player that has spoken {median(in_player(engine))} ms"
    )


def first_audio(flags: list[str], environment: dict[str, str]) -> float:
    command = [
        sys.executable,
        "-m",
        "streamplay",
        "say",
        SENTENCES[0],
        "--no-play",
        "-q",
        "-o",
        "-",
    ]
    begun = time.perf_counter()
    with subprocess.Popen(
        [*command, *flags], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1), "no audio came"
        took = 1000 * (time.perf_counter() - begun)
        process.stdout.read()
    return took


def in_player(engine: str) -> list[float]:
    from streamplay import Player

    os.environ["STREAMPLAY_ENGINE"] = engine
    with Player(local=True, play=False) as player:
        player.say("Ready.").wait()
        receipts = [player.say(text).wait() for text in SENTENCES]
    return [receipt.ms.first_audio or 0.0 for receipt in receipts]


def median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


if __name__ == "__main__":
    main()
