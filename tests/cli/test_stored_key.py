"""The stored key counts as the variable, which wins over it; it is never shown."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamplay.cli import stored_key
from streamplay.cli.stored_key import IN_KEYRING, VARIABLE

KEY = "tgp-secret-0123456789"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key is stored; there is none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = stored_key.path()
    assert path is not None
    Path(path).parent.mkdir(parents=True)
    return Path(path)


def test_without_a_stored_key_there_is_none(stored: Path) -> None:
    environment: dict[str, str] = {}
    stored_key.load(environment)
    assert environment == {}
    assert stored_key.described(environment) == ("not set", "-")


def test_a_stored_key_counts_as_the_variable(stored: Path) -> None:
    stored.write_text(f"{KEY}\n")
    environment: dict[str, str] = {}
    stored_key.load(environment)
    assert environment == {VARIABLE: KEY}
    assert stored_key.described(environment) == ("set", str(stored))


def test_the_variable_wins_and_no_key_is_shown(stored: Path) -> None:
    stored.write_text(KEY)
    environment = {VARIABLE: "another"}
    stored_key.load(environment)
    assert environment == {VARIABLE: "another"}
    told = stored_key.described(environment)
    assert told == ("set", f"environment ({VARIABLE})")
    assert KEY not in str(told)


def test_the_file_may_name_the_systems_keyring(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.write_text(IN_KEYRING)
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda *_: KEY))
    environment: dict[str, str] = {}
    stored_key.load(environment)
    assert environment == {VARIABLE: KEY}


def test_a_keyring_that_fails_holds_no_key(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: str) -> str:
        raise RuntimeError("it is locked")

    stored.write_text(IN_KEYRING)
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=locked))
    environment: dict[str, str] = {}
    stored_key.load(environment)
    assert environment == {}
