"""What the keys and commands of `live` do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamplay.cli import console, options, report, slash
from streamplay.cli.lines import shortened
from streamplay.cli.saved_sound import save_sound
from streamplay.cli.usage import UsageError, closest
from streamplay.errors import StreamPlayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamplay.cli.conversation import Conversation, Screen
    from streamplay.cli.phrases import Phrases


class Typist:
    """What the keys and commands of ``live`` do.

    Parameters
    ----------
    conversation : Conversation
        Whose lines they are.
    phrases : Phrases
        What the phrase keys speak.
    screen : Screen
        Where answers are shown.
    """

    def __init__(self, conversation: Conversation, phrases: Phrases, screen: Screen) -> None:
        self.conversation = conversation
        self.phrases = phrases
        self.left_at_once = False
        self._screen = screen
        self._acts: Mapping[str, Callable[[str], None]] = {
            "/again": lambda _: self.again(),
            "/now": self._now,
            "/p": self._p,
            "/phrase": self._phrase,
            "/voice": self._voice,
            "/model": self._model,
            "/speed": self._speed,
            "/volume": self._volume,
            "/device": self._device,
            "/save": self._save,
            "/stats": self._stats,
            "/help": self._help,
            "/quit": lambda _: self.end_of_input(),
        }

    def entered(self, text: str, *, now: bool) -> None:
        """Speak a line, or obey a command."""
        line = slash.parse(text.strip())
        if isinstance(line, str):
            self.conversation.say(line, now=now)
        else:
            self._obey(line)

    def phrase(self, number: int) -> None:
        """Speak the phrase on a key; F1 is 1."""
        name = self.phrases.name_of_key(number)
        if name is None:
            self._screen.tell(f"no phrase is on key {number}: /phrase add NAME TEXT")
        else:
            self.speak_phrase(name)

    def speak_phrase(self, name: str) -> None:
        """Speak a phrase: its kept sound where there is one, so that it sounds at once."""
        text = self.phrases.texts.get(name)
        if text is None:
            self._screen.tell(f"there is no phrase {name!r}{closest(name, self.phrases.texts)}")
            return
        sound = self.phrases.sound(name)
        if sound is None:
            self.conversation.say(text)
        else:
            self.conversation.play(text, *sound)

    def silence(self) -> bool:
        """Fall silent; False: nothing was being said."""
        return self.conversation.silence()

    def again(self) -> None:
        """Say again what was lost, or else the last line."""
        self.conversation.again()

    def end_of_input(self) -> None:
        """Leave after the last word; asked again: at once."""
        if self.conversation.leaving:
            self.left_at_once = True
            self._screen.leave()
        elif self.conversation.leave():
            self._screen.tell("leaving after the last word; Ctrl-D again leaves at once")
        else:
            self._screen.leave()

    # Commands

    def _obey(self, command: slash.Command) -> None:
        act = self._acts.get(command.name)
        if act is None:
            near = closest(command.name, slash.COMMANDS)
            self._screen.tell(f"{command.name} is no command{near}; // begins a line with a slash")
            return
        try:
            act(command.rest)
        except (StreamPlayError, ValueError) as error:
            self._screen.tell(str(error))
        except OSError as error:
            self._screen.tell(f"{command.name}: {error.strerror or error}")

    def _now(self, rest: str) -> None:
        self.conversation.say(_needed(rest, "/now TEXT"), now=True)

    def _p(self, rest: str) -> None:
        self.speak_phrase(_needed(rest, "/p NAME"))

    def _phrase(self, rest: str) -> None:
        verb, _, more = rest.partition(" ")
        name, _, text = more.strip().partition(" ")
        if verb == "clear" and not more:
            self.phrases.clear()
            self._screen.tell("the phrases that were added and all kept sound are forgotten")
        elif verb == "add" and name and text.strip():
            self.phrases.add(name, text.strip())
            self._screen.tell(f"phrase {name}: {shortened(text)}")
        else:
            raise UsageError("use: /phrase add NAME TEXT, or /phrase clear")

    def _choose(self, field: str, value: object) -> None:
        self.conversation.choose(**{field: value})
        self.phrases.use(**{field: value})
        self._screen.tell(f"{field} {value} from the next line on")

    def _voice(self, rest: str) -> None:
        self._choose("voice", _needed(rest, "/voice NAME"))

    def _model(self, rest: str) -> None:
        self._choose("model", _needed(rest, "/model NAME"))

    def _speed(self, rest: str) -> None:
        self._choose("speed", _read(options.factor, rest, "/speed FACTOR, such as /speed 1.2"))

    def _volume(self, rest: str) -> None:
        decibels = _read(options.decibels, rest, "/volume DB, such as /volume -6")
        self.conversation.set_volume(decibels)
        self._screen.tell(f"volume {self.conversation.volume:g} dB")

    def _device(self, rest: str) -> None:
        name = _needed(rest, "/device NAME or INDEX")
        self.conversation.reopen(device=options.device(name))
        self._screen.tell(f"opening {name}")

    def _save(self, rest: str) -> None:
        path = Path(_needed(rest, "/save FILE")).expanduser()
        sound = self.conversation.last_sound
        if sound is None:
            raise UsageError("nothing has been heard to its end yet")
        audio = save_sound(sound, path)
        bare = path.suffix.lower() in {".pcm", ".raw"}
        what = f", {audio.encoding} at {audio.samplerate} Hz" if bare else ""
        self._screen.tell(f"saved in {path}{what}")

    def _stats(self, _: str) -> None:
        receipt = self.conversation.last_receipt
        if receipt is None:
            raise UsageError("nothing has been said yet")
        self._screen.show(report.receipt_text(receipt))

    def _help(self, _: str) -> None:
        self._screen.show(slash.help_text(_delivers, console.columns()))


def _needed(rest: str, usage: str) -> str:
    if not rest:
        raise UsageError(f"use: {usage}")
    return rest


def _read(reader: Callable[[str], float], rest: str, usage: str) -> float:
    """Read a number as the flag of the same name does."""
    try:
        return reader(_needed(rest, usage))
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{error}: {usage}") from error


def _delivers(keys: str) -> bool:
    """Whether this terminal is known to deliver the keys: of F keys terminfo tells."""
    if sys.platform == "win32":
        return keys != "Ctrl-Z"
    if not keys.startswith("F1"):
        return True
    import curses

    try:
        curses.setupterm()
        return curses.tigetstr("kf1") is not None
    except curses.error:
        return True
