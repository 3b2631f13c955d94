"""Lines that C libraries print on descriptor 2, seen from outside the process."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, subprocess, sys
from streamplay.cli.native_messages import kept_from_the_screen

with kept_from_the_screen():
    os.write(2, b"Expression 'ret' failed in 'src/hostapi/alsa/pa_linux_alsa.c', line: 904\\n")
    os.write(2, b"ALSA lib pcm.c:8568:(snd_pcm_recover) underrun occurred\\n")
    os.write(2, b"[src/libmpg123/layer3.c:1774] error: part2_3_length (192) too large\\n")
    os.write(2, b"somebody else's line\\n")
    subprocess.run([sys.executable, "-c", "import os; os.write(2, b'of a child\\\\n')"], check=True)
    print("of Python", file=sys.stderr)
os.write(2, b"afterwards\\n")
print("and of Python", file=sys.stderr)
"""


def stderr(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin", **environment},
    )
    return done.stderr.splitlines()


def test_known_lines_are_dropped_and_all_others_come() -> None:
    lines = stderr()
    assert sorted(lines[:3]) == ["of Python", "of a child", "somebody else's line"]
    assert lines[3:] == ["afterwards", "and of Python"]


def test_everything_comes_where_it_is_asked_for() -> None:
    assert len(stderr(STREAMPLAY_DEBUG="1")) == 8


def test_without_standard_error_there_is_nothing_to_do() -> None:
    script = (
        "from streamplay.cli.native_messages import kept_from_the_screen\n"
        "with kept_from_the_screen():\n    print('done')"
    )
    closed = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, script]
    done = subprocess.run(closed, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n")
