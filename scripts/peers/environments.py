"""Environments of others' programs, below .peers: made once, from pinned versions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / ".peers"

CLIENTS: dict[str, list[str]] = json.loads(Path(__file__).with_name("clients.json").read_text())


def client_environment(name: str) -> Path:
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


SERVERS: dict[str, Any] = json.loads(Path(__file__).with_name("servers.json").read_text())


def server_environment(name: str) -> Path:
    """Return the interpreter of an environment for servers, made where it is not there yet."""
    wanted = SERVERS["environments"][name]
    place = PEERS / "servers" / name
    stamp = place / "stamp.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        print(f"{name}: installing {' '.join(wanted['requirements'])} …", file=sys.stderr)
        python_environment(place, wanted["requirements"], interpreter(wanted["python"]))
        stamp.write_text(json.dumps(wanted))
    return place / "bin/python"


def interpreter(version: str) -> str:
    """Return a Python of that version: on the path, or one of pyenv's."""
    found = [f"python{version}", *Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    for python in map(str, found):
        try:
            subprocess.run([python, "-V"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    raise SystemExit(f"Python {version} is needed, and was not found")


def checkout(name: str, mirrors: Path | None) -> Path:
    """Return a checkout of a server's source at its commit.

    Parameters
    ----------
    mirrors : Path, optional
        A folder of bare repositories, OWNER+NAME/repo, to take it from; else from its public home.
    """
    told = SERVERS["servers"][name]
    place = PEERS / "servers" / "sources" / f"{told['source'].replace('/', '+')}@{told['commit']}"
    if (place / ".git").exists():
        return place
    home = f"https://github.com/{told['source']}"
    if mirrors is not None:
        home = str(mirrors / told["source"].replace("/", "+") / "repo")
    place.parent.mkdir(parents=True, exist_ok=True)
    quietly("git", "clone", "--quiet", "--no-checkout", home, str(place), folder=ROOT)
    quietly("git", "checkout", "--quiet", told["commit"], folder=place)
    return place


def python_environment(place: Path, wanted: list[str], python: str = sys.executable) -> None:
    """Make a virtual environment with some requirements."""
    quietly(python, "-m", "venv", str(place), folder=ROOT)
    pip = (str(place / "bin/python"), "-m", "pip", "--disable-pip-version-check")
    quietly(*pip, "install", "--quiet", *wanted, folder=ROOT)


def quietly(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
