from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamplay.cli import config, main, parser
from streamplay.cli.usage import UsageError


class Folder:
    """A configuration folder of this test's own."""

    def __init__(self, root: Path) -> None:
        self.file = root / "streamplay" / "config.toml"
        self.file.parent.mkdir()

    def says(self, text: str) -> None:
        self.file.write_text(text)

    def args(self, *words: str) -> dict[str, Any]:
        _, args = parser.parse(words)
        return {key: value for key, value in vars(args).items() if value is not None}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TOGETHER_BASE_URL", raising=False)
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("platform", "environment", "path"),
    [
        ("linux", {"HOME": "/h"}, "/h/.config/streamplay/config.toml"),
        ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/streamplay/config.toml"),
        ("linux", {"HOME": "/h", "XDG_CONFIG_HOME": "x"}, "/h/.config/streamplay/config.toml"),
        (
            "darwin",
            {"HOME": "/h"},
            "/h/Library/Application Support/streamplay/config.toml",
        ),
        ("win32", {"APPDATA": "/a", "HOME": "/h"}, "/a/streamplay/config.toml"),
    ],
)
def test_the_file_is_in_the_users_configuration_folder(
    platform: str, environment: dict[str, str], path: str
) -> None:
    assert config.path(platform, environment) == path


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_without_a_home_there_is_no_file(platform: str) -> None:
    assert config.path(platform, {}) is None
    assert config.read(None) == {}


def test_without_a_file_nothing_is_set(folder: Folder) -> None:
    assert folder.args("say", "Hello") == {"text": ["Hello"]}


def test_the_file_sets_what_no_flag_has_set(folder: Folder) -> None:
    folder.says('voice = "leo"\nmodel = "a/model"\nvolume = -6\nprebuffer = "auto"')
    assert folder.args("say", "Hello", "--voice", "tara") == {
        "text": ["Hello"],
        "voice": "tara",
        "model": "a/model",
        "volume": -6.0,
        "prebuffer": "auto",
    }


def test_a_commands_table_wins_over_the_top_and_holds_for_it_alone(folder: Folder) -> None:
    folder.says('voice = "leo"\n[live]\nvoice = "mia"\nstats = true\n[serve]\nport = 8000')
    assert folder.args("live") == {"voice": "mia", "stats": True}
    assert folder.args("say", "x") == {"text": ["x"], "voice": "leo"}
    assert folder.args("serve") == {"port": 8000}
    assert folder.args("models") == {}


def test_it_holds_for_commands_that_ask_for_a_word(folder: Folder) -> None:
    folder.says('voice = "leo"\nprebuffer = 300\n')
    assert folder.args("play", "a.wav") == {"file": "a.wav", "prebuffer": 300.0}
    assert folder.args("replay", "a", "b", "--prebuffer", "5") == {
        "traces": ["a", "b"],
        "prebuffer": 5.0,
    }
    folder.says('device = "one"\ndecode_as = "pcm_s16le"\n[play]\nvolume = -3')
    # What a server's bytes are, holds for no file; and the table is no `play = false`.
    assert folder.args("play", "a.wav") == {"file": "a.wav", "device": "one", "volume": -3.0}
    assert folder.args("say", "x")["device"] == "one"
    folder.says("play = false")
    assert folder.args("play", "a.wav") == {"file": "a.wav"}
    folder.says("")
    assert folder.args("completion", "bash") == {"shell": "bash"}
    assert folder.args("say", "--", "-x")["text"] == ["-x"]


def test_switches_are_true_or_false(folder: Folder) -> None:
    folder.says("stream = false\nplay = false\nlocal = true\nquiet = false")
    assert folder.args("say", "x") == {"text": ["x"], "stream": False, "play": False, "local": True}
    folder.says("stream = true\nplay = true\nlocal = false\nquiet = true")
    assert folder.args("say", "x") == {"text": ["x"], "stream": True, "quiet": True}
    assert folder.args("say", "x", "--no-stream")["stream"] is False


def test_a_list_repeats_a_flag_and_a_flag_replaces_the_list(folder: Folder) -> None:
    folder.says("pronounce = ['a/b', 'c/d']\nextra = ['speed=1.5']")
    assert folder.args("say", "x")["pronounce"] == ["a/b", "c/d"]
    assert folder.args("say", "x")["extra"] == [("speed", 1.5)]
    assert folder.args("say", "x", "--pronounce", "e/f")["pronounce"] == ["e/f"]


