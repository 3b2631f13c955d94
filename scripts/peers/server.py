"""Another's speech server, its own code, with the model stubbed: ``server.py NAME PORT``.

Run by scripts/try-servers, with the server's own interpreter and in a checkout of its source. What
would need a graphics card or gigabytes of weights is replaced before the server imports it; a tone
of 220 Hz stands for its voice. Routes, formats, headers and errors are the server's.
"""

from __future__ import annotations

import asyncio
import importlib.abc
import importlib.machinery
import io
import os
import stat
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np

RATE = 24000
SECONDS_A_LETTER = 0.06

PORT = 0


def voice(text: str, rate: int = RATE) -> np.ndarray:
    """Return a tone as long as the text would take: float32, mono."""
    seconds = max(0.5, len(text) * SECONDS_A_LETTER)
    at = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * at)).astype(np.float32)


class Anything(ModuleType):
    """A module that has whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = MagicMock(name=f"{self.__name__}.{name}")
        setattr(self, name, made)
        return made


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports `Anything` for packages that are not there, and for all that is inside them."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if any(name == each or name.startswith(f"{each}.") for each in self.names):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        return Anything(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []  # type: ignore[attr-defined]


def stub(*names: str) -> None:
    sys.meta_path.insert(0, Stubs(*names))


def replaced(name: str, **contents: Any) -> ModuleType:
    """Put a module of ours in the place of one of theirs."""
    module = ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    return module


def serve(app: Any) -> None:
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")


def fake_torchaudio() -> None:
    import soundfile

    def save(target: Any, tensor: Any, rate: int, **options: Any) -> None:
        kind = str(options.get("format", "wav")).upper()
        soundfile.write(target, np.asarray(tensor).T, rate, format=kind, subtype="PCM_16")

    stub("torchaudio")
    import torchaudio

    torchaudio.save = save


def kokoro_fastapi() -> None:
    stub("kokoro", "misaki", "phonemizer", "spacy")
    voices = Path("api/src/voices/v1_0").resolve()
    voices.mkdir(parents=True, exist_ok=True)
    for name in ("af_heart", "af_alloy", "af_bella"):
        (voices / f"{name}.pt").touch()
    os.environ.update(USE_GPU="false", VOICES_DIR=str(voices), TEMP_FILE_DIR=tempfile.mkdtemp())
    from api.src.inference import kokoro_v1, model_manager
    from api.src.inference.base import AudioChunk
    from api.src.services.text_processing import text_processor

    class Voice(kokoro_v1.KokoroV1):
        def __init__(self) -> None:
            self._model, self._device, self._pipelines = object(), "cpu", {}

        async def load_model(self, path: str) -> None:
            pass

        async def generate(self, text: str, *_: Any, **__: Any) -> Any:
            yield AudioChunk(audio=voice(text))

        @property
        def is_loaded(self) -> bool:
            return True

    model_manager.KokoroV1 = Voice
    text_processor.phonemize = lambda text, *_, **__: text
    from api.src.services import tts_service

    tts_service.KokoroV1 = Voice
    from api.src.main import app

    serve(app)


def orpheus_fastapi() -> None:
    stub("sounddevice", "snac")
    import soundfile

    def generate(prompt: str, output_file: str, **_: Any) -> None:
        soundfile.write(output_file, voice(prompt), RATE, subtype="PCM_16")

    engine = Path("tts_engine/inference.py")
    assert engine.exists()
    stub("psutil") if not _there("psutil") else None
    import tts_engine

    tts_engine.generate_speech_from_api = generate
    for folder in ("outputs", "static"):
        Path(folder).mkdir(exist_ok=True)
    import app

    app.generate_speech_from_api = generate
    serve(app.app)


def speaches() -> None:
    ffmpeg()
    sys.path.insert(0, str(Path("src").resolve()))
    stub("faster_whisper", "onnx_asr", "onnxruntime", "kokoro_onnx", "piper", "pyannote", "aiortc")
    stub("opentelemetry.exporter", "opentelemetry.instrumentation", "aiostream")
    stub("tokenizers", "ctranslate2", "torch", "torchaudio")
    from speaches import dependencies
    from speaches.audio import Audio
    from speaches.routers import speech

    class Piper:
        model_manager: Any = None

        def can_handle_model(self, *_: Any) -> bool:
            return True

        def handle_speech_request(self, request: Any, **_: Any) -> Any:
            whole = voice(request.text, 22050)
            for start in range(0, len(whole), 11025):
                yield Audio(whole[start : start + 11025], sample_rate=22050)

    piper = Piper()
    piper.model_manager = piper
    speech.get_model_card_data_or_raise = lambda _: None
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(speech.router)
    registry = MagicMock()
    registry.text_to_speech = [piper]
    app.dependency_overrides[dependencies.get_executor_registry_async] = lambda: registry
    serve(app)


def _there(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def openedai_speech() -> None:
    stub("TTS", "langdetect")
    programs(piper=PIPER)
    ffmpeg()
    import speech

    speech.args = MagicMock(xtts_device="none")
    serve(speech.app)


PIPER = f"""#!{sys.executable}
import sys, numpy as np
text = sys.stdin.read()
at = np.arange(round(max(0.5, len(text) * {SECONDS_A_LETTER}) * 22050)) / 22050
sys.stdout.buffer.write((0.3 * 32767 * np.sin(2 * np.pi * 220 * at)).astype("<i2").tobytes())
"""


def programs(**scripts: str) -> None:
    """Put programs of ours on the path."""
    folder = Path(tempfile.mkdtemp())
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


def ffmpeg() -> None:
    """Put the ffmpeg that a wheel brings on the path."""
    import imageio_ffmpeg

    where = imageio_ffmpeg.get_ffmpeg_exe()
    programs(ffmpeg=f'#!/bin/sh\nexec "{where}" "$@"\n')


def mp3(samples: np.ndarray) -> bytes:
    """Return an mp3 as Edge's service sends it: 24 kHz, 48 kbit/s, no tag."""
    import soundfile

    out = io.BytesIO()
    options = {"bitrate_mode": "CONSTANT", "compression_level": 0.8}
    with soundfile.SoundFile(out, "w", RATE, 1, "MPEG_LAYER_III", format="MP3", **options) as file:
        file.write(samples)
    return out.getvalue()


