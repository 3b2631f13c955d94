"""`say` and `play` at a terminal: what keys and signals do, and what is left at the end."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pyte
import pytest

from streamplay.cli import console, keys, options, parser
from streamplay.cli.at_terminal import AtTerminal, Remaining, TextProgress
from streamplay.cli.signals import Interruption
from streamplay.cli.status_screen import StatusScreen
from streamplay.events import FirstSound, Stalled
from streamplay.speech.landmarks import HeardSentence
from streamplay.speech.steering import ListenerView
from tests.support.speaking import wait_until
from tests.support.terminal import CTRL_C, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streamplay.server.child import LocalServer

TEXT = "One sentence of some length, for a start. Then another one comes. And a third."


class Speech:
    """Stands for an utterance, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked = SimpleQueue[str]()
        self.speed, self.seconds = 1.0, 2.0
        self.end: Callable[[], object] = lambda: None
        self.begun = threading.Event()

    def on_done(self, callback: Callable[[], object]) -> None:
        self.end = callback
        self.begun.set()

    def view(self) -> ListenerView:
        heard = HeardSentence("One two three.", (4, 7), 0, 0)
        return ListenerView(self.seconds, 9, True, False, heard, 1, 0, (14, 9.0), 0, 0.0, 0.3, 14)

    def seconds_until(self, seconds: float) -> float | None:
        return None

    def go_back(self, then: Callable[[], object]) -> None:
        self.asked.put("back")
        then()

    def go_forward(self, then: Callable[[], object]) -> None:
        self.asked.put("forward")
        then()

    def set_speed(self, speed: float, then: Callable[[], object]) -> None:
        self.speed = speed
        self.asked.put(f"speed {speed:g}")
        then()

    def cancel(self) -> None:
        self.asked.put("cancel")
        self.end()

    def wait(self) -> str:
        return "its receipt"


class Player:
    def __init__(self, speech: Speech) -> None:
        self._asked, self._volume = speech.asked, 0.0

    def pause(self) -> None:
        self._asked.put("pause")

    def resume(self) -> None:
        self._asked.put("resume")

    @property
    def volume(self) -> float:
        return self._volume

    @volume.setter
    def volume(self, decibels: float) -> None:
        self._volume = decibels
        self._asked.put(f"volume {decibels:g}")


