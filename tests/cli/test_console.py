from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamplay.cli import console, main


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def test_results_and_everything_else_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    console.out("a result")
    console.tell("a notice")
    console.err("as it is")
    assert capsys.readouterr() == ("a result\n", "streamplay: a notice\nas it is\n")


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("one two three", 80, ["one two three"]),
        ("one two three four", 9, ["one two", "  three", "  four"]),
        ("see /a/very/long/path there", 10, ["see", "  /a/very/long/path", "  there"]),
        ("漢字 漢字 漢字", 9, ["漢字 漢字", "  漢字"]),
        ("", 9, [""]),
        ("    far  apart", 80, ["    far  apart"]),
    ],
)
def test_a_message_is_wrapped_between_words(text: str, width: int, rows: list[str]) -> None:
    assert console.wrapped(text, width).split("\n") == rows


def test_what_the_encoding_lacks_is_replaced() -> None:
    code = "from streamplay.cli import console; console.prepare(); console.out('caf\\xe9 \\u2192')"
    done = run(code, stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "caf? ?\n", "")


@pytest.mark.parametrize("words", [["models"], ["models", "--json"], ["--help"], ["say", "--help"]])
def test_a_reader_that_has_gone_is_no_traceback(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "streamplay", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-", "<&-"])
def test_streams_that_were_closed_by_the_parent_are_no_traceback(closed: str) -> None:
    command = f"{sys.executable} -m streamplay models {closed}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_standard_error_that_is_full_is_no_traceback() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "streamplay", "nonsense"], stderr=full, check=False
        )
    assert done.returncode == 2


def test_a_terminal_is_told_from_a_pipe_and_from_nothing() -> None:
    assert not console.is_terminal(None)
    with open(os.devnull) as nowhere:  # noqa: PTH123
        assert not console.is_terminal(nowhere)
    assert not console.is_terminal(nowhere)


def test_a_bug_is_one_line_that_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamplay.cli.parser.parse", lambda _: 1 / 0)
    monkeypatch.delenv("STREAMPLAY_DEBUG", raising=False)
    assert main(["models"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("streamplay: a bug: ZeroDivisionError: division by zero. Please report")
    assert told.count("\n") == 1
    monkeypatch.setenv("STREAMPLAY_DEBUG", "1")
    assert main(["models"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.EMFILE, "Too many open files"), "open files"),
        (RuntimeError("can't start new thread"), "threads"),
    ],
)
def test_what_the_system_refuses_is_told_and_no_bug(
    error: Exception,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def parse(_: object) -> None:
        raise error

    monkeypatch.setattr("streamplay.cli.parser.parse", parse)
    assert main(["models"]) == 1
    told = f"streamplay: the system gives no more {what}. See: ulimit -a\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 0), (SystemExit(7), 7)]
)
def test_what_is_no_failure_of_ours_is_quiet(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def parse(_: object) -> None:
        raise error

    monkeypatch.setattr("streamplay.cli.parser.parse", parse)
    assert main(["models"]) == code
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_no_character_that_could_control_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "9000")
    bad = "a\x1b]0;x\x07\u202eb\x9b"
    console.tell(f"{bad}\nc" + "x" * 2_000_000)
    console.err(f"{bad}\n{bad}")
    console.out(f"{bad}\t{bad}\n{bad}")
    told = capsys.readouterr()
    clean = "a\ufffd]0;x\ufffd\ufffdb\ufffd"
    assert told.out == f"{clean}\t{clean}\n{clean}\n"
    first, *rest = told.err.splitlines()
    assert first.startswith(f"streamplay: {clean} cxxx")
    assert len(first) < 2100
    assert rest == [clean, clean]


def test_a_pipe_gets_results_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console.out("a\x1bb")
    assert capsys.readouterr().out == "a\x1bb\n"


@pytest.mark.parametrize(
    "words", [["models", "--json"], ["models"], ["--help"], ["completion", "bash"]]
)
def test_a_result_that_could_not_be_written_is_no_success(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "streamplay", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr == b"streamplay: cannot write standard output: No space left on device\n"


def test_what_joins_letters_and_emoji_stays_and_what_controls_a_terminal_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "می\u200cخواهم 👩\u200d👧 zu\u00adrück"
    console.tell(f"lost: {words}\x1b[31m\u202e")
    console.err(f"{words}\x07")
    told = capsys.readouterr().err
    assert told == f"streamplay: lost: {words}\ufffd[31m\ufffd\n{words}\ufffd\n"
