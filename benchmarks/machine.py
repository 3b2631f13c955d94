"""Was the machine idle? What others used of it while something was measured."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

BUSY = 0.10
"""Of one processor: what others may use before a miss may be theirs."""


@dataclass
class Machine:
    """What was used of the processors while it was entered.

    Attributes
    ----------
    seconds : float
        How long that was.
    others : float or None
        By other processes, of one processor; None: it is not known here.
    server : float
        By our children that have ended meanwhile, of one processor.
    """

    seconds: float = 0.0
    others: float | None = None
    server: float = 0.0

    def __enter__(self) -> Self:
        used = _used(resource.RUSAGE_SELF), _used(resource.RUSAGE_CHILDREN)
        self._begun = time.perf_counter(), _busy(), *used
        return self

    def __exit__(self, *_: object) -> None:
        begun, busy, own, children = self._begun
        self.seconds, now = time.perf_counter() - begun, _busy()
        self.server = (_used(resource.RUSAGE_CHILDREN) - children) / self.seconds
        ours = _used(resource.RUSAGE_SELF) - own + self.server * self.seconds
        if busy is not None and now is not None:
            self.others = max(0.0, now - busy - ours) / self.seconds

    @property
    def busy(self) -> bool:
        return self.others is not None and self.others > BUSY

    @property
    def says(self) -> str:
        if self.others is None:
            return "what others used of the machine is not known here"
        return f"others used {self.others:.0%} of a processor"


def _busy() -> float | None:
    """Seconds of all processors, idle and waiting ones aside (proc(5))."""
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _used(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
