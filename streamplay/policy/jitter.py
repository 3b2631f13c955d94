"""Decides when sound may start, and when it may resume. Pure: time is an argument.

Let ``D*`` be the least start delay that would have avoided every stall, which is known only
afterwards. Then start + total stall = max(start, D*): starting early never delays the end, it
moves the waiting into gaps. `Auto` keeps wait + w × gaps small. It starts at the first arrival
with enough audio to spare, where "enough" is what all but one in w of the earlier utterances of
the same source needed. docs/policy.md derives it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, Protocol

from streamplay.policy.learning import NEVER, Lesson, Memory, Source
from streamplay.rules.option_table import GAP_WEIGHT

PACE_SECONDS: Final = 0.3
"""So much audio at real-time pace counts as received before the first arrival: a pace measured on
less says little. Tuned by benchmarks.policy.cost."""

LONGEST_WAIT_SECONDS: Final = 20.0
"""The longest wait for the first sound, however long the text."""

START_SECONDS: Final = 0.06
"""So much audio is ahead before sound resumes, and before sound that belongs to no text starts,
unless all has come: a call sends pieces of 20 ms, at the pace at which they are heard, and would
otherwise start with nothing in hand. The speech of a text starts with its first frames: a server
nearly always sends faster than that, and where it does not, the next utterance knows."""

LATENESS_FACTOR: Final = 2.0
"""Gathered after a stall are at most so many times the lateness seen so far: a stream that was
late by milliseconds does not need the patience of one that was late by half a second."""

RESUME_SECONDS: Final = 0.1
"""Gathered after the first stall, and so much more after each further one: about a piece of the
usual size, since gathering more than turns out to be needed costs what a gap costs. Doubling it
each time spares a tenth of the gaps and doubles what is gathered in vain
(benchmarks.policy.cost)."""

RESUME_LIMIT_SECONDS: Final = 1.5
"""The most that is gathered so."""

SAME_MOMENT_SECONDS: Final = 0.005
"""Arrivals closer than a callback's usual block cannot be told apart by ear."""

MISSED_SECONDS: Final = 0.001
"""Lateness below this is the clock's inaccuracy, and no gap."""

_HAIR: Final = 1e-9
"""Two margins closer than this are equal: a stream that repeats itself must not start by rounding
where it stalled the last time."""


class Policy(Protocol):
    """Decides how much audio must be ahead; the pump asks it."""

    def on_request(self, characters: int) -> None:
        """Prepare for the answer to a new request: a text of so many characters (0: unknown)."""

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Note an arrival; return the start level.

        Parameters
        ----------
        frames : int
            How many have come, at the output's rate.
        now : float
            When they came, in seconds, as a trace records it.
        dry : bool
            Sound had begun, and silence has been rendered since the last arrival: a stall.

        Returns
        -------
        int
            Frames that must be ahead before sound starts or resumes.
        """

    def on_end(self, *, learn: bool) -> int:
        """Note that nothing more of the answer comes; return the start level from now on.

        Parameters
        ----------
        learn : bool
            It came complete and at the server's own pace, so that the next one may be like it.
        """


class Fixed:
    """Always the same start level.

    Parameters
    ----------
    prebuffer_ms : float
        Milliseconds of audio ahead.
    samplerate : int
        The output's rate.
    """

    def __init__(self, prebuffer_ms: float, samplerate: int) -> None:
        self._level = max(1, round(prebuffer_ms * samplerate / 1000))

    def on_request(self, characters: int) -> None:
        """Change nothing."""

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Return the fixed level, whatever came."""
        del frames, now, dry
        return self._level

    def on_end(self, *, learn: bool) -> int:
        """Return the fixed level: what is asked for next may add to what is ahead."""
        del learn
        return self._level


