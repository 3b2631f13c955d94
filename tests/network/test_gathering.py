"""Pieces of a stream that come, wait and are decoded together: nothing is lost, late or noise."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay.audio import AudioFormat
from streamplay.bench.observe import import_decoding
from streamplay.errors import StreamPlayError, TimedOut, WrongEncoding
from streamplay.network.api import SpeechApi
from streamplay.network.async_connection import AsyncConnection
from streamplay.network.body import Body
from streamplay.network.timeouts import Timeouts
from streamplay.request import SpeechRequest
from streamplay.stream.decoder import Decoder
from streamplay.stream.guard import Guard
from streamplay.stream.wire import Words, reader_for
from tests.network.test_answer_audio import F32, S16, SPEECH, Came, cut_speech
from tests.network.test_body import Scripted
from tests.support.rawserver import DONE, chunk, chunked, delta, event, replies, running, speech

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamplay.network.async_connection import Piece
    from tests.support.rawserver import Connection

REQUEST = SpeechRequest(input="Hello", response_encoding="pcm_s16le")


def test_an_event_that_tells_another_rate_counts_from_where_it_stands() -> None:
    fast = AudioFormat("pcm_s16le", 48000)
    pieces = [
        *cut_speech([2400] * 5, S16),
        event({"type": "speech.audio.info", "sample_rate": 48000}),
        *(delta(fast.encode(SPEECH[at : at + 2400])) for at in range(0, 12000, 2400)),
        DONE,
    ]
    apart, joined = Came(pieces, 1, S16), Came(pieces, 20, S16)
    assert len(apart.frames) == len(joined.frames) == 5 * 2400 + 5 * 1200
    assert np.array_equal(apart.frames, joined.frames)


LOUD = np.clip(np.concatenate([SPEECH[:48000]] * 2) / np.abs(SPEECH[:48000]).max(), -1, 1) * 0.8


def test_what_was_sound_before_the_encoding_changed_stays_sound() -> None:
    good, bad = LOUD[:48000], LOUD[48000:]
    pieces = [
        *(delta(S16.encode(good[at : at + 2400])) for at in range(0, 48000, 2400)),
        *(delta(F32.encode(bad[at : at + 2400])) for at in range(0, 48000, 2400)),
        DONE,
    ]
    came = Came(pieces, 50, S16)
    assert np.allclose(came.frames[:48000], good, atol=1e-3)


def test_sound_before_noise_is_given_before_the_rest_is_muted() -> None:
    decoder = Decoder(S16, "user", content_type="text/event-stream")
    first, both = S16.encode(LOUD[:12000]), S16.encode(LOUD[12000:24000]) + F32.encode(LOUD[:24000])
    frames = sum(len(one.frames) for one in decoder.feed(first))
    came: list[int] = []
    with pytest.raises(WrongEncoding):
        came.extend(len(one.frames) for one in decoder.feed(both))
    assert frames + sum(came) >= 24000


def test_the_guard_counts_what_was_quiet() -> None:
    guard = Guard(S16)
    quiet = S16.encode(LOUD[:4800] * 0.01)
    for _ in range(3):
        assert guard.look(quiet, S16.decode(quiet)) is None
    assert guard._seen == 3 * len(quiet)


@pytest.mark.parametrize("comes", [True, False])
def test_at_the_limit_what_has_come_is_given_out_once(comes: bool) -> None:
    async def main() -> int:
        asked = 0
        woken = asyncio.get_running_loop().create_future()

        def hurry() -> bool:
            nonlocal asked
            asked += 1
            if comes:
                woken.set_result(None)
            return True

        with Timeouts().wait("chunk", 0.01, hurry=hurry):
            await woken
        return asked

    if comes:
        assert asyncio.run(main()) == 1
        return
    with pytest.raises(TimedOut):
        asyncio.run(main())


@pytest.mark.parametrize(
    "end", [b"0\r\nServer-Timing: a\r\n\r\n", b"0;x=y\r\n\r\n", b"000\r\n\r\n", b"0\r\n\r\n", b""]
)
def test_a_gathered_answer_ends_with_its_end_mark(end: bytes) -> None:
    last = chunk(b"".join(cut_speech([2400], S16)) + DONE) + end
    answer = chunked(cut_speech([2400], S16), end=False)

    async def paced(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer)
        await asyncio.sleep(0.05)
        await connection.send(last)
        if not end:
            await asyncio.sleep(0.2)
            await connection.send(chunk(b":" + bytes(1000)))
        await connection.gone()

    async def main() -> tuple[float, float]:
        async with (
            asyncio.timeout(20),
            running(paced) as server,
            SpeechApi(base_url=server.base_url, api_key="", timeout=600.0) as client,
            client.open(REQUEST) as response,
        ):
            response.gather(60.0)
            when = 0.0
            async for item in response.chunks():
                assert not isinstance(item, Words)
                when = response.arrivals(item)[-1][0]
            return when, response.arrived

    when, arrived = asyncio.run(main())
    assert when == arrived


def test_bytes_that_come_one_by_one_are_read_in_many_turns() -> None:
    class Tiny(Scripted):
        async def pieces(self) -> AsyncGenerator[list[Piece], None]:
            yield [(0.0, b"\1")]
            yield [(1.0, b"\1")] * 200_000

    async def main() -> int:
        body = Body(Tiny(), Timeouts(), 10.0)
        await body.first()
        return len([batch async for batch in body.batches(reader_for("audio/pcm"))])

    assert asyncio.run(main()) > 100


def test_small_deltas_of_one_piece_are_one_arrival() -> None:
    small = delta(b"\1\0\2\0")
    came = Came([*cut_speech([4800], S16), small * 500, small * 500, DONE], 3, S16)
    assert sum(frames for _, frames in came.arrivals) == 4800 + 2000
    assert len(came.arrivals) < 10


@pytest.mark.parametrize("line", [b":\n", b"id\n", b"\r", b"event:x\n\n"])
def test_lines_without_events_are_read_a_few_at_a_time_behind_a_large_event(line: bytes) -> None:
    reader = reader_for("text/event-stream")
    list(reader.feed(b": x\n\n" + delta(bytes(range(256)) * 200)))
    large = reader.turn_bytes
    list(reader.feed(line * (large // len(line))))
    assert reader.turn_bytes < large


PEM = Path(__file__).parents[1] / "data" / "localhost.pem"


@pytest.mark.parametrize("secure", [False, True])
def test_an_ended_connection_is_freed_without_the_garbage_collector(
    secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its buffers are large, and the benchmark hardly ever collects."""
    monkeypatch.setenv("SSL_CERT_FILE", str(PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    made: list[weakref.ref[object]] = []
    first = AsyncConnection.__init__

    def noted(self: AsyncConnection, *given: Any) -> None:
        first(self, *given)
        made.append(weakref.ref(self))

    monkeypatch.setattr(AsyncConnection, "__init__", noted)

    async def main() -> None:
        script = replies(speech(S16.encode(LOUD[:2400])))
        async with running(script, tls=context if secure else None) as server:
            base_url = server.base_url.replace("127.0.0.1", "localhost")
            async with SpeechApi(base_url=base_url, api_key="") as client:
                async with client.beside() as cold, cold.open(REQUEST) as response:
                    made.append(weakref.ref(cold._transport))
                    async for _ in response.chunks():
                        pass
                del cold, response, _
                await asyncio.sleep(0.05)
                assert [one() for one in made] == [None, None]

    gc.collect()
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_what_was_gathered_and_is_nothing_of_the_body_is_a_time_out() -> None:
    async def stops(connection: Connection) -> None:
        await connection.request()
        await connection.send(chunked(cut_speech([2400], S16), end=False))
        await asyncio.sleep(0.95)
        await connection.send(b"ff;" + b"x" * 1000)  # a chunk's line that does not end
        await connection.gone()

    async def main() -> None:
        async with (
            asyncio.timeout(10),
            running(stops) as server,
            SpeechApi(base_url=server.base_url, api_key="", timeout=1.0) as client,
            client.open(REQUEST) as response,
        ):
            response.gather(0.5)
            with pytest.raises(StreamPlayError, match="timed out"):
                async for _ in response.chunks():
                    pass

    import_decoding()
    asyncio.run(main())
