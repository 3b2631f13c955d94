from __future__ import annotations

import os
import pty
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from streamplay.cli.prompt import PROMPT, Prompt
from tests.support.terminal import CTRL_D

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pty:
    """Standard input and output of this process, at a terminal."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        self.stdin = os.fdopen(os.dup(self.theirs), "r")
        self.stdout = os.fdopen(os.dup(self.theirs), "w")

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def shown(self, until: str) -> str:
        seen = ""
        while until not in seen:
            seen += os.read(self.ours, 4096).decode()
        return seen

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    terminal = Pty()
    monkeypatch.setattr(sys, "stdin", terminal.stdin)
    monkeypatch.setattr(sys, "stdout", terminal.stdout)
    monkeypatch.setattr(sys, "stderr", terminal.stdout)
    yield terminal
    terminal.close()


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield writing
    try:
        os.close(writing)
    except OSError:
        return  # the test has closed it


def test_lines_are_asked_for_until_ctrl_d(terminal: Pty) -> None:
    lines = Prompt().lines()
    terminal.type("One.\n")
    assert next(lines).strip() == "One."
    terminal.type(CTRL_D)
    assert list(lines) == []
    assert terminal.shown(f"{PROMPT}\r\n").count(PROMPT) == 2


def test_what_is_told_stands_above_what_is_being_typed(terminal: Pty) -> None:
    prompt = Prompt()
    assert prompt.interactive
    reader = threading.Thread(target=lambda: next(prompt.lines()))
    reader.start()
    terminal.shown(PROMPT)
    prompt.tell("an error")
    shown = terminal.shown(PROMPT)
    assert shown == f"\r\x1b[Kstreamplay: an error\r\n{PROMPT}"
    prompt.show("a result")
    assert terminal.shown(PROMPT) == f"\r\x1b[Ka result\r\n{PROMPT}"
    terminal.type("done\n")
    reader.join(10)
    assert not reader.is_alive()


def test_what_is_told_without_a_prompt_is_a_plain_line(terminal: Pty) -> None:
    Prompt().tell("an error")
    assert terminal.shown("\n") == "streamplay: an error\r\n"


def test_a_person_who_waits_is_asked_whether_they_want_out(terminal: Pty) -> None:
    prompt = Prompt()
    assert not prompt.wants_out(0.01)
    terminal.type("no\n")
    assert not prompt.wants_out(10)
    terminal.type(CTRL_D)
    assert prompt.wants_out(10)


def test_an_interrupted_line_is_asked_for_again(
    terminal: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([KeyboardInterrupt(), "One.", EOFError()])

    def ask(_: str) -> str:
        answer = next(answers)
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr("builtins.input", ask)
    assert list(Prompt().lines()) == ["One."]


def test_without_an_output_terminal_the_prompt_is_no_result(
    terminal: Pty, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(os.devnull, "w") as results:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", results)
        terminal.type("One.\n")
        assert next(Prompt().lines()) == "One.\n"
    assert terminal.shown(PROMPT.rstrip()) != ""


def test_a_pipe_has_no_prompt(pipe: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(pipe, b"One.\ntw\xffo")
    os.close(pipe)
    prompt = Prompt()
    assert not prompt.interactive
    assert list(prompt.lines()) == ["One.\n", "tw\ufffdo"]
    assert not prompt.wants_out(0)
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_ends_a_script_that_is_silent(pipe: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        closed = False

        def isatty(self) -> bool:
            return False

        def readline(self) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        list(Prompt().lines())