class Auto:
    """Starts once as much audio is to spare as the source has needed before.

    Parameters
    ----------
    samplerate : int
        The output's rate.
    gap_weight : float
        What a second of gap costs, in seconds of wait; at least 1. One utterance in so many
        may stall.
    memory : Memory, optional
        What was learned before, and where lessons are added; an empty one unless given.
    source : Source
        Who speaks.
    """

    def __init__(
        self,
        samplerate: int,
        gap_weight: float = GAP_WEIGHT,
        memory: Memory | None = None,
        source: Source = Source("", "", ""),  # noqa: B008 - immutable
    ) -> None:
        self._samplerate = samplerate
        self._share = 1 / gap_weight
        self._memory = Memory() if memory is None else memory
        self._source = source
        self.on_request(0)

    def on_request(self, characters: int) -> None:
        """Prepare for a new stream, with what has been learned by now."""
        lessons = self._memory.of(self._source)
        self._characters = characters
        self._threshold = lessons.threshold(self._share)
        least = 0.0 if characters else (1 - self._share) * START_SECONDS
        self._stream = Stream(lessons.length(characters), least)
        self._started = False
        self._stalls = 0

    def on_arrival(self, frames: int, now: float, *, dry: bool) -> int:
        """Return the level: out of reach before the start, 1 after it, more after a stall."""
        stream = self._stream
        stream.add(frames / self._samplerate, now)
        if dry:
            self._started = True
            self._stalls += 1
        if self._stalls:
            return max(1, round(self._gather() * self._samplerate))
        if not self._started:
            self._started = self._may_start()
        return 1 if self._started else round(stream.audio * self._samplerate) + 1

    def on_end(self, *, learn: bool) -> int:
        """Learn from the stream; return 1, because there is nothing left to wait for."""
        stream = self._stream
        if learn and stream.arrivals:
            needed = stream.needed()
            balance = 1 - (needed > self._threshold) / self._share
            lesson = Lesson(needed, self._characters, stream.audio, balance)
            self._memory.learn(self._source, lesson)
        return 1

    def _may_start(self) -> bool:
        stream = self._stream
        enough = stream.may_start and stream.margin > self._threshold + _HAIR
        return enough or stream.elapsed >= LONGEST_WAIT_SECONDS

    def _gather(self) -> float:
        """Return the seconds to gather after a stall: a hysteresis, and what the rest will lack."""
        stream = self._stream
        learned = min(RESUME_SECONDS * self._stalls, RESUME_LIMIT_SECONDS)
        # Near the end there is little left that could stall.
        patience = max(RESUME_SECONDS, min(learned, stream.rest / 2))
        patience = min(patience, max(START_SECONDS, LATENESS_FACTOR * stream.late))
        lack = min(stream.least_lack, LONGEST_WAIT_SECONDS)
        return (1 - self._share) * (patience + lack)


class Stream:
    """One stream as it arrives: its pace, and how much audio it has to spare.

    Parameters
    ----------
    length : float
        Seconds of audio expected.
    start : float
        Seconds of audio that must have come before sound may start.

    Attributes
    ----------
    arrivals : int
        How many there were.
    elapsed : float
        Seconds from the first arrival to the last.
    audio : float
        Seconds of audio that have come.
    late : float
        The least wait that would have avoided every stall so far: D* − first audio.
    margin : float
        The most there has been to spare at any arrival.
    """

    def __init__(self, length: float, start: float = 0.0) -> None:
        self.arrivals = 0
        self.elapsed = 0.0
        self.audio = 0.0
        self.late = 0.0
        self.margin = NEVER
        self._length = length
        self._start = start
        self._scale = length**-0.5
        self._first = 0.0
        self._head = 0.0
        self._pause = 0.0
        self._moments: list[float] = []
        self._margins: list[float] = []

    @property
    def may_start(self) -> bool:
        """Whether enough has come to start with."""
        return self.audio >= self._start - _HAIR

    @property
    def rest(self) -> float:
        """Seconds of audio expected still."""
        return max(0.0, self._length - self.audio)

    @property
    def lack(self) -> float:
        """Seconds of audio that the rest will be short of, at the pace so far."""
        return self._lack(self.elapsed)

    @property
    def least_lack(self) -> float:
        """The same without the longest pause: one interruption does not make a server slow."""
        return self._lack(self.elapsed - self._pause)

    def _lack(self, elapsed: float) -> float:
        pace = (elapsed + PACE_SECONDS) / (self.audio - self._head + PACE_SECONDS)
        return max(0.0, pace - 1) * self.rest

    def add(self, seconds: float, now: float) -> None:
        """Note an arrival."""
        if not self.arrivals:
            self._first, self._head = now, seconds
        self.arrivals += 1
        self._pause = max(self._pause, now - self._first - self.elapsed)
        self.elapsed = now - self._first
        self.late = max(self.late, self.elapsed - self.audio)
        self.audio += seconds
        self.margin = max(self.margin, (self.audio - self.lack) * self._scale)
        self._note()

    def needed(self) -> float:
        """Return the largest margin at which starting would have stalled."""
        stalling = bisect_left(self._moments, self.late - MISSED_SECONDS)
        return self._margins[stalling - 1] if stalling else NEVER

    def _note(self) -> None:
        """Remember the margin of this moment, while a start may still be undecided."""
        if not self.may_start:
            return
        if self._moments and self.elapsed - self._moments[-1] < SAME_MOMENT_SECONDS:
            self._margins[-1] = self.margin
        elif self.elapsed <= LONGEST_WAIT_SECONDS:
            self._moments.append(self.elapsed)
            self._margins.append(self.margin)


def policy(
    prebuffer: float | str,
    samplerate: int,
    *,
    gap_weight: float = GAP_WEIGHT,
    memory: Memory | None = None,
    source: Source = Source("", "", ""),  # noqa: B008 - immutable
) -> Policy:
    """Return the policy that `prebuffer` names: ``"auto"``, or milliseconds ahead.

    The other arguments are those of `Auto`.
    """
    if prebuffer == "auto":
        return Auto(samplerate, gap_weight, memory, source)
    return Fixed(float(prebuffer), samplerate)
