"""The official SDKs before the local speech server: every format that both sides know.

Run by scripts/try-peers, with the SDKs' own interpreter: ``try_sdks.py BASE_URL``. It ends with
an error where a file cannot be read, is empty, or a refusal is not the SDK's own error.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import openai
import soundfile
import together

TEXT = "Hello from streamplay. This is a test."
RAW = ("raw", "pcm")


def described(data: bytes, kind: str) -> str:
    """Say what a file holds; raise where nothing can be read from it."""
    assert data, kind
    if kind in RAW:
        assert len(data) % 2 == 0, kind
        return f"{len(data)} bytes"
    info = soundfile.info(io.BytesIO(data))
    assert info.frames > 0, kind
    return f"{info.format} {info.subtype}, {info.samplerate} Hz, {info.frames} frames"


def save(client: Any, folder: Path, kind: str, **fields: Any) -> bytes:
    """Let the SDK stream speech to a file."""
    path = folder / f"speech.{kind}"
    speech = client.audio.speech.with_streaming_response
    with speech.create(input=TEXT, response_format=kind, **fields) as response:
        response.stream_to_file(path)
    return path.read_bytes()


def try_together(base_url: str, folder: Path) -> None:
    """Together's SDK adds the /v1 itself."""
    client = together.Together(api_key="key", base_url=base_url.removesuffix("/v1"))
    for model, voice in (
        ("canopylabs/orpheus-3b-0.1-ft", "tara"),
        ("cartesia/sonic-2", "laidback woman"),
    ):
        for kind in ("mp3", "wav", "raw"):
            told = described(save(client, folder, kind, model=model, voice=voice), kind)
            print(f"together {together.__version__}  {model:<30} {kind:<5} {told}")
        stream = client.audio.speech.create(
            model=model, input=TEXT, voice=voice, response_format="raw", stream=True
        )
        print(f"together {together.__version__}  {model:<30} {sum(1 for _ in stream)} events")
    try:
        client.audio.speech.create(model="nothing", voice="nobody", input=TEXT)
    except together.NotFoundError as error:
        print(f"together {together.__version__}  {error}")


def try_openai(base_url: str, folder: Path) -> None:
    """OpenAI's SDK: libsndfile writes no AAC, and the server says so."""
    client = openai.OpenAI(api_key="key", base_url=base_url)
    fields = {"model": "gpt-4o-mini-tts", "voice": "alloy"}
    for kind in ("mp3", "opus", "flac", "wav", "pcm"):
        told = described(save(client, folder, kind, **fields), kind)
        print(f"openai {openai.__version__}  {fields['model']:<30} {kind:<5} {told}")
    for shape in ("audio", "sse"):
        data = save(client, folder, "pcm", stream_format=shape, **fields)
        print(f"openai {openai.__version__}  stream_format {shape}: {len(data)} bytes")
        assert data.startswith(b"data: {") == (shape == "sse")
    try:
        save(client, folder, "aac", **fields)
    except openai.BadRequestError as error:
        print(f"openai {openai.__version__}  {error}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        try_together(sys.argv[1], Path(name))
        try_openai(sys.argv[1], Path(name))