def openai_edge_tts(*, converts: bool = False) -> None:
    os.chdir("app")
    sys.path.insert(0, str(Path.cwd()))
    os.environ.update(REQUIRE_API_KEY="False", PORT=str(PORT))

    class Communicate:
        def __init__(self, text: str, **_: Any) -> None:
            self.data = mp3(voice(text))

        async def stream(self) -> Any:
            for start in range(0, len(self.data), 720):
                yield {"type": "audio", "data": self.data[start : start + 720]}

        async def save(self, path: str) -> None:
            Path(path).write_bytes(self.data)  # noqa: ASYNC240 - a stub

    replaced("edge_tts", Communicate=Communicate)
    if converts:
        ffmpeg()
    else:
        programs(ffmpeg="#!/bin/sh\nexit 127\n")  # as if there were none
    import server
    from gevent.pywsgi import WSGIServer

    WSGIServer(("127.0.0.1", PORT), server.app, log=None).serve_forever()


def openai_edge_tts_ffmpeg() -> None:
    openai_edge_tts(converts=True)


class Chatterbox:
    """Stands for the model of both chatterbox servers."""

    sr = RATE

    @classmethod
    def from_pretrained(cls, **_: Any) -> Chatterbox:
        return cls()

    def generate(self, text: str, **_: Any) -> Any:
        import torch

        return torch.from_numpy(voice(text)).unsqueeze(0)


def chatterbox_tts_api() -> None:
    fake_torchaudio()
    stub("chatterbox", "perth", "resampy", "librosa")
    replaced("chatterbox.tts", ChatterboxTTS=Chatterbox)
    replaced("chatterbox.mtl_tts", ChatterboxMultilingualTTS=Chatterbox)
    os.environ.update(DEVICE="cpu", MODEL_CACHE_DIR="models")
    from app.main import app

    serve(app)


def engine_of(**more: Any) -> None:
    """Replace the module with the model of devnen's servers."""
    import torch

    def synthesize(text: str, *_: Any, **__: Any) -> Any:
        return torch.from_numpy(voice(text)), RATE

    named = {"MODEL_LOADED": True, "load_model": lambda: True, "synthesize": synthesize}
    named |= {"get_model_info": dict, "reload_model": lambda: True, "unload_model": lambda: True}
    stub("engine")
    import engine

    vars(engine).update(named | more)


