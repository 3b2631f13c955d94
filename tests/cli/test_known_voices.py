from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamplay.cli import known_voices
from streamplay.models import Voice

if TYPE_CHECKING:
    from pathlib import Path

TARA = Voice("tara", "tara", "m/one", "en")
LEO = Voice("leo", "leo", "m/two", "en")
ANY = Voice("any", "any", None, None)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_the_voices_of_a_server_are_known_after_they_were_listed() -> None:
    known_voices.remember("https://a/v1", [TARA, LEO, ANY], lambda _: None)
    known_voices.remember("local", [ANY], lambda _: None)
    assert known_voices.names("https://a/v1", None) == ["tara", "leo", "any"]
    assert known_voices.names("https://a/v1", "m/two") == ["leo", "any"]
    assert known_voices.names("local", None) == ["any"]
    assert known_voices.names(None, "m/one") == ["tara", "any"]
    assert known_voices.models() == ["m/one", "m/two"]
    assert known_voices.servers() == ["https://a/v1"]


def test_before_a_list_the_usual_voices_of_the_known_models_are_named() -> None:
    assert "tara" in known_voices.names(None, None)
    assert known_voices.names(None, "hexgrad/Kokoro-82M") == ["af_alloy"]
    assert known_voices.names(None, "stranger") == []
    assert known_voices.names("local", None) == []


def test_nothing_is_kept_where_the_user_wants_that(home: Path) -> None:
    folder = home / "config/streamplay"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[privacy]\nstore = false\n")
    known_voices.remember("https://a/v1", [LEO], lambda _: None)
    assert not (home / "state").exists()


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"s": 1}', '{"s": [["a"], [1, 2], "b", []]}']
)
def test_a_damaged_file_is_as_good_as_none(home: Path, text: str) -> None:
    known_voices.remember("s", [LEO], lambda _: None)
    (home / "state/streamplay/voices.json").write_text(text)
    assert known_voices.names("s", "stranger") == []


def test_the_oldest_list_goes_first() -> None:
    for number in range(25):
        known_voices.remember(f"https://{number}", [LEO], lambda _: None)
    known_voices.remember("https://5", [LEO], lambda _: None)
    assert known_voices.servers() == [f"https://{n}" for n in [*range(6, 25), 5]]
