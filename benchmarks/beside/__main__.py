"""The same server measured by this benchmark and by others, in one run: where they differ, and why.

    .venv/bin/python -m benchmarks.beside [--only NAME] [--docs docs/bench.md]

The server (`benchmarks.truth_server`, plain bytes) is new for each tool, and notes what it did
when. Each answer has 100 ms of silence and 900 ms of sound. Two scenes:

- *closed*: 8 users, 120 requests.
- *freeze*: 20 requests a second, 100 in all; the server stands still for 1.5 s.

Beside it: vLLM-Omni's client for speech on vLLM's schedule (both unchanged, from their packages),
Locust, and wrk in oha's place: oha is a Rust program that neither PyPI nor Debian has. Each Python
tool has an environment of its own below .peers, made at the first run from pinned versions (one
download of 140 MB); wrk comes from Debian (`apt-get install wrk`). The first row of each scene is
what the server noted of this benchmark's requests, by the schedule. Takes about two minutes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.beside.tools import TOOLS, MissingError, Scene, Told, two
from benchmarks.documented import replace_part
from benchmarks.machine import Machine
from benchmarks.truth_server import RATE, Truth

if TYPE_CHECKING:
    from benchmarks.truth_server import Note
    from streamplay.bench.load import LoadRun

# 1.2 times real time, as most servers: a stall is heard.
_BASE: Final = {"raw": True, "pace": 1.2, "stall_share": 0.02, "stall": 0.3}

SCENES: Final = (
    Scene("closed: 8 users, 120 requests", 120, 8, 0.0, {**_BASE, "seed": 8}),
    Scene(
        "freeze: 20 requests a second, the server stands still for 1.5 s",
        *(100, 20, 20.0),
        {**_BASE, "seed": 20, "freeze_at": 1.0, "freeze_for": 1.5},
    ),
)

COLUMNS: Final = (
    *("tool", "requests", "first byte p50, p99", "first voice p50, p99", "total p50, p99"),
    *("real-time factor p50", "continuous from 100 ms"),
)


def noted(notes: dict[str, Note], run: LoadRun) -> Told:
    """Return what the server noted of a run, since the moments that the schedule had named."""
    first, voice, total, factors = [], [], [], []
    for sample in run.samples:
        note = notes[sample.job.text]
        begun = note.writes[0][0]
        first.append(1000 * (begun - sample.intended))
        voice.append(first[-1] + 1000 * note.voice_frame / RATE)
        total.append(1000 * (note.ended - sample.intended))
        seconds = sum(frames for _, frames in note.writes) / RATE
        factors.append((note.writes[-1][0] - note.read) / seconds)
    factor = two(factors)
    return Told(len(run.samples), two(first), two(voice), two(total), factor[0] if factor else None)


def cells(name: str, told: Told) -> tuple[str, ...]:
    """Return a row of the table."""
    pairs = (told.first_byte, told.voice, told.total)
    return (
        name,
        str(told.requests),
        *("–" if pair is None else f"{pair[0]:.0f}, {pair[1]:.0f}" for pair in pairs),
        "–" if told.rtf is None else f"{told.rtf:.2f}",
        "–" if told.continuous is None else f"{told.continuous:.0%}",
    )


def measured(scene: Scene, names: list[str]) -> list[tuple[str, ...]]:
    """Return a row for each tool, and before them the server's own."""
    rows: list[tuple[str, ...]] = []
    for name in names:
        with Truth(**scene.behaviour) as server:
            try:
                told = TOOLS[name](scene, server.base_url)
            except MissingError as error:
                print(f"{name}: left out ({error})", flush=True)
                continue
            if told.run is not None:
                rows.insert(0, cells("the server's notes", noted(server.notes(), told.run)))
        rows.append(cells(name, told))
        print("  ".join(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help=f"of {', '.join(TOOLS)}, between commas")
    parser.add_argument("--docs", type=Path, help="put the tables into this page")
    args = parser.parse_args()
    names = [name for name in TOOLS if not args.only or name in args.only.split(",")]
    lines: list[str] = []
    with Machine() as machine:
        for scene in SCENES:
            print(f"\n{scene.title}", flush=True)
            rows = measured(scene, names)
            lines += [f"*{scene.title[0].upper()}{scene.title[1:]}* (ms)", ""]
            lines += ["| " + " | ".join(row) + " |" for row in (COLUMNS, ["---"] * 7, *rows)] + [""]
    lines.append(f"Made by `python -m benchmarks.beside`; {machine.says}.")
    print("\n" + "\n".join(lines))
    if args.docs:
        replace_part(args.docs, "beside", lines)


if __name__ == "__main__":
    main()
