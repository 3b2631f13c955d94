"""``streamplay live``: a prompt that speaks each line at once."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.cli import config, console, options, status
from streamplay.cli.conversation import Conversation
from streamplay.cli.lines import Line, LineState
from streamplay.cli.prompt import Prompt
from streamplay.cli.signals import ENDING, end_by, handled, nudged, told_at_once
from streamplay.cli.stuck_terminal import StuckTerminal
from streamplay.cli.typist import Typist
from streamplay.cli.usage import UsageError
from streamplay.cli.user_files import UserFiles, state_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType
    from typing import Any

    from streamplay.cli.parser import Parser

_LOOK_SECONDS: Final = 0.1
"""How often Ctrl-D is looked for while the last lines are spoken."""

_FALLBACK_AFTER: Final = 1.0
"""Seconds without a first byte: a person waits for each line."""

DUMB_TERMINALS: Final = ("", "dumb", "unknown")


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``live``."""
    options.add_request(parser)
    options.add_server(parser)
    options.add_sound(parser)
    telling = parser.add_argument_group("telling")
    telling.add_argument(
        "--stats", action="store_true", default=None, help="a readable receipt for each line"
    )
    telling.add_argument(
        "--plain", action="store_true", default=None, help="one line an event, nothing redrawn"
    )
    telling.add_argument(
        "--no-history",
        action="store_false",
        dest="history",
        default=None,
        help="keep nothing of what is typed for the next time",
    )
    options.quiet(telling)


def run(args: argparse.Namespace) -> int:
    """Speak every line, until Ctrl-D."""
    if sys.stdin is None:
        raise UsageError("standard input is closed: there are no lines to speak")
    asked = {**options.for_player(args), "follow_default": True}
    asked.setdefault("fallback_after", _FALLBACK_AFTER)
    options.tell_the_voice(args)
    try:
        with (
            StuckTerminal() as terminal,
            handled(dict.fromkeys(ENDING, _leave)),
            told_at_once(terminal.note, ENDING),
        ):
            return _run(args, asked, terminal)
    except Left as left:
        return status.of_signal(left.number)


class Left(BaseException):
    """A signal that ends `live` at once; a `BaseException`, so that no handler catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _leave(number: int, _frame: FrameType | None) -> None:
    end_by(number)
    raise Left(number)


def _run(args: argparse.Namespace, asked: dict[str, Any], terminal: StuckTerminal) -> int:
    tables = config.tables()
    person = console.is_terminal(sys.stdin)
    keeps = person and args.history is not False and tables["privacy"].get("store", True)
    folder = state_folder() if keeps else None
    if _is_editor_wanted(args):
        from streamplay.cli.live_editor import EditorSession

        if options.may_follow_words(args, asked):
            asked["alignment"] = "word"
        session: LiveRun = EditorSession(
            args, asked, folder, tables["phrases"], on_ending=terminal.note
        )
    else:
        session = PlainSession(args, asked, folder, tables["phrases"])
    return session.run()


class LiveRun(Protocol):
    """One run of ``live``."""

    def run(self) -> int:
        """Speak what is typed; return the exit status."""


def _is_editor_wanted(args: argparse.Namespace) -> bool:
    terminal = console.is_terminal(sys.stdin) and console.is_terminal(sys.stdout)
    dumb = sys.platform != "win32" and os.environ.get("TERM", "") in DUMB_TERMINALS
    return terminal and not args.plain and not dumb


class PlainScreen:
    """Messages one below the other: for pipes, screen readers and terminals that only print."""

    has_status = False

    def __init__(self, *, interactive: bool) -> None:
        self.interactive = interactive
        self._told: tuple[int, LineState] | None = None

    def tell(self, sentence: str) -> None:
        """Print a message of one line on standard error."""
        console.tell(sentence)

    def show(self, text: str) -> None:
        """Print text on standard output."""
        console.out(text)

    def changed(self, line: Line | None) -> None:
        """Print a line's new state, where a person reads along."""
        if not self.interactive or line is None or line.state is LineState.LOST:
            return
        if self._told != (line.number, line.state):  # words are heard one by one: one line for all
            self._told = line.number, line.state
            console.err(f"{line.state}: {line.name}")

    def leave(self) -> None:
        """Do nothing: `PlainSession` waits for the end of the lines itself."""


class PlainSession:
    """Reads lines from standard input as they come, and prints what becomes of each.

    Ctrl-C silences; in silence it empties the line of a person, and ends a script.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        asked: Mapping[str, Any],
        folder: Path | None,
        phrases: Mapping[str, str],
    ) -> None:
        from streamplay.cli.phrases import Phrases

        self._interactive = console.is_terminal(sys.stdin)
        self._screen = PlainScreen(interactive=self._interactive and not args.quiet)
        self._prompt = Prompt()
        tell = (lambda _: None) if args.quiet else self._screen.tell
        files = UserFiles(folder, tell)
        self._conversation = Conversation(
            asked, self._screen, files, stats=bool(args.stats), notify=tell
        )
        self._phrases = Phrases(phrases, files, asked, tell)
        self._typist = Typist(self._conversation, self._phrases, self._screen)
        self._greets = self._interactive and not args.quiet

    def run(self) -> int:
        """Speak what is read; return 0 to a person, and the first failure to a script."""
        conversation = self._conversation
        conversation.open()
        error = conversation.wait_until_open()
        if error is not None:
            raise error
        if self._interactive:
            self._phrases.fetch()
        cut, signalled = True, False
        try:
            with nudged(), handled({signal.SIGINT: self._on_interrupt}):
                self._read()
            cut = False
            self._let_finish()
        except Left:
            signalled = True
            raise
        finally:
            conversation.close(cut=cut, offer=signalled)
        return status.OK if self._interactive else conversation.status

    def _read(self) -> None:
        if self._greets:
            self._screen.tell("a line is spoken when it ends; Ctrl-C silences, Ctrl-D leaves")
        for line in self._prompt.lines():
            if self._interactive:
                self._typist.entered(line, now=False)
            else:
                self._conversation.say(line)
            if self._conversation.leaving:
                return

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if not self._typist.silence():
            raise KeyboardInterrupt

    def _let_finish(self) -> None:
        """Wait for the last words; Ctrl-D cuts them, and so does Ctrl-C."""
        conversation = self._conversation
        with handled({signal.SIGINT: _leave}):
            if not conversation.is_busy:
                return
            if self._greets:
                self._screen.tell("leaving after the last word; Ctrl-D again leaves at once")
            if not self._interactive:
                conversation.wait_until_idle()
            while conversation.is_busy:
                if self._prompt.wants_out(_LOOK_SECONDS):
                    conversation.silence()
                    break
