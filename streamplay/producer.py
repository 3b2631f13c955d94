"""The producer: one utterance, from its text to frames in the pump."""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from streamplay.errors import InvalidRequest, NetworkFailed, StreamBroken, StreamPlayError
from streamplay.heard import Piece
from streamplay.jitter import policy
from streamplay.learning import PROCESS, Source
from streamplay.pump import Lane
from streamplay.resample import Adapter
from streamplay.sources import sentences
from streamplay.trace import host_of
from streamplay.wire import Audio, Ignored, Words

if TYPE_CHECKING:
    from streamplay.audio import AudioFormat
    from streamplay.decoder import Chunk, Decoder
    from streamplay.jitter import Policy
    from streamplay.network.client import SpeechClient
    from streamplay.network.response import SpeechResponse
    from streamplay.pump import Pump
    from streamplay.request import SpeechRequest
    from streamplay.stage import Stage
    from streamplay.utterance import Utterance


class Producer:
    """Receives one utterance: a request for each piece of its text, one after the other.

    While a piece plays, the next is on its way, because receiving does not wait
    for playing unless the queue is full.
    """

    def __init__(self, utterance: Utterance, stage: Stage) -> None:
        self._utterance = utterance
        self._account = utterance.account
        self._stage = stage
        self._client: SpeechClient | None = None
        self._pump: Pump | None = None
        self._adapter: Adapter | None = None
        self._noted: SpeechResponse | None = None
        self._told = False

    async def run(self) -> None:
        """Receive all of it; what had come when it failed is played to its end.

        Raises
        ------
        Exception
            What ended it; the caller's to keep for whoever waits.
        """
        try:
            self._client = await self._stage.connect()
            async with aclosing(sentences(self._utterance.text)) as texts:
                async for text in texts:
                    await self._say(text)
                    self._nothing_on_its_way()
            if not self._utterance.pieces:
                raise InvalidRequest("input", "is empty", allowed="text to say")
        finally:
            self._close()

    async def _say(self, text: str) -> None:
        request = self._utterance.options.request(text)
        self._account.requested(len(text))
        piece = Piece(text, self._account.meant)
        self._utterance.pieces.append(piece)
        if self._utterance.lane is not None:
            self._utterance.lane.policy.on_request(len(text))
        try:
            await self._receive(request)
        except StreamPlayError as error:
            if not self._may_fall_back():
                raise
            self._stage.options.tell(f"{error.message}; speaking with the built-in voice instead")
            self._client = await self._stage.fall_back()
            await self._receive(request)
        piece.frames = self._account.meant - piece.start
        if self._utterance.lane is not None:
            self._utterance.lane.policy.on_end()

    async def _receive(self, request: SpeechRequest) -> None:
        assert self._client is not None
        response = self._client.open(request)
        response.moments.on_sent = lambda: self._prepare(request)
        self._stage.receiving(response)
        try:
            async with response:
                self._note_moments(response)
                await self._read(response)
        finally:
            self._stage.receiving(None)
            self._note_moments(response)  # where it failed before anything could be read
            self._account.counted(body=response.body_bytes, attempts=response.attempts)

    async def _read(self, response: SpeechResponse) -> None:
        decoder = response.decoder()
        try:
            async for event in response.events():
                await self._take(event, decoder)
        except (NetworkFailed, StreamBroken):
            with suppress(StreamBroken):
                await self._finish(decoder)
            raise
        else:
            await self._finish(decoder)
        finally:
            self._account.muted(decoder.muted)

    async def _finish(self, decoder: Decoder) -> None:
        """Deliver what the decoder and the resampler still hold: the last word's end."""
        try:
            for chunk in decoder.finish():
                await self._deliver(chunk, decoder)
        finally:
            await self._flush_resampler()

    async def _take(self, event: object, decoder: Decoder) -> None:
        match event:
            case Audio(data):
                self._account.counted(audio=1)
                for chunk in decoder.feed(data):
                    await self._deliver(chunk, decoder)
            case Words():
                self._account.counted(words=1)
                self._utterance.pieces[-1].take(event)
            case Ignored():
                self._account.counted(ignored=1)

    async def _deliver(self, chunk: Chunk, decoder: Decoder) -> None:
        """One chunk's way: counted, kept, and put where it is played from."""
        now = self._stage.clock()
        self._account.effective(decoder.format, decoder.source)
        self._account.arrived(chunk.frames, len(chunk.data), now)
        self._tell_format()
        self._keep(chunk, decoder.format, now)
        if not self._stage.options.play or not len(chunk.frames):
            return
        pump, adapter = await self._way_to(decoder.format)
        assert self._utterance.lane is not None
        self._note_voice(decoder.format)
        await pump.put(self._utterance.lane, adapter.convert(chunk.frames))

    def _keep(self, chunk: Chunk, audio: AudioFormat, now: float) -> None:
        if self._utterance.keeper is not None:
            self._utterance.keeper.write(chunk.frames, chunk.data, audio)
            self._account.saved(len(chunk.frames))
        if self._utterance.trace is not None:
            self._begin_trace(audio)
            self._utterance.trace.arrival(now - (self._account.begun or 0.0), len(chunk.frames))

    async def _way_to(self, audio: AudioFormat) -> tuple[Pump, Adapter]:
        """Return the pump, with a lane of ours, and what converts `audio` for it."""
        if self._pump is None:
            self._pump = await self._stage.pump_for(audio)
            self._enter(self._pump)
        output = self._pump.output
        source = (audio.samplerate, audio.channels)
        if self._adapter is None or self._adapter.source != source:
            await self._flush_resampler()
            self._adapter = Adapter(source, (output.samplerate, output.channels))
        return self._pump, self._adapter

    def _enter(self, pump: Pump) -> None:
        rate = pump.output.samplerate
        self._account.output_rate = rate
        self._account.output(self._stage.facts())
        utterance = self._utterance
        lane = Lane(self._account.span, self._policy(rate), pump.playout)
        lane.on_done = lambda: self._stage.on_played(utterance)
        utterance.lane, utterance.played = lane, False
        pump.add(lane)

    def _policy(self, samplerate: int) -> Policy:
        """Return what decides when to start, with what is known of whoever speaks."""
        options, facts = self._utterance.options, self._utterance.receipt
        chosen = policy(
            options.prebuffer,
            samplerate,
            gap_weight=options.gap_weight,
            memory=PROCESS,
            source=Source(host_of(facts.base_url), facts.model, facts.voice),
        )
        chosen.on_request(len(self._utterance.pieces[-1].text))
        return chosen

    async def _flush_resampler(self) -> None:
        """Play what the resampler still holds; what follows needs a new one."""
        if self._adapter is None or self._pump is None or self._utterance.lane is None:
            return
        rest = self._adapter.finish()
        self._adapter = None
        if len(rest):
            await self._pump.put(self._utterance.lane, rest)

    def _nothing_on_its_way(self) -> None:
        """Until the next sentence is there, running dry is nobody's fault."""
        if self._pump is not None and self._utterance.lane is not None:
            self._pump.idle(self._utterance.lane)

    def _close(self) -> None:
        if self._pump is not None and self._utterance.lane is not None:
            self._pump.close(self._utterance.lane)

    # Telling

    def _prepare(self, request: SpeechRequest) -> None:
        """Import what decodes and open the output, now that the request has left."""
        self._stage.import_decoding()
        if self._stage.options.play:
            self._stage.prepare(request.expected[0])

    def _note_moments(self, response: SpeechResponse) -> None:
        if response is self._noted:
            return
        self._noted = response
        account = self._account
        account.began(response.moments.begun)
        account.located(self._stage.base_url)
        for name in ("connected", "sent", "headers", "first_byte"):
            account.moment(name, getattr(response.moments, name))
        if response.voice:
            account.spoken_by(response.voice)

    def _note_voice(self, audio: AudioFormat) -> None:
        """Say where in the playout the first voice will be heard."""
        span, frame = self._account.span, self._account.voice_frame
        if span.voice_offset is None and frame is not None:
            span.voice_offset = frame * self._account.output_rate // audio.samplerate

    def _tell_format(self) -> None:
        surprise = self._account.surprise
        if surprise is not None and not self._told:
            self._told = True
            self._stage.options.tell(surprise)

    def _begin_trace(self, audio: AudioFormat) -> None:
        assert self._utterance.trace is not None
        receipt = self._utterance.receipt
        self._utterance.trace.begin(
            base_url=receipt.base_url,
            model=receipt.model,
            voice=receipt.voice,
            chars=receipt.chars,
            audio=audio,
        )

    def _may_fall_back(self) -> bool:
        wanted = self._stage.options.fallback == "local" and self._stage.base_url != "local"
        return wanted and self._account.received == 0
