"""What was measured, kept as it comes: a line of JSON each, so that a run can go on later."""

from __future__ import annotations

import json
import os
import platform
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Results:
    """A file of runs.

    Parameters
    ----------
    path : Path
        Is read where it exists, and appended to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self._runs: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._runs)

    def add(self, row: str, peer: str, facts: dict[str, Any]) -> None:
        """Keep a run."""
        when = time.strftime("%Y-%m-%d %H:%M")
        load = round(os.getloadavg()[0], 2)
        run = {"row": row, "peer": peer, "when": when, "machine": machine(), "load": load}
        run |= {name: round(it, 4) if isinstance(it, float) else it for name, it in facts.items()}
        self._runs.append(run)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")

    def count(self, row: str, peer: str) -> int:
        """Return how many runs there are of a row by a peer."""
        return sum((run["row"], run["peer"]) == (row, peer) for run in self)

    def values(self, row: str, peer: str, fact: str) -> list[float]:
        """Return what was measured, run by run, where it was."""
        runs = (run for run in self if (run["row"], run["peer"]) == (row, peer))
        return [run[fact] for run in runs if fact in run]

    def trouble(self, peer: str) -> str:
        """Return what a peer that was never heard said."""
        told = (run["trouble"] for run in self if run["peer"] == peer and "trouble" in run)
        return next(told, "")


def machine() -> str:
    """Return what this is measured on."""
    python = f"Python {platform.python_version()}"
    return f"{platform.platform()}, {os.cpu_count()} processors, {python}"
