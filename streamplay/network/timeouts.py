"""How long a wait for the server may last, and what the wait is for.

One request has one `Timeouts`. Time counts only during a wait for the server: a consumer that is
slow to take what has come uses up none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.errors import TimedOut
from streamplay.rules.checks import check_options
from streamplay.rules.fields import CHARACTERS_PER_SECOND, may_be_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.errors import WaitingFor
    from streamplay.request import SpeechRequest

# A server that makes the whole before it answers may take as long as the speech will last.
_SECONDS_PER_CHARACTER: Final = 1 / CHARACTERS_PER_SECOND

# What has come before the limit gets so long to be taken.
_HURRY_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest waits, in seconds.

    Parameters
    ----------
    connect : float
        For name, connection and TLS together.
    first_byte : float
        From the connection to the first byte of the body.
    chunk : float
        From one piece of the body to the next, and from one audio to the next, whatever comes
        between them: keep-alive comments, empty deltas, events of other kinds.
    deadline : float or None
        For the whole, attempts and the waits between them included.
    per_character : float
        What a text that is not streamed adds to `first_byte`.
    """

    connect: float = 5.0
    first_byte: float = 15.0
    chunk: float = 10.0
    deadline: float | None = None
    per_character: float = _SECONDS_PER_CHARACTER

    def first_byte_of(self, request: SpeechRequest) -> float:
        """Return the limit of the first byte; longer for a long text made as a whole.

        Some servers make files as a whole although they were asked for a stream.
        """
        whole = 0 if may_be_events(vars(request)) else len(request.input)
        return self.first_byte + whole * self.per_character


def limits_of(timeout: float | None, deadline: float | None) -> Limits:
    """Return the limits where `timeout`, if given, is the longest wait at any one point.

    Raises
    ------
    InvalidRequest
        If one of them is no time.
    """
    check_options({"timeout": timeout, "deadline": deadline})
    if timeout is None:
        return Limits(deadline=deadline)
    return Limits(timeout, timeout, timeout, deadline, per_character=0.0)