class Stage:
    """A terminal of the test's, at which a script of keys is played."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        self._emulated = pyte.Screen(60, 8)
        self._stream = pyte.ByteStream(self._emulated)
        os.set_blocking(self._ours, False)
        self.speech = Speech()
        self.player: Any = Player(self.speech)
        screen, progress = StatusScreen(self._theirs), TextProgress(14)
        self.interruption = Interruption()
        self.terminal = AtTerminal(screen, progress, self.interruption, keys=self._theirs)

    def listen(self, script: Callable[[], object]) -> None:
        """Play a script beside `listen`; what fails in it ends both."""
        failed: list[BaseException] = []

        def play() -> None:
            try:
                assert self.speech.begun.wait(10)
                script()
            except BaseException as error:  # noqa: BLE001 - raised below
                failed.append(error)
            finally:
                self.speech.end()

        threading.Thread(target=play).start()
        speech: Any = self.speech
        with self.interruption:
            assert self.terminal.listen(self.player, speech) == "its receipt"
        if failed:
            raise failed[0]

    def press(self, keys: bytes, *asked: str) -> None:
        os.write(self._ours, keys)
        assert [self.speech.asked.get(timeout=10) for _ in asked] == list(asked)

    def shows(self, text: str) -> str:
        """Look until a text stands on the screen."""
        shown = ""
        for _ in range(500):
            shown = self.screen()
            if text in shown:
                return shown
            threading.Event().wait(0.01)
        raise AssertionError(f"{text!r} is not on the screen: {shown!r}")

    def screen(self) -> str:
        try:
            while data := os.read(self._ours, 65536):
                self._stream.feed(data)
        except OSError:
            pass
        return "\n".join(row.rstrip() for row in self._emulated.display).rstrip()

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(keys, "is_foreground", lambda _: True)
    monkeypatch.setattr("streamplay.cli.status_screen.is_foreground", lambda _: True)
    made = Stage()
    yield made
    made.close()


def test_keys_do_what_they_say_and_the_lines_follow(stage: Stage) -> None:
    def script() -> None:
        stage.terminal.options["on_event"](FirstSound(utterance=stage.player, at=0.0))
        assert stage.shows("playing 0:02, 0:07 left") == (
            "playing 0:02, 0:07 left  first sound 0.30 s\nOne two three."
        )
        stage.press(b" ", "pause")
        stage.shows("paused 0:02")
        stage.press(b"\x1b[D\x1b[C", "back", "forward")
        stage.press(b"]]]", "speed 1.1", "speed 1.2", "speed 1.3")
        stage.shows("speed 1.3")
        stage.press(b"[", "speed 1.2")
        stage.press(b"+-=-", "volume 2", "volume 0", "volume 2", "volume 0")
        stage.press(b" ", "resume")
        stage.shows("playing")
        stage.terminal.options["on_event"](Stalled(utterance=stage.player, at=0.0))
        stage.shows("stalled")
        stage.press(b"q", "cancel")

    stage.listen(script)
    assert stage.terminal.ended_by_key
    assert stage.screen() == ""
    where = "stopped at 0:02 of 0:09, in “One two three.”"
    assert stage.terminal.where_it_stopped == where


def test_speed_and_volume_have_their_bounds(stage: Stage) -> None:
    def script() -> None:
        stage.speech.speed = 3.0
        stage.press(b"]", "speed 3")
        stage.speech.speed = 0.5
        stage.press(b"[", "speed 0.5")
        stage.player.volume = 20.0
        stage.press(b"+", "volume 20", "volume 20")

    stage.listen(script)


def test_what_is_printed_meanwhile_stands_above_the_lines(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "is_terminal", lambda _: True)

    def script() -> None:
        stage.shows("One two three.")
        console.tell("a notice")
        stage.shows("One two three.")

    with open(stage._theirs, "w", closefd=False) as stream:
        monkeypatch.setattr("sys.stderr", stream)
        stage.listen(script)
    assert stage.screen() == "streamplay: a notice"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_gives_the_terminal_back(
    number: signal.Signals, speech_server: LocalServer, tmp_path: Path
) -> None:
    words = ["say", "--base-url", speech_server.base_url, TEXT]
    with Terminal(words, environment={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        terminal.shows("playing 0:0")
        terminal.process.send_signal(number)
        status = terminal.leaves()
        assert status == (143 if number == signal.SIGTERM else -signal.SIGQUIT)
        assert terminal.modes_are_as_before
        assert not any("playing" in row for row in terminal.rows)


def test_reading_a_file_aloud_at_a_terminal(speech_server: LocalServer, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text(f"{TEXT}\n\nThe fourth is in a paragraph of its own. {TEXT}\n")
    words = ["say", "--base-url", speech_server.base_url, "-f", str(book), "--prefetch", "4"]
    with Terminal(words, environment={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        terminal.shows("playing 0:0", "sentence 1", "One sentence of some length")
        terminal.type(" ")
        terminal.shows("paused")
        # While it is paused, the screen does not tell that the next sentence has come.
        time.sleep(1)
        terminal.type("\x1b[C")
        terminal.shows("paused", "sentence 2", "Then another one comes.")
        terminal.resize(40, 24)
        wait_until(lambda: terminal.settle() and all(len(row) < 40 for row in terminal.rows[-2:]))
        terminal.shows("paused", "Then another one comes.")
        terminal.type("\x1b[D")
        terminal.shows("paused 0:00")
        terminal.type(" ")
        terminal.shows("playing")
        terminal.type(CTRL_C)
        assert terminal.leaves() == 130
        assert "--resume" in "\n".join(terminal.rows)
        assert terminal.modes_are_as_before


def test_without_a_home_in_the_c_locale_at_forty_columns(
    speech_server: LocalServer, tmp_path: Path
) -> None:
    book = tmp_path / "book.txt"
    book.write_text(f"Überall “Zitate”. {TEXT * 3}")
    words = ["say", "--base-url", speech_server.base_url, "-f", str(book)]
    own = {"HOME": "", "XDG_STATE_HOME": "/proc/none", "LC_ALL": "C", "COLUMNS": ""}
    with Terminal(words, columns=40, environment=own) as terminal:
        terminal.shows("playing 0:0")
        assert all(len(row) < 40 for row in terminal.rows[-2:])
        terminal.type("q")
        assert terminal.leaves() == 0
        shown = "\n".join(terminal.rows)
        assert "stopped in sentence 1" in shown
        assert "--from 1 goes on there" in " ".join(shown.split())
        assert "nothing is kept for the next" in shown
        assert "Traceback" not in shown + terminal.seen


@pytest.mark.parametrize("flag", ["-q", "--json", "--plain", None])
def test_nothing_is_shown_where_it_does_not_belong(
    flag: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    words = ["say", "Hello"] if flag is None else ["say", "Hello", flag]
    _, args = parser.parse(words)
    monkeypatch.setattr(console, "is_terminal", lambda _: True)
    assert options.shows_status(args) is (flag is None)
    monkeypatch.setenv("TERM", "dumb")
    assert not options.shows_status(args)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(console, "is_terminal", lambda stream: stream is not sys.stderr)
    assert not options.shows_status(args)


def test_what_fails_gives_the_terminal_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage.modes()

    def fail() -> ListenerView:
        raise RuntimeError("a bug")

    monkeypatch.setattr(stage.speech, "view", fail)
    with pytest.raises(RuntimeError):
        stage.listen(lambda: None)
    assert stage.modes() == before
    assert stage.screen() == ""


def test_what_is_left_is_estimated_by_the_pace_of_what_has_come() -> None:
    def view(known: float, spoken: tuple[int, float], *, whole: bool) -> ListenerView:
        return ListenerView(2.0, known, whole, False, None, 1, 0, spoken, 0, 0.0, None, 0)

    progress = TextProgress(150)
    assert progress.look(view(4.0, (0, 0.0), whole=False)) == Remaining(8.0)
    assert progress.look(view(5.0, (75, 5.0), whole=False)) == Remaining(8.0)
    slower = progress.look(view(5.0, (50, 5.0), whole=False)).seconds
    assert slower == pytest.approx(5 + 100 / 12.5 - 2)
    assert progress.look(view(9.0, (150, 9.0), whole=True)) == Remaining(7.0, exact=True)
    assert TextProgress().look(view(4.0, (0, 0.0), whole=False)) == Remaining()
