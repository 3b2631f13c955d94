"""How much memory a player holds: the interpreter, what is imported, idle, playing.

    .venv/bin/python -m benchmarks.memory

Each line is a process of its own that stops at one step: its proportional set size (PSS: shared
pages are divided among those that share them) and resident set size in MB, Linux only. The
differences between lines tell what holds it. Without a device the silent clock plays.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from streamplay.server.child import LocalServer

STEPS = {
    "the interpreter": "",
    "numpy": "import numpy",
    "streamplay, imported": "import numpy, streamplay; streamplay.Player",
    "a player, idle": "player = streamplay.Player(base_url=url)",
    "playing": "speech = player.say('Hello. ' * 20); __import__('time').sleep(3)",
    "after 20 utterances": "[player.say('Hello.').wait(30) for _ in range(20)]",
}

MEASURE = """
import json, pathlib
found = {}
for line in pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines():
    name, _, value = line.partition(":")
    if name in ("Pss", "Rss", "Pss_Anon"):
        found[name] = int(value.split()[0]) / 1024
import sys, os
print("\\n" + json.dumps(found))
sys.stdout.flush()
os._exit(0)
"""


def measured(lines: list[str]) -> dict[str, float]:
    """Run these lines in a new interpreter; return its memory in MB after the last one."""
    code = "\n".join([*lines, MEASURE])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("only Linux tells this")
    with LocalServer(["--pace", "1.5"]) as server:
        print(f"{'':<24}{'PSS':>8}{'anonymous':>11}{'RSS':>8}   MB")
        lines, before = [f"url = {server.base_url!r}"], 0.0
        for name, step in STEPS.items():
            if name != "after 20 utterances":
                lines.append(step)
            done = [*lines, step] if name == "after 20 utterances" else lines
            found = measured(done)
            more = f"+{found['Pss'] - before:.1f}"
            before = found["Pss"]
            print(
                f"{name:<24}{found['Pss']:>8.1f}{found['Pss_Anon']:>11.1f}{found['Rss']:>8.1f}"
                f"{more:>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
