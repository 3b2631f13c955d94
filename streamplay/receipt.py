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
    """The format that was requested.

    Attributes
    ----------
    encoding : str
        Such as ``pcm_s16le``.
    samplerate : int
        Frames per second.
    """

    encoding: str
    samplerate: int


@dataclass(slots=True)
class FormatFacts:
    """The format of the bytes; `source` tells how it is known.

    Attributes
    ----------
    requested : RequestedFormat
        What the request asked for.
    effective : str
        The encoding by which the bytes were decoded.
    samplerate : int
        Frames per second of the decoded audio.
    channels : int
        Samples in a frame.
    source : str
        ``header``: told by a container; ``bytes``: decided by the bytes themselves; ``server``:
        told beside the bytes; ``model``: what this model always returns; ``user``: `decode_as`;
        ``request``: a guess, it was only asked for.
    """

    requested: RequestedFormat
    effective: str
    samplerate: int
    channels: int
    source: FormatSource


@dataclass(slots=True)
class OutputFacts:
    """The output that played; `engine` is what ran in the audio callback.

    Attributes
    ----------
    kind : {'device', 'silent', 'none'}
        ``silent``: a clock without sound, where there is no device; ``none``: nothing was to play.
    name : str
        The device's name.
    samplerate : int or None
        The rate at which the output runs.
    latency_ms : float or None
        From a frame that is handed over until it is heard, as the output reports it.
    engine : {'native', 'python'}
        ``native``: the playout in C; ``python``: its twin, where no compiler was found.
    """

    kind: Literal["device", "silent", "none"] = "none"
    name: str = ""
    samplerate: int | None = None
    latency_ms: float | None = None
    engine: Literal["native", "python"] = "python"


@dataclass(slots=True)
class FrameCounts:
    """Frames, at the source's rate; `saved` frames were also written to a file.

    Attributes
    ----------
    received : int
        Decoded from what the server sent.
    played : int
        Handed to the output.
    flushed : int
        Dropped unheard: cut by an interruption, or received ahead and not wanted any more.
    trimmed : int
        Silence removed between pieces, where that was asked for (`pause_ms`).
    muted : int
        Not played because the bytes are not in the encoding that was named.
    unplayed : int
        Received without an output (`--no-play`).
    saved : int
        Written to a file as well; no part of the sum.
    replayed : int
        Heard again, where the listener went back; no part of the sum.
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
    """Bytes of the response bodies, and of the audio in them.

    Attributes
    ----------
    body : int
        All bytes of the bodies.
    audio : int
        Audio bytes after base64 and containers are taken off.
    """

    body: int = 0
    audio: int = 0


@dataclass(slots=True)
class EventCounts:
    """Events in the streams, by their content.

    Attributes
    ----------
    audio : int
        Events that held audio.
    words : int
        Events that told the times of words.
    ignored : int
        Events of unknown content.
    """

    audio: int = 0
    words: int = 0
    ignored: int = 0


@dataclass(slots=True)
class Milliseconds:
    """Times since the first request was begun; None for what did not happen.

    Attributes
    ----------
    connected : float or None
        The connection stood; None on a warm connection.
    sent : float or None
        The request had been written.
    headers : float or None
        The headers of the answer had come.
    first_byte : float or None
        The first byte of the body.
    first_audio : float or None
        The first decoded frame.
    first_sound : float or None
        The first frame was handed to the output.
    first_voice : float or None
        The first frame louder than −40 dBFS (10 ms RMS) was handed over: silence is no speech.
    last_audio : float or None
        The last decoded frame.
    finished : float or None
        The last frame had been heard.
    """

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
    """How often and how long silence was rendered because the network was late.

    Attributes
    ----------
    count : int
        How often.
    total_ms : float
        How long together.
    longest_ms : float
        The longest of them.
    """

    count: int = 0
    total_ms: float = 0.0
    longest_ms: float = 0.0


@dataclass(slots=True)
class ErrorFacts:
    """The error that ended the utterance; `type` is the class's name.

    Attributes
    ----------
    type : str
        The name of a class in `streamplay.errors`.
    message : str
        What was wrong, where, and what to do.
    status : int or None
        The HTTP status, where a server refused.
    """

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
    model, voice : str
        What spoke; with the built-in voice, `voice` names the one that is heard.
    base_url : str
        The server; ``local`` for the built-in voice.
    format : FormatFacts
        In which format the bytes came.
    schema : int
        The version of this shape.
    streamed : bool
        Whether the answer was asked for as a stream.
    chars : int
        Characters of the text.
    requests : int
        Requests that the text was sent in.
    output : OutputFacts
        What played it.
    frames : FrameCounts
        What became of each frame.
    bytes : ByteCounts
        How much came.
    events : EventCounts
        What the streams held.
    ms : Milliseconds
        When it happened.
    stalls : Stalls
        Where the network was late.
    device_underflows : int
        How often the audio callback ran too late: the machine was late, not the network.
    safe_start_ms : float or None
        The least wait after the first audio that would have avoided every stall.
    attempts : int
        Requests made, repeated ones included.
    error : ErrorFacts or None
        The error that ended it.
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
