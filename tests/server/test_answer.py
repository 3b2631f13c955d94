from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.server import known_signals
from streamplay.server.app import State
from streamplay.server.containers import SoundFileWriter
from streamplay.server.scenario import Scenario
from tests.support.server import asking, serving

COUNT = {"signal": "count", "seconds": 1.0}


def post(*bodies: dict[str, Any], state: State | None = None) -> list[httpx.Response]:
    async def everything() -> list[httpx.Response]:
        async with (
            serving(state) as base_url,
            httpx.AsyncClient(base_url=base_url, timeout=20) as client,
        ):
            return [await client.post("/audio/speech", json=body) for body in bodies]

    return asyncio.run(everything())


def documents(response: httpx.Response) -> list[Any]:
    lines = [line for line in response.text.split("\n") if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def audio(response: httpx.Response) -> bytes:
    """Return the audio bytes of an answer in any dialect."""
    if response.headers["content-type"] != "text/event-stream":
        return response.content
    found = [
        data.get("b64") or data.get("delta") or data.get("audio") or ""
        for data in documents(response)
    ]
    return b"".join(base64.b64decode(text, validate=True) for text in found)


def counted(data: bytes) -> None:
    values = np.frombuffer(data, dtype="<i2")
    np.testing.assert_array_equal(values, known_signals.count(0, 24000))


@pytest.mark.parametrize("split", ["even", "odd", "random"])
@pytest.mark.parametrize("dialect", ["A", "B", "C", "D", "E", "mixed"])
def test_every_dialect_carries_the_same_bytes(dialect: str, split: str) -> None:
    scenario = COUNT | {"dialect": dialect, "split": split, "chunk_bytes": 501}
    (response,) = post(asking(scenario=scenario))
    assert response.status_code == 200
    counted(audio(response))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("samplerate", [8000, 22050, 48000])
def test_every_encoding_and_rate_is_sent_as_asked(encoding: str, samplerate: int) -> None:
    fields = {"model": "cartesia/sonic", "voice": "newsman", "response_encoding": encoding}
    scenario = {"signal": "tone", "seconds": 0.5}
    (response,) = post(asking(scenario=scenario, sample_rate=samplerate, **fields))
    frames = AudioFormat(encoding, samplerate).decode(audio(response))
    assert len(frames) == samplerate // 2
    assert np.abs(np.fft.rfft(frames[:, 0])).argmax() == 150  # 300 Hz in half a second


def test_a_model_that_ignores_the_wish_sends_its_own_format() -> None:
    wish = {"response_encoding": "pcm_f32le", "sample_rate": 44100}
    plain, wished = post(asking(), asking(**wish))
    assert audio(plain) == audio(wished)


def test_the_same_request_gives_the_same_bytes() -> None:
    bodies = [
        asking(),
        asking(stream=False, response_format="mp3"),
        asking(stream=False, response_format="flac"),
    ]
    answers = [response.content for response in post(*bodies, asking("Other."), *bodies)]
    assert answers[:3] == answers[4:]


def test_the_stream_and_the_file_hold_the_same_speech() -> None:
    stream, raw, wav = post(
        asking(),
        asking(stream=False),
        asking(stream=False, response_format="wav"),
    )
    assert audio(stream) == raw.content
    samples, rate = soundfile.read(io.BytesIO(wav.content), dtype="int16")
    # The file is written from float32 by libsndfile, which rounds its own way.
    assert rate == 24000
    assert np.abs(samples - np.frombuffer(raw.content, "<i2").astype(np.int32)).max() <= 1


@pytest.mark.parametrize(
    ("container", "kind", "name"),
    [
        ("wav", "audio/wav", "WAV"),
        ("mp3", "audio/mpeg", "MP3"),
        ("flac", "audio/flac", "FLAC"),
        ("opus", "audio/ogg", "OGG"),
    ],
)
def test_files_say_what_they_are_and_how_long(container: str, kind: str, name: str) -> None:
    whole, events, parts = post(
        asking(stream=False, response_format=container),
        asking(stream=False, response_format=container, stream_format="sse"),
        asking(stream=False, response_format=container, stream_format="audio"),
    )
    assert whole.headers["content-type"] == parts.headers["content-type"] == kind
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert parts.headers["transfer-encoding"] == "chunked"
    assert documents(events)[0]["type"] == "speech.audio.delta"
    for data in (whole.content, audio(events), parts.content):
        file = soundfile.info(io.BytesIO(data))
        assert (file.format, file.samplerate) == (name, 24000)


@pytest.mark.parametrize("container", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
@pytest.mark.parametrize("events", [True, False])
def test_every_container_is_streamed_as_it_is_made(container: str, events: bool) -> None:
    async def first_and_all() -> tuple[int, int, bytes]:
        async with serving() as base_url, httpx.AsyncClient(timeout=20) as client:
            body = asking(
                model="tts-1",
                voice="cedar",
                response_format=container,
                scenario={"signal": "tone", "seconds": 8, "pace": 40},
                **({"stream_format": "sse"} if events else {}),
            )
            async with client.stream("POST", f"{base_url}/audio/speech", json=body) as response:
                assert response.status_code == 200
                parts = [data async for data in response.aiter_raw()]
        text = b"".join(parts).decode(errors="replace")
        if not events:
            return len(parts), len(parts[0]), b"".join(parts)
        deltas = [
            base64.b64decode(json.loads(line.removeprefix("data: "))["audio"])
            for line in text.split("\n")
            if '"audio"' in line
        ]
        return len(deltas), len(deltas[0]), b"".join(deltas)

    count, first, whole = asyncio.run(first_and_all())
    assert count > 4
    assert first < len(whole) / 2
    if container == "aac":
        assert whole[:2] == b"\xff\xf1"
    elif container == "flac":
        assert whole.startswith(b"fLaC")  # libsndfile cannot read one of unknown length
    elif container != "pcm":
        frames, rate = soundfile.read(io.BytesIO(whole))
        assert rate == 24000
        assert abs(len(frames) - 8 * rate) < 0.2 * rate
    else:
        assert len(whole) == 8 * 48000


def test_the_voice_that_spoke_is_told() -> None:
    (response,) = post(asking())
    assert response.headers["x-streamplay-voice"] == "eSpeak NG en-us+f3 (pitch 50)"


def test_words_are_told_before_their_audio_where_that_is_asked() -> None:
    plain, timed = post(asking("One two. Three."), asking("One two. Three.", alignment="word"))
    told = [data for data in documents(timed) if "words" in data]
    assert [data["words"] for data in told] == [["One", "two"], ["Three"]]
    assert audio(plain) == b"".join(
        base64.b64decode(data["b64"]) for data in documents(timed) if "b64" in data
    )


def test_leading_silence_moves_the_words() -> None:
    scenario = {"leading_silence_ms": 500}
    plain, later = post(asking(alignment="word"), asking(alignment="word", scenario=scenario))
    first, moved = (documents(response) for response in (plain, later))
    told = next(data for data in moved if "words" in data)
    assert told["start_seconds"][0] == first[0]["start_seconds"][0] + 0.5
    silence = base64.b64decode(moved[0]["b64"])
    assert not any(silence)


def test_two_channels_hold_the_first_and_half_of_it() -> None:
    (response,) = post(asking(scenario=COUNT | {"channels": 2, "dialect": "D"}))
    pairs = np.frombuffer(response.content, dtype="<i2").reshape(-1, 2)
    assert pairs[:, 0].tolist() == known_signals.count(0, 24000).tolist()
    assert np.abs(pairs[:, 1] - pairs[:, 0] / 2).max() <= 0.5


def test_a_response_header_can_be_anything() -> None:
    wanted = ["Content-Type: Text/Event-Stream; charset=utf-8", "X-Odd: 1"]
    (response,) = post(asking(scenario=COUNT | {"response_headers": wanted}))
    assert response.headers["content-type"] == "Text/Event-Stream; charset=utf-8"
    assert response.headers["x-odd"] == "1"


def test_audio_comes_when_the_scenario_says() -> None:
    async def arrivals() -> list[float]:
        scenario = COUNT | {
            "seconds": 0.4,
            "chunk_ms": 100,
            "pace": 1,
            "stalls": ["200:200"],
            "headers_ms": 50,
            "first_byte_ms": 150,
        }
        async with serving() as base_url, httpx.AsyncClient(base_url=base_url) as client:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            request = asking(scenario=scenario)
            async with client.stream("POST", "/audio/speech", json=request) as response:
                times = [loop.time() - begun]
                lines = response.aiter_lines()
                times += [loop.time() - begun async for line in lines if "b64" in line]
            return times

    due = [0.05, 0.15, 0.25, 0.55, 0.65]
    came = asyncio.run(arrivals())
    assert len(came) == len(due)
    # Never early; how late depends on the machine.
    assert all(at >= planned - 0.001 for at, planned in zip(came, due, strict=True))


def test_keep_alives_fill_the_waiting() -> None:
    scenario = COUNT | {"first_byte_ms": 600, "keep_alive_ms": 20}
    (response,) = post(asking(scenario=scenario))
    comments, _, _ = response.text.partition("data: ")
    assert comments.count(": keep-alive\n\n") >= 2
    counted(audio(response))


def test_a_server_has_a_scenario_of_its_own_and_a_request_changes_it() -> None:
    state = State(Scenario(dialect="B", signal="count", seconds=1.0))
    own, changed = post(asking(), asking(scenario={"dialect": "C"}), state=state)
    assert documents(own)[0]["type"] == "delta"
    assert documents(changed)[0]["type"] == "conversation.item.audio_output.delta"
    counted(audio(changed))


def test_a_slow_reader_holds_the_server_up_and_loses_nothing() -> None:
    async def slowly() -> tuple[int, int]:
        state = State()
        async with (
            serving(state) as base_url,
            httpx.AsyncClient(base_url=base_url, timeout=20) as client,
        ):
            scenario = {"signal": "count", "seconds": 600, "dialect": "D"}
            async with client.stream("POST", "/audio/speech", json=asking(scenario=scenario)) as it:
                stream = it.aiter_raw()
                size = len(await anext(stream))
                await asyncio.sleep(0.3)
                waiting = state.active
                async for data in stream:
                    size += len(data)
            return waiting, size

    # Ten minutes fit into no buffer between: the handler had to wait.
    assert asyncio.run(slowly()) == (1, 600 * 48000)


@pytest.mark.parametrize("container", ["mp3", "wav", "raw"])
def test_a_client_that_leaves_ends_the_making_of_its_file(
    container: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async def leave() -> None:
        async with serving() as base_url, httpx.AsyncClient(timeout=0.3) as client:
            body = asking("One two three. " * 6000, stream=False, response_format=container)
            with pytest.raises(httpx.ReadTimeout):
                await client.post(f"{base_url}/audio/speech", json=body)

    asyncio.run(leave())
    # libsndfile would complain here if the file were closed before its writer.
    assert capfd.readouterr() == ("", "")


def test_long_files_take_turns_with_what_is_short() -> None:
    files = 8  # more than the event loop has threads on a small machine

    async def act() -> int:
        state = State()
        async with serving(state) as base_url, httpx.AsyncClient(timeout=60) as client:
            where = f"{base_url}/audio/speech"
            long = asking("One two three. " * 6000, stream=False, response_format="mp3")
            making = [asyncio.create_task(client.post(where, json=long)) for _ in range(files)]
            while state.active < files:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)
            assert (await client.post(where, json=asking("Hi."))).text.endswith("[DONE]\n\n")
            left = sum(not task.done() for task in making)
            for task in making:
                task.cancel()
            await asyncio.gather(*making, return_exceptions=True)
            return left

    assert asyncio.run(act()) == files


def test_an_encoder_is_closed_only_when_its_last_step_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # libsndfile crashes where one thread closes a file in which another one writes.
    told: list[str] = []
    writing, go_on = threading.Event(), threading.Event()

    def write(_encoder: SoundFileWriter, _frames: Any) -> None:
        writing.set()
        go_on.wait(20)
        told.append("written")

    close = SoundFileWriter.close
    monkeypatch.setattr(SoundFileWriter, "write", write)
    monkeypatch.setattr(
        SoundFileWriter, "close", lambda encoder: (told.append("closed"), close(encoder))
    )

    async def act() -> None:
        async with serving() as base_url, httpx.AsyncClient(timeout=60) as client:
            before = asyncio.all_tasks()
            asked = asking("One two three.", stream=False, response_format="mp3")
            making = asyncio.create_task(client.post(f"{base_url}/audio/speech", json=asked))
            await asyncio.get_running_loop().run_in_executor(None, writing.wait, 20)
            for _ in range(3):  # as a loop does that ends: all tasks, and more than once
                for task in asyncio.all_tasks() - before:
                    task.cancel()
                await asyncio.sleep(0.01)
            assert told == []
            go_on.set()
            await asyncio.gather(making, return_exceptions=True)

    asyncio.run(act())
    assert told == ["written", "closed"]
