"""Every command where something is missing: a sentence, never a traceback or a stray escape.

    .venv/bin/python -m benchmarks.bare [--command NAME] [--condition NAME] [--markdown]

Commands are run without PortAudio, a terminal, HOME, an environment; with a HOME that cannot be
written, a full disk behind standard output, LANG=C, closed standard streams, and at a terminal of
40 columns; and, where mounts may be made (root on Linux), with HOME, TMPDIR and the current folder
on a tmpfs that is full, or read-only. A run is right where the exit status is one of the
contract's, nothing says "a bug" or "Traceback", no escape sequence goes where there is no terminal,
and a failure is one sentence.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamplay.server.child import LocalServer
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES = frozenset((0, 1, 2, 3, 4, 130))

COMMANDS = {
    "say": ("say Hello. --base-url {url}", ""),
    "say -f": ("say -f {text} --base-url {url}", ""),
    "say -o": ("say Hello. --base-url {url} --force -o $HOME/out.wav", ""),
    "say -o -f": ("say -f {text} --base-url {url} --no-play --force -o $HOME/out.flac", ""),
    "live": ("live --base-url {url}", "Hello.\n"),
    "play": ("play {text}", ""),
    "play a sound": ("play {sound}", ""),
    "voices": ("voices --base-url {url}", ""),
    "models": ("models", ""),
    "devices": ("devices", ""),
    "doctor": ("doctor --base-url {url}", ""),
    "config show": ("config show", ""),
    "config set": ("config set voice tara", ""),
    "login": ("login", "key\n"),
    "completion": ("completion bash", ""),
    "help": ("say -h", ""),
}
"""A command line, and what is typed or piped into it."""

CONDITIONS = {
    "as usual": "{program} {words}",
    "no PortAudio": "PYTHONPATH={folder} {program} {words}",
    "no HOME": "env -u HOME {program} {words}",
    "no environment": "env -i {program} {words}",
    "read-only HOME": "HOME=/proc {program} {words}",
    "full disk": "{program} {words} > /dev/full",
    "LANG=C": "LC_ALL=C {program} {words}",
    "stdin closed": "{program} {words} <&-",
    "stdout closed": "{program} {words} >&-",
    "stderr closed": "{program} {words} 2>&-",
    "all closed": "{program} {words} <&- >&- 2>&-",
}
"""How a shell runs it."""

_ON_TMPFS = (
    "unshare -m bash -c 'mkdir -p {folder}/small && mount -t tmpfs -o size=64k small {folder}/small"
    " && cd {folder}/small && {then}; export HOME=$PWD TMPDIR=$PWD; {program} {words}'"
)

MOUNTS = {
    "full tmpfs": "head -c 1M /dev/zero > fill 2>/dev/null",
    "read-only tmpfs": "mount -o remount,ro {folder}/small",
}
"""What is done with a small file system before the command runs there."""


def can_mount() -> bool:
    """Return whether a small file system can be mounted here, in a namespace of its own."""
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


NO_PORTAUDIO = """
import ctypes.util
find = ctypes.util.find_library
ctypes.util.find_library = lambda name: None if "portaudio" in name else find(name)
"""


EVERY = (*CONDITIONS, *MOUNTS, "40 columns")


class Outcome(NamedTuple):
    """What one run did."""

    command: str
    condition: str
    status: int
    told: str
    fault: str


def outcomes(commands: list[str], conditions: list[str]) -> Iterator[Outcome]:
    """Run every command under every condition."""
    with tempfile.TemporaryDirectory() as name, LocalServer() as server:
        folder = Path(name)
        (folder / "sitecustomize.py").write_text(NO_PORTAUDIO)
        (folder / "text.txt").write_text("Hello.\n")
        filled = {
            "url": server.base_url,
            "text": str(folder / "text.txt"),
            "sound": str(folder / "sound.wav"),
            "folder": name,
        }
        _write_sound(folder / "sound.wav")
        program = str(Path(sys.executable).with_name("streamplay"))
        for command in commands:
            line, typed = COMMANDS[command]
            words = line.format(**filled)
            for condition in conditions:
                if condition == "40 columns":
                    yield at_terminal(command, words, typed, folder)
                    continue
                then = MOUNTS.get(condition, "").format(**filled)
                form = CONDITIONS.get(condition, _ON_TMPFS)
                shell = form.format(program=program, words=words, then=then, **filled)
                done = subprocess.run(
                    ["bash", "-c", shell],
                    input=typed,
                    env=os.environ | {"HOME": name},
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=120,
                    check=False,
                )
                fault = _fault(done.returncode, done.stdout, done.stderr)
                yield Outcome(command, condition, done.returncode, done.stderr.strip(), fault)


def _write_sound(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(24000)
        sound.writeframes(bytes(4800))


def at_terminal(command: str, words: str, typed: str, folder: Path) -> Outcome:
    """Run a command at a terminal of 40 columns; no word of a message may be broken there."""
    environment = {"HOME": str(folder), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}
    with Terminal(shlex.split(words), columns=40, environment=environment) as terminal:
        terminal.settle(1.0)
        terminal.type(typed.replace("\n", "\r"))
        terminal.settle(1.5)
        if command == "live":
            terminal.type("\x04")
        status = terminal.leaves()
        rows = [row for row in terminal.rows if row.startswith("streamplay: ")]
        wide = [row for row in terminal.rows if len(row) > 40]
        seen = terminal.seen
    fault = "a bug" if "Traceback" in seen or ": a bug" in seen else ""
    return Outcome(command, "40 columns", status, " ".join(rows), fault or "".join(wide))


def _fault(status: int, out: str, err: str) -> str:
    if status not in STATUSES:
        return f"status {status}"
    if "Traceback" in out + err or "a bug:" in err:
        return "a bug"
    if "\x1b" in out + err:
        return "an escape sequence"
    told = [row for row in err.splitlines() if row.strip()]
    if any(not row.startswith(("streamplay: ", "stopped ")) for row in told):
        return "a line that is not ours"
    sentences = [row for row in err.splitlines() if row.startswith("streamplay: ")]
    # A notice may come before it; of a file read aloud, where it stopped.
    if status and err and len(sentences) not in {1, 2, 3}:
        return f"{len(sentences)} sentences"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command", choices=COMMANDS, action="append")
    parser.add_argument("--condition", choices=EVERY, action="append")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    failed = count = 0
    form = "| {0} | {1} | {2} | {3} |" if args.markdown else "{0:12} {1:15} {2:3}  {3}"
    conditions = args.condition or [*EVERY]
    if not can_mount():
        conditions = [each for each in conditions if each not in MOUNTS]
        print("no file system can be mounted here: those conditions are left out")
    for run in outcomes(args.command or list(COMMANDS), conditions):
        count += 1
        failed += bool(run.fault)
        told = f"WRONG: {run.fault}: {run.told}" if run.fault else run.told
        print(form.format(run.command, run.condition, run.status, " ".join(told.split())[:150]))
    print(f"{count - failed} of {count} are right")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
