"""An utterance whose listener can go back, forward, and change the speed: `say` at a terminal.

Every method may be called from any thread. What moves does so on the player's loop, a moment
later; where the listener is told to be is where the last key leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from streamplay.speech.landmarks import (
    BARELY_SECONDS,
    has_sentences,
    heard_sentence,
    start_after,
    start_before,
)
from streamplay.speech.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.playback.track import Positions
    from streamplay.speech.landmarks import HeardSentence
    from streamplay.speech.state import UtteranceState

STEP_SECONDS: Final = 5.0
"""How far back and forward lead where it is not known where sentences begin."""


@dataclass(frozen=True, slots=True)
class ListenerView:
    """Where the listener is.

    Attributes
    ----------
    seconds : float
        How far into the utterance.
    known : float
        Seconds that have come and are meant to be heard.
    whole : bool
        Nothing more of the utterance is going to come.
    cut : bool
        Not all of it is going to be heard.
    sentence : HeardSentence or None
        What is heard.
    pieces : int
        Requests so far.
    offset : int
        Where the sentence stands in the given text.
    spoken : tuple of (int, float)
        Characters, and seconds, of the pieces that have come whole.
    stalls, stalled : int, float
        How often the network was late, and for how many seconds in all.
    first_sound : float or None
        Seconds from the request to the first frame.
    chars : int
        Characters requested so far.
    """

    seconds: float
    known: float
    whole: bool
    cut: bool
    sentence: HeardSentence | None
    pieces: int
    offset: int
    spoken: tuple[int, float]
    stalls: int
    stalled: float
    first_sound: float | None
    chars: int


class SteeredUtterance(Utterance):
    """See the head of this module."""

    def __init__(self, state: UtteranceState) -> None:
        super().__init__(state)
        self._counted = 0, 0, 0  # pieces that have come whole, their characters and frames

    def view(self) -> ListenerView:
        """Return where the listener is now."""
        state, account = self._state, self._state.account
        receipt, rate = state.current_receipt(), account.samplerate
        frame, pieces = self._frame(), state.pieces
        sentence = None if state.sound else heard_sentence(pieces, frame, rate, self._language)
        first = receipt.ms.first_sound
        playing = state.options.play
        return ListenerView(
            (frame if playing else account.meant) / rate,
            account.meant / rate,
            account.track.closed if playing else state.received,
            account.track.cut,
            sentence,
            len(pieces),
            0 if sentence is None else pieces[sentence.piece].passage.place(sentence.begin),
            self._spoken(),
            receipt.stalls.count,
            receipt.stalls.total_ms / 1000,
            None if first is None else first / 1000,
            receipt.chars,
        )

    def _spoken(self) -> tuple[int, float]:
        """Return the characters and seconds of all pieces that have come whole."""
        number, characters, frames = self._counted
        for piece in self._state.pieces[number:]:
            if piece.frames is None:
                break
            number, characters = number + 1, characters + len(piece.text)
            frames += piece.frames
        self._counted = number, characters, frames
        return characters, frames / self._state.account.samplerate

    def seconds_until(self, seconds: float) -> float | None:
        """Return when the listener may be so far into the utterance; None: not before a change."""
        account = self._state.account
        track = account.track
        position = track.position_of(account.place_of(round(seconds * account.samplerate)))
        return None if position is None else track.seconds_until_heard(position)

    def go_back(self, then: Callable[[], object]) -> None:
        """Go to the beginning of this sentence, or of the one before it; or five seconds back.

        `then` is called on the player's loop when the listener is there.
        """
        self._do(self._go_back, then)

    def go_forward(self, then: Callable[[], object]) -> None:
        """Go to the next sentence, or five seconds forward; `then` as in `go_back`.

        Where that sentence has not come, `then` is called again when it begins to.
        """
        self._do(partial(self._go_forward, then), then)

    def _do(self, work: Callable[[], object], then: Callable[[], object]) -> None:
        def do() -> None:
            work()
            then()

        self._state.call_soon(do)

    @property
    def speed(self) -> float:
        """How many seconds of it are heard in one, from the next frame that is written on."""
        return self._state.account.track.wanted_speed

    def set_speed(self, speed: float, then: Callable[[], object]) -> None:
        """Have it heard at another speed, at the same pitch: what is not in the ring yet.

        `then` as in `go_back`.

        Raises
        ------
        InvalidRequest
            If what stretches the sound is not installed.
        """
        if speed != 1.0:
            from streamplay.codecs.tempo import import_filters

            import_filters()  # on this thread: it takes a tenth of a second
        self._state.account.track.wanted_speed = speed  # at once: the next key counts from it
        self._do(partial(self._set_speed, speed), then)

    # On the loop

    def _go_back(self) -> None:
        frame, rate = self._frame(), self._state.account.samplerate
        if has_sentences(self._state.pieces, self._language):
            barely = BARELY_SECONDS * self.speed
            self._go(start_before(self._state.pieces, frame, rate, self._language, barely))
        else:
            self._go(frame - round(STEP_SECONDS * rate))

    def _go_forward(self, then: Callable[[], object]) -> None:
        state, frame = self._state, self._frame()
        account = state.account
        rate = account.samplerate
        if not has_sentences(state.pieces, self._language):
            self._go(frame + round(STEP_SECONDS * rate))
            return
        target = start_after(state.pieces, frame, rate, self._language)
        pump = self._pump
        if target is not None:
            self._go(target)
        elif pump is not None and not (state.received or account.track.closed):
            next_piece = pump.skip_rest(account.track)
            next_piece.add_done_callback(lambda _: then())
        else:
            self._go(account.meant)

    def _go(self, frame: int) -> None:
        pump, account = self._pump, self._state.account
        if pump is not None:
            account.track.begin_piece()  # the listener wants no longer to go on to the next
            pump.move(account.track, max(0, account.place_of(frame)))

    def _set_speed(self, speed: float) -> None:
        if self._pump is not None:
            self._pump.set_speed(self._state.account.track, speed)

    @property
    def _pump(self) -> Positions | None:
        track = self._state.account.track
        return None if track.done.done() else track.pump

    def _frame(self) -> int:
        """Return the frame that is heard now, or is going to be after the last move."""
        account = self._state.account
        return account.heard(account.track.heard())

    @property
    def _language(self) -> str:
        return self._state.options.language or "en"
