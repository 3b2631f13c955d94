from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file is looked for; it is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "streamplay" / "config.toml"


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["config", *words]) == code
    out, err = capsys.readouterr()
    return (err if code else out).strip()


def test_path_names_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "path") == str(file)


def test_what_is_set_is_shown_with_where_it_comes_from(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://u:tgp-1@127.0.0.1:9/v1?key=tgp-1")
    printed(capsys, "set", "voice", "leo")
    printed(capsys, "set", "live.volume", "-6")
    printed(capsys, "set", "phrases.yes", "Yes, please.")
    shown = json.loads(printed(capsys, "show", "--json"))
    assert shown["voice"] == {"value": "leo", "from": str(file)}
    assert shown["live.volume"] == {"value": -6, "from": str(file)}
    assert shown["phrases.yes"]["value"] == "Yes, please."
    assert shown["base_url"]["from"] == "environment (TOGETHER_BASE_URL)"
    assert shown["base_url"]["value"] == "http://[hidden]@127.0.0.1:9/v1?[hidden]"
    assert shown["prebuffer"] == {"value": "auto", "from": "default"}
    assert printed(capsys, "get", "voice") == "leo"
    assert "environment (TOGETHER_BASE_URL)" in printed(capsys, "show")
    assert "tgp-1" not in printed(capsys, "show") + printed(capsys, "get", "base_url")


def test_a_place_at_home_is_shown_short(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(file.parent.parent)
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("USERPROFILE", home)
    printed(capsys, "set", "volume", "-6")
    rows = printed(capsys, "show").splitlines()
    (row,) = (row for row in rows if row.startswith("volume"))
    assert row.split()[2] == str(file).replace(home, "~")


def test_a_word_of_a_pronunciation_may_hold_a_full_stop(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "set", "pronounce.e.g.", "for example")
    printed(capsys, "set", "pronounce.SQL", "sequel")
    assert file.read_text() == '[pronounce]\n"e.g." = "for example"\nSQL = "sequel"\n'
    assert printed(capsys, "get", "pronounce.e.g.") == "for example"
    file.write_text('pronounce = ["a/b"]\n')
    assert "is a value there" in printed(capsys, "set", "pronounce.SQL", "s", code=2)


def test_setting_a_key_leaves_the_rest_as_its_owner_wrote_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_text('# mine\nvoice = "tara"  # for now\n\n[live]\nstats = true\n')
    printed(capsys, "set", "voice", "leo")
    assert file.read_text() == '# mine\nvoice = "leo"  # for now\n\n[live]\nstats = true\n'
    printed(capsys, "set", "voice", "")
    assert "voice" not in file.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "voise", "leo"], "Closest: voice"),
        (["set", "liv.volume", "-6"], "Closest: live"),
        (["set", "volume", "loud"], "volume"),
        (["set", "api_key", "secret"], "a key does not belong in this file"),
        (["set", "privacy.store", "maybe"], "true or false"),
        (["set", "voice"], "streamplay config set KEY VALUE"),
        (["get", "voise"], "Closest: voice"),
        (["path", "voice"], "streamplay config path"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    words: list[str], said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in printed(capsys, *words, code=2)
    assert not file.exists()


def test_an_editor_opens_the_file_and_a_mistake_is_told(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; open(sys.argv[1], 'a').write('voise = 3\\n')"
    monkeypatch.setenv("EDITOR", f'"{sys.executable}" -c "{script}"')
    monkeypatch.delenv("VISUAL", raising=False)
    assert "Closest: voice" in printed(capsys, "edit", code=2)
    assert file.read_text().startswith("# streamplay")


def test_a_profile_wins_over_the_rest_of_the_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_text('voice = "tara"\n[profile.work]\nvoice = "nobody"\nlocal = true\n')
    words = ["say", "Hi.", "--local", "--no-play", "--json"]
    assert main(words) == 0
    capsys.readouterr()
    assert main([*words, "--profile", "work"]) == 1
    assert json.loads(capsys.readouterr().out)["voice"] == "nobody"
    assert main([*words, "--profile", "wrok"]) == 2
    assert "Closest: work" in capsys.readouterr().err


# login
