"""Delivery: counts, keeps and plays the frames of one utterance as a producer makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.playback.silence import PauseTrimmer
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Source
from streamplay.resample import Adapter
from streamplay.trace import host_of

if TYPE_CHECKING:
    from streamplay.audio import AudioFormat, Frames
    from streamplay.models import FormatSource
    from streamplay.playback.pump import Pump
    from streamplay.playback.silence import Trimmed
    from streamplay.policy.jitter import Policy
    from streamplay.speech.resources import Resources
    from streamplay.speech.state import UtteranceState
    from streamplay.speech.transcript import Piece


class Delivery:
    """Passes the frames of one utterance on: to its account, its files and the pump. On the loop.

    Attributes
    ----------
    unheard : bool
        Frames are only counted and kept from now on, and not played.
    """

    def __init__(self, utterance: UtteranceState, resources: Resources) -> None:
        self.unheard = not resources.options.play
        self._utterance = utterance
        self._account = utterance.account
        self._resources = resources
        self._pump: Pump | None = None
        self._policy: Policy | None = None
        self._adapter: Adapter | None = None
        self._trimmer: PauseTrimmer | None = None
        self._piece: Piece | None = None
        self._before: Piece | None = None
        self._told = False
        self._at = 0.0  # when the chunk that is being delivered arrived

    @property
    def ahead(self) -> float:
        """Seconds of audio that have arrived and have not been heard yet."""
        if not self._resources.options.play:
            return 0.0
        heard = self._account.heard(self._account.track.position())
        return (self._account.meant - self._account.held - heard) / self._account.samplerate

    def begin(self, piece: Piece) -> None:
        """Count the frames that follow as those of `piece`."""
        self._before, self._piece = self._piece, piece
        piece.start = self._account.meant
        self._account.track.skipping = False  # the listener wanted to go on to this piece
        if self._policy is not None:
            self._policy.on_request(len(piece.text))
        if self._trimmer is not None:
            self._trimmer.begin_piece()

    def end(self, *, learn: bool) -> None:
        """Note that the piece is complete; `learn` from it where no other stream ran beside it."""
        assert self._piece is not None
        self._piece.frames = self._account.meant - self._piece.start
        if self._pump is not None and self._policy is not None:
            self._pump.set_level(self._account.track, self._policy.on_end(learn=learn))
        self._account.changes.notify()

    async def add_chunk(
        self, frames: Frames, data: bytes, audio: AudioFormat, source: FormatSource, at: float
    ) -> None:
        """Count, keep and play one chunk that arrived at time `at`."""
        self._at = at
        self._account.effective(audio, source)
        self._account.arrived(frames, len(data), at)
        self._tell_format()
        self._keep(frames, data, audio, at)
        if self._utterance.keeper is not None and not self._utterance.interrupted:
            await self._utterance.keeper.drained()
        if self.unheard or not len(frames):
            return
        for passing in self._joined(frames, audio):
            await self._play(passing, audio)

    async def flush(self) -> None:
        """Play the frames that the resampler still holds; the next stream needs another one."""
        if self._adapter is None or self._pump is None or self._utterance.track is None:
            return
        rest = self._adapter.finish()
        self._adapter = None
        if len(rest):
            await self._pump.put_frames(self._utterance.track, rest, self._at)

    async def finish(self, audio: AudioFormat | None) -> None:
        """Play the silence that the last piece ends with."""
        if self._trimmer is not None and audio is not None:
            self._account.held = 0
            for frames in self._trimmer.finish():
                await self._play(frames, audio)
            await self.flush()

    def idle(self) -> None:
        """Mark the track idle: until more frames come, a dry ring is no stall."""
        if self._pump is not None and self._utterance.track is not None:
            self._pump.set_idle(self._utterance.track)

    def close(self) -> None:
        """Close the track: no more frames will come."""
        if self._pump is not None and self._utterance.track is not None:
            self._pump.close(self._utterance.track)

    async def _play(self, frames: Frames, audio: AudioFormat) -> None:
        pump, adapter = await self._way_to(audio)
        assert self._utterance.track is not None
        self._note_voice(audio)
        await pump.put_frames(self._utterance.track, adapter.convert(frames), self._at)

    def _joined(self, frames: Frames, audio: AudioFormat) -> list[Frames]:
        """Return the frames to be played, without the silence between pieces that is to be cut."""
        pause = self._utterance.options.pause_ms
        if pause is None:
            return [frames]
        if self._trimmer is None:
            self._trimmer = PauseTrimmer(round(pause * audio.samplerate / 1000))
        passing, trimmed = self._trimmer.pass_frames(frames)
        self._account.held = self._trimmer.held
        self._trim(trimmed)
        return passing

    def _trim(self, trimmed: Trimmed) -> None:
        """Move the ends of the pieces to where they are without the silence that was cut."""
        self._account.trimmed(trimmed.end + trimmed.beginning)
        if self._piece is not None and self._before is not None and self._before.frames is not None:
            self._before.frames -= trimmed.end
            self._piece.start -= trimmed.end
            self._piece.lead += trimmed.beginning

    def _keep(self, frames: Frames, data: bytes, audio: AudioFormat, now: float) -> None:
        if self._utterance.keeper is not None:
            self._utterance.keeper.write(frames, data, audio)
            self._account.saved(len(frames))
        if self._utterance.trace is not None:
            self._utterance.begin_trace()
            self._utterance.trace.arrival(now - (self._account.begun or 0.0), len(frames))

    async def _way_to(self, audio: AudioFormat) -> tuple[Pump, Adapter]:
        """Return the pump, which has our track, and the converter from `audio` to its output."""
        if self._pump is None:
            await self._resources.store.read()
            self._pump = await self._resources.session.pump_for(audio)
            self._enter(self._pump)
        output = self._pump.output
        source = (audio.samplerate, audio.channels)
        if self._adapter is None or self._adapter.source != source:
            await self.flush()
            self._adapter = Adapter(source, (output.samplerate, output.channels))
        return self._pump, self._adapter

    def _enter(self, pump: Pump) -> None:
        rate = pump.output.samplerate
        self._account.output_rate = rate
        self._account.output(self._resources.session.facts())
        self._policy = self._choose_policy(rate)
        self._utterance.track = self._account.track
        pump.add(self._account.track, self._policy)

    def _choose_policy(self, samplerate: int) -> Policy:
        """Return the start policy, with what was learned of this server, model and voice."""
        options, facts = self._utterance.options, self._utterance.receipt
        chosen = policy(
            options.prebuffer,
            samplerate,
            gap_weight=options.gap_weight,
            memory=self._resources.store.memory,
            source=Source(host_of(facts.base_url), facts.model, facts.voice),
        )
        chosen.on_request(len(self._piece.text) if self._piece is not None else 0)
        return chosen

    def _note_voice(self, audio: AudioFormat) -> None:
        """Set where in the track the first voice is."""
        track, frame = self._account.track, self._account.voice_frame
        if track.voice_offset is None and frame is not None:
            track.voice_offset = frame * self._account.output_rate // audio.samplerate

    def _tell_format(self) -> None:
        surprise = self._account.surprise
        if surprise is not None and not self._told:
            self._told = True
            self._resources.options.tell(surprise)