def test_pronunciations_of_all_tables_hold_together_with_those_of_flags(folder: Folder) -> None:
    folder.says(
        "[pronounce]\nSQL = 'sequel'\nomg = 'oh'\n'e.g.' = 'for example'\n"
        "[live.pronounce]\nomg = 'oh my'\n[profile.work.pronounce]\nIBM = 'big blue'"
    )
    common = ["SQL/sequel", "omg/oh", "e.g./for example"]
    assert folder.args("say", "x")["pronounce"] == common
    assert folder.args("say", "x", "--pronounce", "SQL/s", "--pronounce", "a/b")["pronounce"] == [
        *("SQL/s", "omg/oh", "e.g./for example", "a/b")
    ]
    assert folder.args("live")["pronounce"][1] == "omg/oh my"
    assert folder.args("say", "x", "--profile", "work")["pronounce"] == [*common, "IBM/big blue"]


@pytest.mark.parametrize("line", ["a = 1", "'a/b' = 'c'", "' ' = 'c'"])
def test_a_pronunciation_is_a_word_and_its_replacement(folder: Folder, line: str) -> None:
    folder.says(f"[pronounce]\n{line}")
    with pytest.raises(UsageError, match=r"\[pronounce\] .*: it is used as word = "):
        folder.args("say", "x")


def test_the_environment_wins_over_the_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.says('base_url = "http://file/v1"')
    assert folder.args("say", "x")["base_url"] == "http://file/v1"
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://environment/v1")
    assert "base_url" not in folder.args("say", "x")


@pytest.mark.parametrize(
    ("content", "words", "left"),
    [
        ('base_url = "http://h"', ["--local"], {"local": True}),
        ("local = true", ["--base-url", "http://h"], {"base_url": "http://h"}),
    ],
)
def test_a_flag_for_one_server_takes_back_the_files_other(
    folder: Folder, content: str, words: list[str], left: dict[str, object]
) -> None:
    folder.says(content)
    assert folder.args("say", "x", *words) == {"text": ["x"], **left}


def test_the_files_model_is_no_filter_for_voices(folder: Folder) -> None:
    folder.says('model = "a/model"')
    assert folder.args("voices") == {}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("voise = 1", "unknown key 'voise'. Closest: voice"),
        ("[say]\nvoise = 1", "unknown key 'voise'. Closest: voice"),
        ("[sing]\na = 1", "unknown key 'sing'"),
        ('api_key = "secret"', "api_key: a key does not belong in this file"),
        ('[say]\napi_key = "secret"', "api_key: a key does not belong in this file"),
        ("[say]\njson = true", "json: what is printed is decided where it is read"),
        ("volume = 'loud'", "argument --volume: 'loud' is no volume in dB"),
        ("local = 'yes'", "local: 'yes' is neither true nor false"),
        ("voice = ", "is no TOML"),
        ("local = true\nbase_url = 'http://h'", "--local and --base-url name two servers"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_it(
    folder: Folder, content: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.says(content)
    assert main(["say", "Hello"]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert told.count("\n") == 1
    assert "secret" not in told


def test_a_file_that_cannot_be_read_is_told(folder: Folder) -> None:
    folder.file.mkdir()
    with pytest.raises(UsageError, match=r"config\.toml cannot be read: "):
        folder.args("say", "x")


def test_a_file_that_is_no_text_is_told(folder: Folder) -> None:
    folder.file.write_bytes(b"voice = '\xff'")
    with pytest.raises(UsageError, match=r"config\.toml is no TOML: "):
        folder.args("say", "x")


def test_a_file_named_in_it_may_be_in_the_home_folder(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/h")
    folder.says('remember = "~/learned.json"\ngap_weight = 5')
    assert folder.args("say", "hello")["remember"] == Path("/h/learned.json")
    assert folder.args("say", "hello")["gap_weight"] == 5
    assert folder.args("live")["remember"] == Path("/h/learned.json")


@pytest.mark.parametrize("name", ["", "~nobody-of-that-name/learned.json"])
def test_a_file_that_cannot_be_is_a_usage_error(folder: Folder, name: str) -> None:
    folder.says(f'remember = "{name}"')
    with pytest.raises(UsageError, match="remember"):
        folder.args("say", "hello")


def test_options_of_a_text_may_stand_at_the_top(folder: Folder) -> None:
    folder.says("speed = 1.5\nclean = true\nprefetch = 3\ninsecure_http = true")
    args = folder.args("say", "hello")
    assert (args["speed"], args["clean"], args["prefetch"]) == (1.5, True, 3)
    assert folder.args("voices") == {"insecure_http": True}
    assert folder.args("say", "hello", "--no-clean")["clean"] is False
