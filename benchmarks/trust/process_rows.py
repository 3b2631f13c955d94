"""Rows of processes: the local server, forks and exits, mutations, the supply chain."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import venv
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution, requires
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.trust import foreign, mutate
from benchmarks.trust.row import ROOT, Run, row
from streamplay.server.child import LocalServer

if TYPE_CHECKING:
    import random


@row(planned=3000, unit="requests")
def local_server(run: Run) -> None:
    """Hostile requests to the local server (orders, heads, Hosts, Origins, keys): refusals, never a
    500 or a traceback, and it goes on.
    """
    with LocalServer(("--signal", "tone", "--seconds", "0.05")) as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
        orders = list(foreign.hostile("order of the server"))
        for _ in run.turns():
            dice = run.dice
            request, safe = _request(dice, orders, port)
            status = _ask(port, request)
            run.facts[str(status)] = run.facts.get(str(status), 0) + 1
            if status >= 500 or (not safe and 200 <= status < 300):
                run.fault(f"{status} to {request[:160]!r}")
        if _ask(port, _get("/v1/models", f"127.0.0.1:{port}")) != 200:
            run.fault("it does not answer any more")


def _get(path: str, host: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode(
        "utf-8", "surrogateescape"
    )


def _request(dice: random.Random, orders: list[bytes], port: int) -> tuple[bytes, bool]:
    """Return a request, and whether it may be served."""
    kind = dice.randrange(4)
    host = f"127.0.0.1:{port}"
    if kind == 0:
        bad = (
            "evil.example",
            "127.0.0.1.evil.example",
            "127.evil.example",
            "[::2]",
            "",
            "\x00",
            "a b",
        )
        return _get("/v1/voices", dice.choice(bad)), False
    if kind == 1:
        origin = dice.choice(["http://evil.example", "null", "file://", "https://localhost.evil"])
        return _get("/v1/voices", host, f"Origin: {origin}\r\n"), False
    body = dice.choice(orders)[:200_000]
    key = dice.choice(["k", "\udcff\udcfe", "x" * 9000, "", "\t"])
    kind_of = dice.choice(
        ["application/json", "text/plain", 'application/json; charset="nonsense"']
    )
    head = (
        f"POST /v1/audio/speech HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: {kind_of}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode("utf-8", "surrogateescape")
    if kind == 2:
        token = dice.choice(foreign.TOKENS)
        at = dice.randrange(len(head))
        return head[:at] + token + head[at:] + body, True
    return head + body, True


_PATIENCE: Final = 1.0
"""Seconds to wait for an answer: a damaged head may promise more than is sent."""


def _ask(port: int, request: bytes) -> int:
    """Return the status of the answer; 0: there was none."""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        try:
            connection.sendall(request)
            head = connection.recv(4096)
        except OSError:
            return 0
    found = re.match(rb"HTTP/1.[01] (\d{3})", head)
    return int(found[1]) if found else 0


@row(planned=60, unit="tests")
def forks_exits_and_servers(run: Run) -> None:
    """Forks, every way to end a process, many players at once, and the local server's own tests."""
    run.tests(
        *("tests/system/test_fork.py", "tests/system/test_lifecycle.py", "tests/test_closing.py"),
        *("tests/server/test_access.py", "tests/server/test_listening.py"),
    )


@row(planned=sum(mutate.counts().values()), unit="changes", when="last")
def mutations(run: Run) -> None:
    """Every operator, constant and branch of wire, sse, decoder, jitter, playout, queue and retry
    changed, one at a time: at least 90 % of the changes of each fail a test
    (`benchmarks.trust.mutate`). The others are listed with the reason.
    """
    known = mutate.reasons()
    killed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        each = run.left * (os.cpu_count() or 1) / len(mutate.TARGETS)
        found = pool.map(lambda target: mutate.run(target, each, run.seed), mutate.TARGETS)
        outcomes = dict(zip(mutate.TARGETS, found, strict=True))
    for target, outcome in outcomes.items():
        killed += outcome.killed
        run.done += outcome.tried
        share = outcome.killed / max(1, outcome.tried)
        run.facts[target] = f"{outcome.killed} of {outcome.tried} (of {outcome.planned})"
        if outcome.tried >= 20 and share < 0.9:
            run.fault(f"{target}: {share:.0%} killed")
        for survivor in outcome.survivors:
            if (target, survivor) not in known:
                run.fault(f"{target}, {survivor}: survives without a reason")
    run.facts["killed"] = f"{killed} of {run.done}"


