"""Targets, from words, files and flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamplay.bench import target
from streamplay.errors import InvalidRequest
from streamplay.rules.option_table import options_in

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:9/v1"


def test_without_words_the_flags_are_the_target() -> None:
    (only,) = target.read([], {"base_url": URL})
    assert only.model == "canopylabs/orpheus-3b-0.1-ft"
    assert only.base_url == URL


def test_a_word_says_what_differs_from_the_flags() -> None:
    words = ["voice=tara", "voice=leo,name=lion", "model=hexgrad/Kokoro-82M,sample-rate=24000"]
    found = target.read(words, {"base_url": URL, "voice": "mia"})
    assert [each.request("x").voice for each in found] == ["tara", "leo", "mia"]
    assert [each.name for each in found][1] == "lion"
    assert len({each.name for each in found}) == 3


def test_a_file_has_a_table_for_each(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(f'base_url = "{URL}"\n[a]\nvoice = "leo"\n[b]\n[b.extra]\nspeed = 2\n')
    first, second = target.read([str(file)], {})
    assert (first.name, first.options.voice) == ("a", "leo")
    assert second.options.extra == {"speed": 2}


def test_a_target_of_the_built_in_voice_leaves_the_common_server() -> None:
    mine, theirs = target.read(["local=true,name=mine", "name=theirs"], {"base_url": URL})
    assert (mine.base_url, theirs.base_url) == ("local", URL)


def test_without_a_key_or_a_server_there_is_no_benchmark() -> None:
    with pytest.raises(InvalidRequest, match="neither a key nor a server"):
        target.read([], {})


@pytest.mark.parametrize(
    "word",
    [
        *("tara", "tone=high", "voice=leo,base_url=ftp", "no-such-file.toml", "api_key=secret"),
        *("voice=tara,voice=leo", "local=maybe", "local=1", "name=\x1b[31m", "api=zz", "voice=3"),
        *("api_key_env=NO_SUCH_VARIABLE", "timeout=soon", "stream=1", "extra=1", "pronounce=a/b"),
        *("base_url=https://api.together.ai/v1", "base_url=http://user:password@host/v1"),
    ],
)
def test_what_is_no_target_is_refused(word: str) -> None:
    with pytest.raises(InvalidRequest):
        target.read([word], {"base_url": URL})


@pytest.mark.parametrize(
    "content",
    [
        *("[a]\nvoice = [1]", "[a]\nextra = 3", "[[a]]\nvoice = 'x'", "[a]\nname = 'x'", "a = 1"),
        *("[a]\nbase_url = 3", "[a.b]\nc = 1", '["a\\n"]\nvoice = "leo"', "not TOML"),
        f"a = {'[' * 2000}{']' * 2000}",
    ],
)
def test_a_file_that_names_no_target_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "t.toml"
    file.write_text(content)
    with pytest.raises(InvalidRequest):
        target.read([str(file)], {"base_url": URL})


def test_two_that_are_the_same_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="the same"):
        target.read(["voice=leo", "voice=leo"], {"base_url": URL})


def test_an_empty_file_names_none(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text("voice = 'leo'\n")
    with pytest.raises(InvalidRequest, match="names none"):
        target.read([str(file)], {"base_url": URL})


def test_a_target_takes_every_option_of_request_and_server_but_the_fallback() -> None:
    named = [each.name for each in options_in("request", "server", "speaking") if each.flags]
    assert list(target.KEYS) == [name for name in named if not name.startswith("fallback")]
    (one,) = target.read(["speed=1.5,instructions=Hush,insecure_http=true"], {"base_url": URL})
    assert (one.request("x").speed, one.request("x").instructions) == (1.5, "Hush")
    assert one.options.insecure_http


def test_a_target_whose_key_stays_here_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "a-secret-key")
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://speech.invalid/v1")
    (one,) = target.read([], {})
    assert "the key is not sent" in one.notice
    (here,) = target.read(["local=true"], {})
    assert here.notice == ""
