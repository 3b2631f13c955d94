"""Servers that cannot be run here, from their sources: ``imitated.py NAME PORT``.

vLLM-Omni needs a graphics card's libraries, LocalAI and Kokoros are written in Go and Rust, Groq is
a service. What each accepts and sends is made from the files and lines named beside it.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np
import soundfile

SECONDS_A_LETTER = 0.06
PIECES = 4


def voice(text: str, rate: int) -> np.ndarray:
    seconds = max(0.5, len(text) * SECONDS_A_LETTER)
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype("f4")


def raw(samples: np.ndarray) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


def header(rate: int, size: int = 0xFFFFFFFF) -> bytes:
    fmt = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    whole = size if size == 0xFFFFFFFF else size + 36
    return (
        b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", size)
    )


def file(samples: np.ndarray, rate: int, kind: str) -> bytes:
    out = io.BytesIO()
    how = {"mp3": ("MP3", None), "flac": ("FLAC", None), "wav": ("WAV", "PCM_16")}
    form, subtype = how.get(kind, ("OGG", "OPUS"))
    soundfile.write(out, samples, rate, format=form, subtype=subtype)
    return out.getvalue()


class Peer(BaseHTTPRequestHandler):
    """Answers one request after the other, as its subclass does."""

    protocol_version = "HTTP/1.1"
    voices: ClassVar[Any] = None

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/v1/audio/voices") and self.voices is not None:
            self.answer(200, "application/json", json.dumps(self.voices).encode())
        else:
            self.answer(404, "application/json", b'{"detail":"Not Found"}')

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.speak(json.loads(body))

    def speak(self, asked: dict[str, Any]) -> None:
        raise NotImplementedError

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, error: Any) -> None:
        self.answer(status, "application/json", json.dumps(error).encode())

    def stream(self, kind: str, pieces: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            time.sleep(0.05)
        self.wfile.write(b"0\r\n\r\n")


class VllmOmni(Peer):
    """vllm-project/vllm-omni, docs/serving/speech_api.md at 078de2d.

    Formats wav (the default), pcm, flac, mp3, opus; what else is asked is a validation error.
    `stream` or `stream_format` gives events with `event:` lines, which tell no rate of pcm.
    """

    voices: ClassVar = {"voices": ["aiden", "ryan", "vivian"], "uploaded_voices": []}

    def speak(self, asked: dict[str, Any]) -> None:
        kind = asked.get("response_format") or "wav"
        rate = asked.get("sample_rate") or 24000
        if kind not in ("wav", "pcm", "flac", "mp3", "opus"):
            message = (
                "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', "
                "'response_format'), 'msg': \"Input should be 'wav', 'pcm', 'flac', 'mp3' or "
                f"'opus'\", 'input': '{kind}'}}"
            )
            return self.refuse(
                400,
                {"error": {"message": message, "type": "Bad Request", "param": None, "code": 400}},
            )
        samples = voice(asked["input"], rate)
        if not (asked.get("stream") or asked.get("stream_format")):
            data = raw(samples) if kind == "pcm" else file(samples, rate, kind)
            return self.answer(200, f"audio/{kind}", data)
        pieces = [raw(piece) for piece in np.array_split(samples, PIECES)]
        if kind == "wav":
            pieces[0] = header(rate) + pieces[0]
        if asked.get("stream_format") == "audio":
            return self.stream(f"audio/{kind}", pieces)
        events = [
            {"type": "speech.audio.delta", "audio": base64.b64encode(p).decode()} for p in pieces
        ]
        events.append({"type": "speech.audio.done", "usage": {"total_tokens": 2}})
        lines = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]
        return self.stream("text/event-stream; charset=utf-8", lines)


class LocalAI(Peer):
    """mudler/LocalAI at 82c191a.

    core/backend/tts.go:227-262, core/http/endpoints/localai/tts.go:92-113: with `stream`, a WAV
    whose sizes are 0xFFFFFFFF; pkg/utils/ffmpeg.go:246-261: a format it does not know stays WAV.
    """

    def speak(self, asked: dict[str, Any]) -> None:
        samples = voice(asked["input"], 22050)
        if asked.get("stream"):
            pieces = [raw(piece) for piece in np.array_split(samples, PIECES)]
            return self.stream("audio/wav", [header(22050), *pieces])
        kind = asked.get("response_format", "wav")
        if kind in ("mp3", "opus", "flac"):
            return self.answer(200, f"audio/{kind}", file(samples, 22050, kind))
        return self.answer(200, "audio/x-wav", file(samples, 22050, "wav"))


class Groq(Peer):
    """https://console.groq.com/docs/text-to-speech: wav alone, with streaming sizes."""

    def speak(self, asked: dict[str, Any]) -> None:
        if asked.get("response_format") != "wav":
            message = "response_format must be one of [wav]"
            error = {"message": message, "type": "invalid_request_error"}
            return self.refuse(400, {"error": error})
        if asked["model"] != "canopylabs/orpheus-v1-english":
            message = f"The model `{asked['model']}` does not exist"
            error = {"message": message, "type": "invalid_request_error", "code": "model_not_found"}
            return self.refuse(404, {"error": error})
        pieces = [raw(piece) for piece in np.array_split(voice(asked["input"], 24000), PIECES)]
        return self.stream("audio/wav", [header(24000), *pieces])


class Kokoros(Peer):
    """lucasjinreal/Kokoros at 7089168, kokoros-openai/src/lib.rs.

    Lines 266-274: its formats, any other a 422 in plain text by axum; 579: it streams only where
    `stream` is asked for; 692-695: pcm.
    """

    voices: ClassVar = {"voices": ["af_alloy", "af_heart"]}

    def speak(self, asked: dict[str, Any]) -> None:
        kind = asked.get("response_format", "mp3")
        if kind not in ("mp3", "wav", "opus", "aac", "flac", "pcm"):
            text = (
                "Failed to deserialize the JSON body into the target type: response_format: "
                f"unknown variant `{kind}`, expected one of `mp3`, `wav`, `opus`, `aac`, `flac`, "
                "`pcm` at line 1 column 95"
            )
            return self.answer(422, "text/plain; charset=utf-8", text.encode())
        samples = voice(asked["input"], 24000)
        if asked.get("stream"):
            pieces = [raw(piece) for piece in np.array_split(samples, PIECES)]
            return self.stream("audio/pcm", pieces)
        data = raw(samples) if kind == "pcm" else file(samples, 24000, kind)
        return self.answer(200, "audio/mpeg" if kind == "mp3" else f"audio/{kind}", data)


PEERS = {"vllm_omni": VllmOmni, "localai": LocalAI, "groq": Groq, "kokoros": Kokoros}

if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), PEERS[sys.argv[1]]).serve_forever()