def devnen_server() -> None:
    fake_torchaudio()
    stub("librosa", "parselmouth", "watchdog")
    import server

    server.webbrowser = MagicMock()
    serve(server.app)


def chatterbox_tts_server() -> None:
    engine_of()
    devnen_server()


def kitten_tts_server() -> None:
    engine_of(
        synthesize=lambda text, **_: (voice(text), RATE), KITTEN_TTS_VOICES=["expr-voice-5-m"]
    )
    devnen_server()


def dia_tts_server() -> None:
    rate = 44100
    engine_of(
        generate_speech=lambda text_to_process, **_: (voice(text_to_process, rate), rate),
        EXPECTED_SAMPLE_RATE=rate,
        get_model_filename=lambda: "stub",
    )
    devnen_server()


def mlx_audio() -> None:
    ffmpeg()
    stub("mlx", "mlx_lm", "mlx_vlm", "webrtcvad", "transformers", "sounddevice", "tokenizers")
    from mlx_audio import server

    class Model:
        sample_rate = RATE

        def generate(self, text: str, **_: Any) -> Any:
            whole = voice(text)
            for start in range(0, len(whole), RATE):
                yield MagicMock(audio=whole[start : start + RATE], sample_rate=RATE)

    server.load_model = lambda *_, **__: Model()
    serve(server.app)


def qwen3_tts() -> None:
    ffmpeg()
    from api.backends import factory
    from api.backends.base import TTSBackend

    class Voice(TTSBackend):
        async def initialize(self) -> None:
            pass

        async def generate_speech(self, text: str, *_: Any, **__: Any) -> Any:
            return voice(text), RATE

        def get_backend_name(self) -> str:
            return "stub"

        def get_model_id(self) -> str:
            return "stub"

        def get_supported_voices(self) -> list[str]:
            return ["Vivian", "Ryan"]

        def get_supported_languages(self) -> list[str]:
            return ["English"]

        def is_ready(self) -> bool:
            return True

        def get_device_info(self) -> dict[str, Any]:
            return dict.fromkeys(("device", "gpu_available", "gpu_name", "vram_total", "vram_used"))

    factory._backend_instance = Voice()
    from api.main import app

    serve(app)


def sglang_omni() -> None:
    ffmpeg()
    package = ModuleType("sglang_omni")
    package.__path__ = ["sglang_omni"]  # type: ignore[attr-defined]
    sys.modules["sglang_omni"] = package
    sys.meta_path.append(Stubs("sglang", "transformers", "zmq", "msgpack", "ray"))
    for name in ("pipeline", "pipeline.coordinator", "serve.launcher"):
        sys.modules[f"sglang_omni.{name}"] = Anything(f"sglang_omni.{name}")
    from sglang_omni.client import Client, GenerateChunk
    from sglang_omni.serve.openai_api import create_app

    class Voice(Client):
        def __init__(self) -> None:
            pass

        async def generate(self, request: Any, request_id: str | None = None) -> Any:
            whole = voice(TEXT, 44100)
            for start in range(0, len(whole), 22050):
                await asyncio.sleep(0.02)
                yield GenerateChunk(
                    request_id=request_id or "",
                    audio_data=whole[start : start + 22050],
                    sample_rate=44100,
                    modality="audio",
                )
            yield GenerateChunk(request_id=request_id or "", finish_reason="stop")

    serve(create_app(Voice(), model_name="fishaudio/s2-pro"))


TEXT = "Hello from streamplay. This is a test, and it goes on for a second sentence."


def kokoro_openai_tts_server() -> None:
    """Serve from methenol's small Flask server around Kokoro."""

    def pipeline(**_: Any) -> Any:
        return lambda text, **__: iter([("", "", voice(text))])

    replaced("kokoro", KPipeline=pipeline)
    ffmpeg()
    import server

    server.app.run("127.0.0.1", PORT)


if __name__ == "__main__":
    PORT = int(sys.argv[2])
    sys.path[0] = str(Path.cwd())
    globals()[sys.argv[1]]()
