"""What is asked of everyone: the server's schedule, and what of it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from benchmarks.comparison.players.loads import LOADS

FIRST_BYTE_MS: Final = 300


@dataclass(frozen=True)
class Row:
    """One way of playing.

    Attributes
    ----------
    seconds : float
        Of the signal.
    scenario : dict
        The server's schedule.
    way : {'cold', 'warm'}
        Started and played, or asked when everything is open.
    cut_after : float
        Seconds of sound after which it is told to stop; 0: never.
    patience : float
        Seconds after which it is held to hang.
    """

    seconds: float
    scenario: dict[str, Any]
    way: str = "cold"
    load: str = "none"
    cut_after: float = 0.0
    patience: float = 15.0

    @property
    def schedule(self) -> dict[str, Any]:
        """What the server is to do."""
        return {"signal": "count", "seconds": self.seconds, **self.scenario}


_JITTER: Final = {"pace": 1.0, "jitter": "exponential", "jitter_ms": 10}
_STALL: Final = {"pace": 1.0, "stalls": ["1000:800"]}

ROWS: Final[dict[str, Row]] = {
    "start": Row(2.0, {"first_byte_ms": FIRST_BYTE_MS, **_JITTER}),
    "stall": Row(2.0, {"first_byte_ms": FIRST_BYTE_MS, **_STALL}),
    "dies": Row(2.0, {"pace": 1.0, "fault": "reset", "at_event": 20}, patience=6.0),
    "stop": Row(6.0, {"first_byte_ms": FIRST_BYTE_MS, "pace": 1.5}, way="warm", cut_after=3.0),
    **{
        f"load-{load}": Row(2.0, {}, way="warm", load=load, patience=10.0)
        for load in LOADS
        if load != "none"
    },
}
"""The signal of the loads comes at once: what is heard is the machine's, not the network's."""
