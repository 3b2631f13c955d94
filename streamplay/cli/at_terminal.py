"""`say` and `play` at a terminal: the status lines, the keys, stopping and going on (Ctrl-Z, fg).

The main thread waits here for news: events of the utterance, keys, signals, its end. It draws
when there is news, and when the output's clock has gone on by a second; while nothing moves it
sleeps.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from streamplay.cli import console
from streamplay.cli.keys import Keyboard, is_foreground
from streamplay.cli.signals import handled, told_at_once
from streamplay.cli.status_lines import KEYS, StatusFacts, clock, status_lines
from streamplay.cli.status_screen import open_screen
from streamplay.errors import InvalidRequest
from streamplay.events import FirstSound, Requested, Resumed, Stalled, Waiting
from streamplay.rules.fields import CHARACTERS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

    from streamplay.cli.signals import Handler, Interruption
    from streamplay.cli.status_screen import StatusScreen
    from streamplay.events import Event
    from streamplay.player import Player
    from streamplay.receipt import Receipt
    from streamplay.speech.steering import ListenerView, SteeredUtterance
    from streamplay.speech.utterance import Utterance

SPEED_STEP: Final = 0.1
SPEEDS: Final = (0.5, 3.0)
"""Beyond these, speech is hard to follow."""

VOLUME_STEP: Final = 2.0
"""dB: the least change that is plainly heard."""

VOLUMES: Final = (-60.0, 20.0)
"""dB: from what is hardly heard to the most that `--volume` takes."""

FADE_SECONDS: Final = 0.1
"""Until a pause is heard: a process that is stopped before would stop in the middle of a sound."""

PRIOR_SECONDS: Final = 5.0
"""How much speech the usual pace counts for: a heading or two say little of a voice."""

SOONEST: Final = 0.02
"""Seconds between two drawings that only the clock asks for."""


class Remaining(NamedTuple):
    """What is left of the whole that is said.

    Attributes
    ----------
    seconds : float or None
        Of sound; None where that cannot be told.
    exact : bool
        Whether that is known, and not estimated.
    place : str
        Where in the whole the listener is.
    """

    seconds: float | None = None
    exact: bool = False
    place: str = ""


class Progress(Protocol):
    """What is known of the whole that is said."""

    def look(self, view: ListenerView) -> Remaining:
        """Return what is left of it."""


class TextProgress:
    """Of a text: its length is known, or, for what is still being written, not.

    Parameters
    ----------
    characters : int or None
        How long it is.
    """

    def __init__(self, characters: int | None = None) -> None:
        self._characters = characters

    def look(self, view: ListenerView) -> Remaining:
        """Return what is left: by the pace of what has come where it has not come whole."""
        if view.whole:
            return Remaining(view.known - view.seconds, exact=True)
        if self._characters is None:
            return Remaining()
        spoken, seconds = view.spoken
        more = max(0, self._characters - spoken) / characters_per_second(view)
        return Remaining(max(view.known, seconds + more) - view.seconds)


class SoundProgress:
    """Of a sound file: its length is known when it has been read."""

    def look(self, view: ListenerView) -> Remaining:
        """Return what is left, once that is known."""
        return Remaining(view.known - view.seconds, exact=True) if view.whole else Remaining()


def characters_per_second(view: ListenerView) -> float:
    """Return the voice's pace: as voices usually are, and more and more as it has been so far."""
    spoken, seconds = view.spoken
    return (spoken + PRIOR_SECONDS * CHARACTERS_PER_SECOND) / (seconds + PRIOR_SECONDS)


