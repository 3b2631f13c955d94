"""From an order to the bytes of its answer, at the times that a scenario sets."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING, Final, TypeVar

from aiohttp import web

from streamplay.server import known_signals, speech
from streamplay.server.chunked_body import BodyEnded, ChunkedBody
from streamplay.server.chunks import Cutter, Schedule
from streamplay.server.containers import CONTENT_TYPES, Growing, encoder, wav_header
from streamplay.server.event_shapes import Writer
from streamplay.server.synthesis import SynthesisFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from streamplay.audio import Frames
    from streamplay.server.containers import Encoder
    from streamplay.server.order import Order
    from streamplay.server.scenario import Scenario

# A file of half a minute stays in memory, a longer one goes to the disk.
_SPOOL_BYTES: Final = 1 << 20
_READ_BYTES: Final = 1 << 16

T = TypeVar("T")

_log = logging.getLogger(__name__)


class ServedAnswer:
    """Answers one request.

    Parameters
    ----------
    order : Order
        What was asked for.
    scenario : Scenario
        How it is answered.
    number : int
        Which request this is, for what is random.
    patience : float
        Seconds until a client that reads nothing has left.
    """

    def __init__(
        self, order: Order, scenario: Scenario, number: int, patience: float = 120.0
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._order = order
        self._scenario = scenario
        self._audio = scenario.sent(order.format)
        self._patience = patience
        self._schedule = Schedule(scenario, number)
        # Who asks in OpenAI's way is answered in OpenAI's way.
        dialect = scenario.dialect or ("E" if order.openai else "A")
        if order.body != "events":
            dialect = "D"
        self._writer = Writer(scenario, dialect, order.model.id)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Send the whole answer; whatever fault ends it has then happened."""
        response = web.StreamResponse(headers=self._headers())
        body = ChunkedBody(response, self._scenario, self._writer.insertion, self._patience)
        await self._wait_until(self._scenario.headers_ms / 1000)
        # A client that leaves needs no more of its answer.
        with suppress(BodyEnded, ConnectionError):
            if self._order.body == "whole":
                await self._send_file(request, body)
            else:
                await body.begin(request)
                await self._send_stream_or_error(body)
            await body.finish()
        return response

    async def _send_stream_or_error(self, body: ChunkedBody) -> None:
        """Send the stream; tell a failure inside it as the dialect does, or break it off."""
        try:
            await self._send_stream(body)
        except SynthesisFailed as error:
            if not self._writer.events:
                body.break_off()
            await body.send(self._writer.failure(str(error)), event=False)
        except (BodyEnded, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the client must not wait
            # A bug: the client sees that the body is not whole, its place is in the log.
            _log.exception("an answer failed inside its body")
            body.break_off()

    def _headers(self) -> dict[str, str]:
        kind = CONTENT_TYPES[self._order.container]
        headers = {
            "Content-Type": "text/event-stream" if self._writer.events else kind,
            "Cache-Control": "no-cache",
            "x-streamplay-voice": self._order.spoken_by,
        }
        return headers | dict(self._scenario.header_pairs)

    async def _send_file(self, request: web.Request, body: ChunkedBody) -> None:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as file:
            await self._write_file(file)
            await self._wait_until(self._schedule.due(0))
            await body.begin(request, length=file.seek(0, 2))
            for data in _blocks(file):
                await body.send(data)
        await body.before_mark()

    async def _send_stream(self, body: ChunkedBody) -> None:
        cutter = Cutter(self._scenario, self._audio)
        per_second = self._audio.samplerate * self._audio.frame_bytes
        sent = 0
        await body.send(self._writer.start(), event=False)
        async for data, words in self._payload():
            if self._order.words:
                await body.send(self._writer.words(words), event=False)
            for chunk, audio_bytes in cutter.cut(data):
                await self._wait_until(self._schedule.due(sent / per_second), body)
                await body.send(self._writer.audio(chunk))
                sent += audio_bytes
        await body.before_mark()
        await body.send(self._writer.end(len(self._order.text)), event=False)

    async def _payload(self) -> AsyncIterator[tuple[bytes, Sequence[speech.SpeechWord]]]:
        """Yield the audio bytes of the answer as they are made, and the words in them."""
        file = Growing()
        container = self._order.container
        if container == "wav":
            # Its length is not known yet: the sizes that streaming servers write.
            file.write(wav_header(self._audio, 0xFFFFFFFF))
            container = "raw"
        async with self._encoding(file, container) as writer:
            async for piece in self._pieces():
                await _step(writer.write, self._spread(piece.frames))
                words = piece.words
                del piece  # what waits for its client holds no more than its bytes
                yield file.take(), words
        yield file.take(), ()

    async def _write_file(self, file: IO[bytes]) -> None:
        """Make a whole file, a step at a time, so that many files take turns."""
        async with self._encoding(file, self._order.container) as writer:
            async for piece in self._pieces():
                await _step(writer.write, self._spread(piece.frames))

    @asynccontextmanager
    async def _encoding(self, file: IO[bytes] | Growing, container: str) -> AsyncIterator[Encoder]:
        made: list[Encoder] = []  # also where the answer is cancelled while it is made

        def make() -> None:
            made.append(encoder(file, container, self._audio, self._order.bit_rate))

        try:
            await _step(make)
            yield made[0]
        finally:
            for writer in made:
                await _step(writer.close)

    async def _pieces(self) -> AsyncIterator[speech.SpokenPiece]:
        """Run the synthesis in a thread, one piece a step: a client waits for its piece only."""
        source = self._sound()
        while (piece := await _step(next, source, None)) is not None:
            yield piece
            del piece

    def _sound(self) -> Iterator[speech.SpokenPiece]:
        import numpy as np

        wanted = self._scenario
        lead = wanted.leading_silence_ms / 1000
        second = self._audio.samplerate
        for start in range(0, self._audio.frames(lead), second):
            frames = min(second, self._audio.frames(lead) - start)
            yield speech.SpokenPiece(np.zeros((frames, 1), np.float32))
        if wanted.signal == "speech":
            yield from speech.pieces(self._order, self._audio.samplerate, lead)
        else:
            yield from known_signals.pieces(wanted.signal, self._audio, wanted.seconds, wanted.seed)

    def _spread(self, frames: Frames) -> Frames:
        """Return mono frames in the channels that are sent."""
        if self._audio.channels == 1:
            return frames
        import numpy as np

        return np.concatenate([frames, frames / 2], axis=1)

    async def _wait_until(self, due: float, body: ChunkedBody | None = None) -> None:
        """Wait for a time after the request, with keep-alives into `body` meanwhile."""
        pause = self._scenario.keep_alive_ms / 1000 if body else 0.0
        while (left := self._begun + due - self._loop.time()) > 0:
            if body is None or not 0 < pause < left:
                await asyncio.sleep(left)
                return
            await asyncio.sleep(pause)
            await body.send(self._writer.keep_alive(), event=False)


async def _step(work: Callable[..., T], *args: object) -> T:
    """Do some milliseconds of work on a thread.

    Where the answer is cancelled meanwhile, also more than once (the client leaves, then the
    server stops), the step is waited for: what it works on is closed then. A future of the
    executor, and no task: a loop that ends cancels its tasks while their threads go on.
    """
    step = asyncio.get_running_loop().run_in_executor(None, work, *args)
    cancelled: asyncio.CancelledError | None = None
    while not step.done():
        try:
            await asyncio.wait([step])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return step.result()


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while data := file.read(_READ_BYTES):
        yield data
