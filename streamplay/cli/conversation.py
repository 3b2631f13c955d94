"""A conversation: the lines that were typed, the player that speaks them, and what became of each.

The screen's thread calls `say`, `silence`, `leave` and the like, and none of them waits for the
network or the device. The player is opened on a thread of its own, so that the prompt is there at
once; lines that are typed before it is open wait for it. What becomes of a line is told by the
player's events, on the player's listener thread.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamplay.cli import report, status
from streamplay.cli.lines import Line, LineList, LineState
from streamplay.cli.unspoken import UnspokenLines
from streamplay.errors import OutputFailed, PlayerClosed, StreamPlayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamplay.cli.user_files import UserFiles
    from streamplay.events import Event
    from streamplay.player import Player
    from streamplay.receipt import Receipt
    from streamplay.speech.utterance import Utterance

HANDED_OVER: Final = 16
"""Lines that the player has at a time: for each it holds a sound file open."""

KEPT_SOUNDS: Final = 20
"""Lines whose audio is kept until the program ends, so that saying one again costs nothing."""

SILENT_SECONDS: Final = 1.5
"""A server that has not answered for so long is told of: most answer within half a second."""

LONG_WAIT_SECONDS: Final = 2.5
"""A wait for the next attempt that is told where there is no status row: longer than our own first
waits, so it is one that the server asks for."""


class Screen(Protocol):
    """Where a conversation is shown. Every method may be called from any thread."""

    interactive: bool
    has_status: bool
    """Whether `Conversation.trouble` is shown while it lasts."""

    def tell(self, sentence: str) -> None:
        """Show a message of one line."""

    def show(self, text: str) -> None:
        """Show text as it is, such as a receipt."""

    def changed(self, line: Line | None) -> None:
        """Show that a line's state, or what the conversation waits for, has changed."""

    def leave(self) -> None:
        """End: everything that was to be spoken has been."""


