"""``streamplay live`` at a real pseudo-terminal, and at the end of a pipe."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main
from streamplay.server.child import LocalServer
from tests.support.terminal import CTRL_C, CTRL_D, UP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = "This line goes on and on, so that there is time to cut it short before it ends."
PROMPT = "say> "


@pytest.fixture(scope="module")
def paced_server() -> Iterator[str]:
    """A server whose audio comes at the pace of speech: time to cut in."""
    with LocalServer(("--pace", "1")) as server:
        yield server.base_url


@pytest.fixture
def at_prompt(speech_server: LocalServer) -> Iterator[Terminal]:
    with Terminal(["live", "--base-url", speech_server.base_url, "--stats"]) as terminal:
        terminal.until(PROMPT)
        yield terminal


@pytest.fixture
def at_slow_prompt(paced_server: str) -> Iterator[Terminal]:
    with Terminal(["live", "--base-url", paced_server, "--stats"]) as terminal:
        terminal.until(PROMPT)
        yield terminal


def test_a_line_is_spoken_at_once_and_ctrl_d_leaves(at_prompt: Terminal) -> None:
    at_prompt.type("Hello.\r")
    at_prompt.until("result   complete")
    at_prompt.type(CTRL_D)
    assert at_prompt.leaves() == 0


def test_a_person_is_told_how_to_be_silent_and_how_to_leave(speech_server: LocalServer) -> None:
    words = ["live", "--base-url", speech_server.base_url]
    with Terminal(words) as terminal:
        assert "Ctrl-C silences, Ctrl-D leaves" in terminal.until(PROMPT)
    with Terminal([*words, "-q"]) as terminal:
        assert terminal.until(PROMPT) == PROMPT


def test_a_line_typed_while_another_is_spoken_follows_it(at_prompt: Terminal) -> None:
    at_prompt.type("One.\r")
    at_prompt.type("Two.\r")
    at_prompt.until("result   complete")
    at_prompt.until("result   complete")


def test_ctrl_c_silences_and_what_is_being_typed_stays(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.until(PROMPT)
    at_slow_prompt.type("Half of")
    at_slow_prompt.until("Half of")
    at_slow_prompt.type(CTRL_C)
    at_slow_prompt.until("result   interrupted")
    # The prompt is shown again below the receipt, with what had been typed.
    at_slow_prompt.until(f"{PROMPT}Half of")
    at_slow_prompt.type(" it.\r")
    at_slow_prompt.until("result   complete")


def test_ctrl_c_drops_what_was_queued_and_says_so(at_slow_prompt: Terminal) -> None:
    for line in (LONG, "Queued.", "Queued too."):
        at_slow_prompt.type(f"{line}\r")
        at_slow_prompt.until(PROMPT)
    at_slow_prompt.type(CTRL_C)
    at_slow_prompt.until("silenced, and 2 lines behind it")


def test_ctrl_c_in_silence_empties_the_line(at_prompt: Terminal) -> None:
    at_prompt.type("Never said")
    at_prompt.until("Never said")
    at_prompt.type(CTRL_C)
    at_prompt.until(PROMPT)
    at_prompt.type(CTRL_D)  # leaves only where the line is empty
    assert at_prompt.leaves() == 0
    assert "result" not in at_prompt.seen


def test_earlier_lines_come_back(at_prompt: Terminal) -> None:
    at_prompt.type("Hello.\r")
    at_prompt.until("result   complete")
    at_prompt.until(PROMPT)
    at_prompt.type(UP)
    at_prompt.until("Hello.")


def test_ctrl_d_lets_the_last_word_be_heard(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type("Hello.\r")
    at_slow_prompt.until(PROMPT)
    at_slow_prompt.type(CTRL_D)
    at_slow_prompt.until("leaving after the last word")
    assert at_slow_prompt.leaves() == 0
    assert "result   complete" in at_slow_prompt.seen


def test_a_second_ctrl_d_cuts(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.until(PROMPT)
    at_slow_prompt.type(CTRL_D)
    at_slow_prompt.until("leaving after the last word")
    at_slow_prompt.type(CTRL_D)
    assert at_slow_prompt.leaves() == 0
    assert "result   interrupted" in at_slow_prompt.seen


def test_ctrl_c_after_ctrl_d_cuts(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.until(PROMPT)
    at_slow_prompt.type(CTRL_D)
    at_slow_prompt.until("leaving after the last word")
    at_slow_prompt.type(CTRL_C)
    assert at_slow_prompt.leaves() == 130
    assert "Traceback" not in at_slow_prompt.seen


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("line", ["", f"{LONG}\r"])
def test_a_signal_leaves(
    number: signal.Signals, code: int, line: str, at_slow_prompt: Terminal
) -> None:
    at_slow_prompt.type(line)
    if line:
        at_slow_prompt.until(PROMPT)
    at_slow_prompt.process.send_signal(number)
    assert at_slow_prompt.leaves() == code
    assert "Traceback" not in at_slow_prompt.seen


def test_a_line_that_fails_is_told_and_the_prompt_stays(speech_server: LocalServer) -> None:
    words = ["live", "--base-url", speech_server.base_url, "-v", "nobody", "-q"]
    with Terminal(words) as terminal:
        terminal.until(PROMPT)
        terminal.type("Hello.\r")
        terminal.until('streamplay: voice "nobody" is not offered')
        terminal.until(PROMPT)
        terminal.type(CTRL_D)
        assert terminal.leaves() == 0


def test_a_device_that_cannot_be_used_ends_it_before_the_prompt(
    speech_server: LocalServer,
) -> None:
    words = ["live", "--base-url", speech_server.base_url, "-d", "no such device"]
    with Terminal(words) as terminal:
        terminal.until("streamplay: there is no output device 'no such device'")
        assert terminal.leaves() == 4


def live(*words: str, typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamplay", "live", *words],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_lines_from_a_pipe_are_all_heard(speech_server: LocalServer) -> None:
    words = ("--base-url", speech_server.base_url, "--stats")
    done = live(*words, typed="One.\n\n  \nTwo.\nThree without an end")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("result   complete") == 3
    assert PROMPT not in done.stdout


def test_a_script_learns_of_a_failure_by_the_status(speech_server: LocalServer) -> None:
    done = live("--base-url", speech_server.base_url, "-v", "nobody", "-q", typed="Hello.\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("streamplay: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("voice", "code"), [("tara", 0), ("nobody", 1)])
def test_it_runs_in_a_program_too(
    voice: str,
    code: int,
    speech_server: LocalServer,
    lines_typed: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["live", "--base-url", speech_server.base_url, "--stats", "--no-play", "-v", voice]
    assert main(words) == code
    assert ("result   complete" in capsys.readouterr().out) is (code == 0)


@pytest.fixture
def lines_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard input of this process: a line, and an empty one."""
    lines = tmp_path / "lines"
    lines.write_text("Hello.\n\n")
    with lines.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield
