from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.audio import AudioFormat
from streamplay.cli import options, parser
from streamplay.cli.usage import UsageError
from streamplay.rules.option_table import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _with_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("TOGETHER_API_KEY", "a-key")
    monkeypatch.delenv("TOGETHER_BASE_URL", raising=False)


def player_options(*words: str) -> dict[str, Any]:
    return options.for_player(parser.parse(["say", "Hello", *words])[1])


def test_a_player_is_told_nothing_that_was_not_asked_for() -> None:
    assert player_options() == {}


def test_every_flag_of_the_request_reaches_the_player() -> None:
    words = (
        "-m some/model -v tara --language zh-hk --encoding pcm_f32le --sample-rate 44100 "
        "--format mp3 --bit-rate 64000 --no-stream --pronounce omg/oh --pronounce a/b "
        "--extra speed=1.5 --extra emotion=[1,2] --base-url http://h/v1 --api openai "
        "--api-key-env KEY --fallback local --timeout 3 --deadline 9.5 -d 3 --latency 0.1 "
        "--volume -6 --prebuffer 250 --no-play --speed 1.25 --instructions Hush --insecure-http "
        "--no-clean --prefetch 0 --on-error continue"
    )
    assert player_options(*words.split()) == {
        "model": "some/model",
        "voice": "tara",
        "language": "zh-hk",
        "encoding": "pcm_f32le",
        "sample_rate": 44100,
        "format": "mp3",
        "bit_rate": 64000,
        "stream": False,
        "pronounce": ["omg/oh", "a/b"],
        "extra": {"speed": 1.5, "emotion": [1, 2]},
        "base_url": "http://h/v1",
        "api": "openai",
        "api_key_env": "KEY",
        "fallback": ["local"],
        "timeout": 3.0,
        "deadline": 9.5,
        "device": 3,
        "latency": 0.1,
        "volume": -6.0,
        "prebuffer": 250.0,
        "play": False,
        "speed": 1.25,
        "instructions": "Hush",
        "insecure_http": True,
        "clean": False,
        "prefetch": 0,
        "on_error": "continue",
    }


@pytest.mark.parametrize(
    ("words", "audio"),
    [
        (["--decode-as", "pcm_mulaw@8000"], AudioFormat("pcm_mulaw", 8000)),
        (["--decode-as", "pcm_f32le", "--sample-rate", "44100"], AudioFormat("pcm_f32le", 24000)),
        (
            ["--decode-as", "pcm_f32le", "--sample-rate", "44100", "-m", "a/stranger"],
            AudioFormat("pcm_f32le", 44100),
        ),
    ],
)
def test_decode_as_without_a_rate_keeps_the_rate_that_is_known(
    words: list[str], audio: AudioFormat
) -> None:
    assert player_options(*words)["decode_as"] == audio


@pytest.mark.parametrize("form", ["wav", "mp3", "opus"])
def test_a_whole_file_cannot_be_a_stream(form: str) -> None:
    with pytest.raises(UsageError, match=f"--stream: {form} comes whole"):
        player_options("--format", form, "--stream")


@pytest.mark.parametrize("api", [(), ("--api", "openai")])
def test_a_file_of_another_server_may_be_a_stream(api: tuple[str, ...]) -> None:
    words = ("--format", "mp3", "--stream", "--base-url", "http://localhost:1/v1")
    assert player_options(*words, *api)["stream"]
    with pytest.raises(UsageError, match="comes whole"):
        player_options(*words, "--api", "together")


def test_local_and_a_server_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="two servers"):
        player_options("--local", "--base-url", "http://h/v1")


@pytest.mark.parametrize(
    ("words", "environment", "local"),
    [
        ([], {}, True),
        ([], {"TOGETHER_API_KEY": "k"}, False),
        ([], {"TOGETHER_BASE_URL": "http://h"}, False),
        (["--base-url", "http://h"], {}, False),
        (["--api-key-env", "MINE"], {}, False),
        (["--local"], {"TOGETHER_API_KEY": "k"}, True),
    ],
)
def test_the_built_in_voice_speaks_where_nobody_named_a_key_or_a_server(
    words: list[str],
    environment: dict[str, str],
    local: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TOGETHER_API_KEY")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert player_options(*words).get("local", False) is local


@pytest.mark.parametrize(("words", "told"), [([], True), (["-q"], False), (["--local"], False)])
def test_the_built_in_voice_is_told_where_it_was_not_asked_for(
    words: list[str],
    told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("TOGETHER_API_KEY")
    options.tell_the_voice(parser.parse(["say", "Hello", *words])[1])
    assert ("built-in voice" in capsys.readouterr().err) is told


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (options.latency, "low", "low"),
        (options.factor, "4", 4.0),
        (options.pieces, "0", 0),
        (options.latency, "0.02", 0.02),
        (options.prebuffer, "auto", "auto"),
        (options.prebuffer, "0", 0.0),
        (options.device, "2", 2),
        (options.device, "USB 2", "USB 2"),
        (options.decibels, "-6.5", -6.5),
        (options.decode_as, "pcm_alaw", ("pcm_alaw", None)),
        (options.decode_as, "pcm_s24be@48000", ("pcm_s24be", 48000)),
        (options.extra_field, 'a={"b": "c=d"}', ("a", {"b": "c=d"})),
    ],
)
def test_values_are_read_as_they_are_meant(
    read: Callable[[str], Any], text: str, value: object
) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (options.factor, "0.2"),
        (options.factor, "5"),
        (options.factor, "nan"),
        (options.pieces, "17"),
        (options.pieces, "-1"),
        (options.pieces, "1.5"),
        (options.count, "0"),
        (options.count, "-1"),
        (options.count, "1.5"),
        (options.count, "٣"),
        (options.seconds, "0"),
        (options.seconds, "nan"),
        (options.seconds, "inf"),
        (options.seconds, "soon"),
        (options.latency, "medium"),
        (options.prebuffer, "-1"),
        (options.decibels, "loud"),
        (options.decode_as, "pcm_s12le"),
        (options.decode_as, "pcm_s16le@"),
        (options.extra_field, "speed"),
        (options.extra_field, "=1"),
        (options.extra_field, "emotion=happy"),
    ],
)
def test_a_wrong_value_is_refused_by_its_own_name(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"'.*' is (no|none|not) "):
        read(text)


def test_a_text_that_is_no_json_is_told_how_to_quote_it() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="""--extra 'emotion="happy"'"""):
        options.extra_field("emotion=happy")


def test_a_flag_that_several_commands_share_is_one_of_the_table() -> None:
    others = {("bench", "play"), ("play", "decode_as")}  # of these commands alone
    for command in ("say", "live", "play", "voices", "doctor", "bench", "replay"):
        for action in parser.build(command).actions:
            option = OPTIONS.get(action.dest)
            if option is not None and option.flags and (command, action.dest) not in others:
                assert action.option_strings[0] in option.flags
                assert action.help == option.help


def test_the_configuration_takes_every_option_that_has_a_flag() -> None:
    flagged = {name for name, option in OPTIONS.items() if option.flags}
    assert options.shared_names() == flagged | {"quiet"}
