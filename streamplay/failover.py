"""Which of several servers speaks, and when the first is tried again. Pure: time is an argument.

The servers are numbered in the order in which they were named. The first is number 0; the others
stand in for it.

- A server that fails gives way to the next in order that has not failed within `AGAIN_SECONDS`;
  after the last in order the first are looked at again. Where there is none, nothing stands in.
- The servers before the one that speaks are tried again in order: as soon as a probe in the
  background has reached them, or, where no probe can tell (a refusal), once their time is up. That
  time doubles with each failure in a row.
- After `MOST_CHANGES` changes within `WINDOW_SECONDS` no server is tried again for
  `STAY_SECONDS`: a voice that changes all the time is harder to follow than a lesser one.
"""

from __future__ import annotations

from typing import Final

AGAIN_SECONDS: Final = 15.0
"""A server that failed is not asked again sooner: what has just failed is likely to fail again."""

LONGEST_AGAIN: Final = 300.0
"""A server that fails again and again is asked at least so often."""

WINDOW_SECONDS: Final = 60.0
MOST_CHANGES: Final = 2

STAY_SECONDS: Final = 600.0

PROBES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before each probe of a server that cannot be reached; the last one is repeated."""


class Failover:
    """Keeps which server speaks.

    Parameters
    ----------
    count : int
        Servers there are; at least 1.

    Attributes
    ----------
    current : int
        The one that speaks.
    stays_until : float or None
        Until then no server is tried again; None: nothing holds it.
    """

    def __init__(self, count: int) -> None:
        self.current = 0
        self.stays_until: float | None = None
        self._count = count
        self._failed_at: dict[int, float] = {}
        self._due: dict[int, float] = {}
        self._failures: dict[int, int] = {}
        self._reached: set[int] = set()
        self._changed_at: list[float] = []

    def has_next(self, now: float) -> bool:
        """Whether another server would speak if the current one failed."""
        return self._next(now) is not None

    def failed(self, now: float, *, wait: float | None = None) -> int | None:
        """Note that the current server failed; return the one that speaks now, None: none does.

        Parameters
        ----------
        now : float
            Seconds, monotonic.
        wait : float, optional
            What the server itself has asked to wait.
        """
        failing = self.current
        self._failed_at[failing] = now
        self._reached.discard(failing)
        count = self._failures[failing] = self._failures.get(failing, 0) + 1
        again = min(LONGEST_AGAIN, AGAIN_SECONDS * 2.0 ** (count - 1))
        self._due[failing] = now + max(again, wait or 0.0)
        following = self._next(now)
        if following is not None:
            self._change(following, now)
        return following

    def spoke(self, server: int) -> None:
        """Note that a server has answered with audio."""
        self._failures.pop(server, None)
        self._failed_at.pop(server, None)

    def reached(self, server: int) -> None:
        """Note that a probe has reached a server that had failed."""
        self._reached.add(server)

    @property
    def has_reached(self) -> frozenset[int]:
        """The servers that a probe has reached and that were not tried again yet."""
        return frozenset(self._reached)

    def try_again(self, now: float, *, only_reached: bool = False) -> int | None:
        """Return a server that is tried again now, and that speaks from now on; None: none is.

        Parameters
        ----------
        now : float
            Seconds, monotonic.
        only_reached : bool
            Only where a probe has reached it: in the middle of a text nothing is risked.
        """
        if self.stays_until is not None and now < self.stays_until:
            return None
        for server in range(self.current):
            due = not only_reached and now >= self._due.get(server, now)
            if server in self._reached or due:
                self._reached.discard(server)
                self._due[server] = now + AGAIN_SECONDS
                self._change(server, now)
                return server
        return None

    @property
    def is_staying(self) -> bool:
        """Whether the last change was one too many: `stays_until` was set by it."""
        return bool(self._changed_at) and self.stays_until == self._changed_at[-1] + STAY_SECONDS

    def _next(self, now: float) -> int | None:
        order = [*range(self.current + 1, self._count), *range(self.current)]
        return next((each for each in order if self._may_speak(each, now)), None)

    def _may_speak(self, server: int, now: float) -> bool:
        failed = self._failed_at.get(server)
        return failed is None or now - failed >= AGAIN_SECONDS

    def _change(self, server: int, now: float) -> None:
        self.current = server
        recent = [at for at in self._changed_at if now - at < WINDOW_SECONDS]
        self._changed_at = [*recent, now]
        if len(self._changed_at) >= MOST_CHANGES and self.current != 0:
            self.stays_until = now + STAY_SECONDS
