from __future__ import annotations

import io
import os
import pty
import select
import sys
from typing import TYPE_CHECKING, Self

import pytest

from streamplay.cli.prompt import PROMPT, Prompt
from tests.support.terminal import CTRL_D

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pty:
    """Standard input and output of this process, at a terminal, while the block runs.

    No fixture: pytest puts its own streams in place after the fixtures have run.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        self._before = (sys.stdin, sys.stdout, sys.stderr)

    def __enter__(self) -> Self:
        sys.stdin = os.fdopen(os.dup(self._theirs), "r")
        sys.stdout = sys.stderr = os.fdopen(os.dup(self._theirs), "w")
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdin.close()
        sys.stderr.close()
        sys.stdin, sys.stdout, sys.stderr = self._before
        os.close(self._ours)
        os.close(self._theirs)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def shown(self, until: str) -> str:
        """Look until this is seen; what was typed is echoed, and seen too."""
        seen = ""
        while until not in seen:
            ready, _, _ = select.select([self._ours], [], [], 10)
            assert ready, f"{until!r} is not in {seen!r}"
            seen += os.read(self._ours, 4096).decode()
        return seen


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


def test_lines_are_asked_for_until_ctrl_d() -> None:
    with Pty() as terminal:
        lines = Prompt().lines()
        terminal.type("One.\n")
        assert next(lines).strip() == "One."
        terminal.type(CTRL_D)
        assert list(lines) == []
        terminal.type("\n")
        assert terminal.shown("\n\r\n").count(PROMPT) == 1


def test_a_person_who_waits_is_asked_whether_they_want_out() -> None:
    with Pty() as terminal:
        prompt = Prompt()
        assert not prompt.wants_out(0.01)
        terminal.type("no\n")
        assert not prompt.wants_out(10)
        terminal.type(CTRL_D)
        assert prompt.wants_out(10)


def test_an_interrupted_line_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[str | BaseException] = iter([KeyboardInterrupt(), "One.", EOFError()])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr("builtins.input", ask)
    with Pty():
        assert list(Prompt().lines()) == ["One."]


def test_without_an_output_terminal_the_prompt_is_no_result() -> None:
    results = io.StringIO()
    with Pty() as terminal:
        sys.stdout = results
        terminal.type("One.\n")
        assert next(Prompt().lines()) == "One.\n"
        terminal.shown(PROMPT.rstrip())
    assert results.getvalue() == ""


@pytest.mark.parametrize("editor", [True, False])
def test_a_terminal_without_a_line_editor_is_good_enough(
    editor: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not editor:
        monkeypatch.setitem(sys.modules, "readline", None)
    with Pty() as terminal:
        terminal.type("One.\n")
        assert next(Prompt().lines()).strip() == "One."
        terminal.shown(PROMPT.rstrip())


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
