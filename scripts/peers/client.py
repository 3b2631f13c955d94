"""One client of others before the local speech server: ``client.py NAME BASE_URL FOLDER``.

Run by scripts/try-clients, with the client's own interpreter. For each call a JSON line tells what
was called; where sound came of it, the name of the file that it was written to, and its format and
rate where the file does not tell. What raises is told as the line's error.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT = "Hello from streamplay. This is a test, and it goes on for a second sentence."
KEY = "key"
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")

BASE_URL, FOLDER = "", Path()


def calls(package: str, title: str = "") -> Callable[[str, Callable[[], Any]], None]:
    """Return what makes one call of a client and tells of it."""

    def call(what: str, act: Callable[[], Any]) -> None:
        told: dict[str, Any] = {"client": title or f"{package} {version(package)}", "call": what}
        try:
            came = act()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it stands in the table
            told["error"] = f"{type(error).__name__}: {error}"[:300]
            traceback.print_exc()
        else:
            told |= {"file": came.name} if isinstance(came, Path) else {"came": str(came)[:120]}
        print(json.dumps(told), flush=True)

    return call


def written(name: str, data: bytes) -> Path:
    path = FOLDER / name
    path.write_bytes(data)
    return path


def expect(kind: type[BaseException], act: Callable[[], Any]) -> str:
    try:
        act()
    except kind as error:
        return f"{kind.__name__}: {error}"
    raise AssertionError(f"{kind.__name__} was expected")


def openai() -> None:
    import openai

    call = calls("openai")
    client = openai.OpenAI(api_key=KEY, base_url=BASE_URL)
    speech = client.audio.speech
    fields: dict[str, Any] = {"model": "gpt-4o-mini-tts", "voice": "marin", "input": TEXT}

    def save(suffix: str, **more: Any) -> Path:
        path = FOLDER / f"openai-{'-'.join(map(str, more.values()))}.{suffix}"
        with speech.with_streaming_response.create(**fields | more) as response:
            response.stream_to_file(path)
        return path

    call("create, without a format", lambda: written("openai.mp3", speech.create(**fields).content))
    for kind in FORMATS:
        call(f"create, {kind}", lambda kind=kind: save(kind, response_format=kind))
    call("model of a date", lambda: save("mp3", model="tts-1-hd-1106"))
    call("voice as an object", lambda: save("mp3", voice={"id": "cedar"}))
    call("speed, instructions", lambda: save("mp3", speed=1.5, instructions="Whisper."))
    streamed = {"response_format": "opus", "extra_body": {"stream": True}}
    call("stream: true, opus", lambda: save("opus", **streamed))

    def events() -> Path:
        with speech.with_streaming_response.create(
            response_format="pcm", stream_format="sse", **fields
        ) as response:
            text = b"".join(response.iter_bytes()).decode()
        lines = [json.loads(x[6:]) for x in text.split("\n") if x.startswith("data: {")]
        assert lines[-1]["type"] == "speech.audio.done", lines[-1]
        import base64

        return written("openai-sse.pcm", b"".join(base64.b64decode(x["audio"]) for x in lines[:-1]))

    call("stream_format: sse", events)
    call("models.list", lambda: f"{len(client.models.list().data)} models")
    call("models.retrieve", lambda: client.models.retrieve("tts-1").id)
    call("an unknown voice", lambda: expect(openai.NotFoundError, lambda: save("mp3", voice="x")))
    call("no text", lambda: expect(openai.BadRequestError, lambda: save("mp3", input="")))


def together() -> None:
    import together

    call = calls("together")
    client = together.Together(api_key=KEY, base_url=BASE_URL.removesuffix("/v1"))
    speech = client.audio.speech

    def save(suffix: str, **fields: Any) -> Path:
        path = FOLDER / f"together-{fields['model'].replace('/', '-')}.{suffix}"
        with speech.with_streaming_response.create(input=TEXT, **fields) as response:
            response.stream_to_file(path)
        return path

    for model, voice in (
        ("canopylabs/orpheus-3b-0.1-ft", "tara"),
        ("cartesia/sonic-2", "laidback woman"),
        ("hexgrad/Kokoro-82M", "af_bella(2)+af_heart(1)"),
    ):
        for kind in ("mp3", "wav", "raw"):
            call(
                f"create, {model}, {kind}",
                lambda m=model, v=voice, k=kind: save(
                    k, model=m, voice=v, response_format=k,
                    response_encoding="pcm_s16le", sample_rate=24000,
                ),
            )  # fmt: skip

    def events() -> str:
        stream = speech.create(
            model="canopylabs/orpheus-3b-0.1-ft", input=TEXT, voice="tara",
            response_format="raw", stream=True,
        )  # fmt: skip
        count = sum(1 for _ in stream)
        assert count > 3
        return f"{count} events"

    call("stream: true", events)
    call(
        "an unknown model",
        lambda: expect(
            together.NotFoundError, lambda: speech.create(model="x", voice="y", input=TEXT)
        ),
    )


def litellm() -> None:
    import litellm

    call = calls("litellm")
    fields: dict[str, Any] = {"api_base": BASE_URL, "api_key": KEY, "input": TEXT}

    def save(name: str, **more: Any) -> Path:
        return written(name, litellm.speech(**fields | more).content)

    call("speech", lambda: save("litellm.mp3", model="openai/tts-1", voice="alloy"))
    call(
        "speech, wav",
        lambda: save(
            "litellm.wav", model="openai/gpt-4o-mini-tts", voice="ash", response_format="wav"
        ),
    )

    async def later() -> Path:
        came = await litellm.aspeech(model="openai/tts-1", voice="nova", speed=1.2, **fields)
        return written("litellm-async.mp3", came.content)

    call("aspeech, speed", lambda: asyncio.run(later()))


def livekit() -> None:
    from livekit.plugins import openai as plugin

    call = calls("livekit-plugins-openai")

    async def speak(kind: str) -> Path:
        voice = plugin.TTS(
            model="gpt-4o-mini-tts", voice="coral", base_url=BASE_URL, api_key=KEY,
            response_format=kind,
        )  # fmt: skip
        data = bytearray()
        async with voice.synthesize(TEXT) as stream:
            async for event in stream:
                assert (event.frame.sample_rate, event.frame.num_channels) == (24000, 1)
                data += bytes(event.frame.data)
        await voice.aclose()
        return written(f"livekit-{kind}.pcm", bytes(data))

    for kind in FORMATS:
        call(f"synthesize, {kind}", lambda kind=kind: asyncio.run(speak(kind)))


def pipecat() -> None:
    from pipecat.frames.frames import EndFrame, ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineParams, PipelineTask
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.services.openai.tts import OpenAITTSService

    call = calls("pipecat-ai")

    class Ear(FrameProcessor):
        def __init__(self) -> None:
            super().__init__()
            self.data = bytearray()
            self.errors: list[str] = []

        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TTSAudioRawFrame):
                self.data += frame.audio
            if isinstance(frame, ErrorFrame):
                self.errors.append(frame.error)
            await self.push_frame(frame, direction)

    async def speak() -> Path:
        settings = OpenAITTSService.Settings(voice="sage", model="gpt-4o-mini-tts", speed=1.1)
        service = OpenAITTSService(
            api_key=KEY, base_url=BASE_URL, sample_rate=24000, settings=settings
        )
        ear = Ear()
        params = PipelineParams(audio_out_sample_rate=24000)
        task = PipelineTask(Pipeline([service, ear]), params=params)
        await task.queue_frames([TTSSpeakFrame(TEXT), EndFrame()])
        await PipelineRunner(handle_sigint=False).run(task)
        assert not ear.errors, ear.errors
        return written("pipecat.pcm", bytes(ear.data))

    call("OpenAITTSService in a pipeline", lambda: asyncio.run(speak()))


def realtimetts() -> None:
    import queue

    os.environ["OPENAI_BASE_URL"] = BASE_URL
    from RealtimeTTS.engines.openai_engine import OpenAIEngine

    call = calls("realtimetts")

    def speak(kind: str) -> Path:
        engine = OpenAIEngine(api_key=KEY, response_format=kind, voice="shimmer")
        engine.queue = queue.Queue()
        assert engine.synthesize(TEXT)
        return written(f"realtimetts.{kind}", b"".join(_drained(engine.queue)))

    for kind in ("mp3", "pcm"):
        call(f"OpenAIEngine.synthesize, {kind} (instructions: null)", lambda k=kind: speak(k))


def _drained(queue: Any) -> Iterator[bytes]:
    while not queue.empty():
        yield queue.get()


def requests() -> None:
    """Open WebUI's and Home Assistant's requests, made as their sources make them."""
    import openai

    webui_call = calls("openai", "Open WebUI, its requests")
    hass_call = calls("openai", "Home Assistant, its requests")
    http = openai.DefaultHttpxClient(headers={"Authorization": f"Bearer {KEY}"})

    def get(path: str) -> Any:
        response = http.get(BASE_URL + path)
        response.raise_for_status()
        return response.json()

    def webui() -> Path:
        # backend/open_webui/routers/audio.py: what its page sends, and the model of its settings
        payload = {"input": TEXT, "voice": "alloy", "model": "tts-1"}
        response = http.post(f"{BASE_URL}/audio/speech", json=payload)
        response.raise_for_status()
        return written("webui.mp3", response.content)

    def webui_voices() -> str:
        voices = {voice["id"]: voice["name"] for voice in get("/audio/voices")["voices"]}
        assert "alloy" in voices
        return f"{len(voices)} voices"

    webui_call("/audio/speech", webui)
    webui_call("/audio/voices", webui_voices)
    webui_call("/audio/models", lambda: f"{len(get('/audio/models')['models'])} models")

    async def home_assistant(kind: str) -> Path:
        # homeassistant/components/openai_conversation/tts.py, async_get_tts_audio
        client = openai.AsyncOpenAI(api_key=KEY, base_url=BASE_URL)
        async with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="marin", input=TEXT, instructions=str(None), speed=1.0,
            response_format=kind,
        ) as response:  # fmt: skip
            return written(f"hass.{kind}", b"".join([data async for data in response.iter_bytes()]))

    for kind in FORMATS:
        what = f"openai_conversation: {kind}"
        hass_call(what, lambda k=kind: asyncio.run(home_assistant(k)))

    def sfortis() -> Path:
        # sfortis/openai_tts, openaitts_engine.py: its fields, in JSON of its own
        payload = {"model": "tts-1", "input": TEXT, "voice": "shimmer", "response_format": "mp3",
                   "speed": 1.0, "instructions": ""}  # fmt: skip
        response = http.post(f"{BASE_URL}/audio/speech", json=payload)
        response.raise_for_status()
        return written("sfortis.mp3", response.content)

    hass_call("openai_tts: /audio/speech", sfortis)


if __name__ == "__main__":
    BASE_URL, FOLDER = sys.argv[2], Path(sys.argv[3])
    globals()[sys.argv[1]]()
