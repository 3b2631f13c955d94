"""One request as it was observed, and how it would have been heard."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench.arrival_times import ArrivalTimes
from streamplay.bench.measures import PREBUFFERS
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Source
from streamplay.policy.simulate import play
from streamplay.trace import COMPLETE, Trace, host_of

if TYPE_CHECKING:
    from streamplay.audio import Frames
    from streamplay.bench.lateness import Lateness
    from streamplay.bench.plan import Job
    from streamplay.policy.learning import Memory
    from streamplay.policy.simulate import Played


Values = dict[str, float | None]


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
    arrivals : ArrivalTimes
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
    late : Lateness or None
        How late the tool itself was meanwhile; None: it was in time.
    """

    job: Job
    intended: float
    begun: float
    moments: dict[str, float | None] = field(default_factory=dict)
    arrivals: ArrivalTimes = field(default_factory=ArrivalTimes)
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
    late: Lateness | None = None

    @property
    def own_error(self) -> bool:
        """Whether the failure may be the tool's own: then it is not counted as the server's."""
        return self.late is not None and self.late.owns_error(self.error)

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


def measure(sample: Sample, memory: Memory, base_url: str, model: str) -> Values:
    """Return every measure of a complete request, by name: see `measured`."""
    return measured(sample, memory, base_url, model)[0]


def measured(sample: Sample, memory: Memory, base_url: str, model: str) -> tuple[Values, int]:
    """Return every measure of a complete request, by name, and how many stalls were the tool's.

    What was noted while the tool was late is read in the server's favour: `bench.lateness`.

    Parameters
    ----------
    sample : Sample
        A complete sample.
    memory : Memory
        What the start policy has learned from earlier requests; it also learns from this one.
    base_url, model : str
        The source: the policy learns for each source apart.
    """
    moments = {name: _ms(at, sample.intended) for name, at in sample.moments.items()}
    moments["total"] = _ms(sample.ended, sample.intended)
    if not sample.arrivals:
        return _servers(moments, sample.late), 0
    noted = sample.trace(base_url, model)
    moments["first_audio"] = _ms(sample.arrivals[0][0], sample.intended)
    source = Source(noted.host, model, sample.voice)

    def heard(trace: Trace) -> Played:
        return play(trace, policy("auto", trace.samplerate, memory=memory, source=source))

    trace = noted
    if sample.late is not None:
        trace = replace(noted, arrivals=tuple(sample.late.earliest(noted.arrivals)))
    # Played first, because the policy learns from the other one alone.
    all_stalls = 0 if trace is noted else len(heard(replace(noted, how="late")).gaps)
    own = heard(trace)
    since = 1000 * (sample.begun - sample.intended)
    moments["first_sound"] = 1000 * heard_at(trace, own, 0) + since
    if sample.voice_frame is not None:
        moments["first_voice"] = 1000 * heard_at(trace, own, sample.voice_frame) + since
    values = _servers(moments, sample.late) | {"rtf": _rtf(sample)} | _flow(trace, own)
    return values, max(0, all_stalls - len(own.gaps))


# The moment whose note decides the value of another.
_NOTED_WITH: Final = {"first_sound": "first_audio", "first_voice": "first_audio"}


def _servers(moments: Values, late: Lateness | None) -> Values:
    """Return the moments, without those of which too much may be the tool's own lateness."""
    if late is None:
        return moments
    return {
        name: None if value is None or late.owns(_NOTED_WITH.get(name, name), value) else value
        for name, value in moments.items()
    }


def _flow(trace: Trace, own: Played) -> Values:
    """Return the measures of a stream; none for an answer that arrived at once."""
    times = [when for when, _ in trace.arrivals]
    if len(times) < 2:
        return {}
    values: Values = {
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
    taken = sample.arrivals[-1][0] - sent
    if sample.late is not None and sample.late.owns("last_audio", 1000 * taken):
        return None
    return taken / sample.seconds


def _ms(at: float | None, since: float) -> float | None:
    return None if at is None else 1000 * (at - since)


FACTS: Final = (
    *("turn", "characters", "late_ms", "audio_seconds", "bytes", "chunks", "voice", "error"),
    *("status", "tool_late"),
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
        None if sample.late is None else round(sample.late.share, 3),
    )
    return dict(zip(FACTS, values, strict=True))