class AtTerminal:
    """One utterance at a terminal.

    Parameters
    ----------
    screen : StatusScreen
        Where the lines are drawn.
    progress : Progress
        Of what is said.
    interruption : Interruption
        Ends it at a signal.
    keys : int or None
        The descriptor of the terminal from which keys are read; None: from none.
    plays : bool
        Whether it is heard, and not only received.

    Attributes
    ----------
    ended_by_key : bool
        Whether the listener has ended it with a key.
    """

    def __init__(
        self,
        screen: StatusScreen,
        progress: Progress,
        interruption: Interruption,
        *,
        keys: int | None,
        plays: bool = True,
    ) -> None:
        self.ended_by_key = False
        self._screen = screen
        self._progress = progress
        self._interruption = interruption
        self._plays = plays
        self._news: SimpleQueue[Event | str] = SimpleQueue()
        self._keyboard = None if keys is None else Keyboard(self._pressed, keys)
        self._state = "starting"
        self._paused = False
        self._ended: ListenerView | None = None
        self._whole: float | None = None  # seconds in all, once that was known
        self._began = time.monotonic()

    @property
    def options(self) -> dict[str, Any]:
        """What the player is to be given."""
        return {"on_event": self._news.put}

    def listen(self, player: Player, utterance: Utterance) -> Receipt:
        """Show what is heard and obey the keys until it is done; return its receipt.

        Parameters
        ----------
        player : SteeredPlayer
            Made with `options`.
        utterance : SteeredUtterance
            Its only one.

        Raises
        ------
        StreamPlayError
            What ended it.
        """
        speech = cast("SteeredUtterance", utterance)
        speech.on_done(lambda: self._news.put("done"))
        with self._at_the_terminal():
            try:
                self._draw(player, speech)
                while (news := self._next(speech)) != "done":
                    self._take(news, player, speech)
                    if self._news.empty():
                        self._draw(player, speech)
            finally:
                self._screen.close()
                self._ended = speech.view()
        return speech.wait()

    @property
    def where_it_stopped(self) -> str:
        """Where the listener was when it was ended, as a sentence."""
        view = self._ended
        if view is None:
            return "stopped"
        whole = f" of {clock(self._whole)}" if self._whole is not None else ""
        where = "" if view.sentence is None else f", in “{view.sentence.text}”"
        return f"stopped at {clock(view.seconds)}{whole}{where}"

    @contextlib.contextmanager
    def _at_the_terminal(self) -> Iterator[None]:
        news = {signal.SIGWINCH: "resized", signal.SIGTSTP: "stop", signal.SIGCONT: "go on"}
        told: dict[int, Handler] = {number: self._teller(each) for number, each in news.items()}
        told[signal.SIGQUIT] = self._quit
        self._interruption.before_exit(self._give_back)
        with handled(told), console.printing_above(self._print_above):
            if self._keyboard is None:
                yield
                return
            self._keyboard.open()
            try:
                with told_at_once(self._caught):
                    yield
            finally:
                self._keyboard.close()

    def _teller(self, news: str) -> Handler:
        return lambda _number, _frame: self._news.put(news)

    def _quit(self, number: int, _frame: FrameType | None) -> None:
        """End at once, as SIGQUIT does without a handler, but give the terminal back first."""
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _give_back(self) -> None:
        """Leave the terminal as it was: the process ends or is stopped."""
        if self._keyboard is not None:
            self._keyboard.restore()
        self._screen.erase()

    def _print_above(self, write: Callable[[], None]) -> None:
        self._screen.above(write)
        self._news.put("printed")

    # News

    def _pressed(self, key: str) -> None:
        self._news.put(f"key {key}")

    def _next(self, speech: SteeredUtterance) -> Event | str:
        try:
            return self._news.get(timeout=self._due(speech))
        except Empty:
            return "clock"

    def _due(self, speech: SteeredUtterance) -> float | None:
        """Return in how many seconds the lines change by themselves; None: not before news."""
        if not self._plays:
            return 1.0
        if self._paused or self._state in {"starting", "stalled"}:
            return None
        due = speech.seconds_until(int(speech.view().seconds + 1e-6) + 1)
        return None if due is None else max(SOONEST, due)

    def _take(self, news: Event | str, player: Player, speech: SteeredUtterance) -> None:
        if isinstance(news, str):
            if news.startswith("key "):
                self._press(news.removeprefix("key "), player, speech)
            elif news == "stop":
                self._stop(player)
            elif news == "go on":
                self._go_on()
            return
        if isinstance(news, FirstSound | Resumed | Requested):
            begun = isinstance(news, FirstSound) or self._state != "starting"
            self._state = "playing" if begun else "starting"
        elif isinstance(news, Stalled):
            self._state = "stalled"
        elif isinstance(news, Waiting):
            self._state = "waiting for text"

    def _go_on(self) -> None:
        """Take the terminal again: the process was stopped, or was in the background."""
        self._screen.forget()
        if self._keyboard is not None:
            self._keyboard.take()

    def _caught(self, _number: int) -> None:
        """Wake the main thread, where handlers run: after SIGCONT another may have been chosen."""
        self._news.put("signal")

    def _press(self, key: str, player: Player, speech: SteeredUtterance) -> None:
        if key == " ":
            self._paused = not self._paused
            (player.pause if self._paused else player.resume)()
        elif key == "left":
            speech.go_back(self._moved)
        elif key == "right":
            speech.go_forward(self._moved)
        elif key in "[]":
            self._change_speed(speech, SPEED_STEP if key == "]" else -SPEED_STEP)
        elif key in "+=-_":
            least, most = VOLUMES
            step = VOLUME_STEP if key in "+=" else -VOLUME_STEP
            player.volume = min(most, max(least, player.volume + step))
        elif key in "qQ":
            self.ended_by_key = True
            speech.cancel()

    def _moved(self) -> None:
        self._news.put("moved")

    def _change_speed(self, speech: SteeredUtterance, step: float) -> None:
        least, most = SPEEDS
        try:
            speech.set_speed(round(min(most, max(least, speech.speed + step)), 2), self._moved)
        except InvalidRequest as error:
            console.tell(str(error))

    def _stop(self, player: Player) -> None:
        """Stop the process, as Ctrl-Z asks; return when it goes on."""
        if not self._paused:
            player.pause()
            time.sleep(FADE_SECONDS)
        self._give_back()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        if self._keyboard is not None:
            self._keyboard.take()
        if not self._paused:
            player.resume()

    # Drawing

    def _draw(self, player: Player, speech: SteeredUtterance) -> None:
        if not self._screen.is_ours:
            return
        view = speech.view()
        if view.whole and not view.cut:
            self._whole = view.known
        left, exact, place = self._progress.look(view)
        if left is not None:
            left = left / speech.speed if self._plays else left * self._pace(view)
        facts = StatusFacts(
            state=self._word(),
            seconds=view.seconds if view.known else None,
            left=left,
            exact=exact and self._plays,
            place=place,
            sentence=view.sentence if self._plays else None,
            first_sound=view.first_sound,
            stalls=view.stalls,
            stalled=view.stalled,
            speed=speech.speed,
            volume=player.volume,
            note=KEYS if view.sentence is None and self._obeys_keys else "",
        )
        self._screen.draw(status_lines(facts, self._screen.columns))

    @property
    def _obeys_keys(self) -> bool:
        return self._keyboard is not None and self._plays

    def _word(self) -> str:
        if self.ended_by_key or self._interruption.received is not None:
            return "ending"
        if not self._plays:
            return "receiving"
        return "paused" if self._paused else self._state

    def _pace(self, view: ListenerView) -> float:
        """Return how many seconds one second of sound takes to come, so far."""
        return (time.monotonic() - self._began) / view.known if view.known else 1.0


def open_terminal(
    progress: Progress,
    interruption: Interruption,
    *,
    given: bool,
    plays: bool = True,
) -> AtTerminal | None:
    """Return the terminal of a command that has one; None: nothing is shown and no key is read.

    Parameters
    ----------
    progress, interruption : Progress, Interruption
        See `AtTerminal`.
    given : bool
        Whether what is said was given, and does not come on standard input.
    plays : bool
        Whether it is heard.
    """
    typed = console.is_terminal(sys.stdin)
    # What is typed into standard input, and echoed, would be mixed with the lines. Where it was
    # given and standard input is no terminal, no person sits there.
    if typed is not given:
        return None
    screen = open_screen()
    if screen is None or (typed and not is_foreground(0)):
        return None
    return AtTerminal(screen, progress, interruption, keys=0 if typed else None, plays=plays)
