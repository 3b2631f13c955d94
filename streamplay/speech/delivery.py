"""Delivery: counts, keeps and plays the frames of one utterance as a producer makes them.

All frames are counted at the rate of the first stream of the utterance; a later stream of another
rate is converted before it is counted. Where another server goes on in the middle of a piece,
frames that no listener has heard yet are taken back: see `break_off`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from streamplay.errors import InvalidRequest
from streamplay.loop import aside
from streamplay.playback.silence import PauseTrimmer
from streamplay.policy.jitter import policy
from streamplay.policy.learning import Source
from streamplay.resample import Adapter
from streamplay.rules.fields import CHARACTERS_PER_SECOND
from streamplay.speech.joining import find_join
from streamplay.speech.loudness import Leveller
from streamplay.trace import host_of

if TYPE_CHECKING:
    from streamplay.audio import AudioFormat, Frames
    from streamplay.codecs.tempo import TempoChanger
    from streamplay.models import FormatSource
    from streamplay.playback.pump import Pump
    from streamplay.playback.silence import Trimmed
    from streamplay.policy.jitter import Policy
    from streamplay.speech.resources import Resources
    from streamplay.speech.state import UtteranceState
    from streamplay.speech.transcript import Join, Piece
    from streamplay.speech_servers import SpeechServer

FIXED_SECONDS: Final = 0.12
"""What the output will have at once: with some room for `streamplay.playback.queue.BEGUN_SECONDS`,
in which nothing can be taken back."""

FADE_SECONDS: Final = 0.005
"""Out, where the sound is cut behind a word: as the playout fades."""

PAUSE_SECONDS: Final = 0.04
"""What is quiet for so long is a pause between two words, or before a stop consonant."""

QUIET_SHARE: Final = 0.05
"""-26 dB below the loudest: less is quiet, beside speech."""

_NO_SPEED: Final = (
    "the server knows no speed, and what stretches the sound is not installed: it is heard at the "
    "voice's own pace. pip install 'streamplay[codecs]'"
)

SEARCHED_SECONDS: Final = 3.0
"""How far back a pause is looked for: a clause lasts as long."""


class Delivery:
    """Passes the frames of one utterance on: to its account, its files and the pump. On the loop.

    Attributes
    ----------
    unheard : bool
        Frames are only counted and kept from now on, and not played.
    speed : float
        To which the frames that come are stretched.
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
        self._counted: AudioFormat | None = None  # the first stream's: all is counted as that
        self._to_counted: Adapter | None = None
        self._leveller: Leveller | None = None
        if resources.backend.has_alternatives and resources.options.play:
            self._leveller = Leveller(resources.loudness)
        self._unplayed: deque[Frames] = deque()  # put last; none before them can be taken back
        self._unplayed_frames = 0
        self._put = 0  # frames on the track, at the output's rate
        self.speed = 1.0
        self._tempo: tuple[TempoChanger, AudioFormat] | None = None
        self._lacks_filters = False
        self._source: FormatSource = "request"

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
        piece.kept = [(0, self._account.frames_saved)]
        self._account.track.begin_piece()
        if self._policy is not None:
            self._policy.on_request(len(piece.text))
        if self._trimmer is not None:
            self._trimmer.begin_piece()

    async def begin_stream(self, server: SpeechServer, voice: str, speed: float = 1.0) -> None:
        """Take the frames that follow for another answer, of this server and voice.

        They are stretched to `speed`, where the server knows none.
        """
        await self.flush()
        self.speed = speed if speed == 1.0 or await self._can_stretch() else 1.0
        if self._leveller is not None and not self.unheard:
            self._leveller.begin(server.number, voice)

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
        if self.speed != 1.0:
            frames, data = self._at_speed(frames, audio)
        await self._add(frames, data, audio, source)

    async def _add(
        self, frames: Frames, data: bytes, audio: AudioFormat, source: FormatSource
    ) -> None:
        self._source, at = source, self._at
        if self._counted is None:
            self._account.effective(audio, source)
        frames, data, audio = self._as_counted(frames, data, audio)
        self._account.arrived(frames, len(data), at)
        self._tell_format()
        self._keep(frames, data, audio, at)
        if self._utterance.keeper is not None and not self._utterance.interrupted:
            await self._utterance.keeper.drained()
        if self.unheard or not len(frames):
            return
        for passing in self._joined(frames, audio):
            await self._play_at_level(passing, audio)

    async def flush(self) -> None:
        """Play the frames that are still held back; the next stream needs another resampler."""
        if self._tempo is not None:
            (changer, audio), self._tempo = self._tempo, None
            rest = changer.finish()
            await self._add(rest, audio.encode(rest), audio, self._source)
        if self._to_counted is not None and self._counted is not None:
            rest, self._to_counted = self._to_counted.finish(), None
            if len(rest):
                await self._add_counted(rest, self._counted)
        await self._release()
        if self._adapter is None or self._pump is None or self._utterance.track is None:
            return
        rest = self._adapter.finish()
        self._adapter = None
        if len(rest):
            await self._put_frames(rest)

    async def _can_stretch(self) -> bool:
        """Whether the sound can be stretched; where not, that is told once."""
        from streamplay.codecs.tempo import import_filters

        try:
            await aside(import_filters)
        except InvalidRequest:
            if not self._lacks_filters:
                self._lacks_filters = True
                self._resources.options.tell(_NO_SPEED)
            return False
        return True

    def _at_speed(self, frames: Frames, audio: AudioFormat) -> tuple[Frames, bytes]:
        """Return frames at the speed that was asked for, and their bytes, before they count."""
        from streamplay.codecs.tempo import TempoChanger

        if self._tempo is None:
            changer = TempoChanger(audio.samplerate, audio.channels, self.speed)
            self._tempo = changer, audio
        stretched = self._tempo[0].convert(frames) if len(frames) else frames
        return stretched, audio.encode(stretched)

    def _as_counted(
        self, frames: Frames, data: bytes, audio: AudioFormat
    ) -> tuple[Frames, bytes, AudioFormat]:
        """Return a chunk as frames of the first stream's format."""
        counted = self._counted
        if counted is None:
            self._counted = audio if len(frames) else None
            return frames, data, audio
        source = (audio.samplerate, audio.channels)
        if source == (counted.samplerate, counted.channels):
            same = audio.encoding == counted.encoding
            return frames, data if same else counted.encode(frames), counted
        if self._to_counted is None or self._to_counted.source != source:
            self._to_counted = Adapter(source, (counted.samplerate, counted.channels))
        converted = self._to_counted.convert(frames)
        return converted, counted.encode(converted), counted

    async def _add_counted(self, frames: Frames, audio: AudioFormat) -> None:
        data = audio.encode(frames)
        self._account.arrived(frames, len(data), self._at)
        self._keep(frames, data, audio, self._at)
        if not self.unheard:
            for passing in self._joined(frames, audio):
                await self._play_at_level(passing, audio)

    # Where another server goes on

    async def break_off(self) -> Join:
        """Return where another server goes on with the piece, and take back what follows that.

        What was received up to there is heard. The frames that were taken back count as flushed.
        """
        assert self._piece is not None
        await self._put_held()
        piece, account = self._piece, self._account
        got = account.meant - piece.start
        join = self._find_join(piece, got, got - self._movable(got))
        fade = round(FADE_SECONDS * account.output_rate) if join.frames else 0
        taken = self._take_back(self._at_output(got - join.frames) + fade)
        movable = self._at_source(len(taken))
        if movable < got - join.frames:  # the output was faster
            join = self._find_join(piece, got, got - movable)
        account.take_back(got - join.frames)
        piece.go_on(join)
        piece.kept.append((join.frames + piece.lead, account.frames_saved))
        kept = taken[: max(0, len(taken) - self._at_output(got - join.frames))]
        if len(kept):
            await self._put_frames(_faded(kept, fade))
        return join

    def note_change(self) -> None:
        """Start by what was learned of the server that speaks now."""
        track = self._utterance.track
        if self._pump is not None and track is not None and not track.closed:
            self._policy = self._choose_policy(self._pump.output.samplerate)
            self._pump.add(track, self._policy)

    def _find_join(self, piece: Piece, got: int, fixed: int) -> Join:
        pauses = [] if piece.words else self._pauses(got, fixed)
        rate = self._account.samplerate
        return find_join(piece, got, fixed, rate, pauses=pauses, pace=self._pace())

    def _pace(self) -> float:
        """Return the characters a second that the pieces so far were spoken at."""
        said = [piece for piece in self._utterance.pieces if piece.frames and not piece.joins]
        frames, rate = sum(piece.frames or 0 for piece in said), self._account.samplerate
        characters = sum(len(piece.text) for piece in said)
        return characters * rate / frames if frames > rate else CHARACTERS_PER_SECOND

    async def _put_held(self) -> None:
        """Put what is still held back: what follows it is another server's."""
        if self._trimmer is not None and self._counted is not None:
            self._account.held = 0
            for frames in self._trimmer.finish():
                await self._play_at_level(frames, self._counted)
        await self.flush()

    def _movable(self, got: int) -> int:
        """Return how many of the last frames of the piece may still be taken back."""
        track, rate = self._utterance.track, self._account.output_rate
        if track is None or track.closed:
            return 0
        left = self._put
        if track.start is not None:
            left -= track.played(track.position()) + round(FIXED_SECONDS * rate)
        return max(0, min(got, self._at_source(left)))

    def _take_back(self, count: int) -> Frames:
        """Take the last frames of the track back, `count` at most, and return them."""
        import numpy as np

        pump, track = self._pump, self._utterance.track
        if pump is None or track is None:
            return np.empty((0, 1), np.float32)
        count = pump.take_back(track, count)
        taken: list[Frames] = []
        self._put -= count
        self._unplayed_frames -= count
        while count and self._unplayed:
            frames = self._unplayed.pop()
            if len(frames) > count:
                self._unplayed.append(frames[:-count])
                frames = frames[-count:]
            taken.insert(0, frames)
            count -= len(frames)
        return np.concatenate([np.empty((0, pump.output.channels), np.float32), *taken])

    def _pauses(self, got: int, fixed: int) -> list[int]:
        """Return where the last seconds of the piece are quiet, in frames of it."""
        import numpy as np

        rate = self._account.output_rate
        most = min(self._at_output(got - fixed), round(SEARCHED_SECONDS * rate))
        if most < rate * PAUSE_SECONDS or not self._unplayed:
            return []
        last = np.abs(np.concatenate(self._unplayed)[-most:]).max(axis=1)
        loud = np.flatnonzero(last > QUIET_SHARE * last.max())
        edges = np.concatenate(([-1], loud, [len(last)]))
        begins = edges[:-1][np.diff(edges) > PAUSE_SECONDS * rate] + 1
        middle = round(PAUSE_SECONDS * rate / 2)
        return [got - self._at_source(len(last) - int(at) - middle) for at in begins]

    def _at_output(self, frames: int) -> int:
        return round(frames * self._account.output_rate / self._account.samplerate)

    def _at_source(self, frames: int) -> int:
        return round(frames * self._account.samplerate / self._account.output_rate)

    async def finish(self) -> None:
        """Play the silence that the last piece ends with."""
        await self._put_held()

    def idle(self) -> None:
        """Mark the track idle: until more frames come, a dry ring is no stall."""
        if self._pump is not None and self._utterance.track is not None:
            self._pump.set_idle(self._utterance.track)

    def close(self) -> None:
        """Close the track: no more frames will come."""
        if self._pump is not None and self._utterance.track is not None:
            self._pump.close(self._utterance.track)

    async def _play(self, frames: Frames, audio: AudioFormat) -> None:
        adapter = await self._way_to(audio)
        self._note_voice(audio)
        await self._put_frames(adapter.convert(frames))

    async def _play_at_level(self, frames: Frames, audio: AudioFormat) -> None:
        """Play frames as loud as the voice that was heard before this one."""
        if self._leveller is None:
            await self._play(frames, audio)
            return
        for passing in self._leveller.pass_frames(frames, audio.samplerate, self._at):
            await self._play(passing, audio)

    async def _release(self) -> None:
        """Play what waits for a voice to be measured."""
        if self._leveller is not None and self._counted is not None:
            for passing in self._leveller.release(self._counted.samplerate):
                await self._play(passing, self._counted)

    async def _put_frames(self, frames: Frames) -> None:
        assert self._pump is not None
        track = self._utterance.track
        assert track is not None
        if self._leveller is not None:  # another server may go on
            self._put += len(frames)
            left = self._put - track.played(track.position())
            self._unplayed.append(frames)
            self._unplayed_frames += len(frames)
            while self._unplayed_frames - len(self._unplayed[0]) > left:
                self._unplayed_frames -= len(self._unplayed.popleft())
        await self._pump.put_frames(track, frames, self._at)

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

    async def _way_to(self, audio: AudioFormat) -> Adapter:
        """Have a pump with our track, and return the converter from `audio` to its output."""
        if self._pump is None:
            await self._resources.store.read()
            self._pump = await self._resources.session.pump_for(audio)
            self._enter(self._pump)
        output = self._pump.output
        source = (audio.samplerate, audio.channels)
        if self._adapter is None or self._adapter.source != source:
            await self.flush()
            self._adapter = Adapter(source, (output.samplerate, output.channels))
        return self._adapter

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


def _faded(frames: Frames, count: int) -> Frames:
    """Return frames of which the last `count` fade out."""
    import numpy as np

    faded = frames.copy()
    count = min(count, len(faded))
    faded[len(faded) - count :] *= np.linspace(1, 0, count, dtype=np.float32)[:, None]
    return faded
