"""The account of one utterance: the frames that came, and what became of them."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import TYPE_CHECKING, NamedTuple

from streamplay.playback.silence import VoiceOnset
from streamplay.playback.track import Track
from streamplay.receipt import (
    ErrorFacts,
    FormatFacts,
    FrameCounts,
    OutputFacts,
    Receipt,
    RequestedFormat,
)

if TYPE_CHECKING:
    from streamplay.audio import AudioFormat, Frames
    from streamplay.errors import StreamPlayError
    from streamplay.models import FormatSource
    from streamplay.playback.changes import Changes
    from streamplay.request import SpeechRequest
    from streamplay.speech.source import SoundSource


class ServerChange(NamedTuple):
    """Another server goes on: what `streamplay.events.ServerChanged` tells of it."""

    before: str
    after: str
    error: StreamPlayError | None
    offset: int
    exact: bool


class Account:
    """Counts and moments from which the receipt of one utterance is made.

    The receiving side calls `began`, `arrived` and the like on the loop; the
    playing side fills `span`. `receipt` may be asked for at any moment.

    Parameters
    ----------
    request : SpeechRequest or SoundSource
        What was asked for; its `input` is the first piece of the text.
    base_url : str
        Where it is sent, or ``local``.
    playing : bool
        Whether the frames go to an output at all.
    """

    def __init__(
        self, request: SpeechRequest | SoundSource, base_url: str, *, playing: bool
    ) -> None:
        expected, source = request.expected
        asked = RequestedFormat(request.response_encoding, request.sample_rate)
        self._facts = Receipt(
            model=request.model,
            voice=request.voice or "",
            base_url=base_url,
            format=FormatFacts(
                asked, expected.encoding, expected.samplerate, expected.channels, source
            ),
            streamed=bool(request.stream),
        )
        self.track = Track()
        self.held = 0  # frames of silence that pass only if the piece goes on after it
        self._taken_back = 0
        self.output_rate = expected.samplerate
        self.begun: float | None = None
        self.error: Exception | None = None
        self.failures: list[StreamPlayError] = []
        self.settled = False
        self._raw = request.response_format == "raw"
        self._playing = playing
        self._onset: VoiceOnset | None = None
        self._safe_start: float | None = None
        self._request_begun = 0.0
        self._request_first: float | None = None
        self._request_seconds = 0.0

    # Receiving

    def requested(self, chars: int) -> None:
        """Count a request for `chars` characters."""
        self._facts.requests += 1
        self._facts.chars += chars
        self.changes.notify()

    def began(self, begun: float) -> None:
        """Note that a request was begun at `begun`; the first one is time zero of all moments."""
        self.begun = begun if self.begun is None else self.begun
        self._request_begun, self._request_first, self._request_seconds = begun, None, 0.0

    def moment(self, name: str, at: float | None, *, again: bool = False) -> None:
        """Note when something first happened; later moments change nothing, unless `again`."""
        if at is not None and (again or getattr(self._facts.ms, name) is None):
            setattr(self._facts.ms, name, self._ms(at))

    def effective(self, audio: AudioFormat, source: FormatSource) -> None:
        """Note the format that the bytes turned out to have."""
        facts = self._facts.format
        facts.effective, facts.samplerate = audio.encoding, audio.samplerate
        facts.channels, facts.source = audio.channels, source

    def asked(self, base_url: str, request: SpeechRequest) -> None:
        """Note the server that was asked in the end, and for which voice."""
        self._facts.base_url = base_url
        self._facts.model, self._facts.voice = request.model, request.voice or ""

    def spoken_by(self, voice: str) -> None:
        """Note the voice that the server says has really spoken."""
        self._facts.voice = voice

    def arrived(self, frames: Frames, data: int, now: float) -> None:
        """Count one chunk: its frames, and the audio bytes it was made of."""
        count, rate = len(frames), self._facts.format.samplerate
        self._facts.bytes.audio += data
        if not count:
            return  # a header, or a part of a compressed file: no frames yet
        if self._request_first is None:
            self._request_first = now
        # The least start delay: the worst of (arrival − first sample's time).
        late = now - self._request_first - self._request_seconds
        self._safe_start = late if self._safe_start is None else max(self._safe_start, late)
        self._request_seconds += count / rate
        self._onset = self._onset or VoiceOnset(rate)
        self._onset.search(frames)
        self._facts.frames.received += count
        self.moment("first_audio", now)
        self._facts.ms.last_audio = self._ms(now)

    @property
    def changes(self) -> Changes:
        """Notified when something has happened to the utterance: see `Track.changes`."""
        return self.track.changes

    def counted(
        self, *, body: int = 0, audio: int = 0, words: int = 0, ignored: int = 0, attempts: int = 0
    ) -> None:
        """Add to the counts of body bytes, events and attempts."""
        self._facts.attempts += attempts
        self._facts.bytes.body += body
        self._facts.events.audio += audio
        self._facts.events.words += words
        self._facts.events.ignored += ignored
        self.changes.notify()

    def muted(self, frames: int) -> None:
        """Count frames that came and were muted: they are received frames too."""
        self._facts.frames.received += frames
        self._facts.frames.muted += frames

    def take_back(self, frames: int) -> None:
        """Count the last of the received frames as flushed: another server says that text anew."""
        self._taken_back += frames

    def trimmed(self, frames: int) -> None:
        """Count received frames that were silence between pieces, and were left out."""
        self._facts.frames.trimmed += frames

    def failed(self, error: StreamPlayError) -> None:
        """Note that a piece failed while the rest of the text goes on."""
        self.failures.append(error)
        self._facts.failures.append(ErrorFacts.of(error))

    def saved(self, frames: int) -> None:
        """Count frames that were written to the file."""
        self._facts.frames.saved += frames

    @property
    def frames_saved(self) -> int:
        """Frames that were written to the file so far."""
        return self._facts.frames.saved

    @property
    def samplerate(self) -> int:
        """The source's rate, as far as is known."""
        return self._facts.format.samplerate

    @property
    def surprise(self) -> str | None:
        """A notice where the bytes are not what was asked for: what they are, and who says so."""
        facts = self._facts.format
        asked = facts.requested
        # Only raw audio is asked for in an encoding; a file has its own.
        as_asked = facts.effective == asked.encoding or not (self._raw or facts.source == "bytes")
        if as_asked and facts.samplerate == asked.samplerate:
            return None
        why = {
            "model": f"that is what {self._facts.model} always returns",
            "header": "a header in the stream says so",
            "user": "decode_as (--decode-as) says so",
            "request": "that is this server's own format",
            "server": "the server says so",
            "bytes": "that is what they plainly are",
        }
        return (
            f"asked for {asked.encoding} at {asked.samplerate} Hz, "
            f"decoded as {facts.effective} at {facts.samplerate} Hz: {why[facts.source]}"
        )

    @property
    def received(self) -> int:
        """Frames received so far, at the source's rate."""
        return self._facts.frames.received

    @property
    def meant(self) -> int:
        """Frames received so far that are meant to be heard: neither muted, trimmed nor dropped."""
        return self._meant(self._facts.frames)

    def _meant(self, frames: FrameCounts) -> int:
        return frames.received - frames.muted - frames.trimmed - self._taken_back

    @property
    def first_byte(self) -> float | None:
        """When the first byte of an answer came, or the first frames of a sound; by the clock."""
        ms = self._facts.ms.first_byte
        if ms is None and not self._facts.requests:
            ms = self._facts.ms.first_audio
        return None if ms is None or self.begun is None else self.begun + ms / 1000

    @property
    def voice_frame(self) -> int | None:
        """The first frame of voice, at the source's rate."""
        return self._onset.frame if self._onset else None

    # Ending

    def output(self, facts: OutputFacts) -> None:
        """Note the output that plays it."""
        self._facts.output = facts

    def finish(self, now: float, *, complete: bool, interrupted: bool) -> None:
        """Close the account: frames that were not played by now were flushed."""
        self.settled = True
        self._facts.complete = complete
        self._facts.interrupted = interrupted
        if self.begun is not None:
            self._facts.ms.finished = self._ms(now)

    def receipt(self, position: int) -> Receipt:
        """Return the receipt as of the playout's `position`."""
        self.moment("first_sound", self.track.first_sound)
        self.moment("first_voice", self.track.first_voice)
        facts = deepcopy(self._facts)
        facts.frames = self._frames(position)
        stalls = [1000 * frames / self.output_rate for frames in self.track.stalls]
        facts.stalls.count = len(stalls)
        facts.stalls.total_ms = sum(stalls)
        facts.stalls.longest_ms = max(stalls, default=0.0)
        facts.device_underflows = self.track.underflows
        facts.safe_start_ms = None if self._safe_start is None else 1000 * self._safe_start
        facts.error = self._error()
        return facts

    def heard(self, position: int) -> int:
        """Return where the listener is by `position`: frames of the source before that place.

        Unless the listener has gone back or forward, that is what was handed over by then.
        """
        track = self.track
        place = track.place_at(position)
        at_end = place == track.tape.end and track.is_handed_over(position)
        return self._at_source(place, whole=at_end and not track.cut)

    def place_of(self, frame: int) -> int:
        """Return the place in the track of a frame of the source."""
        return round(frame * self.output_rate / self.samplerate)

    def _at_source(self, frames: int, *, whole: bool) -> int:
        """Return as many frames of the output at the source's rate; all of them where `whole`."""
        rate, meant = self._facts.format.samplerate, self.meant
        passed = round(frames * rate / self.output_rate)
        # A resampler rounds once a request, which must not count as a lost frame. A larger
        # difference was received and not delivered, because a file could not be written.
        slack = (1 + rate // self.output_rate) * (1 + self._facts.requests)
        if rate != self.output_rate and whole and meant - passed <= slack:
            return meant
        return min(meant, passed)

    def _frames(self, position: int) -> FrameCounts:
        """Return the counts with the remainder as flushed or unplayed: the sum is always whole."""
        counts, track = copy(self._facts.frames), self.track
        if self._playing:
            whole = track.is_whole(position)
            counts.played = self._at_source(track.played(position), whole=whole)
            counts.replayed = self._at_source(track.replayed(position), whole=False)
        rest = counts.received - counts.muted - counts.trimmed - counts.played
        flushed = self._playing and self.settled
        counts.flushed, counts.unplayed = (rest, 0) if flushed else (0, rest)
        return counts

    def _error(self) -> ErrorFacts | None:
        return None if self.error is None else ErrorFacts.of(self.error)

    def _ms(self, at: float) -> float:
        assert self.begun is not None
        return (at - self.begun) * 1000
