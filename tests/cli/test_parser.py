from __future__ import annotations

import io
import subprocess
import sys

import pytest

from streamplay.cli import main, parser
from streamplay.cli.usage import UsageError


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TOGETHER_BASE_URL", raising=False)


def words_of(*words: str) -> list[str]:
    return list(parser.parse(["say", *words])[1].text)


def test_every_command_has_a_module_that_takes_arguments_and_runs() -> None:
    for name in parser.COMMANDS:
        assert parser.build(name).prog == f"streamplay {name}"
        assert callable(parser.load(name).run)


def test_text_and_flags_may_stand_in_any_order() -> None:
    _, args = parser.parse(["say", "Hello", "--local", "to", "-v", "tara", "you"])
    assert (args.text, args.local, args.voice) == (["Hello", "to", "you"], True, "tara")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--", "-5x", "--local"], ["-5x", "--local"]),
        (["It", "is", "-5", "degrees"], ["It", "is", "-5", "degrees"]),
        (["a", "--", "-v", "b"], ["a", "-v", "b"]),
        (["-"], ["-"]),
        ([], []),
        (["-q"], []),
    ],
)
def test_what_follows_two_dashes_is_text_and_a_negative_number_too(
    words: list[str], text: list[str]
) -> None:
    assert words_of(*words) == text


@pytest.mark.parametrize("word", ["--extra=--", "--decode-as=--", "--voice=--", "-o--", "-o=--"])
def test_two_dashes_are_no_value(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", word, "Hello"]) == 2
    assert "-- is no value" in capsys.readouterr().err
    assert words_of("--", word) == [word]


def test_flags_are_not_abbreviated() -> None:
    with pytest.raises(UsageError, match=r"unknown argument: --voic\. Closest: --voice"):
        parser.parse(["say", "--voic", "tara", "Hello"])


def test_a_flag_that_was_not_given_is_none_so_that_the_file_may_decide() -> None:
    _, args = parser.parse(["say", "Hello"])
    assert {key for key, value in vars(args).items() if value is not None} == {"text"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name a command, for example: streamplay say Hello. See: streamplay --help"),
        (["sya"], "'sya' is no command. Closest: say. See: streamplay --help"),
        (["speak", "Hi"], "'speak' is no command. Closest: say. See: streamplay --help"),
        (["Good morning"], "'Good morning' is no command. To speak a text: streamplay say TEXT"),
        (["say", "--rate", "2", "x"], "unknown argument: --rate. Closest: --speed. See: "),
        (["say", "--format", "mp4"], "argument --format: invalid choice: 'mp4'. Closest: mp3"),
        (["--local", "say"], "the command comes first: streamplay COMMAND [OPTIONS]"),
        (["say", "--device"], "argument -d/--device: expected one argument"),
        (
            ["say", "--api", "x"],
            "argument --api: invalid choice: 'x': choose from together",
        ),
        (["models", "--", "x"], "unknown argument: x"),
        (["say", "--api-key=tgp-1", "x"], "unknown argument: --api-key. Closest: --api-key-env"),
        (["completion"], "the following arguments are required: SHELL"),
        (["completion", "csh"], "argument SHELL: invalid choice"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_status_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"streamplay: {sentence}")
    assert err.count("\n") == 1


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(
        f"    {name} " in told and summary in told for name, summary in parser.COMMANDS.items()
    )


def test_the_whole_help_of_a_command_names_its_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "--help-all"]) == 0
    told = capsys.readouterr().out
    flags = (
        "--model --voice --language --encoding --sample-rate --format --bit-rate --stream "
        "--no-stream --pronounce --extra --decode-as --base-url --api --api-key-env --local "
        "--fallback --timeout --deadline --device --latency --volume --prebuffer --no-play "
        "--output --force --record --stats --json -m -v -d -o -q"
    )
    assert [flag for flag in flags.split() if flag not in told] == []


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("streamplay 0.")


@pytest.mark.parametrize("words", [["--help"], ["say", "--help"], ["--version"], ["say", "-x"]])
def test_help_imports_nothing_that_is_slow(words: list[str]) -> None:
    code = (
        "import sys; from streamplay.cli import main; main(sys.argv[1:]);"
        "slow = {'httpx', 'numpy', 'sounddevice', 'soundfile', 'rich', 'asyncio', 'aiohttp'};"
        "sys.exit(str(slow & set(sys.modules)) if slow & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("columns", "width"), [("", 78), ("nonsense", 78), ("0", 78), ("60", 58)])
def test_help_is_no_wider_than_the_terminal(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told = parser.build("say").format_help()
    assert max(map(len, told.splitlines())) in {width, width - 1, width - 2}


@pytest.mark.parametrize("closed", [None, io.StringIO()])
def test_help_without_a_terminal_is_as_wide_as_usual(
    closed: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.__stdout__", closed)
    assert max(map(len, parser.build("say").format_help().splitlines())) < 80
