"""`streamplay login`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file is looked for; it is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "streamplay" / "config.toml"


def logged_in(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TOGETHER_API_KEY"}
    return subprocess.run(
        [sys.executable, "-m", "streamplay", *words],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_a_key_is_stored_for_its_owner_alone_and_counts_as_the_variable(file: Path) -> None:
    key = "secret-key-123"
    done = logged_in("login", typed=f"{key}\n")
    assert done.returncode == 0
    stored = file.with_name("key")
    assert stored.read_text() == f"{key}\n"
    assert stored.stat().st_mode & 0o777 == 0o600
    shown = logged_in("config", "show", "--json")
    assert json.loads(shown.stdout)["key"] == {"value": "set", "from": str(stored)}
    assert key not in done.stdout + done.stderr + shown.stdout
    # With a key, `say` asks the service instead of the built-in voice.
    said = logged_in("say", "Hi.", "--no-play", "--base-url", "http://127.0.0.1:9/v1", "-q")
    assert said.returncode == 1
    assert key not in said.stderr
    assert logged_in("login", "--remove").returncode == 0
    assert not stored.exists()


@pytest.mark.parametrize("typed", ["", "\n", "two words\n", "naïve\n"])
def test_what_is_no_key_is_not_stored(typed: str, file: Path) -> None:
    done = logged_in("login", typed=typed)
    assert done.returncode == 2
    assert not file.with_name("key").exists()
