"""``streamplay live``: a prompt that speaks each line at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from streamplay.cli import options, report, status
from streamplay.cli.prompt import Prompt
from streamplay.cli.signals import ENDING, handled, nudged
from streamplay.errors import PlayerClosed, StreamPlayError

if TYPE_CHECKING:
    import argparse
    from types import FrameType

    from streamplay.cli.parser import Parser
    from streamplay.player import Player
    from streamplay.speech.utterance import Utterance

_LOOK_SECONDS: Final = 0.1
"""How often Ctrl-D is looked for while the last lines are spoken."""


def add_arguments(parser: Parser) -> None:
    """Add the arguments of ``live``."""
    options.add_request(parser)
    options.add_server(parser)
    options.add_sound(parser)
    telling = parser.add_argument_group("telling")
    telling.add_argument(
        "--stats", action="store_true", default=None, help="a readable receipt for each line"
    )
    options.quiet(telling)


def run(args: argparse.Namespace) -> int:
    """Speak every line, until Ctrl-D."""
    asked = options.for_player(args)
    from streamplay.player import Player

    prompt = Prompt()
    options.tell_the_voice(args)
    notify = None if args.quiet else prompt.tell
    try:
        with handled(dict.fromkeys(ENDING, _leave)), Player(**asked, notify=notify) as player:
            return LiveSession(player, prompt, args).run()
    except Left as left:
        return status.of_signal(left.number)


class Left(BaseException):
    """A signal that ends `live` at once; a `BaseException`, so that no handler catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _leave(number: int, _frame: FrameType | None) -> None:
    raise Left(number)


class LiveSession:
    """The prompt and its player.

    The main thread reads lines and hands them to the player. A second thread waits for each
    utterance and prints its error. A third one calls `interrupt()`, because a signal handler must
    not wait for the player.
    """

    def __init__(self, player: Player, prompt: Prompt, args: argparse.Namespace) -> None:
        self._player = player
        self._prompt = prompt
        self._args = args
        self._status = status.OK
        self._speaking: list[Utterance] = []
        self._spoken: SimpleQueue[Utterance | None] = SimpleQueue()
        self._silence: SimpleQueue[None] = SimpleQueue()

    def run(self) -> int:
        """Speak each line; return 0 at a terminal, and the first failure to a script."""
        listener = threading.Thread(target=self._listen, name="streamplay-listen", daemon=True)
        listener.start()
        threading.Thread(target=self._hush, name="streamplay-hush", daemon=True).start()
        with nudged(), handled({signal.SIGINT: self._on_interrupt}):
            self._greet()
            for line in self._prompt.lines():
                self._say(line)
            self._let_finish()
        self._spoken.put(None)
        listener.join()
        return status.OK if self._prompt.interactive else self._status

    def _greet(self) -> None:
        if self._prompt.interactive and not self._args.quiet:
            self._prompt.tell("a line is spoken when it ends; Ctrl-C silences, Ctrl-D leaves")

    def _say(self, line: str) -> None:
        if not line.strip():
            return
        try:
            utterance = self._player.say(line.strip())
        except StreamPlayError as error:
            self._failed(error)
            return
        self._speaking = [*(each for each in self._speaking if not each.done), utterance]
        self._spoken.put(utterance)

    def _busy(self) -> bool:
        return any(not utterance.done for utterance in self._speaking)

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if not self._busy():
            raise KeyboardInterrupt
        self._silence.put(None)

    def _hush(self) -> None:
        while True:
            self._silence.get()
            with contextlib.suppress(PlayerClosed):
                dropped = len(self._player.interrupt().dropped)
                if dropped:
                    lines = "line" if dropped == 1 else "lines"
                    self._prompt.tell(f"silenced, and {dropped} {lines} behind it")

    def _listen(self) -> None:
        while (utterance := self._spoken.get()) is not None:
            try:
                receipt = utterance.wait()
            except StreamPlayError as error:
                self._failed(error)
                receipt = utterance.receipt
            if self._args.stats:
                self._prompt.show(report.receipt_text(receipt))

    def _failed(self, error: StreamPlayError) -> None:
        self._prompt.tell(str(error))
        self._status = self._status or status.of_error(error)

    def _let_finish(self) -> None:
        """Wait until the last lines have been heard; Ctrl-D or Ctrl-C cuts them."""
        with handled({signal.SIGINT: _leave}):
            if self._busy() and self._prompt.interactive and not self._args.quiet:
                self._prompt.tell("leaving after the last word; Ctrl-D again leaves at once")
            while self._busy():
                if self._prompt.wants_out(_LOOK_SECONDS):
                    self._player.interrupt()
                    break
