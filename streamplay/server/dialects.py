"""The bodies that speech servers are seen to send: events in all their shapes.

A is the published schema (``audio.tts.chunk``), B and C what documentation and
clients show, D no events at all, E OpenAI's. https://docs.together.ai/docs/text-to-speech,
https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.server.speech import Word

DIALECTS: Final = ("A", "B", "C", "D", "E")

_DONE: Final = "[DONE]"


def audio(dialect: str, model: str, data: bytes) -> dict[str, Any]:
    """Return the event that carries `data`."""
    encoded = b64encode(data).decode("ascii")
    if dialect == "A":
        return {"object": "audio.tts.chunk", "model": model, "b64": encoded}
    if dialect == "B":
        return {"type": "delta", "audio": encoded}
    if dialect == "C":
        kind = "conversation.item.audio_output.delta"
        return {"type": kind, "item_id": "tts_1", "delta": encoded}
    return {"type": "speech.audio.delta", "audio": encoded}


def words(timed: Sequence[Word]) -> dict[str, Any]:
    """Return the event that tells when words are spoken: the same in every dialect."""
    return {
        "type": "conversation.item.word_timestamps",
        "item_id": "tts_1",
        "words": [word.text for word in timed],
        "start_seconds": [word.start for word in timed],
        "end_seconds": [word.end for word in timed],
    }


def end(dialect: str, characters: int) -> list[dict[str, Any] | str]:
    """Return what marks the end of the stream."""
    if dialect == "B":
        return [{"type": "done"}]
    if dialect == "C":
        return [{"type": "conversation.item.audio_output.done", "item_id": "tts_1"}, _DONE]
    if dialect == "E":
        usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
        return [{"type": "speech.audio.done", "usage": usage}]
    return [_DONE]


def error(dialect: str, message: str) -> dict[str, Any]:
    """Return an error inside a stream."""
    failure = {"message": message, "type": "server_error", "param": None, "code": None}
    if dialect == "C":
        return {"type": "conversation.item.tts.failed", "item_id": "tts_1", "error": failure}
    if dialect in {"B", "E"}:
        return {"type": "error", "error": failure}
    return {"error": failure}


def encode(data: dict[str, Any] | str) -> bytes:
    """Return one server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f"data: {text}\n\n".encode()
