"""The scorecard: what was tried, how often, and what did not hold.

    .venv/bin/python -m benchmarks.trust [--budget MINUTES] [--only WORD ...] [--seed N]
        [--json FILE] [--list]

The budget is divided over the rows; what a row does not need goes to those after it, and those that
can use any time come last. The clock in real time runs beside them. Each row tells what it has done
of what was planned, its seed and its time. With less than a tenth of what was planned it counts as
not run. ``--json FILE`` keeps the results; rows that are run again replace
their earlier results there, so that the scorecard may be run in pieces.
`benchmarks.trust.page` makes docs/reliability.md of that file.

Exit status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.trust import (
    growth_rows,
    network_rows,
    process_rows,
    sound_rows,
    stream_rows,
    user_rows,
)
from benchmarks.trust.row import LEAST_SHARE, REGISTERED, NotHere, Row, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The rows register themselves; this is their order.
MODULES = (stream_rows, growth_rows, network_rows, sound_rows, user_rows, process_rows)
ROWS = {one.name: one for module in MODULES for one in REGISTERED if one.module == module.__name__}


def run_row(one: Row, seconds: float, seed: int) -> dict[str, Any]:
    """Run one row; return its result as JSON."""
    run = Run(one.planned, seconds, seed)
    why = ""
    try:
        one.act(run)
    except NotHere as reason:
        why = str(reason)
    except Exception as error:  # noqa: BLE001 - what a row did not expect is a fault, too
        run.unexpected(error)
    if not why and run.done < LEAST_SHARE * run.planned and not run.fault_count:
        why = f"{run.done} of {run.planned} {one.unit} in the budget are too few"
    result = "not run" if why else "fails" if run.fault_count else "holds"
    return {
        "row": one.name,
        "about": one.about,
        "result": result,
        "reason": why,
        "done": run.done,
        "planned": run.planned,
        "unit": one.unit,
        "faults": run.fault_count,
        "shown": run.faults,
        "facts": run.facts,
        "seed": seed,
        "seconds": round(time.monotonic() - run.begun, 1),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def told(result: dict[str, Any]) -> str:
    """Return a result as a line."""
    count = f"{result['done']:,} of {result['planned']:,} {result['unit']}"
    facts = ", ".join(f"{name} {value}" for name, value in result["facts"].items())
    line = f"{result['result']:8} {result['row']:32} {count}, {result['faults']} faults"
    line += f", seed {result['seed']}, {result['seconds']:.0f} s"
    return (
        line + (f"; {facts}" if facts else "") + (f": {result['reason']}" * bool(result["reason"]))
    )


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import os

    return {
        "system": " ".join((platform.system(), platform.machine(), *platform.libc_ver())),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }


def keep(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Put results in a file, in place of earlier ones of the same rows."""
    earlier = json.loads(path.read_text()) if path.exists() else {"rows": []}
    rows = {each["row"]: each for each in earlier["rows"] if each["row"] in ROWS}
    rows |= {each["row"]: each for each in results}
    ordered = [rows[name] for name in ROWS if name in rows]
    path.write_text(json.dumps({"machine": machine(), "rows": ordered}, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=float, default=60.0, help="minutes for all rows (60)")
    parser.add_argument("--only", nargs="+", default=[], help="rows whose name holds a word")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="keep the results in this file")
    parser.add_argument("--list", action="store_true", help="print the rows")
    options = parser.parse_args()
    chosen = [
        one
        for name, one in ROWS.items()
        if not options.only or any(word in name for word in options.only)
    ]
    if options.list:
        for one in chosen:
            print(f"{one.name}: {one.about} ({one.planned:,} {one.unit})")
        return 0
    failed = False
    for result in results(chosen, options.budget * 60, options.seed):
        failed |= result["result"] == "fails"
        print(told(result), flush=True)
        for fault in result["shown"]:
            print(f"         {fault}", flush=True)
        if options.json:
            keep(options.json, [result])
    return int(failed)


def results(chosen: Sequence[Row], seconds: float, seed: int) -> Iterator[dict[str, Any]]:
    """Run rows; yield their results as they come."""
    beside = [one for one in chosen if one.when == "beside"]
    rows = [one for one in chosen if one.when == "in turn"]
    # Those of bytes are the last of all: more inputs are always good for something.
    rows += [one for one in reversed(chosen) if one.when == "last"]
    with ThreadPoolExecutor(max(1, len(beside))) as pool:
        running = [pool.submit(run_row, one, seconds, seed) for one in beside]
        for number, one in enumerate(rows):
            result = run_row(one, max(0.0, seconds) / (len(rows) - number), seed)
            seconds -= result["seconds"]
            yield result
        for each in running:
            yield each.result()


if __name__ == "__main__":
    sys.exit(main())
