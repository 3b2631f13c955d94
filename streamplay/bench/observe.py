"""One request, made by `SpeechClient` and observed; nothing is played."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from streamplay.bench.sample import Sample
from streamplay.errors import ServerRefused, StreamBroken, StreamPlayError
from streamplay.playback.silence import VoiceOnset
from streamplay.stream.wire import Audio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamplay.bench.plan import Job
    from streamplay.network.client import SpeechClient
    from streamplay.network.response import SpeechResponse
    from streamplay.request import SpeechRequest
    from streamplay.stream.decoder import Chunk, Decoder


def import_decoding() -> None:
    """Import the decoders before anything is timed."""
    import_module("numpy")
    import_module("streamplay.stream.decoder")


async def observe(
    client: SpeechClient, request: SpeechRequest, job: Job, intended: float, *, keep: bool = False
) -> Sample:
    """Make one request and return what was observed; a failure is part of the sample.

    Parameters
    ----------
    client : SpeechClient
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
    response = client.open(request)
    sample = Sample(job, intended, response.moments.begun, voice=request.voice or "")
    sample.sound = [] if keep else None
    try:
        async with response:
            await _read(response, sample, client.clock)
            sample.ended = client.clock()
    except StreamPlayError as error:
        sample.ended = client.clock()
        _note_error(sample, error)
    _note_moments(sample, response, secure=client.endpoint.secure)
    return sample


async def _read(response: SpeechResponse, sample: Sample, clock: Callable[[], float]) -> None:
    watch = _Watch(sample, response.decoder(), clock)
    sample.voice = response.voice or sample.voice
    try:
        async for event in response.events():
            if isinstance(event, Audio):
                watch.take(watch.decoder.feed(event.data))
    except StreamPlayError:
        with suppress(StreamBroken):
            watch.take(watch.decoder.finish())
        raise
    watch.take(watch.decoder.finish())


class _Watch:
    """Notes when frames arrive, and which of them is the first with voice."""

    def __init__(self, sample: Sample, decoder: Decoder, clock: Callable[[], float]) -> None:
        self.decoder = decoder
        self._sample = sample
        self._clock = clock
        self._onset: VoiceOnset | None = None

    def take(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            now = self._clock()
            if not len(chunk.frames):
                continue
            if self._onset is None:
                self._begin()
            self._sample.arrivals.append((now, len(chunk.frames)))
            if self._sample.sound is not None:
                self._sample.sound.append(chunk.frames)
            if self._sample.voice_frame is None and self._onset is not None:
                self._onset.feed(chunk.frames)
                self._sample.voice_frame = self._onset.frame

    def _begin(self) -> None:
        audio = self.decoder.format
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
