from __future__ import annotations

import argparse
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import completing, parser

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def proposals(command: str, flag: str, prefix: str = "", **given: object) -> list[str] | None:
    """Return what is proposed for a flag or an argument; None: nothing but its choices."""
    actions = parser.build(command).actions
    action = next(each for each in actions if flag in {*each.option_strings, each.dest})
    completer = completing.completer_of(action)
    args = argparse.Namespace(**given)
    return None if completer is None else list(completer(prefix=prefix, parsed_args=args))


def ask(line: str, *python: str) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"_ARGCOMPLETE": "1", "COMP_LINE": line, "_ARGCOMPLETE_IFS": "\n"}
    environment |= {"COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": "/dev/stdout"}
    return subprocess.run(
        [sys.executable, *python, "-m", "streamplay"],
        env=environment,
        capture_output=True,
        check=True,
    )


@pytest.mark.parametrize("line", ["streamplay ", "streamplay bench --", "streamplay say --voice "])
def test_what_is_slow_to_import_is_not_imported_for_a_tab(line: str) -> None:
    done = ask(line, "-X", "importtime")
    assert done.stdout
    slow = (b"numpy", b"sounddevice", b"asyncio", b"rich", b"prompt_toolkit", b"tomlkit")
    assert [name for name in slow if b"| " + name + b"\n" in done.stderr] == []


def test_every_flag_of_a_command_is_proposed() -> None:
    rows = ask("streamplay say --").stdout.decode().splitlines()
    actions = parser.build("say").actions
    flags = {flag for each in actions for flag in each.option_strings if flag[:2] == "--"}
    assert {row.strip() for row in rows} == flags


def test_zsh_is_told_no_description_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_ARGCOMPLETE_SHELL", "zsh")
    rows = ask("streamplay voices --model ").stdout.decode().splitlines()
    assert "hexgrad/Kokoro-82M:" in rows


def test_files_stand_where_files_belong_and_nowhere_else(home: Path) -> None:
    (home / "book.epub").touch()
    (home / "books").mkdir()
    (home / ".hidden").touch()
    for command, flag in (
        ("say", "--output"),
        ("say", "-f"),
        ("play", "file"),
        ("say", "--record"),
    ):
        assert proposals(command, flag, "bo") == ["book.epub", "books/"]
        assert proposals(command, flag) == ["book.epub", "books/"]
    assert proposals("say", "-f", ".h") == [".hidden"]
    assert proposals("say", "-f", "books/none") == []
    assert proposals("say", "-f", "none/") == []
    assert proposals("say", "text") is None
    assert proposals("say", "--timeout") is None


def test_devices_are_proposed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [SimpleNamespace(name="Speaker"), SimpleNamespace(name="Headphones")] * 2
    monkeypatch.setattr("streamplay.outputs.devices.list_devices", lambda: found)
    assert proposals("say", "--device") == ["Speaker", "Headphones"]


def test_a_broken_sound_system_proposes_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[object]:
        raise completing.StreamPlayError("broken")

    monkeypatch.setattr("streamplay.outputs.devices.list_devices", broken)
    assert proposals("say", "--device") == []


def test_voices_models_and_languages_are_proposed() -> None:
    assert "tara" in (proposals("say", "--voice") or ())
    assert proposals("say", "--voice", model="hexgrad/Kokoro-82M") == ["af_alloy"]
    assert "hexgrad/Kokoro-82M" in (proposals("voices", "--model") or ())
    assert "en" in (proposals("say", "--language") or ())
    assert proposals("say", "--latency") == ["low", "high"]


def test_keys_values_and_profiles_of_the_configuration_are_proposed(home: Path) -> None:
    folder = home / "streamplay"
    folder.mkdir()
    (folder / "config.toml").write_text('[phrases]\nyes = "Yes."\n[profile.work]\nvolume = 1\n')
    keys = proposals("config", "key") or []
    assert {"voice", "volume", "phrases.yes"} <= set(keys)
    assert proposals("say", "--profile") == ["work"]
    assert proposals("config", "value", key="live.format") == list(parser_choices("format"))
    assert proposals("config", "value", key="clean") == ["true", "false"]
    assert proposals("config", "value", key="phrases.yes") == []
    assert proposals("config", "value", key="language") == list(completing.LANGUAGES)
    (folder / "config.toml").write_text("= no TOML")
    assert proposals("say", "--profile") == []


def parser_choices(name: str) -> tuple[str, ...]:
    action = next(each for each in parser.build("say").actions if each.dest == name)
    return tuple(action.choices or ())
