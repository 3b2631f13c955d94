"""One request, made by `SpeechApi` and observed; nothing is played."""

from __future__ import annotations

from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Final

from streamplay.bench.sample import Sample
from streamplay.errors import ServerRefused, StreamPlayError
from streamplay.playback.silence import VoiceOnset
from streamplay.stream.wire import Words

if TYPE_CHECKING:
    from streamplay.bench.plan import Job
    from streamplay.network.api import SpeechApi
    from streamplay.network.response import SpeechResponse
    from streamplay.request import SpeechRequest
    from streamplay.stream.decoder import Chunk

# Five pieces of 100 ms are decoded at a time: one turn of the task for all of them. Some 32 kB of a
# stream are held meanwhile, and the last read of up to 128 kB.
_GATHER_SECONDS: Final = 0.5


def import_decoding() -> None:
    """Import the decoders before anything is timed."""
    import_module("numpy")
    import_module("streamplay.stream.decoder")


async def observe(
    client: SpeechApi, request: SpeechRequest, job: Job, intended: float, *, keep: bool = False
) -> Sample:
    """Make one request and return what was observed; a failure is part of the sample.

    Parameters
    ----------
    client : SpeechApi
        A client of the job's target; the times of the sample are read from its clock.
    request : SpeechRequest
        The request.
    job : Job
        The job that it is made for.
    intended : float
        When it was due.
    keep : bool
        Whether to keep the frames.
    """
    sample, taught = await _observe(client, request, job, intended, keep=keep)
    if taught:
        # It had to change its shape: now the client knows it, and only such a request is measured.
        sample, _ = await _observe(client, request, job, client.clock(), keep=keep)
    return sample


async def _observe(
    client: SpeechApi, request: SpeechRequest, job: Job, intended: float, *, keep: bool
) -> tuple[Sample, bool]:
    """Make one request; return what was seen, and whether it taught how to ask."""
    response = client.open(request)
    sample = Sample(job, intended, response.moments.begun, voice=request.voice or "")
    sample.sound = [] if keep else None
    try:
        async with response:
            await _read(response, sample)
            sample.ended = response.arrived
    except StreamPlayError as error:
        sample.ended = client.clock()
        _note_error(sample, error)
    _note_moments(sample, response, secure=client.endpoint.secure)
    return sample, sample.error is None and response.reshaped


async def _read(response: SpeechResponse, sample: Sample) -> None:
    watch = _Watch(sample, response)
    response.gather(_GATHER_SECONDS)
    sample.voice = response.voice or sample.voice
    async with aclosing(response.chunks()) as chunks:
        async for chunk in chunks:
            if not isinstance(chunk, Words):
                watch.note(chunk)
            del chunk  # its frames are not kept while the next are awaited


class _Watch:
    """Notes when frames arrive, and which of them is the first with voice."""

    def __init__(self, sample: Sample, response: SpeechResponse) -> None:
        self._response = response
        self._sample = sample
        self._onset: VoiceOnset | None = None

    def note(self, chunk: Chunk) -> None:
        """Note when the frames of a chunk came: decoding them is not the server's time."""
        if not len(chunk.frames):
            return
        if self._onset is None:
            self._begin()
        for when, frames in self._response.arrivals(chunk):
            self._sample.arrivals.append(when, frames)
        if self._sample.sound is not None:
            self._sample.sound.append(chunk.frames)
        if self._sample.voice_frame is None and self._onset is not None:
            self._onset.search(chunk.frames)
            self._sample.voice_frame = self._onset.frame

    def _begin(self) -> None:
        audio = self._response.format
        self._onset = VoiceOnset(audio.samplerate)
        self._sample.samplerate = audio.samplerate
        self._sample.channels = audio.channels
        self._sample.encoding = audio.encoding


def _note_error(sample: Sample, error: StreamPlayError) -> None:
    sample.error = type(error).__name__
    sample.message = error.message
    if isinstance(error, ServerRefused):
        sample.status, sample.retry_after = error.status, error.retry_after


def _note_moments(sample: Sample, response: SpeechResponse, *, secure: bool) -> None:
    moments = response.moments
    sample.body_bytes = response.body_bytes
    sample.moments = {
        "dns": moments.dns,
        "connect": moments.tcp,
        "tls": moments.connected if secure else None,
        "sent": moments.sent,
        "headers": moments.headers,
        "first_byte": moments.first_byte,
    }
