from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamplay.head_start import HeadStart
from streamplay.server import child

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from streamplay.cli import main
from streamplay.server.child import LocalServer

def launch(self):
    print(*sorted(sys.modules))
    sys.exit()

LocalServer.launch = launch
main(["say", "-q", "--no-play", "--local", *sys.argv[1:]])
"""


@pytest.mark.parametrize("words", [("Hello.",), ("-",), ("Hello.", "-o", "a.wav")])
def test_the_built_in_voice_is_started_before_the_player_is_imported(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", PROGRAM, *words]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, stdin=subprocess.DEVNULL
    )
    loaded = set(ran.stdout.split())
    assert "streamplay.head_start" in loaded
    assert not loaded & {"asyncio", "numpy", "streamplay.player", "importlib.metadata"}


def test_what_is_begun_for_a_player_that_is_never_made_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tied = tmp_path / "python"
    tied.write_text("#!/bin/sh\nexec cat\n")  # ends when its standard input does
    tied.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tied))
    begun = HeadStart()
    assert begun.launch_voice({"local": True})
    assert begun.voice is not None
    assert begun.voice.pid is not None
    begun.close()
    assert begun.voice.pid is None


@pytest.mark.parametrize("asked", [{"volume": 99.0}, {"base_url": "http://127.0.0.1:9/v1"}])
def test_nothing_is_begun_for_options_that_are_refused(asked: dict[str, object]) -> None:
    begun = HeadStart()
    assert not begun.launch_voice({"local": True, **asked})
    assert begun.voice is None


def test_without_its_packages_the_built_in_voice_is_left_to_the_player(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "find_spec", lambda _: None)
    assert not HeadStart().launch_voice({"local": True})
