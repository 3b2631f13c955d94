"""The C sources under the sanitizers; the long form is benchmarks/sanitize with more frames."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_three_threads_share_the_native_playout_without_a_race_whatever_its_age() -> None:
    ran = subprocess.run(
        ["bash", ROOT / "benchmarks" / "sanitize", "60000"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count(": 0 wrong") == 17