class Conversation:
    """Speaks lines one after the other, and knows what became of each.

    Parameters
    ----------
    options : mapping
        The arguments of the `Player`.
    screen : Screen
        Where it is shown.
    files : UserFiles
        Where unspoken lines are written down, for the next run.
    stats : bool
        Show a readable receipt for each line.
    notify : callable, optional
        Is told the player's notices.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        screen: Screen,
        files: UserFiles,
        *,
        stats: bool = False,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self.failed_to_open: StreamPlayError | None = None
        self.status = status.OK
        self.leaving = False
        self.no_sound = ""
        self.chosen: dict[str, Any] = {}
        self.volume = float(options.get("volume", 0.0))
        self._options = dict(options)
        self._screen = screen
        self._unspoken = UnspokenLines(files)
        self._stats = stats
        self._notify = notify
        self._lines = LineList()
        self._handed_over = 0  # lines that the player has
        self._handing_over = False
        self._player: Player | None = None
        self._opening: threading.Thread | None = None
        self._closed = self._offers = False
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._sounds = tempfile.TemporaryDirectory(prefix="streamplay-", ignore_cleanup_errors=True)
        self._last_receipt: Receipt | None = None
        self._retry: tuple[str, float] | None = None  # what failed, and when it is tried again
        self._quiet_since = time.monotonic()

    # The player

    def open(self) -> None:
        """Begin to open the player, on a thread of its own."""
        self._opening = threading.Thread(
            target=self._open, name="streamplay-open", args=(dict(self._options),), daemon=True
        )
        self._opening.start()

    def _open(self, options: Mapping[str, Any], otherwise: Mapping[str, Any] | None = None) -> None:
        """Open the player; where that fails, with the options `otherwise`, which worked before."""
        from streamplay.player import Player

        self.no_sound = ""
        try:
            player = Player(**options, on_event=self._on_event, notify=self._on_notice)
        except StreamPlayError as error:
            if otherwise is None:
                self._cannot_open(error)
                return
            self._screen.tell(f"{error}; going on as before")
            with self._lock:
                self._options = dict(otherwise)
            self._open(otherwise)
            return
        except Exception as error:  # noqa: BLE001 - after a bug too the prompt must end
            failure = StreamPlayError(f"a bug: {error!r}", remedy="Please report it")
            failure.__cause__ = error
            self._cannot_open(failure)
            return
        with self._lock:
            if self._closed:
                threading.Thread(target=player.close, kwargs={"cut": True}, daemon=True).start()
                return
            self._player = player
            self._hand_over_next()
        self._screen.changed(None)

    def _cannot_open(self, error: StreamPlayError) -> None:
        with self._lock:
            self.failed_to_open = error
            waiting = self._lines.going
        for line in waiting:
            self._end(line, LineState.LOST, error.message)
        self._screen.leave()

    def wait_until_open(self) -> StreamPlayError | None:
        """Wait until the player is open; return why it could not be opened."""
        assert self._opening is not None
        self._opening.join()
        return self.failed_to_open

    @property
    def is_open(self) -> bool:
        """Whether the player is there."""
        return self._player is not None

    def reopen(self, **changes: Any) -> None:
        """Close the player, cutting what it says, and open one with other options.

        Where it cannot be opened so, that is told, and it is opened as it was before.
        """
        with self._lock:
            player, self._player = self._player, None
            before = dict(self._options)
            self._options |= changes
        threading.Thread(
            target=self._close_and_open,
            args=(player, before),
            name="streamplay-reopen",
            daemon=True,
        ).start()

    def _close_and_open(self, player: Player | None, before: Mapping[str, Any]) -> None:
        if player is not None:
            player.close(cut=True)
        self._open(dict(self._options), before)

    def close(self, *, cut: bool, offer: bool = False) -> None:
        """Give the player back.

        Parameters
        ----------
        cut : bool
            Do not let the rest be heard.
        offer : bool
            Keep what has not been heard for the next run, as after a crash.
        """
        with self._lock:
            self._closed, self._offers = True, offer and self.is_busy
            player, self._player = self._player, None
        if player is not None:
            player.close(cut=cut)
        with self._lock:
            for line in self._lines.going:
                self._end(line, LineState.SILENCED)
        if not self._offers:
            self._unspoken.forget()
        self._sounds.cleanup()

    # What a person does

    def say(self, text: str, *, now: bool = False) -> None:
        """Speak a line after those before it; `now`: cut in, and let those before it follow."""
        if text := text.strip():
            self._take(text, now=now)

    def play(self, name: str, frames: Any, samplerate: int) -> None:
        """Play a phrase whose sound is at hand, after the lines before it."""
        self._take(name, frames=(frames, samplerate))

    def _take(self, text: str, **known: Any) -> None:
        """Take a line, with what is `known` of it, and hand it over in its turn."""
        with self._lock:
            line = self._lines.add(text, since=time.monotonic(), **known)
            if line.now and self._player is not None:
                self._hand_over(line)
            self._hand_over_next()
            if line.frames is None and line.sound is None and not line.ended:
                self._unspoken.taken(line)  # writes a file: the player has the line already
        self._screen.changed(line)

    def silence(self) -> bool:
        """Silence what is being said and what waits; False: nothing was."""
        with self._lock:
            going, player = self._lines.going, self._player
            for line in going:
                if line.utterance is None:
                    self._end(line, LineState.SILENCED)
        if not going:
            return False
        if player is not None:
            with contextlib.suppress(PlayerClosed):
                player.interrupt()
        behind = len(going) - 1
        if behind:
            self._screen.tell(f"silenced, and {behind} line{'s' * (behind > 1)} behind it")
        return True

    def again(self) -> None:
        """Say again what was lost, or else the last line."""
        with self._lock:
            again = self._lines.take_lost()
            if not again and self._lines.last is not None:
                again = [self._lines.last]
        for line in again:
            self._repeat(line)
        if not again:
            self._screen.tell("nothing has been said yet")

    def _repeat(self, line: Line) -> None:
        if line.state is LineState.HEARD and line.sound is not None and line.sound.exists():
            self._take(line.text, sound=line.sound)
        elif line.frames is not None:
            self._take(line.text, frames=line.frames)
        else:
            self.say(line.text)

    def set_volume(self, decibels: float) -> None:
        """Set the volume, in dB, of what is heard from now on."""
        with self._lock:
            if self._player is not None:
                self._player.volume = decibels
            self.volume = self._options["volume"] = decibels

    def choose(self, **fields: Any) -> None:
        """Have the lines from now on spoken otherwise: another voice, model or speed."""
        self.chosen |= fields

    def leave(self) -> bool:
        """Leave after the last word; False: nothing is left to be said."""
        with self._lock:
            self.leaving = self.is_busy
            return self.leaving

    @property
    def is_busy(self) -> bool:
        """Whether something is being said, or waits to be."""
        return self._lines.is_busy

    @property
    def going(self) -> list[Line]:
        """The lines that are being said or wait, in the order in which they are heard."""
        with self._lock:
            return self._lines.going

    @property
    def batch(self) -> list[Line]:
        """The lines since nothing was going on: those that have ended, and then those `going`."""
        with self._lock:
            lines, speaking = self._lines.batch, self._lines.speaking
        if speaking is not None:
            speaking.heard = speaking.utterance.heard().text
        return lines

    @property
    def trouble(self) -> str:
        """What the first line waits for: a server that is silent, or is to be asked again."""
        going = self.going
        if not going or going[0].state is not LineState.WAITING or self._player is None:
            return ""
        now, since = time.monotonic(), max(self._quiet_since, going[0].since)
        if self._retry is not None:
            problem, until = self._retry
            if now < until:
                return f"again in {until - now:.0f} s: {problem}"
            since = max(since, until)
        silent = now - since
        return f"no answer for {silent:.0f} s" if silent > SILENT_SECONDS else ""

    @property
    def last_sound(self) -> Path | None:
        """The audio of the last line that was heard to its end."""
        with self._lock:
            heard = [line for line in self._lines.with_sound if line.state is LineState.HEARD]
        return heard[-1].sound if heard else None

    @property
    def last_receipt(self) -> Receipt | None:
        """The receipt of the line that ended last."""
        return self._last_receipt

    def wait_until_idle(self) -> None:
        """Wait until nothing is being said and nothing waits."""
        with self._idle:
            self._idle.wait_for(lambda: not self.is_busy)

    # Lines of an earlier run

    def left_over(self) -> list[str]:
        """Return the lines that an earlier run, which has crashed, did not speak; once."""
        return self._unspoken.left_over()

    def restore(self, texts: list[str]) -> None:
        """Keep lines of an earlier run as lost ones, so that `again` says them."""
        with self._lock:
            for text in texts:
                self._unspoken.taken(self._lines.restore(text, "the program had ended"))

    # What becomes of a line

    def _hand_over_next(self) -> None:
        """Give the player the next lines, a few at a time; under the lock."""
        if self._player is None or self._handing_over:
            return  # a line that is lost at once asks for the next: the loop below gives it
        self._handing_over = True
        try:
            while self._handed_over < HANDED_OVER and (line := self._lines.next_waiting):
                self._hand_over(line)
        finally:
            self._handing_over = False

    def _hand_over(self, line: Line) -> None:
        """Give a line to the player; under the lock, so that its events find the line."""
        assert self._player is not None
        speaking = self._lines.speaking
        try:
            line.utterance = self._utterance(line, self._player)
            self._handed_over += 1
        except StreamPlayError as error:
            line.sound = None
            self._end(line, LineState.LOST, error.message, error)
            return
        if line.now and speaking is not None:
            speaking.utterance.cancel()

    def _utterance(self, line: Line, player: Player) -> Utterance:
        if line.frames is not None:
            return player.play(*line.frames)
        if line.sound is not None:
            return player.play_file(line.sound)
        self._forget_sounds()
        line.sound = Path(self._sounds.name) / f"{line.number}.wav"
        # first: until the player knows it, a line that cuts in follows what waits.
        asked = {**self.chosen, **({"first": True} if line.now else {})}
        return player.say(line.text, output=line.sound, force=True, **asked)

    def _forget_sounds(self) -> None:
        """Remove the sound of the lines that ended longest ago."""
        for line in self._lines.with_sound[:-KEPT_SOUNDS]:
            assert line.sound is not None
            with contextlib.suppress(OSError):
                line.sound.unlink()
            line.sound = None

    def _on_event(self, event: Event) -> None:
        from streamplay import events

        with self._lock:
            line = self._lines.find(event.utterance)
        if line is None:
            return
        match event:
            case events.FirstSound() if not line.ended:
                line.state, self._retry = LineState.SPEAKING, None
                self._look_at_output(event.utterance.receipt)
            case events.Finished(receipt=receipt):
                line.heard = line.text
                self._receipt(receipt)
                self._end(line, LineState.HEARD)
            case events.Interrupted(receipt=receipt, heard=heard):
                line.heard = heard.text
                self._receipt(receipt)
                self._end(line, LineState.SILENCED)
            case events.Failed(receipt=receipt, error=error):
                line.heard = event.utterance.heard().text
                message = error.message if isinstance(error, StreamPlayError) else repr(error)
                self._end(line, LineState.LOST, message, error)
                self._receipt(receipt)
        self._screen.changed(line)

    def _receipt(self, receipt: Receipt) -> None:
        self._last_receipt = receipt
        if self._stats:
            self._screen.show(report.receipt_text(receipt))

    def _look_at_output(self, receipt: Receipt) -> None:
        if receipt.output.kind == "device":
            self.no_sound = ""

    def _on_notice(self, sentence: str) -> None:
        """Pass on what the player tells, and note whether sound can be heard."""
        from streamplay.network.retry import read_notice
        from streamplay.playback.device_search import BACK, GONE, SILENT

        retry = read_notice(sentence)
        if retry is not None:
            self._on_retry(sentence, *retry)
            return
        if sentence.startswith(SILENT):
            self.no_sound = "no sound can be heard: there is no output device"
        elif sentence.startswith(GONE):
            self.no_sound = "no sound can be heard: the output device is gone"
        elif sentence.startswith(BACK):
            self.no_sound = ""
        if self._notify is not None:
            self._notify(sentence)
        self._screen.changed(None)

    def _on_retry(self, sentence: str, problem: str, wait: float) -> None:
        """Show in the status that a request is going to be repeated; the failure is told once."""
        self._retry = (problem, time.monotonic() + wait)
        if self._notify is not None and wait > LONG_WAIT_SECONDS and not self._screen.has_status:
            self._notify(sentence)
        self._screen.changed(None)

    def _end(
        self, line: Line, state: LineState, reason: str = "", error: Exception | None = None
    ) -> None:
        with self._lock:
            if line.ended:
                return
            self._handed_over -= line.utterance is not None
            self._lines.end(line, state, reason)
            if not self._offers:
                self._unspoken.ended(line)
            self._quiet_since, self._retry = time.monotonic(), None
            if state is LineState.LOST:
                failure = status.of_error(error) if isinstance(error, StreamPlayError) else 1
                self.status = self.status or failure
                if isinstance(error, OutputFailed):
                    self.no_sound = "no sound can be heard: the output device is gone"
            self._hand_over_next()
            self._idle.notify_all()
            over = self.leaving and not self.is_busy
        if state is LineState.LOST:
            self._tell_lost(line, error)
        if over:
            self._screen.leave()

    def _tell_lost(self, line: Line, error: Exception | None) -> None:
        if self._screen.interactive:
            why = str(error) if error is not None else line.reason
            self._screen.tell(f"lost: “{line.name}”: {why}")
        else:
            self._screen.tell(str(error) if error is not None else line.reason)
