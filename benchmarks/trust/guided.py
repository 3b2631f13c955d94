"""Lead the readers of foreign input by coverage: run by the row `coverage guided`.

    ATHERIS_PYTHON -m benchmarks.trust.guided SECONDS SEED [READER ...]

with an interpreter that has atheris, and the packages of the project's own environment. What is
read is imported and instrumented once; each reader has `SECONDS` in a child of its own, two at a
time where there are two processors. Prints a line of JSON a reader: its name, the inputs that it
was given, and its fault, if it has one.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv" / "lib" / "python3.11" / "site-packages"
CORPUS = ROOT / "build" / "corpus"
sys.path.append(str(OWN))

import atheris  # type: ignore[import-untyped]  # noqa: E402 - from the other environment

with atheris.instrument_imports(include=["streamplay"]):
    from benchmarks.trust import foreign
    from benchmarks.trust.readers import READERS

    # What a reader imports where it is used is instrumented as well.
    for _name, _reader in READERS.items():
        for _seed in _reader.seeds:
            foreign.outcome(_name, _seed)


def fuzz(name: str, seconds: str, seed: str) -> None:
    """Never returns: libFuzzer ends the process."""
    folder = CORPUS / "".join(c if c.isalnum() else "-" for c in name)
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(READERS[name].seeds):
        (folder / f"seed-{number}").write_bytes(data)
    words = [sys.argv[0], str(folder), f"-max_total_time={seconds}", f"-seed={seed}"]
    words += ["-print_final_stats=1", "-max_len=4096", "-rss_limit_mb=4096"]
    words += [f"-artifact_prefix={ROOT / 'build'}/"]
    atheris.Setup(words, lambda data: foreign.outcome(name, data))
    atheris.Fuzz()


def begun(name: str, seconds: str, seed: str) -> tuple[int, IO[bytes]]:
    """Fuzz a reader in a child; return its process id, and what it will have printed."""
    told = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child has ended
    child = os.fork()
    if child == 0:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
        fuzz(name, seconds, seed)
        os._exit(1)
    return child, told


def result(name: str, code: int, text: str) -> str:
    """Return what a reader's run came to, as JSON."""
    inputs = re.findall(r"number_of_executed_units: *(\d+)", text)
    marks = ("Error", "Exception", "ERROR", "=== Unc")
    lines = [line for line in text.splitlines() if any(mark in line for mark in marks)]
    # After its last run libFuzzer joins a thread of its own, which a fork has not.
    done = code == 0 or re.search(r"^Done \d+ runs", text, re.MULTILINE)
    fault = "" if done else f"{code}: {' '.join(lines[-2:]) or text[-200:]}"
    return json.dumps({"reader": name, "inputs": int(inputs[-1]) if inputs else 0, "fault": fault})


def main() -> None:
    seconds, seed, *names = sys.argv[1:]
    waiting = list(names or READERS)
    running: dict[int, tuple[str, IO[bytes]]] = {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            name = waiting.pop(0)
            child, told = begun(name, seconds, seed)
            running[child] = name, told
        child, status = os.wait()
        name, told = running.pop(child)
        with told:
            told.seek(0)
            text = told.read().decode(errors="replace")
        print(result(name, os.waitstatus_to_exitcode(status), text), flush=True)


if __name__ == "__main__":
    main()
