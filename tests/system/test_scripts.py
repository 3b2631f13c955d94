"""What the two commands for an empty clone stand on; CI runs them whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIB = Path(__file__).parent.parent.parent / "scripts" / "lib.sh"


def test_all_that_an_installation_depends_on_is_found() -> None:
    # It was ended without a word, and both commands with it, where a file had been moved.
    script = f'. "{LIB}"; venv="{sys.prefix}"; fingerprint'
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.split()[0].isdigit()
