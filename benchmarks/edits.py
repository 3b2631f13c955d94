"""Does the screen of `live` show the line that is going to be said? Random edits, to find out.

    .venv/bin/python -m benchmarks.edits [--scripts 500] [--seed 0]

Each script presses random keys in the line editor of `live` at a terminal: letters, wide, combining
and right-to-left ones, keys that move and delete, the history, pastes of several lines, Tab; it
makes the terminal narrower and wider; and from another thread come messages, and changes of the
rows around the prompt, at random moments. Afterwards a terminal emulator (pyte) must show the
editor's buffer once, between those rows, and the cursor where the editor has it. Every script that
fails is printed with its seed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import random
import select
import signal
import struct
import sys
import termios
import threading
import time
import tty
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import pyte
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.utils import get_cwidth

from streamplay.cli.editor import PROMPT, Editor
from streamplay.cli.vocabulary import WordCompleter

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples

WIDTHS = (80, 40, 23, 61, 100)
ROWS = 40
PATIENCE_SECONDS = 60
"""For the editor to come to rest, which takes milliseconds."""
STEPS = 30
WORDS = (
    "hello",
    "Extraordinary",
    "naïve",
    "漢字かな",
    "שלום",
    "مرحبا",
    "e\u0301te\u0301",
    "👋",
    "x",
)
KEYS = {
    "left": "\x1b[D",
    "right": "\x1b[C",
    "word left": "\x1b[1;5D",
    "word right": "\x1b[1;5C",
    "home": "\x01",
    "end": "\x05",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "kill word": "\x17",
    "kill rest": "\x0b",
    "yank": "\x19",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "tab": "\t",
    "undo": "\x1f",
}


LAST_KEY = "\x1b[24~"
"""F12. When the editor has asked for its phrase, it has read all keys before it."""


class NoActions:
    """What the keys of `live` ask for; here nothing is spoken.

    Attributes
    ----------
    read : threading.Event
        Is set when `LAST_KEY` has been read.
    """

    def __init__(self) -> None:
        self.read = threading.Event()

    def entered(self, text: str, *, now: bool) -> None:
        """Take a line."""

    def phrase(self, number: int) -> None:
        """Take a phrase key."""
        if number == 12:
            self.read.set()

    def silence(self) -> bool:
        """Fall silent."""
        return False

    def again(self) -> None:
        """Say again."""

    def end_of_input(self) -> None:
        """Take Ctrl-D."""

    def cancelled(self) -> None:
        """Take Ctrl-C."""


class EditedScreen:
    """The editor at a pseudo-terminal of this process, and an emulator at its other side."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTHS[0], ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        attributes = termios.tcgetattr(self._theirs)
        attributes[1] |= termios.OPOST | termios.ONLCR
        termios.tcsetattr(self._theirs, termios.TCSANOW, attributes)
        self._status = ""
        self._lines: list[str] = []
        self._telling: list[threading.Thread] = []
        self.actions = NoActions()
        self._settled = 0

    def __enter__(self) -> Self:
        self._before = sys.stdin, sys.stdout, sys.stderr
        self._variables = dict(os.environ)
        # The emulator cuts rows off where it is made narrower, as xterm does.
        os.environ |= {"TERM": "xterm", "XTERM_VERSION": "1"}
        os.environ.pop("COLUMNS", None)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, WIDTHS[0], 0, 0))
        files = [os.fdopen(os.dup(self._theirs), mode) for mode in ("r", "w", "w")]
        sys.stdin, sys.stdout, sys.stderr = files
        self._stdout = sys.__stdout__
        setattr(sys, "__stdout__", files[1])  # noqa: B010 - Final for type checkers
        completer = WordCompleter(WORDS, {"/again": tuple, "/voice": tuple})
        self.editor = Editor(
            InMemoryHistory(["an earlier line"]),
            completer,
            self._row,
            self._rows,
            color=False,
        )
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.close()
        sys.stdin, sys.stdout, sys.stderr = self._before
        setattr(sys, "__stdout__", self._stdout)  # noqa: B010 - as above
        os.environ.clear()
        os.environ.update(self._variables)
        os.close(self._ours)
        os.close(self._theirs)

    def _row(self) -> StyleAndTextTuples:
        return [("", self._status)] if self._status else []

    def _rows(self, most: int) -> list[StyleAndTextTuples]:
        return [[("", row)] for row in self._lines[:most]]

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int) -> None:
        """Give the terminal another width."""
        self.screen.resize(ROWS, columns)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        os.kill(os.getpid(), signal.SIGWINCH)

    def tell(self, text: str) -> None:
        """Show a message, from a thread of its own."""
        self._telling.append(threading.Thread(target=self.editor.tell, args=(text,)))
        self._telling[-1].start()

    @contextmanager
    def read_on(self) -> Iterator[None]:
        """Read what is shown while the block runs, as a terminal does: it shows nothing.

        A terminal that is not read holds 64 kB; a process that writes more to it waits for ever.
        """
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                if select.select([self._ours], [], [], 0.1)[0]:
                    os.read(self._ours, 65536)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            done.set()
            reader.join()

    def status(self, text: str) -> None:
        """Show another status row."""
        self._status = text
        self.editor.changed()

    def lines(self, rows: list[str]) -> None:
        """Show other rows above the prompt."""
        self._lines = rows
        self.editor.changed()

    def settle(self) -> None:
        """Take in what is shown, until all keys were read and nothing is to be drawn any more."""
        for thread in self._telling:
            thread.join()
        self._telling.clear()
        self._settled += 1
        self.actions.read.clear()
        # The kernel hands bytes on in its own time, both ways: the last key asks the editor for
        # a title, and the emulator waits for it.
        self.press(LAST_KEY)
        self._title_once_drawn(str(self._settled))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.screen.title != str(self._settled):
            assert time.monotonic() < deadline, "the editor does not come to rest"
            if select.select([self._ours], [], [], 1)[0]:
                self._stream.feed(os.read(self._ours, 65536))

    def _title_once_drawn(self, title: str) -> None:
        """Write a title when the editor has read and drawn everything; looked at on its loop."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (loop := self.editor._loop) is None:
            assert time.monotonic() < deadline, "the editor does not begin"
            time.sleep(0.01)

        def look(loop: asyncio.AbstractEventLoop = loop) -> None:
            if self.actions.read.is_set() and self._is_at_rest():
                sys.stdout.write(f"\x1b]2;{title}\x07")
                sys.stdout.flush()
            else:
                loop.call_later(0.001, look)

        loop.call_soon_threadsafe(look)

    def _is_at_rest(self) -> bool:
        application = self.editor._application
        return (
            application is not None
            and application.renderer.last_rendered_screen is not None
            and not application.is_settling
            and not application._invalidated
            and not application.key_processor.input_queue
        )

    def fault(self) -> str:
        """Return what is wrong with the screen; an empty text: nothing."""
        buffer = self.editor._buffer
        rows, cursor = expected(buffer.text, buffer.cursor_position, self.screen.columns)
        top = self.screen.cursor.y - cursor[0]
        shown = [row.rstrip() for row in self.screen.display]
        wanted = [row.rstrip() for row in rows]
        found = shown[top : top + len(rows)]
        at = (self.screen.cursor.y - top, self.screen.cursor.x)
        if [_plain(row) for row in found] != [_plain(row) for row in wanted]:
            return f"shown {found}, not {wanted}"
        if at != cursor:
            return f"the cursor is at {at}, not {cursor}, in {wanted}"
        copies = sum(row.startswith(PROMPT.strip()) for row in shown[top:])
        rest = shown[top + len(rows) :]
        above = [row[: self.screen.columns].rstrip() for row in self._lines]
        if (found := shown[max(0, top - len(above)) : top]) != above:
            return f"above it: {found}, not {above}"
        if copies != 1 or [row for row in rest if row and row != self._status[: len(row)]]:
            return f"below it: {rest}"
        return ""


def expected(text: str, position: int, columns: int) -> tuple[list[str], tuple[int, int]]:
    """Return the rows that show a buffer, and the row and column of the cursor.

    Behind each line of the buffer there is a place for the cursor, which may need a row of its own.
    """
    rows: list[str] = []
    cursor, at = (0, 0), -len(PROMPT)
    for line in (PROMPT + text).split("\n"):
        row, width = "", 0
        for char in f"{line} ":
            size = get_cwidth(char)
            if width + size > columns:
                rows.append(row)
                row, width = "", 0
            if at == position:
                cursor = (len(rows), width)
            row, width, at = row + char, width + size, at + 1
        rows.append(row)
    return rows, cursor


def _plain(row: str) -> str:
    """Return a row as it can be compared: pyte loses what combines with a wide character."""
    parts = unicodedata.normalize("NFD", row)
    return "".join(char for char in parts if not unicodedata.combining(char)).rstrip()


def play(screen: EditedScreen, seed: int) -> tuple[list[str], str]:
    """Play one script; return what it did, and what was wrong in the end."""
    dice = random.Random(seed)
    screen.press("\x05\x15\x0b")  # an empty line
    did: list[str] = []
    for _ in range(dice.randint(5, STEPS)):
        did.append(_step(screen, dice))
        if dice.random() < 0.3:
            time.sleep(dice.random() * 0.004)
    screen.settle()
    return did, screen.fault()


def _step(screen: EditedScreen, dice: random.Random) -> str:
    kind = dice.choices(
        ("type", "key", "message", "status", "lines", "paste", "resize", "enter"),
        (8, 10, 4, 2, 2, 1, 1, 0.5),
    )[0]
    if kind == "type":
        word = dice.choice(WORDS) + dice.choice(("", " "))
        screen.press(word)
        return f"type {word!r}"
    if kind == "key":
        name = dice.choice(list(KEYS))
        screen.press(KEYS[name] * dice.randint(1, 3))
        return name
    if kind == "message":
        screen.tell("a message " * dice.randint(1, 9))
    elif kind == "status":
        screen.status(dice.choice(("", " waiting: x", " speaking: " + "word " * 30)))
    elif kind == "lines":
        screen.lines([f" waiting: {each} " + "word " * 12 for each in range(dice.randint(0, 4))])
    elif kind == "paste":
        screen.press(f"\x1b[200~{dice.choice(WORDS)}\n{dice.choice(WORDS)}\x1b[201~")
    elif kind == "enter":
        screen.press("\r")
    else:
        # What is under way belongs to the old width; a window is dragged more slowly, too.
        screen.settle()
        columns = dice.choice(WIDTHS)
        screen.resize(columns)
        screen.settle()
        return f"{columns} columns"
    return kind


def run(seeds: Sequence[int]) -> list[tuple[int, list[str], str]]:
    """Play a script for each seed; return those that failed, with what was wrong.

    The editor runs on the main thread, as in `live`: signals arrive there.
    """
    failed: list[tuple[int, list[str], str]] = []
    left = list(seeds)
    while left:
        with EditedScreen() as screen:
            driver = threading.Thread(target=_drive, args=(screen, left, failed))
            driver.start()
            screen.editor.run(screen.actions)
            driver.join()
    return failed


def _drive(screen: EditedScreen, left: list[int], failed: list[tuple[int, list[str], str]]) -> None:
    """Play scripts until one fails: its fault may spoil those that follow on the same screen."""
    try:
        screen.settle()
        while left:
            seed = left.pop(0)
            did, fault = play(screen, seed)
            if fault:
                failed.append((seed, did, fault))
                return
    finally:
        screen.editor.leave()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    failed = run(range(args.seed, args.seed + args.scripts))
    for seed, did, fault in failed:
        print(f"seed {seed}: {fault}\n   {', '.join(did)}")
    print(f"{args.scripts - len(failed)} of {args.scripts} screens show the buffer and the cursor")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
