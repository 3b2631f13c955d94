"""The line editor of `live`, on prompt_toolkit: what the screen shows is what is going to be said.

One application runs from the first prompt to the last. It draws what becomes of the lines, the
prompt below them, and a status row. A message is printed above it: the editor takes its rows off
the screen, the message scrolls, and the editor draws itself again, with the buffer and the cursor
that it has. A line that was entered is printed the same way, so that it stays as it was typed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.input import create_input
from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.defaults import load_key_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, Dimension, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import ColorDepth, create_output
from prompt_toolkit.styles import Style

from streamplay.cli import console
from streamplay.cli.line_application import LineApplication
from streamplay.cli.plain_emoji import PlainEmoji
from streamplay.cli.signals import ENDING, handled, told_at_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Protocol

    from prompt_toolkit.application import Application
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyPressEvent
    from prompt_toolkit.output import Output

    class KeyActions(Protocol):
        """What the editor asks for when a key is pressed; nothing of it may wait."""

        def entered(self, text: str, *, now: bool) -> None:
            """Take a line."""

        def phrase(self, number: int) -> None:
            """Take a phrase key: F1 is 1."""

        def silence(self) -> bool:
            """Fall silent; False: nothing was being said."""

        def again(self) -> None:
            """Say again what was lost, or else the last line."""

        def end_of_input(self) -> None:
            """Take Ctrl-D on an empty line."""

        def cancelled(self) -> None:
            """Take Ctrl-C in silence on an empty line."""


PROMPT: Final = "say> "

ESCAPE_SECONDS: Final = 0.048
"""How long the bytes after an Esc are waited for before it counts as the key Esc: less than the
50 ms that a person notices, more than a terminal needs between the bytes of one key."""

_SAY_NOW: Final = Keys.ControlF24
"""Stands for Alt-Enter, which terminals send as ESC CR; no keyboard has the key itself."""

PROPOSALS_SHOWN: Final = 8

ROWS_SHOWN: Final = 6
"""Rows above the prompt, and a third of the screen at most: what is typed needs the rest."""

SWITCH_SECONDS: Final = 0.001
"""How long the thread that draws may keep the player's thread waiting for the interpreter: Python's
own 5 ms are as long as a block of the output."""

TICK_SECONDS: Final = 1.0
"""The rows around the prompt tell seconds."""

_PHRASE_KEYS: Final = 12
_ALT_DIGITS: Final = 9

_STYLE: Final = Style.from_dict({"status": "reverse", "heard": "bold", "warning": "bold"})

_ENDING: Final = tuple(
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)


class EndedBySignal(BaseException):
    """A signal asks to leave at once."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Editor:
    """A prompt that keeps its line whole while messages are shown above it.

    Parameters
    ----------
    history : History
        Earlier lines, for the arrow keys.
    completer : Completer
        What Tab completes.
    status : callable
        Returns the row below the prompt as formatted text; nothing: there is none.
    lines : callable
        Returns the rows above the prompt, given how many there may be.
    changes : callable
        Whether these change while nothing happens: they are drawn each second then.
    color : bool
        Whether the status row may be drawn in reverse video.
    on_ending : callable
        Is told the number of a signal that ends it, on a thread of its own: the signal's handler
        waits while the terminal takes nothing.
    """

    interactive = True
    has_status = True

    def __init__(
        self,
        history: History,
        completer: Completer,
        status: Callable[[], StyleAndTextTuples],
        lines: Callable[[int], list[StyleAndTextTuples]],
        changes: Callable[[], bool] = lambda: False,
        *,
        color: bool = True,
        on_ending: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._on_ending = on_ending
        self._status, self._lines = status, lines
        self._rows: list[StyleAndTextTuples] = []  # as they are being drawn
        self._changes = changes
        self._ticking = False
        self._buffer = Buffer(
            history=history, completer=completer, multiline=False, complete_while_typing=False
        )
        self._color = color
        self._application: LineApplication | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wants_to_leave = False
        self._error: BaseException | None = None  # with which it leaves

    # For any thread

    def tell(self, sentence: str) -> None:
        """Show a message of one line above the prompt."""
        self._above(lambda: console.tell(sentence))

    def show(self, text: str) -> None:
        """Show text above the prompt."""
        self._above(lambda: console.out(text))

    def changed(self, _: object = None) -> None:
        """Draw the rows around the prompt again."""
        self._soon(self._tick)

    def leave(self) -> None:
        """End `run`."""
        self._wants_to_leave = True
        self._soon(self._exit)

    # On the main thread

    @property
    def proposals(self) -> list[str]:
        """What Tab proposes for the word before the cursor, while it does."""
        state = self._buffer.complete_state
        return [each.text for each in state.completions[:PROPOSALS_SHOWN]] if state else []

    def run(self, typist: KeyActions) -> None:
        """Edit lines until `leave` is called.

        Raises
        ------
        EndedBySignal
            If a signal asked to leave at once.
        """
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            asyncio.run(self._run(typist))
        finally:
            sys.setswitchinterval(before)

    async def _run(self, typist: KeyActions) -> None:
        self._loop = asyncio.get_running_loop()
        application = self._make(typist)
        self._application = application
        # Not the loop's own handlers: they run when the loop goes on, and it does not while a
        # write to the terminal waits.
        with handled(dict.fromkeys(_ENDING, self._on_signal)), ExitStack() as while_running:
            try:
                if not self._wants_to_leave:
                    begin = partial(self._begin, while_running)
                    await application.run_async(begin, handle_sigint=False)
            finally:
                self._application, self._loop = None, None
        if self._error is not None:
            raise self._error

    def _begin(self, while_running: ExitStack) -> None:
        """Leave where that was asked for while the application was beginning."""
        if self._wants_to_leave:
            self._soon(self._exit)
        # A moment later: the application lets the loop alone be told of signals, when it runs.
        self._soon(while_running.enter_context, told_at_once(self._on_ending, ENDING))

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._soon(self._exit, EndedBySignal(number))

    def _make(self, typist: KeyActions) -> LineApplication:
        control = BufferControl(
            self._buffer, input_processors=[PlainEmoji(), BeforeInput(PROMPT)], focus_on_click=False
        )
        line = Window(control, wrap_lines=True, dont_extend_height=True)
        row = Window(
            FormattedTextControl(self._status), height=1, style="class:status", wrap_lines=False
        )
        above = Window(
            FormattedTextControl(self._drawn_rows),
            height=lambda: Dimension.exact(len(self._rows)),
            wrap_lines=False,
        )
        has_rows, has_status = Condition(self._has_rows), Condition(self._has_status_row)
        shown = HSplit(
            [
                ConditionalContainer(above, ~is_done & has_rows),
                line,
                ConditionalContainer(row, ~is_done & has_status),
            ]
        )
        application = LineApplication(
            layout=Layout(shown, focused_element=line),
            key_bindings=merge_key_bindings([load_key_bindings(), self._keys(typist)]),
            style=_STYLE,
            color_depth=None if self._color else ColorDepth.DEPTH_1_BIT,
            input=_input(),
            output=_output(),
            erase_when_done=False,
            enable_page_navigation_bindings=False,
            before_render=self._take_rows,
        )
        application.ttimeoutlen = ESCAPE_SECONDS
        # The bytes of one key come to the key processor together: nothing more is waited for.
        application.timeoutlen = 0.001
        return application

    def _has_status_row(self) -> bool:
        return bool(self._status())

    def _take_rows(self, application: Application[None]) -> None:
        """Take in the rows above the prompt: they stay the same during one drawing."""
        self._rows = self._lines(min(ROWS_SHOWN, application.output.get_size().rows // 3))

    def _has_rows(self) -> bool:
        return bool(self._rows)

    def _drawn_rows(self) -> StyleAndTextTuples:
        rows = [part for row in self._rows for part in (*row, ("", "\n"))]
        return rows[:-1]

    def _keys(self, typist: KeyActions) -> KeyBindings:
        keys = KeyBindings()

        def enter(event: KeyPressEvent, *, now: bool = False) -> None:
            text = event.current_buffer.text
            if text.strip():
                self._above(lambda: console.out(f"{PROMPT}{text}"))
                typist.entered(text, now=now)
                event.current_buffer.append_to_history()  # writes a file: the line goes first
            event.current_buffer.reset()

        keys.add("enter")(enter)
        keys.add(_SAY_NOW)(lambda event: enter(event, now=True))
        if sys.platform == "win32":
            keys.add("escape", "enter")(lambda event: enter(event, now=True))
        keys.add("c-c")(lambda event: self._on_interrupt(event, typist))
        keys.add("escape")(lambda _: typist.silence())
        keys.add("c-d")(lambda event: self._on_end(event, typist))
        keys.add("c-t")(lambda _: typist.again())
        keys.add("tab")(_complete)
        keys.add("s-tab")(lambda event: event.current_buffer.complete_previous())
        if hasattr(signal, "SIGTSTP"):
            keys.add("c-z")(lambda _: self._suspend())
        for number in range(1, _PHRASE_KEYS + 1):
            keys.add(f"f{number}")(lambda _, number=number: typist.phrase(number))
        for number in range(1, _ALT_DIGITS + 1):
            keys.add("escape", str(number))(lambda _, number=number: typist.phrase(number))
        return keys

    def _on_interrupt(self, event: KeyPressEvent, typist: KeyActions) -> None:
        if typist.silence():
            return
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            typist.cancelled()

    def _on_end(self, event: KeyPressEvent, typist: KeyActions) -> None:
        if event.current_buffer.text:
            event.current_buffer.delete()
        else:
            typist.end_of_input()

    # Above the prompt

    def _above(self, write: Callable[[], None]) -> None:
        """Have `write` called while the editor is off the screen; at once where it is not on it."""
        if not self._soon(self._write_above, write):
            write()

    def _write_above(self, write: Callable[[], None]) -> None:
        application = self._application
        if application is None or not application.is_running or application.is_done:
            write()
        else:
            application.print_above(write)

    def _suspend(self) -> None:
        if self._application is not None:
            self._application.catch_up()
            self._application.suspend_to_background()

    def _soon(self, function: Callable[..., object], *args: Any) -> bool:
        loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # it has just been closed
            return False
        return True

    def _tick(self, *, again: bool = False) -> None:
        if self._application is None or self._loop is None:
            return
        self._application.invalidate()
        if again or not self._ticking:
            self._ticking = self._changes()
            if self._ticking:
                self._loop.call_later(TICK_SECONDS, lambda: self._tick(again=True))

    def _exit(self, error: BaseException | None = None) -> None:
        application = self._application
        self._wants_to_leave, self._error = True, error or self._error
        error = self._error
        if application is not None and application.is_running and not application.is_done:
            if error is None:
                application.exit()
            else:
                application.exit(exception=error)


def _complete(event: KeyPressEvent) -> None:
    """Complete the word; again: the next proposal."""
    buffer = event.current_buffer
    if buffer.complete_state:
        buffer.complete_next()
    else:
        buffer.start_completion(select_first=True)


def _input() -> Input:
    """Return the terminal's keys, with Alt-Enter told from an Esc shortly before Enter."""
    if sys.platform == "win32":
        return create_input()
    from prompt_toolkit.input.vt100 import Vt100Input

    class TerminalInput(Vt100Input):
        """Reads keys; ESC CR is Alt-Enter only where both bytes come at once."""

        _escape_waits = False

        def read_keys(self) -> list[Any]:
            """Return the keys that were pressed."""
            data = self.stdin_reader.read()
            if self._escape_waits and data[:1] in ("\r", "\n"):
                self.vt100_parser.flush()  # two keys, one after the other
            self._escape_waits = data.endswith("\x1b")
            self.vt100_parser.feed(data)
            keys, self._buffer = self._buffer, []
            return keys

    ANSI_SEQUENCES["\x1b\r"] = ANSI_SEQUENCES["\x1b\n"] = _SAY_NOW
    return TerminalInput(sys.stdin)


def _output() -> Output:
    """Return the terminal as prompt_toolkit draws on it, without asking it where its cursor is.

    Terminals that do not answer would be told of, and keys pressed meanwhile would be lost.
    """
    output = create_output(sys.stdout)
    if hasattr(output, "enable_cpr"):
        output.enable_cpr = False
    return output