_PERMISSIVE: Final = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|MPL|LGPL|Unlicense|Zlib|HPND|0BSD|CC0", re.IGNORECASE
)


@row(planned=4, unit="checks")
def supply_chain(run: Run) -> None:
    """Every locked package has its hashes; the licences of the core's dependencies fit MIT; the
    wheel installs and speaks in an environment without the source; no advisory is open.
    """
    lock = (ROOT / "requirements.lock").read_text()
    packages = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)[1:]
    bare = [each.split("==")[0] for each in packages if "--hash=sha256:" not in each]
    if bare:
        run.fault(f"locked without a hash: {bare}")
    run.facts["locked packages"] = len(packages)
    run.done += 1
    for name in _core():
        licence = _licence(name)
        if not _PERMISSIVE.search(licence):
            run.fault(f"{name}: licence {licence!r}")
    run.facts["core dependencies"] = len(_core())
    run.done += 1
    _try_wheel(run)
    run.done += 1
    run.facts["advisories"] = _advisories(run)
    run.done += run.facts["advisories"] != "not looked up: no source of advisories was reached"


def _core() -> list[str]:
    named = [each for each in requires("streamplay") or () if "extra ==" not in each]
    return [re.split(r"[<>=~;\s\[]", each, maxsplit=1)[0] for each in named]


def _licence(name: str) -> str:
    metadata = distribution(name).metadata
    classifiers = [each for each in metadata.get_all("Classifier") or () if "License" in each]
    told = [*(metadata.get_all("License-Expression") or ()), *(metadata.get_all("License") or ())]
    return f"{' '.join(told)[:80]} {' '.join(classifiers)}".strip()


def _try_wheel(run: Run) -> None:
    """Build the wheel; install it beside the packages that are here; ask it for its version."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder]
        made = subprocess.run(
            [*build, "--no-build-isolation", str(ROOT)], capture_output=True, text=True, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if made.returncode or not wheels:
            run.fault(f"no wheel: {made.stderr[-200:]}")
            return
        clean = Path(folder) / "clean"
        venv.create(clean, with_pip=True)
        python = clean / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "--no-deps"]
        locked = subprocess.run(
            [*install, "-r", str(ROOT / "requirements.lock")], capture_output=True, check=False
        )
        if locked.returncode:
            run.fault(f"the lock does not install: {locked.stderr.decode()[-200:]}")
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--no-deps", str(wheels[0])], check=False
        )
        spoken = subprocess.run(
            [str(python), "-m", "streamplay", "say", "--local", "--no-play", "--json", "Hello."],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": "", "XDG_CONFIG_HOME": folder},
            capture_output=True,
            check=False,
        )
        if spoken.returncode or not json.loads(spoken.stdout)["complete"]:
            run.fault(f"the wheel does not speak: {spoken.stderr.decode()[-200:]}")


def _advisories(run: Run) -> str:
    program = os.environ.get("PIP_AUDIT", "pip-audit")
    words = [program, "-r", "requirements.lock", "--disable-pip", "--no-deps", "-f", "json"]
    try:
        told = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        found = json.loads(told.stdout)["dependencies"]
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return "not looked up: no source of advisories was reached"
    looked = [each for each in found if "vulns" in each]
    if not looked:
        return "not looked up: no source of advisories was reached"
    open_ = [f"{each['name']} {one['id']}" for each in looked for one in each["vulns"]]
    if open_:
        run.fault(f"advisories: {open_}")
    return f"{len(looked)} of {len(found)} packages looked up, {len(open_)} open"
