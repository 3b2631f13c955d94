"""When each way of `streamplay say` is heard first, beside curl and aplay: from `benchmarks.start`.

Everything is heard through the null sink's monitor, in turns, with a first byte 300 ms after the
request: `say` as words, with files, with its text on standard input, and at addresses of other
forms; and `curl | aplay`, which is given plain bytes. The time counts from the start of the
process, or from the moment when the first sentence has been written where that comes later.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.comparison.ear import Ear
from benchmarks.comparison.peers import APLAY, COMMAND, CURL

LIMIT: Final = 1.15
"""So many times as long as curl's pipeline may take what we do."""

TEXT: Final = "Hello there. "
_SIGNAL: Final = {"signal": "count", "seconds": 0.4}
_CURL: Final = "curl, aplay"


@dataclass(frozen=True)
class Way:
    """One way to be started.

    Attributes
    ----------
    command : list of str
        The program.
    text : str
        For its standard input.
    after : float
        When the text is written, in seconds since the start.
    """

    command: list[str]
    text: str = ""
    after: float = 0.0


@dataclass
class Heard:
    """What was found of one way: milliseconds."""

    ms: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.ms)


def ways(url: str, folder: str) -> dict[str, Way]:
    port = url.removesuffix("/v1").split(":")[-1]
    scenario = json.dumps({"scenario": _SIGNAL})

    def say(*words: str, where: str = url, text: str = "", after: float = 0.0) -> Way:
        command = [sys.executable, "-c", COMMAND, "say", *words, "--base-url", where, "--force"]
        command += ["-q", "--extra", f"extra_params={scenario}"]
        return Way(command, text, after)

    body: dict[str, Any] = {"model": "canopylabs/orpheus-3b-0.1-ft", "voice": "tara", "input": TEXT}
    body |= {"response_format": "raw", "response_encoding": "pcm_s16le", "stream": True}
    body |= {"extra_params": {"scenario": {**_SIGNAL, "dialect": "D"}}}
    source = CURL.format(url=url, body=shlex.quote(json.dumps(body)))
    stdin = TEXT + "It goes on.\n"
    return {
        _CURL: Way(["sh", "-c", f"{source} | {APLAY}"]),
        "words": say(TEXT),
        "-o FILE.wav": say(TEXT, "-o", f"{folder}/a.wav"),
        "-o FILE.mp3": say(TEXT, "-o", f"{folder}/a.mp3"),
        "--record FILE": say(TEXT, "--record", f"{folder}/a.jsonl"),
        "standard input": say(text=stdin),
        "…, -o FILE.wav": say("-o", f"{folder}/b.wav", text=stdin),
        "… after 50 ms": say(text=stdin, after=0.05),
        "… after 150 ms": say(text=stdin, after=0.15),
        "… after 1 s": say(text=stdin, after=1.0),
        "http://localhost": say(TEXT, where=f"http://localhost:{port}/v1"),
        "HTTP://LOCALHOST": say(TEXT, where=f"HTTP://LOCALHOST:{port}/v1/"),
    }


def once(way: Way, environment: dict[str, str]) -> float:
    """Run one way; return after how many ms it was heard."""
    ear = Ear(environment)
    begun = time.perf_counter()
    with subprocess.Popen(
        way.command,
        env=environment,
        stdin=subprocess.PIPE if way.text else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        if process.stdin is not None:
            time.sleep(max(0.0, begun + way.after - time.perf_counter()))
            begun = time.perf_counter() if way.after else begun
            process.stdin.write(way.text.encode())
            process.stdin.close()
        heard = ear.hears(15)
        process.wait(30)
    first = ear.first
    ear.close()
    if not heard or first is None or process.returncode:
        sys.exit(f"not heard, or failed with {process.returncode}: {way.command}")
    return 1000 * (first - begun)


def compare(url: str, environment: dict[str, str], runs: int) -> bool:
    """Print when each way is heard first, of runs in turns; return whether all are in time."""
    environment = {name: it for name, it in environment.items() if not name.startswith("TOGETHER")}
    with tempfile.TemporaryDirectory() as folder:
        all_ways = ways(url, folder)
        found = {name: Heard() for name in all_ways}
        for number in range(runs + 1):
            for name, way in all_ways.items():
                ms = once(way, environment)
                if number:  # the first of each reads the files of the disk
                    found[name].ms.append(ms)
    curl = found[_CURL].median
    print(f"{'first sound':<20}{'median':>8}{'range':>14}{'× curl':>9}{'+ ms':>7}")
    for name, each in found.items():
        spread = f"{min(each.ms):.0f}–{max(each.ms):.0f}"
        late = each.median - curl
        print(f"{name:<20}{each.median:>8.0f}{spread:>14}{each.median / curl:>9.2f}{late:>+7.0f}")
    slow = [name for name, each in found.items() if each.median > LIMIT * curl]
    print(f"within {LIMIT} × curl's: {'all' if not slow else 'not ' + ', '.join(slow)}")
    return not slow


def environment_of(sink: dict[str, str]) -> dict[str, str]:
    """Return the environment as it is where the package was installed: byte code is kept."""
    environment = os.environ | sink
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