class Timeouts:
    """The limit of the present wait, and the deadline over all of them.

    Not to be shared between tasks; `suspend` and `resume` are called in the
    event loop's thread.

    Parameters
    ----------
    deadline : float, optional
        Seconds for all waits and what lies between them, from `start` on.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self._deadline = deadline
        self._ends: float | None = None
        self._suspended: float | None = None
        self._rested = 0.0  # seconds of all suspensions that have ended
        self._wait: Wait | None = None  # the innermost that is entered
        self._handle: asyncio.TimerHandle | None = None  # due at the present limit, or before it
        self._until: float | None = None  # the limit of the present wait; None: it rests
        self._waiting_for: WaitingFor = "connect"
        self._seconds = 0.0
        self._deadline_first = False

    def start(self, *, spent: float = 0.0) -> None:
        """Begin to count the deadline, of which so many seconds are `spent` already."""
        if self._deadline is not None:
            self._ends = _now() + self._deadline - spent

    def left(self) -> float | None:
        """Return the seconds to the deadline; None without one."""
        return None if self._ends is None else max(0.0, self._ends - _now())

    def clock(self) -> float:
        """Return seconds that stand still while the limits rest."""
        now = _now() if self._suspended is None else self._suspended
        return now - self._rested

    def check_deadline(self) -> None:
        """Raise `TimedOut` where the deadline is over.

        For loops that may never wait: what is there already is returned without a turn of the
        event loop, and a peer that sends without a pause would outrun `wait`.
        """
        if self._suspended is None and self.left() == 0:
            self._deadline_first = True
            raise self.exhausted()

    def wait(
        self,
        waiting_for: WaitingFor,
        seconds: float,
        *,
        spent: float = 0.0,
        hurry: Callable[[], bool] | None = None,
    ) -> Wait:
        """Wait inside this for at most `seconds`, of which some may be `spent` already.

        At the limit `hurry` is called first: where it tells that what is waited for has come, the
        wait ends by itself.

        Raises
        ------
        TimedOut
            If it took longer; what was waited for has been cancelled.
        """
        return Wait(self, waiting_for, seconds, spent, hurry)

    def expect(self, waiting_for: WaitingFor, seconds: float, *, spent: float = 0.0) -> None:
        """Wait for something else from now on, inside the same `wait`."""
        self._waiting_for, self._seconds = waiting_for, seconds
        self._set(spent)

    def suspend(self) -> None:
        """Let every limit rest, the deadline too, until `resume`."""
        if self._suspended is None:
            self._suspended = _now()
            self._set()

    def resume(self) -> None:
        """Count again: the present wait from its beginning."""
        if self._suspended is None:
            return
        rested = _now() - self._suspended
        self._rested += rested
        if self._ends is not None:
            self._ends += rested
        self._suspended = None
        self._set()

    def close(self) -> None:
        """Drop the timer: nothing more is waited for."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def enter(self, wait: Wait | None) -> Wait | None:
        """Count for `wait` from now on; return the one before it."""
        outer, self._wait = self._wait, wait
        self._until = None
        return outer

    def _set(self, spent: float = 0.0) -> None:
        if self._wait is None or self._suspended is not None:
            self._until = None
            return
        until = _now() + self._seconds - spent
        self._deadline_first = self._ends is not None and self._ends < until
        if self._deadline_first:
            assert self._ends is not None
            until = self._ends
        self._until = until
        # A stream has a wait for each piece, and all limits but the last pass unreached: a timer
        # that is due before the limit stays, and is set anew when it comes.
        if self._handle is None or self._handle.when() > until:
            self.close()
            self._handle = asyncio.get_running_loop().call_at(until, self._on_timer)

    def _on_timer(self) -> None:
        self._handle = None
        if self._wait is None or self._until is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._until:
            self._handle = loop.call_at(self._until, self._on_timer)
            return
        if self._wait.hurry():  # it may turn out to be nothing
            self._handle = loop.call_later(_HURRY_SECONDS, self._on_timer)
            return
        self._until = None
        self._wait.expire()

    def exhausted(self) -> TimedOut:
        """Return the error of the limit that has passed."""
        if self._deadline_first:
            remedy = "Allow more with deadline (--deadline)"
            return TimedOut("deadline", self._deadline or 0.0, remedy=remedy)
        return TimedOut(self._waiting_for, self._seconds)


class Wait:
    """A context manager: what is awaited inside is cancelled when the limit has passed.

    As `asyncio.timeout`, without a timer of its own for each. Nothing is awaited to enter or to
    leave it: ``with`` does, at half the cost of ``async with``, which a stream pays for each piece.

    Parameters
    ----------
    timeouts : Timeouts
        Whose limits hold.
    waiting_for, seconds, spent
        As for `Timeouts.expect`.
    hurry : callable, optional
        As for `Timeouts.wait`.
    """

    __slots__ = ("_cancelling", "_expired", "_for", "_hurry", "_outer", "_task", "_timeouts")

    def __init__(
        self,
        timeouts: Timeouts,
        waiting_for: WaitingFor,
        seconds: float,
        spent: float,
        hurry: Callable[[], bool] | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._for = waiting_for, seconds, spent
        self._expired = False
        self._hurry = hurry

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._outer = self._timeouts.enter(self)
        waiting_for, seconds, spent = self._for
        self._timeouts.expect(waiting_for, seconds, spent=spent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        self._timeouts.enter(self._outer)
        if not self._expired:
            return
        # Somebody else may have cancelled the task too: then that counts.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._timeouts.exhausted() from None

    def hurry(self) -> bool:
        """Have what has come given out, once; tell whether there is anything."""
        hurry, self._hurry = self._hurry, None
        return hurry is not None and hurry()

    def expire(self) -> None:
        """Cancel what is inside."""
        self._expired = True
        self._task.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
