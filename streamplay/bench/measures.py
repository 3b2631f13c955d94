"""The measures, with a sentence for each, which ``--explain`` and docs/bench.md show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["ms", "ratio", "count", "share"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity of a request.

    Parameters
    ----------
    name : str
        The name in the result.
    unit : {'ms', 'ratio', 'count', 'share'}
        ``share``: 0 or 1 for a single request; their mean is the result.
    title : str
        The name in tables and figures.
    definition : str
        What it is, in one sentence.
    compared : bool
        Whether targets are compared by it.
    """

    name: str
    unit: Unit
    title: str
    definition: str
    compared: bool = False


SCHEMA: Final = 1
"""The version of the result's format; raised by a change that breaks its readers."""

MEASURES: Final = (
    Measure(
        *("dns", "ms", "name resolved"),
        "The server's name had been resolved: known only where this request asked the resolver "
        "for it, and null on a warm connection or where the URL holds an address.",
    ),
    Measure(
        *("connect", "ms", "TCP connected"),
        "The TCP connection was made; null on a warm connection.",
    ),
    Measure(
        *("tls", "ms", "TLS agreed"),
        "The TLS handshake was done; null on a warm connection and without TLS.",
    ),
    Measure(
        *("sent", "ms", "request sent"),
        "The last byte of the request had been handed to the operating system.",
    ),
    Measure(
        *("headers", "ms", "headers"),
        "The answer's headers had been read.",
    ),
    Measure(
        *("first_byte", "ms", "first byte"),
        "The first byte of the body had been read.",
        compared=True,
    ),
    Measure(
        *("first_audio", "ms", "first audio"),
        "The bytes of the first frame of audio had been read.",
        compared=True,
    ),
    Measure(
        *("first_sound", "ms", "first sound"),
        "The first frame would have been handed to the output by streamplay's own policy, which "
        "learns during the run as a player does.",
        compared=True,
    ),
    Measure(
        *("first_voice", "ms", "first voice"),
        "The first 10 ms louder than -40 dBFS would have been handed to the output by the same "
        "policy: silence in front of the voice is played first, and is not speech.",
        compared=True,
    ),
    Measure(
        *("total", "ms", "all received"),
        "The last byte of the answer had been read.",
        compared=True,
    ),
    Measure(
        *("rtf", "ratio", "real-time factor"),
        "Seconds from the request's having been sent to the last audio, divided by the seconds "
        "of that audio: below 1 it is made faster than it is heard.",
        compared=True,
    ),
    Measure(
        *("chunk_gap", "ms", "longest gap between chunks"),
        "The longest time between two arrivals of audio; null where all came at once.",
        compared=True,
    ),
    Measure(
        *("safe_start", "ms", "least safe start"),
        "The least wait after the first audio that would have avoided every stall; null where "
        "all came at once.",
        compared=True,
    ),
    Measure(
        *("stalls", "count", "stalls"),
        "How often the sound would have stopped for want of audio under streamplay's own policy; "
        "null where all came at once.",
    ),
    Measure(
        *("stall_ms", "ms", "stalled"),
        "How long all those stalls would have lasted together.",
    ),
    Measure(
        *("continuity_0", "share", "continuous from 0 ms"),
        "The share of requests without a stall where sound starts with the first audio; answers "
        "that came at once have no continuity and are not counted.",
    ),
    Measure(
        *("continuity_100", "share", "continuous from 100 ms"),
        "The share of requests without a stall where sound starts, and resumes, with 100 ms of "
        "audio ahead.",
    ),
    Measure(
        *("continuity_200", "share", "continuous from 200 ms"),
        "The share of requests without a stall where sound starts, and resumes, with 200 ms of "
        "audio ahead.",
    ),
)
"""In the order in which they happen to a request."""

BY_NAME: Final = {measure.name: measure for measure in MEASURES}

PREBUFFERS: Final = (0, 100, 200)
"""The prebuffers in milliseconds of the measures ``continuity_…``."""

SINCE: Final = (
    "All moments are milliseconds since the request's intended start: in the open loop the moment "
    "that the schedule had named, whether or not the client was in time; in the closed loop the "
    "moment when its turn had come."
)

LEFT_OUT: Final = (
    "A request that failed is counted by its error's type and is in no other figure; what was not "
    "measured is null, and never 0."
)


def explained() -> str:
    """Return every definition as text."""
    width = max(len(measure.name) for measure in MEASURES) + 2
    lines = [
        f"{measure.name:<{width}}{measure.unit:<7}{measure.definition}" for measure in MEASURES
    ]
    return "\n".join([SINCE, LEFT_OUT, "", *lines])
