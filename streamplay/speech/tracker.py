"""Derives an utterance's events from what is known of it, as it happens."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamplay.events import (
    Event,
    Failed,
    Finished,
    FirstByte,
    FirstSound,
    Interrupted,
    PieceFinished,
    Requested,
    Resumed,
    ServerChanged,
    Stalled,
    Waiting,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamplay.events import Heard, History
    from streamplay.receipt import Receipt
    from streamplay.speech.account import Account, ServerChange
    from streamplay.speech.transcript import Piece, TimedWord


class Tracked(Protocol):
    """What events are derived from: an utterance's state."""

    account: Account
    history: History
    pieces: list[Piece]
    changes: list[ServerChange]
    failure: Exception | None
    interrupted: bool
    waits_for_text: bool

    @property
    def receipt(self) -> Receipt:
        """What was received and heard by now."""

    def heard(self) -> Heard:
        """Return what has been heard by now."""


SOON_SECONDS: Final = 0.001
"""Shortest time between two looks; word times are less exact than this."""

STALL_TOLD_AFTER_SECONDS: Final = 0.1
"""How long silence lasts before `Stalled` is sent: more than a block of an output (50 ms with
PulseAudio), so that the callback has rendered the silence by then."""


class Tracker:
    """Derives the events of one utterance from what is known of it. On the loop only.

    A stall is told while it lasts, after `STALL_TOLD_AFTER_SECONDS`. The playout's note of it,
    which says how long it was, comes when it ends; a shorter stall is told by that note alone.

    Parameters
    ----------
    utterance : Tracked
        The utterance.
    clock : callable
        Seconds, as in ``time.perf_counter()``.
    """

    def __init__(self, utterance: Tracked, clock: Callable[[], float]) -> None:
        self._utterance = utterance
        self._clock = clock
        self._requested = 0
        self._byte = self._sound = False
        self._piece = self._word = 0  # the next to be told of
        self._stalls = self._changes = 0
        self._stalled: tuple[float, int] | None = None  # since when, and after which frame
        self._dry: float | None = None  # since when nothing was left to be heard
        self._silent_after = (
            -1
        )  # the frame count at which nothing was left to be heard, the last time
        self._waits = False  # it has been told that the text is late
        self._moves = 0  # of the listener, as far as they have been seen

    def look(self) -> float | None:
        """Tell what has happened since the last look.

        Returns
        -------
        float or None
            Seconds until something may have happened again; None: not before `Account.changes`
            is notified.
        """
        account = self._utterance.account
        position = account.track.heard()
        heard = account.heard(position)
        self._look_at_moves(heard)
        self._look_at_requests()
        self._look_at_sound(heard)
        if self._sound:
            self._look_at_stalls(heard)
            self._look_at_pieces(heard)
            self._look_at_text(heard)
        return self._next_look(position, heard)

    def _next_look(self, position: int, heard: int) -> float | None:
        track = self._utterance.account.track
        dues = []
        for frame in self._awaited(heard):
            awaited = self._position_of(frame)
            if awaited is not None and awaited > position:
                dues.append(track.seconds_until_heard(awaited))
        if self._dry is not None and self._stalled is None:
            dues.append(self._dry + STALL_TOLD_AFTER_SECONDS - self._clock())
        soonest = min((due for due in dues if due is not None), default=None)
        return None if soonest is None else max(SOON_SECONDS, soonest)

    def _awaited(self, heard: int) -> Iterator[int]:
        """Yield frame counts, at the source's rate: something may be told once they are heard."""
        if not self._sound:
            yield 1
            return
        if heard <= self._silent_after:
            yield self._silent_after + 1  # sound has returned
        account = self._utterance.account
        if not account.track.closed:
            yield account.meant  # it has run dry
        for piece in self._utterance.pieces[self._piece : self._requested][:1]:
            for word in piece.words[self._word : self._word + 1]:
                yield int(self._start(piece, word) * account.samplerate) + 1
            if piece.frames is not None:
                yield piece.start + piece.frames

    def _position_of(self, frames: int) -> int | None:
        """Return the playout's position by which so many frames of the source have been heard."""
        account = self._utterance.account
        return account.track.position_of(ceil(frames * account.output_rate / account.samplerate))

    def end(self) -> bool:
        """Tell what is left to tell, and how it ended; return whether anybody listens."""
        utterance = self._utterance
        receipt = utterance.receipt
        account = utterance.account
        # The device has been fed as much as it takes to hear that.
        heard = account.heard(account.track.position())
        self._look_at_moves(heard)
        self._look_at_requests()
        self._look_at_sound(heard)
        if self._sound:
            self._tell_stalls(self._clock(), heard)
            self._look_at_pieces(heard)
        if utterance.failure is not None:
            return self._tell(Failed, self._clock(), error=utterance.failure, receipt=receipt)
        if utterance.interrupted:
            return self._tell(Interrupted, self._clock(), heard=utterance.heard(), receipt=receipt)
        return self._tell(Finished, self._clock(), receipt=receipt)

    def _look_at_moves(self, heard: int) -> None:
        """Go on from another piece and word where the listener has gone back or forward.

        What is heard again is told again, and nothing is told of what was left out.
        """
        moves = self._utterance.account.track.moves
        if moves == self._moves:
            return
        self._moves, self._silent_after, self._dry = moves, -1, None
        if self._stalled is not None:
            self._resume(self._clock(), self._clock() - self._stalled[0])
        rate, pieces = self._utterance.account.samplerate, self._utterance.pieces[: self._requested]
        self._piece = max(0, sum(piece.start <= heard for piece in pieces) - 1)
        self._word = 0
        for piece in pieces[self._piece :][:1]:
            self._word = sum(self._start(piece, word) * rate < heard for word in piece.words)

    def _look_at_requests(self) -> None:
        account = self._utterance.account
        for piece in self._utterance.pieces[self._requested :]:
            facts = {"piece": self._requested, "text": piece.text, "span": piece.passage.span}
            self._tell(Requested, self._clock(), **facts)
            self._requested += 1
        for change in self._utterance.changes[self._changes :]:
            self._changes += 1
            self._tell(ServerChanged, self._clock(), **change._asdict())
        if not self._byte and self._requested and account.first_byte is not None:
            self._byte = True
            self._tell(FirstByte, account.first_byte)

    def _look_at_sound(self, heard: int) -> None:
        if not self._sound and self._byte and heard > 0:
            self._sound = True
            self._tell(FirstSound, self._clock())

    def _look_at_pieces(self, heard: int) -> None:
        pieces = self._utterance.pieces
        while self._piece < min(len(pieces), self._requested):
            piece = pieces[self._piece]
            self._look_at_words(heard)
            if piece.frames is None or heard < piece.start + piece.frames:
                return
            if piece.frames:
                facts = {"piece": self._piece, "text": piece.text, "span": piece.passage.span}
                self._tell(PieceFinished, self._clock(), **facts)
            self._piece, self._word = self._piece + 1, 0

    def _look_at_words(self, heard: int) -> None:
        piece, rate = self._utterance.pieces[self._piece], self._utterance.account.samplerate
        for word in piece.words[self._word :]:
            start = self._start(piece, word)
            if start * rate >= heard:
                return
            self._word += 1
            self._tell(
                Word,
                self._clock(),
                piece=self._piece,
                text=word.text,
                start=start,
                stop=(piece.start - piece.lead) / rate + word.stop,
                offset=piece.place(word),
            )

    def _start(self, piece: Piece, word: TimedWord) -> float:
        """Return when a word begins, in seconds of what is heard of the utterance."""
        origin = (piece.start - piece.lead) / self._utterance.account.samplerate
        return max(0.0, origin + word.start)

    def _look_at_text(self, heard: int) -> None:
        account = self._utterance.account
        # A resampler rounds: its last frames may be short of what came.
        slack = 0 if account.samplerate == account.output_rate else account.samplerate // 100
        waits = self._utterance.waits_for_text and heard >= account.meant - slack
        if waits and not self._waits:
            self._tell(Waiting, self._clock())
        self._waits = waits

    def _look_at_stalls(self, heard: int) -> None:
        now = self._clock()
        self._tell_stalls(now, heard)
        if self._stalled is not None and heard > self._stalled[1]:
            self._resume(
                now, now - self._stalled[0]
            )  # it was no stall: the text was late, not the network
        if not self._utterance.account.track.has_run_dry():
            self._dry = None
            return
        self._dry, self._silent_after = self._dry or now, heard
        if self._stalled is None and now - self._dry > STALL_TOLD_AFTER_SECONDS:
            self._stall(now, heard)

    def _tell_stalls(self, now: float, heard: int) -> None:
        account = self._utterance.account
        for frames in account.track.stalls[self._stalls :]:
            self._stalls += 1
            if self._stalled is None:
                self._stall(now, heard)
            self._resume(now, frames / account.output_rate)

    def _stall(self, now: float, heard: int) -> None:
        self._stalled = now, heard
        self._tell(Stalled, now)

    def _resume(self, now: float, seconds: float) -> None:
        self._stalled = None
        self._tell(Resumed, now, seconds=seconds)

    def _tell(self, kind: type[Event], at: float, **facts: Any) -> bool:
        return self._utterance.history.add(partial(kind, at=at, **facts))
