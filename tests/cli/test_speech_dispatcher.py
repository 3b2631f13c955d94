from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main, parser
from streamplay.cli.speech_dispatcher import module_file

if TYPE_CHECKING:
    from pathlib import Path

SPEECHD = """\
AddModule "streamplay" "sd_generic" "streamplay.conf"
DefaultModule streamplay
AudioOutputMethod "alsa"
DefaultVolume 100
"""

SAID = [
    ((), 'It\'s a "test" & $HOME; -x. `No`!', ["--speed=1.00", "--volume=0"]),
    (
        ("-r", "100", "-i", "-50", "-l", "de-DE"),
        "Grüß 日本",
        ["--speed=3.00", "--volume=-30", "de"],
    ),
    (("-r", "-100"), "-v minus", ["--speed=0.25", "--volume=0"]),
]
"""Flags of spd-say, a text, and what of it streamplay is told."""


def test_the_module_names_the_command_by_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "speech-dispatcher"]) == 0
    told = capsys.readouterr().out
    assert "/streamplay say --quiet" in told
    assert r"exec \'/my tools/streamplay\' say" in module_file("/my tools/streamplay")


def test_the_real_daemon_speaks_through_the_command(tmp_path: Path) -> None:
    if shutil.which("speech-dispatcher") is None or shutil.which("spd-say") is None:
        pytest.skip("speech-dispatcher and spd-say are not installed")
    said = tmp_path / "said"
    fake = tmp_path / "my streamplay"
    fake.write_text(f'#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done >> {said}\n')
    fake.chmod(0o755)
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "streamplay.conf").write_text(module_file(str(fake)))
    (tmp_path / "speechd.conf").write_text(SPEECHD)
    quiet = tmp_path / "asound.conf"
    quiet.write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type null }\n")
    socket = tmp_path / "socket"
    where = ["-C", tmp_path, "-S", socket, "-P", tmp_path / "pid", "-L", tmp_path]
    daemon = subprocess.Popen(
        ["speech-dispatcher", "-s", "-c", "unix_socket", "-t", "60", *where],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ALSA_CONFIG_PATH": str(quiet)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not socket.exists():
            assert daemon.poll() is None
            time.sleep(0.02)
        for flags, text, _ in SAID:
            subprocess.run(
                ["spd-say", "-w", *flags, "--", text],
                env={"PATH": "/usr/bin:/bin", "SPEECHD_ADDRESS": f"unix_socket:{socket}"},
                check=True,
                timeout=60,
            )
    finally:
        daemon.terminate()
        daemon.wait()
    words = iter(said.read_text().split("\0"))
    for _, text, told in SAID:
        line = [next(words)]
        while line[-1] != text:
            line.append(next(words))
        assert line[:2] == ["say", "--quiet"]
        assert all(any(word.endswith(each) for word in line) for each in told)
        parser.build("say").parse_words(line[1:])
