"""The screens that docs/screens keeps, driven in tmux: two scenes here, all by scripts/screens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[2]
QUICK = ("live-cutting-in", "live-resizing")


def run(*words: str, script: str = "screens") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_scene_is_kept_and_no_other() -> None:
    kept = {path.stem for path in (ROOT / "docs" / "screens").glob("*.txt")}
    assert set(run("--list").stdout.split()) == kept


def test_every_page_of_the_first_minutes_is_kept_and_no_other() -> None:
    kept = {path.stem for path in (ROOT / "docs" / "screens" / "first-minutes").glob("*.txt")}
    assert set(run("--list", script="first-minutes").stdout.split()) == kept


@pytest.mark.parametrize("scene", QUICK)
def test_a_scene_shows_what_it_waits_for(scene: str, tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    done = run(scene, "--to", str(tmp_path))
    assert done.returncode == 0, done.stderr
    now, kept = (
        [row for row in (folder / f"{scene}.txt").read_text().splitlines() if row[:2] == "=="]
        for folder in (tmp_path, ROOT / "docs" / "screens")
    )
    assert now == kept
