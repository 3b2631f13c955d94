"""The receipt of one utterance: what was received, heard and dropped, and when.

The shape is a contract (schema 1). Every frame is accounted for at the source's
rate: ``received = played + flushed + trimmed + muted + unplayed``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

SCHEMA: Final = 1

FormatSource = Literal["model", "header", "user", "request", "server", "bytes"]
"""Where the format of the bytes is known from. ``request`` is a guess: it was only asked for."""


@dataclass(slots=True)
class RequestedFormat:
    """The format that was requested."""

    encoding: str
    samplerate: int


@dataclass(slots=True)
class FormatFacts:
    """The format of the bytes; `source` tells how it is known."""

    requested: RequestedFormat
    effective: str
    samplerate: int
    channels: int
    source: FormatSource


@dataclass(slots=True)
class OutputFacts:
    """The output that played; `engine` is what ran in the audio callback."""

    kind: Literal["device", "silent", "none"] = "none"
    name: str = ""
    samplerate: int | None = None
    latency_ms: float | None = None
    engine: Literal["native", "python"] = "python"


@dataclass(slots=True)
class FrameCounts:
    """Frames, at the source's rate; `saved` frames were also written to a file.

    `replayed` frames were heard again, where the listener went back: they are no part of the sum.
    """

    received: int = 0
    played: int = 0
    flushed: int = 0
    trimmed: int = 0
    muted: int = 0
    unplayed: int = 0
    saved: int = 0
    replayed: int = 0


@dataclass(slots=True)
class ByteCounts:
    """Bytes of the response bodies, and of the audio in them."""

    body: int = 0
    audio: int = 0


@dataclass(slots=True)
class EventCounts:
    """Events in the streams, by their content."""

    audio: int = 0
    words: int = 0
    ignored: int = 0


@dataclass(slots=True)
class Milliseconds:
    """Times since the first request was begun; None for what did not happen."""

    connected: float | None = None
    sent: float | None = None
    headers: float | None = None
    first_byte: float | None = None
    first_audio: float | None = None
    first_sound: float | None = None
    first_voice: float | None = None
    last_audio: float | None = None
    finished: float | None = None


@dataclass(slots=True)
class Stalls:
    """How often and how long silence was rendered because the network was late."""

    count: int = 0
    total_ms: float = 0.0
    longest_ms: float = 0.0


@dataclass(slots=True)
class ErrorFacts:
    """The error that ended the utterance; `type` is the class's name."""

    type: str
    message: str
    status: int | None = None

    @classmethod
    def of(cls, error: Exception) -> ErrorFacts:
        """Return the facts of `error`."""
        return cls(type(error).__name__, str(error), getattr(error, "status", None))


@dataclass(slots=True)
class Receipt:
    """What happened to one utterance.

    Attributes
    ----------
    device_underflows : int
        How often the audio callback ran too late: the machine was late, not the network.
    safe_start_ms : float or None
        The least wait after the first audio that would have avoided every stall.
    failures : list of ErrorFacts
        Pieces that failed while the rest was spoken (``on_error="continue"``).
    complete : bool
        Whether all audio arrived and was passed to the output.
    interrupted : bool
        Whether it was cut short by `interrupt()`, `cancel()` or a signal. That is no error.
    """

    model: str
    voice: str
    base_url: str
    format: FormatFacts
    schema: int = SCHEMA
    streamed: bool = True
    chars: int = 0
    requests: int = 0
    output: OutputFacts = field(default_factory=OutputFacts)
    frames: FrameCounts = field(default_factory=FrameCounts)
    bytes: ByteCounts = field(default_factory=ByteCounts)
    events: EventCounts = field(default_factory=EventCounts)
    ms: Milliseconds = field(default_factory=Milliseconds)
    stalls: Stalls = field(default_factory=Stalls)
    device_underflows: int = 0
    safe_start_ms: float | None = None
    attempts: int = 0
    complete: bool = False
    interrupted: bool = False
    error: ErrorFacts | None = None
    failures: list[ErrorFacts] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON-ready dictionaries, times to the microsecond."""
        rounded: dict[str, Any] = _round(asdict(self))
        return {"schema": rounded.pop("schema"), **rounded}


def _round(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _round(item) for key, item in value.items()}
    return round(value, 3) if isinstance(value, float) else value
