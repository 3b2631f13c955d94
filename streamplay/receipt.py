"""What was received, heard, flushed, late, and when: the account of one utterance.

The shape is a contract (schema 1). Every frame is accounted for at the source's
rate: ``received = played + flushed + trimmed + muted + unplayed``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from streamplay.models import FormatSource

SCHEMA: Final = 1


@dataclass(slots=True)
class RequestedFormat:
    """What the request asked for."""

    encoding: str
    samplerate: int


@dataclass(slots=True)
class FormatFacts:
    """What the bytes were; `source` says how that is known."""

    requested: RequestedFormat
    effective: str
    samplerate: int
    channels: int
    source: FormatSource


@dataclass(slots=True)
class OutputFacts:
    """Where the sound went. `engine` is what ran in the callback."""

    kind: Literal["device", "silent", "none"] = "none"
    name: str = ""
    samplerate: int | None = None
    latency_ms: float | None = None
    engine: Literal["native", "python"] = "python"


@dataclass(slots=True)
class FrameCounts:
    """Frames, at the source's rate; `saved` were written to a file besides."""

    received: int = 0
    played: int = 0
    flushed: int = 0
    trimmed: int = 0
    muted: int = 0
    unplayed: int = 0
    saved: int = 0


@dataclass(slots=True)
class ByteCounts:
    """Bytes of the response bodies, and of the audio in them."""

    body: int = 0
    audio: int = 0


@dataclass(slots=True)
class EventCounts:
    """Events of the streams, by what they held."""

    audio: int = 0
    words: int = 0
    ignored: int = 0


@dataclass(slots=True)
class Milliseconds:
    """Moments since the first request was begun; None where it did not happen."""

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
    """How often and how long the ring ran dry: the network was late."""

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
        """Return what is told of `error`."""
        return cls(type(error).__name__, str(error), getattr(error, "status", None))


@dataclass(slots=True)
class Receipt:
    """The account of one utterance, or of a whole ``say``.

    Attributes
    ----------
    device_underflows : int
        The callback was late: the machine's fault, never the network's.
    safe_start_ms : float or None
        The least wait after the first audio that would have avoided every stall.
    failures : list of ErrorFacts
        Pieces that failed where the rest went on (``on_error="continue"``).
    complete : bool
        All that was meant to come has come and was handed on.
    interrupted : bool
        Someone cut it short; that is no error.
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
