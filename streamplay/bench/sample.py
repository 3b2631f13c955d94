"""One request as it was observed, and how it would have been heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench.measures import PREBUFFERS
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Source
from streamplay.policy.simulate import play
from streamplay.trace import COMPLETE, Trace, host_of

if TYPE_CHECKING:
    from streamplay.audio import Frames
    from streamplay.bench.plan import Job
    from streamplay.policy.learning import Memory
    from streamplay.policy.simulate import Played


@dataclass(slots=True)
class Sample:
    """What was observed of one request; all times are seconds of one clock.

    Parameters
    ----------
    job : Job
        The job that it was made for.
    intended : float
        When it was due.
    begun : float
        When it began.
    moments : dict
        When each moment came; None or missing if it did not.
    arrivals : list
        Pairs (time, frames decoded).
    samplerate, channels, encoding
        The format of the audio.
    voice : str
        The voice that spoke.
    voice_frame : int or None
        The first frame with voice.
    body_bytes : int
        The bytes of the body.
    ended : float
        When it ended.
    error, message, status, retry_after
        The error, if it failed, and the seconds that the server then asked to wait.
    sound : list or None
        The frames, if they are to be played.
    """

    job: Job
    intended: float
    begun: float
    moments: dict[str, float | None] = field(default_factory=dict)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    samplerate: int = 0
    channels: int = 1
    encoding: str = ""
    voice: str = ""
    voice_frame: int | None = None
    body_bytes: int = 0
    ended: float = 0.0
    error: str | None = None
    message: str = ""
    status: int | None = None
    retry_after: float | None = None
    sound: list[Frames] | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole answer arrived."""
        return self.error is None

    @property
    def seconds(self) -> float:
        """The duration of the audio that arrived."""
        frames = sum(frames for _, frames in self.arrivals)
        return frames / self.samplerate if self.samplerate else 0.0

    def trace(self, base_url: str, model: str) -> Trace:
        """Return its arrivals in seconds since it began."""
        return Trace(
            host=host_of(base_url),
            model=model,
            voice=self.voice,
            characters=len(self.job.text),
            encoding=self.encoding,
            samplerate=self.samplerate,
            channels=self.channels,
            arrivals=tuple((when - self.begun, frames) for when, frames in self.arrivals),
            ended=self.ended - self.begun,
            how=self.error or COMPLETE,
        )


def measure(sample: Sample, memory: Memory, base_url: str, model: str) -> dict[str, float | None]:
    """Return every measure of a complete request, by name.

    Parameters
    ----------
    sample : Sample
        A complete sample.
    memory : Memory
        What the start policy has learned from earlier requests; it also learns from this one.
    base_url, model : str
        The source: the policy learns for each source apart.
    """
    values = {name: _ms(at, sample.intended) for name, at in sample.moments.items()}
    values["total"] = _ms(sample.ended, sample.intended)
    if not sample.arrivals:
        return values
    trace = sample.trace(base_url, model)
    values["first_audio"] = _ms(sample.arrivals[0][0], sample.intended)
    values["rtf"] = _rtf(sample)
    source = Source(trace.host, model, sample.voice)
    own = play(trace, policy("auto", trace.samplerate, memory=memory, source=source))
    since = 1000 * (sample.begun - sample.intended)
    values["first_sound"] = 1000 * heard_at(trace, own, 0) + since
    if sample.voice_frame is not None:
        values["first_voice"] = 1000 * heard_at(trace, own, sample.voice_frame) + since
    return values | _flow(trace, own)


def _flow(trace: Trace, own: Played) -> dict[str, float | None]:
    """Return the measures of a stream; none for an answer that arrived at once."""
    times = [when for when, _ in trace.arrivals]
    if len(times) < 2:
        return {}
    values: dict[str, float | None] = {
        "chunk_gap": 1000 * max(b - a for a, b in pairwise(times)),
        "safe_start": 1000 * trace.safe_start,
        "stalls": float(len(own.gaps)),
        "stall_ms": 1000 * own.gap,
    }
    for prebuffer in PREBUFFERS:
        heard = play(trace, policy(prebuffer, trace.samplerate))
        values[f"continuity_{prebuffer}"] = float(not heard.gaps)
    return values


def heard_at(trace: Trace, played: Played, frame: int) -> float:
    """Return when a frame is passed to the output, in seconds since the request began.

    Parameters
    ----------
    trace : Trace
        The arrivals.
    played : Played
        The simulated playback, with its start and its stalls.
    frame : int
        The index of the frame, from 0.
    """
    start, ahead = trace.arrivals[0][0] + played.wait, 0
    gaps = iter(played.gaps)
    dry = start
    for when, frames in trace.arrivals:
        if when > dry + _HAIR:
            # Everything before this piece had been played when it arrived.
            start = dry + next(gaps, 0.0)
            dry = start
        if frame < ahead + frames:
            return dry + (frame - ahead) / trace.samplerate
        ahead += frames
        dry += frames / trace.samplerate
    return dry


# Of simulate's closed form: sums of decimal fractions are not exact.
_HAIR = 1e-9


def _rtf(sample: Sample) -> float | None:
    sent = sample.moments.get("sent")
    if sent is None or not sample.seconds:
        return None
    return (sample.arrivals[-1][0] - sent) / sample.seconds


def _ms(at: float | None, since: float) -> float | None:
    return None if at is None else 1000 * (at - since)


FACTS: Final = (
    *("turn", "characters", "late_ms", "audio_seconds", "bytes", "chunks", "voice", "error"),
    "status",
)
"""The columns of the CSV besides the measures."""


def facts(sample: Sample) -> dict[str, Any]:
    """Return the values of the columns in `FACTS`."""
    values = (
        sample.job.turn,
        len(sample.job.text),
        round(1000 * (sample.begun - sample.intended), 3),
        round(sample.seconds, 6) if sample.arrivals else None,
        sample.body_bytes,
        len(sample.arrivals),
        sample.voice,
        sample.error,
        sample.status,
    )
    return dict(zip(FACTS, values, strict=True))
