"""``streamplay live`` at a real pseudo-terminal, and at the end of a pipe."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamplay.cli import main
from streamplay.server.child import LocalServer
from tests.support.speaking import wait_until
from tests.support.terminal import CTRL_C, CTRL_D, CTRL_T, ESC, LEFT, UP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = "This line goes on and on, so that there is time to cut it short before it ends."
PROMPT = "say>"
WIDE = "I am typing a long line that will wrap around the edge of an eighty column terminal"


@pytest.fixture(scope="module")
def paced_server() -> Iterator[str]:
    """A server whose audio comes at the pace of speech: time to cut in."""
    with LocalServer(("--pace", "1")) as server:
        yield server.base_url


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def at_prompt(speech_server: LocalServer, own_files: Path) -> Iterator[Terminal]:
    with Terminal(["live", "--base-url", speech_server.base_url, "--stats"]) as terminal:
        terminal.shows(PROMPT)
        yield terminal


@pytest.fixture
def at_slow_prompt(paced_server: str, own_files: Path) -> Iterator[Terminal]:
    with Terminal(["live", "--base-url", paced_server, "--stats"]) as terminal:
        terminal.shows(PROMPT)
        yield terminal


def test_a_line_is_spoken_at_once_and_ctrl_d_leaves(at_prompt: Terminal) -> None:
    at_prompt.type("Hello.\r")
    at_prompt.shows("result   complete", "say> Hello.")
    at_prompt.type(CTRL_D)
    assert at_prompt.leaves() == 0


def test_a_person_is_told_how_to_be_silent_and_how_to_leave(
    speech_server: LocalServer, own_files: Path
) -> None:
    words = ["live", "--base-url", speech_server.base_url]
    with Terminal(words) as terminal:
        terminal.shows("Ctrl-C silences, Ctrl-D leaves", PROMPT)
    with Terminal([*words, "-q"]) as terminal:
        assert terminal.shows(PROMPT)[0] == PROMPT


@pytest.mark.no_cover
def test_a_line_typed_while_another_is_spoken_follows_it(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type("One.\rTwo.\r")
    at_slow_prompt.shows("waiting")
    rows = "\n".join(at_slow_prompt.shows("result   complete", "say> Two."))
    at_slow_prompt.until("result   complete")
    at_slow_prompt.until("result   complete")
    assert rows.index("say> One.") < rows.index("say> Two.")


def test_ctrl_c_silences_and_what_is_being_typed_stays(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.shows("speaking: ")
    at_slow_prompt.type("Half of")
    at_slow_prompt.shows("say> Half of")
    at_slow_prompt.type(CTRL_C)
    at_slow_prompt.shows("result   interrupted", "say> Half of")
    at_slow_prompt.type(" it.\r")
    at_slow_prompt.shows("result   complete", "say> Half of it.")


@pytest.mark.no_cover
def test_ctrl_c_drops_what_was_queued_and_says_so(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\rQueued.\rQueued too.\r")
    at_slow_prompt.shows("speaking: ", "waiting: Queued.", "waiting: Queued too.")
    at_slow_prompt.type(CTRL_C)
    at_slow_prompt.until("silenced, and 2 lines behind it")


@pytest.mark.no_cover
def test_esc_silences_too(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.shows("speaking: ")
    at_slow_prompt.type(ESC)
    at_slow_prompt.shows("result   interrupted")


@pytest.mark.no_cover
def test_ctrl_c_in_silence_empties_the_line(at_prompt: Terminal) -> None:
    at_prompt.type("Never said")
    at_prompt.shows("Never said")
    at_prompt.type(CTRL_C)
    at_prompt.shows("Never said", gone=True)
    at_prompt.type(CTRL_D)  # leaves only where the line is empty
    assert at_prompt.leaves() == 0
    assert "result" not in at_prompt.seen


@pytest.mark.no_cover
def test_earlier_lines_come_back_also_in_the_next_run(
    speech_server: LocalServer, own_files: Path
) -> None:
    words = ["live", "--base-url", speech_server.base_url, "--stats"]
    with Terminal(words) as terminal:
        terminal.shows(PROMPT)
        terminal.type("Hello there.\r")
        terminal.shows("result   complete")
        terminal.type(UP)
        terminal.until("Hello there.")
        terminal.type(CTRL_C + CTRL_D)
        assert terminal.leaves() == 0
    history = own_files / "state" / "streamplay" / "history"
    assert history.stat().st_mode & 0o777 == 0o600
    with Terminal(words) as terminal:
        terminal.shows(PROMPT)
        terminal.type(UP)
        terminal.shows("say> Hello there.")
    with Terminal([*words, "--no-history"]) as terminal:
        terminal.shows(PROMPT)
        terminal.type(UP)
        assert "Hello" not in "".join(terminal.settle())


def test_a_history_that_cannot_be_read_is_told_and_nothing_is_kept(
    speech_server: LocalServer, own_files: Path
) -> None:
    (own_files / "state" / "streamplay" / "history").mkdir(parents=True)
    with Terminal(["live", "--base-url", speech_server.base_url]) as terminal:
        terminal.shows("nothing is kept for the next time", "Is a directory", PROMPT)
        terminal.type(CTRL_D)
        assert terminal.leaves() == 0


@pytest.mark.no_cover
def test_ctrl_d_lets_the_last_word_be_heard(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type("Hello.\r")
    at_slow_prompt.shows("say> Hello.")
    at_slow_prompt.type(CTRL_D)
    at_slow_prompt.until("leaving after the last word")
    assert at_slow_prompt.leaves() == 0
    assert "result   complete" in at_slow_prompt.seen


@pytest.mark.no_cover
def test_a_line_typed_while_leaving_is_spoken(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type("Hello.\r")
    at_slow_prompt.shows("say> Hello.")
    at_slow_prompt.type(f"{CTRL_D}And this too.\r")
    assert at_slow_prompt.leaves() == 0
    assert at_slow_prompt.seen.count("result   complete") == 2


@pytest.mark.no_cover
def test_a_second_ctrl_d_cuts(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.shows("speaking: ")
    at_slow_prompt.type(CTRL_D)
    at_slow_prompt.shows("leaving after the last word")
    at_slow_prompt.type(CTRL_D)
    assert at_slow_prompt.leaves() == 0
    assert "result   interrupted" in at_slow_prompt.seen


@pytest.mark.no_cover
def test_ctrl_c_after_ctrl_d_cuts(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\r")
    at_slow_prompt.shows("speaking: ")
    at_slow_prompt.type(CTRL_D)
    at_slow_prompt.shows("leaving after the last word")
    at_slow_prompt.type(CTRL_C)
    assert at_slow_prompt.leaves() == 130
    assert "Traceback" not in at_slow_prompt.seen


@pytest.mark.no_cover
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("line", ["", f"{LONG}\r"])
def test_a_signal_leaves(
    number: signal.Signals, code: int, line: str, at_slow_prompt: Terminal
) -> None:
    at_slow_prompt.type(line)
    if line:
        at_slow_prompt.shows("speaking: ")
    at_slow_prompt.process.send_signal(number)
    assert at_slow_prompt.leaves() == code
    assert "Traceback" not in at_slow_prompt.seen


def test_a_lost_line_is_named_with_its_words_and_can_be_said_again(
    speech_server: LocalServer, own_files: Path
) -> None:
    words = ["live", "--base-url", speech_server.base_url, "-v", "nobody", "-q", "--stats"]
    with Terminal(words) as terminal:
        terminal.shows(PROMPT)
        terminal.type("Hello there.\r")
        terminal.shows("lost: “Hello there.”", 'voice "nobody" is not offered')
        terminal.type(f"/voice tara\r{CTRL_T}")
        terminal.shows("result   complete")
        terminal.type(CTRL_D)
        assert terminal.leaves() == 0


def test_a_device_that_cannot_be_used_ends_it(speech_server: LocalServer, own_files: Path) -> None:
    words = ["live", "--base-url", speech_server.base_url, "-d", "no such device"]
    with Terminal(words) as terminal:
        terminal.shows("streamplay: there is no output device 'no such device'")
        assert terminal.leaves() == 4


@pytest.mark.no_cover
def test_an_esc_shortly_before_enter_never_cuts_in(at_slow_prompt: Terminal) -> None:
    at_slow_prompt.type(f"{LONG}\rOne.\rTwo.")
    at_slow_prompt.shows("speaking: ", "waiting: One", "say> Two.")
    at_slow_prompt.type_apart(ESC)  # and Enter sooner than any person could
    at_slow_prompt.type("\r")
    # Esc has silenced what waited, and Enter has spoken the line: cutting in drops nothing.
    at_slow_prompt.until("silenced, and 1 line behind it")
    at_slow_prompt.until("result   complete")


def test_a_message_leaves_one_copy_of_the_line_and_the_cursor_where_it_was(
    own_files: Path,
) -> None:
    with Terminal(["live", "--base-url", "http://127.0.0.1:9/v1", "-q"]) as terminal:
        terminal.shows(PROMPT)
        terminal.type(f"Hello.\r{WIDE}{LEFT * 8}")
        rows = terminal.shows("lost: “Hello.”", WIDE[:70])
        terminal.type("ZZZ")
        rows = terminal.shows("ZZZ")
        shown = "".join(rows).replace(" ", "")
        assert shown.count("Iamtyping") == 1
        assert f"{WIDE[:-8]}ZZZ{WIDE[-8:]}".replace(" ", "") in shown
        terminal.type("\r" + UP)
        assert f"{WIDE[:-8]}ZZZ{WIDE[-8:]}".replace(" ", "") in "".join(
            terminal.settle(0.5)
        ).replace(" ", "")


def test_a_failure_is_told_in_one_line_and_retries_are_in_the_status(own_files: Path) -> None:
    with Terminal(["live", "--base-url", "http://127.0.0.1:9/v1"]) as terminal:
        terminal.shows(PROMPT)
        terminal.type("Hello.\r")
        terminal.shows("waiting: Hello.", " again in", ": http://127.0.0.1:9/v1 refuses")
        rows = terminal.shows("lost: “Hello.”", " lost: Hello.")
        assert sum("refuses the connection" in row for row in rows) == 1


def test_the_answer_to_a_command_follows_it(at_prompt: Terminal) -> None:
    at_prompt.type("/volume -3\r")
    rows = at_prompt.shows("volume -3 dB", "say> /volume -3")
    at = rows.index("say> /volume -3")
    assert rows[at + 1] == "streamplay: volume -3 dB"


@pytest.mark.no_cover
def test_pasted_lines_can_be_edited_before_they_are_said(at_prompt: Terminal) -> None:
    at_prompt.type("\x1b[200~One.\nTwo.\x1b[201~")
    at_prompt.shows("One.")
    assert "result" not in "".join(at_prompt.settle())
    at_prompt.type(" Three.\r")
    at_prompt.shows("result   complete")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_lines_that_a_crash_or_a_lost_connection_left_unspoken_are_offered_again(
    paced_server: str, own_files: Path, number: int
) -> None:
    words = ["live", "--base-url", paced_server, "--stats"]
    with Terminal(words) as terminal:
        terminal.shows(PROMPT)
        terminal.type(f"{LONG}\rNever reached.\r")
        terminal.shows("waiting: Never reached.")
        terminal.process.send_signal(number)
        terminal.process.wait()
    with Terminal(words) as terminal:
        terminal.shows("2 lines were not spoken last time", "“Never reached.”")
        terminal.shows(PROMPT)
        terminal.type(CTRL_T)
        terminal.shows("speaking: This line", "waiting: Never reached.")


def test_phrases_sound_by_one_key_and_are_kept(speech_server: LocalServer, own_files: Path) -> None:
    folder = own_files / "config" / "streamplay"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[phrases]\nyes = "Yes, please."\n')
    words = ["live", "--base-url", speech_server.base_url, "--stats"]
    with Terminal(words) as terminal:
        terminal.shows(PROMPT)
        kept = own_files / "state" / "streamplay" / "phrases"
        _are_kept(kept, 1)  # before any key is pressed
        terminal.type("\x1bOP")  # F1
        terminal.until("result   complete")
        terminal.type("/phrase add no No, thank you.\r/p no\r")
        terminal.until("result   complete")
        _are_kept(kept, 2)
        terminal.type("\x1b2")  # Alt-2
        terminal.until("result   complete")
        terminal.type("/phrase clear\r")
        terminal.shows("forgotten")
        assert not list(kept.glob("[!.]*.wav"))


def _are_kept(folder: Path, number: int) -> None:
    wait_until(lambda: len(list(folder.glob("[!.]*.wav"))) == number)
    assert {each.stat().st_mode & 0o777 for each in folder.glob("[!.]*.wav")} == {0o600}


def test_words_and_commands_are_completed_from_what_was_said(at_prompt: Terminal) -> None:
    at_prompt.type("Extraordinary extras.\r")
    at_prompt.shows("result   complete")
    at_prompt.type("extrao\t")
    at_prompt.shows("say> Extraordinary")
    at_prompt.type(f"{CTRL_C}/aga\t")
    at_prompt.shows("say> /again")


def test_commands_answer_and_a_wrong_one_names_the_nearest(
    at_prompt: Terminal, tmp_path: Path
) -> None:
    at_prompt.type("/volum -3\r")
    at_prompt.shows("/volum is no command. Closest: /volume")
    at_prompt.type("/volume -3\r")
    at_prompt.shows("volume -3 dB")
    at_prompt.type("//not a command\r")
    at_prompt.shows("result   complete")
    at_prompt.type(f"/save {tmp_path}/kept.wav\r")
    at_prompt.shows("saved in")
    assert (tmp_path / "kept.wav").stat().st_size > 1000
    at_prompt.type("/help\r")
    at_prompt.shows("Alt-Enter", "/phrase")
    at_prompt.type("/quit\r")
    assert at_prompt.leaves() == 0


@pytest.mark.no_cover
def test_a_wrong_value_is_told_and_everything_goes_on_as_before(at_prompt: Terminal) -> None:
    at_prompt.type("/speed fast\r/volume loud\r/device no such one\r")
    at_prompt.shows("'fast' is no factor from 0.25 to 4", "'loud' is no volume in dB")
    at_prompt.shows("there is no output device 'no such one'", "going on as before")
    at_prompt.type("Still here.\r")
    at_prompt.shows("result   complete")


def test_ctrl_z_stops_and_the_line_is_there_afterwards(at_prompt: Terminal) -> None:
    at_prompt.type("Half a line")
    at_prompt.shows("Half a line")
    at_prompt.type("\x1a")
    at_prompt.settle()
    at_prompt.process.send_signal(signal.SIGCONT)
    at_prompt.type(" and the rest.\r")
    at_prompt.shows("say> Half a line and the rest.", "result   complete")


def test_a_plain_terminal_gets_one_line_an_event(
    speech_server: LocalServer, own_files: Path
) -> None:
    words = ["live", "--base-url", speech_server.base_url, "--plain"]
    with Terminal(words) as terminal:
        terminal.shows("Ctrl-D leaves", PROMPT)
        terminal.settle()  # what is typed before readline reads is echoed by the terminal as well
        terminal.type("Hello.\r")
        rows = terminal.shows("speaking: Hello.", "heard: Hello.")
        states = ["Hello.", "waiting: Hello.", "speaking: Hello.", "heard: Hello."]
        assert [row for row in rows if row.endswith("Hello.")] == states
        assert ESC not in terminal.seen
        terminal.type(CTRL_D)
        assert terminal.leaves() == 0


def live(*words: str, typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamplay", "live", *words],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.no_cover
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


def test_without_standard_input_there_is_nothing_to_speak(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["live", "--local"]) == 2
    assert "standard input is closed" in capsys.readouterr().err
