"""The application of the editor of `live`: its rows stay whole where the terminal is resized."""

from __future__ import annotations

import asyncio
import math
import os
from typing import TYPE_CHECKING, Final

from prompt_toolkit.application import Application

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.layout.screen import Screen

SETTLING_SECONDS: Final = 0.05
"""A terminal that is resized by hand changes its size every few hundredths of a second."""

LONGEST_SETTLING_SECONDS: Final = 0.5
"""A person who resizes it on and on sees the prompt so often."""

_ERASE: Final = "\x1b[K\x1b[C\x1b[J\r"
"""The row of the cursor, and from its second column on all below: where the cursor is in the upper
left corner, tmux would keep what "erase to the end" clears among the lines that have scrolled away.
"""


class LineApplication(Application[None]):
    """An application whose rows a terminal may break when it is made narrower."""

    _drawn_at: Size | None = None
    _settling: asyncio.TimerHandle | None = None
    _resized_at = -math.inf

    def print_above(self, write: Callable[[], None]) -> None:
        """Have `write` called while nothing of it is on the screen, and draw it again below."""
        # Not prompt_toolkit's run_in_terminal: it gives the terminal back its echo meanwhile, and
        # a key that is pressed in that moment would stand on the screen twice.
        self.catch_up()
        self._erase()
        try:
            write()
        finally:
            self.renderer.reset()
            self._redraw()

    def catch_up(self) -> None:
        """Draw it again where the terminal has another size already, and its signal is to come.

        What follows may erase what is on the screen, where it stood at the old size.
        """
        if self._settling is not None or self._has_other_size():
            self._draw_anew()

    @property
    def is_settling(self) -> bool:
        """Whether it is going to be drawn again at another size."""
        return self._settling is not None

    def _has_other_size(self) -> bool:
        drawn = self.renderer.last_rendered_screen is not None
        return drawn and self._drawn_at not in {None, self.output.get_size()}

    def _redraw(self, render_as_done: bool = False) -> None:
        if render_as_done:
            self.catch_up()
        elif self._settling is not None:
            return
        elif self._has_other_size():
            self._on_resize()
            return
        self._draw(render_as_done=render_as_done)

    def _draw(self, *, render_as_done: bool = False) -> None:
        size = self.output.get_size()
        super()._redraw(render_as_done)
        self._drawn_at = size

    def _on_resize(self) -> None:
        """Draw it again when the terminal has kept its size for a moment.

        While a window is dragged, what is drawn reaches a terminal that has another size by then:
        the rows would be broken otherwise than they were when they are erased.
        """
        now = asyncio.get_running_loop().time()
        if self._settling is None:
            self._resized_at = now
        else:
            self._settling.cancel()
        wait = min(SETTLING_SECONDS, self._resized_at + LONGEST_SETTLING_SECONDS - now)
        loop = asyncio.get_running_loop()
        self._settling = loop.call_later(max(0.0, wait), self._draw_anew)

    def _draw_anew(self) -> None:
        """Erase what is on the screen, wherever the terminal has moved it, and draw it again."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if not self._is_running or self._running_in_terminal:
            return
        self._erase()
        self._draw()

    def _erase(self) -> None:
        """Take its rows off the screen, of whatever size that is by now."""
        screen, columns = self.renderer.last_rendered_screen, self.output.get_size().columns
        if screen is not None:
            cursor = screen.get_cursor_position(self.layout.current_window)
            rows = cursor.y
            if _reflows(os.environ):
                widths = (_width(screen, row) for row in range(cursor.y))
                rows += cursor.x // columns + sum(-(-width // columns) - 1 for width in widths)
            self.output.write_raw("\r")
            self.output.cursor_up(rows)
            self.output.write_raw(_ERASE)
            self.output.reset_attributes()
            self.output.enable_autowrap()
            self.output.flush()
        self.renderer.reset()


def _width(screen: Screen, row: int) -> int:
    """Return how many columns of a row have been drawn, 1 at least."""
    return max(screen.data_buffer[row], default=0) + 1


def _reflows(environment: Mapping[str, str]) -> bool:
    """Whether the terminal breaks rows that have become too long: most do.

    xterm, the Linux console and GNU screen cut them off instead.
    """
    term = environment.get("TERM", "")
    cuts = term.startswith(("linux", "screen")) and "TMUX" not in environment
    return not cuts and "XTERM_VERSION" not in environment
