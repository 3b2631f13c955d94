"""``streamplay say -f``: files read aloud, left and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main
from streamplay.server.child import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOK = """# The first chapter

This is **its** first sentence. This is its second sentence.

# The second chapter

Here it ends.
"""


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    file = tmp_path / "book.md"
    file.write_text(BOOK)
    return file


@pytest.fixture(scope="module")
def paced_server() -> Iterator[str]:
    """A server whose audio comes at the pace of speech: time to cut in."""
    with LocalServer(("--pace", "1")) as server:
        yield server.base_url


def said(
    capsys: pytest.CaptureFixture[str], server: LocalServer, *words: str, code: int = 0
) -> tuple[dict[str, int], str]:
    base = ["say", "--base-url", server.base_url, "--no-play", "--json"]
    assert main([*base, *words]) == code
    out, err = capsys.readouterr()
    return json.loads(out or "{}"), err


@pytest.mark.parametrize("flag", ["--record", "-o"])
def test_the_file_that_is_read_is_not_written(
    book: Path, flag: str, speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    named = book.with_name("same.raw")
    named.hardlink_to(book)
    words = ("-f", str(book), flag, str(named), "--force")
    _, told = said(capsys, speech_server, *words, code=4)
    assert "it is the file that is read" in told
    assert book.read_text() == BOOK
    assert sorted(each.name for each in book.parent.glob("*.*")) == ["book.md", "same.raw"]


def test_a_file_is_read_sentence_by_sentence(
    book: Path, speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt, err = said(capsys, speech_server, "-f", str(book))
    assert receipt["complete"]
    assert receipt["requests"] > 1
    # What was spoken, without the marks of Markdown.
    assert receipt["chars"] < len(BOOK) - 8
    assert err == ""


@pytest.mark.parametrize(("place", "sentences"), [("second", 2), ("5", 1), ("4", 2)])
def test_reading_begins_at_a_heading_or_a_sentence(
    place: str,
    sentences: int,
    book: Path,
    speech_server: LocalServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["say", "-f", str(book), "--from", place, "--dry-run"]) == 0
    assert f"about {sentences} requests" in capsys.readouterr().out


def test_a_heading_that_is_not_there_is_told_with_those_that_are(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "-f", str(book), "--from", "third", "--local"]) == 2
    assert "The first chapter" in capsys.readouterr().err


def test_a_file_that_was_left_is_taken_up_at_its_sentence(
    tmp_path: Path, paced_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "long.txt"
    file.write_text("\n\n".join(f"This is sentence number {n} of a long text." for n in range(9)))
    words = ["say", "-f", str(file), "--base-url", paced_server]
    reading = subprocess.Popen(
        [sys.executable, "-m", "streamplay", *words, "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    assert reading.stdout is not None
    reading.stdout.read(6 * 48000)  # some 2 sentences are there
    reading.send_signal(signal.SIGINT)
    _, err = reading.communicate(timeout=60)
    assert reading.returncode == 130
    assert b"stopped in sentence" in err
    assert b"--resume goes on there" in err
    number = int(err.split(b"stopped in sentence ")[1].split(b",")[0])
    assert main([*words, "--resume", "--dry-run"]) == 0
    assert f"about {10 - number} requests" in capsys.readouterr().out
    places = tmp_path / "state" / "streamplay" / "places.json"
    assert places.stat().st_mode & 0o777 == 0o600


def test_what_was_heard_to_its_end_has_no_place(
    book: Path, speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, speech_server, "-f", str(book))
    _, err = said(capsys, speech_server, "-f", str(book), "--resume")
    assert "was not left in the middle" in err


@pytest.mark.parametrize(
    "words",
    [
        ["-f", "a.txt", "and a text"],
        ["--from", "3", "text"],
        ["--resume", "text"],
        ["-f", "a.txt", "--from", "3", "--resume"],
    ],
)
def test_what_contradicts_itself_is_a_usage_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "--local", *words]) == 2
    assert capsys.readouterr().err.startswith("streamplay: ")


def test_a_file_that_is_none_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "--local", "-f", str(tmp_path / "nothing.txt")]) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_the_name_of_a_file_as_a_text_is_hinted_at(
    book: Path, speech_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt, err = said(capsys, speech_server, str(book))
    assert receipt["requests"] == 1
    assert f"to speak the file: -f {book}" in err


def test_a_dry_run_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["say", "Hello there.", "--dry-run", "--base-url", "http://127.0.0.1:9/v1"]
    assert main(words) == 0
    assert capsys.readouterr().out == "12 characters, about 1 requests and 0.0 minutes\n"
