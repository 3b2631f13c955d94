"""Programs in a process of their own: what they print, and that they end in silence."""

from __future__ import annotations

import os
import subprocess
import sys


def run(program: str, **environment: str) -> str:
    """Return what a program printed; it has to end well, with nothing on standard error."""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout
