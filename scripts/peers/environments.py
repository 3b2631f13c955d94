"""Environments of others' programs, below .peers: made once, from pinned versions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / ".peers"

CLIENTS: dict[str, list[str]] = json.loads(Path(__file__).with_name("clients.json").read_text())


def environment(name: str) -> Path:
    """Return the folder of a client's environment, made where it is not there yet."""
    wanted = CLIENTS[name]
    place = PEERS / "clients" / name
    stamp = place / "stamp.json"
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    print(f"{name}: installing {', '.join(wanted)} …", file=sys.stderr, flush=True)
    if name == "javascript":
        quietly("npm", "init", "-y", folder=place)
        quietly("npm", "install", "--no-audit", "--no-fund", *wanted, folder=place)
    else:
        python_environment(place, wanted)
    stamp.write_text(json.dumps(wanted))
    return place


def python_environment(place: Path, wanted: list[str]) -> None:
    """Make a virtual environment with some requirements."""
    quietly(sys.executable, "-m", "venv", str(place), folder=ROOT)
    pip = (str(place / "bin/python"), "-m", "pip", "--disable-pip-version-check")
    quietly(*pip, "install", "--quiet", *wanted, folder=ROOT)


def quietly(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
