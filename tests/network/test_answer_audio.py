"""What of an answer is decoded together, and when its frames came."""

from __future__ import annotations

import asyncio
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamplay.audio import AudioFormat
from streamplay.errors import StreamPlayError
from streamplay.network.answer_audio import Answer
from streamplay.network.api import SpeechApi
from streamplay.network.body import Body
from streamplay.network.timeouts import Timeouts
from streamplay.request import SpeechRequest
from streamplay.stream.stillness import SilenceLimits
from streamplay.stream.wire import Words
from tests.network.test_body import Scripted
from tests.stream.test_riff import wav
from tests.support.rawserver import DONE, chunk, chunked, delta, head, running
from tests.support.sounds import spoken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamplay.network.async_connection import Piece
    from tests.support.rawserver import Connection

S16 = AudioFormat("pcm_s16le", 24000)
F32 = AudioFormat("pcm_f32le", 24000)
SPEECH = next(sound.frames for sound in spoken(200) if sound.samplerate == 24000)


class Together(Scripted):
    """An exchange that gives out its pieces some at a time, after the first one.

    Each came a second after the one before it.
    """

    def __init__(self, pieces: list[bytes], together: int) -> None:
        super().__init__(*pieces)
        self._together = together

    async def pieces(self) -> AsyncGenerator[list[Piece], None]:
        rest = range(1, len(self._pieces), self._together)
        for some in [self._pieces[:1], *(self._pieces[at : at + self._together] for at in rest)]:
            self.arrived += len(some)
            first = self.arrived - len(some) + 1
            yield [(first + number, bytes(piece)) for number, piece in enumerate(some)]  # type: ignore[arg-type]


class Came:
    """What came of an answer."""

    def __init__(self, pieces: list[bytes], together: int, expected: AudioFormat) -> None:
        self.arrivals: list[tuple[float, int]] = []
        self.chunks = 0
        self.error: type[StreamPlayError] | None = None
        self._frames: list[Any] = []
        asyncio.run(self._read(Together(pieces, together), expected))
        self.frames = np.concatenate(self._frames or [np.zeros((0, 1), np.float32)])

    async def _read(self, exchange: Together, expected: AudioFormat) -> None:
        body = Body(exchange, Timeouts(), 10.0)
        await body.first()
        self.answer = Answer(
            body, "text/event-stream", (expected, "model"), None, SilenceLimits(15.0)
        )
        try:
            await self.answer.until_audio()
            async for chunk in self.answer.chunks():
                assert not isinstance(chunk, Words)
                self.chunks += 1
                self.arrivals += self.answer.arrivals(chunk)
                self._frames.append(chunk.frames)
        except StreamPlayError as error:
            self.error = type(error)

    @property
    def heard_by(self) -> list[tuple[float, int]]:
        """How many frames had come by each moment."""
        times = dict(
            zip(
                (when for when, _ in self.arrivals),
                accumulate(count for _, count in self.arrivals),
                strict=True,
            )
        )
        return list(times.items())


def cut_speech(sizes: list[int], audio: AudioFormat) -> list[bytes]:
    """Return speech as deltas of so many frames."""
    ends = list(accumulate(sizes))
    frames = [SPEECH[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    return [delta(audio.encode(part)) for part in frames if len(part)]


# Not so few bytes that they are joined before it is known what they are.
some_sizes = st.lists(st.integers(14, 4000), min_size=1, max_size=12)


@given(some_sizes, st.integers(2, 8), st.sampled_from([S16, F32]))
def test_deltas_that_are_decoded_together_are_the_same_sound_at_the_same_times(
    sizes: list[int], together: int, audio: AudioFormat
) -> None:
    pieces = [*cut_speech(sizes, audio), DONE]
    apart, joined = Came(pieces, 1, audio), Came(pieces, together, audio)
    assert (joined.error, apart.error) == (None, None)
    assert np.array_equal(joined.frames, apart.frames)
    assert joined.heard_by == apart.heard_by
    assert joined.chunks <= apart.chunks


@given(some_sizes, st.integers(2, 8), st.sampled_from([(S16, F32), (F32, S16)]))
def test_noise_that_is_decoded_together_is_no_more_noise(
    sizes: list[int], together: int, formats: tuple[AudioFormat, AudioFormat]
) -> None:
    """Bytes of one encoding that are said to be of another."""
    told, really = formats
    pieces = [*cut_speech(sizes, really), DONE]
    apart, joined = Came(pieces, 1, told), Came(pieces, together, told)
    assert sum(count for _, count in joined.arrivals) == len(joined.frames)
    times = [when for when, _ in joined.arrivals]
    assert times == sorted(times)
    assert np.abs(joined.frames).sum() <= np.abs(apart.frames).sum() * (1 + 1e-6)


def test_a_container_inside_is_found_wherever_it_stands() -> None:
    """Deltas that each hold a WAV file: their headers are not heard."""
    pieces = [
        *(delta(wav(S16.encode(SPEECH[at : at + 2400]))) for at in range(0, 24000, 2400)),
        DONE,
    ]
    for together in (1, 3, 12):
        came = Came(pieces, together, S16)
        assert np.allclose(came.frames, SPEECH[:24000], atol=1 / 32768)


def test_frames_of_several_deltas_are_shared_by_their_bytes() -> None:
    came = Came([*cut_speech([4800, 2400, 2400, 4800], S16), DONE], 5, S16)
    assert came.chunks < 4
    assert came.arrivals == [(1.0, 4800), (2.0, 2400), (3.0, 2400), (4.0, 4800)]


@pytest.mark.parametrize("length_is_told", [False, True])
def test_a_gathered_stream_tells_when_each_delta_came(length_is_told: bool) -> None:
    """Over a real connection; where a header tells the body's length nothing is gathered."""
    deltas = [*cut_speech([2400] * 8, S16), DONE]
    length = sum(map(len, deltas))
    told = head(200, {"Content-Type": "text/event-stream", "Content-Length": str(length)})

    async def paced(connection: Connection) -> None:
        await connection.request()
        await connection.send(told if length_is_told else chunked([], end=False))
        for part in deltas:
            await connection.send(part if length_is_told else chunk(part))
            await asyncio.sleep(0.03)
        if not length_is_told:
            await connection.send(chunk(b""))

    async def main() -> tuple[list[tuple[float, int]], int]:
        arrivals, chunks = [], 0
        async with (
            asyncio.timeout(20),
            running(paced) as server,
            SpeechApi(base_url=server.base_url, api_key="") as client,
            client.open(SpeechRequest(input="Hello", response_encoding="pcm_s16le")) as response,
        ):
            response.gather(60.0)  # longer than the stream: only its end wakes the reader
            async for item in response.chunks():
                assert not isinstance(item, Words)
                chunks += 1
                arrivals += response.arrivals(item)
        return arrivals, chunks

    arrivals, chunks = asyncio.run(main())
    assert [count for _, count in arrivals] == [2400] * 8
    times = [when for when, _ in arrivals]
    assert times[-1] - times[0] >= 7 * 0.03
    assert chunks > 4 if length_is_told else chunks <= 4
