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
    from collections.abc import Iterator, Sequence

    from streamplay.server.scenario import Scenario
    from streamplay.server.speech import SpeechWord

    Event = dict[str, Any] | str

_DONE: Final = "[DONE]"
_LINE_ENDS: Final = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def audio(dialect: str, model: str, data: bytes) -> dict[str, Any]:
    """Return the event that carries `data`."""
    return _audio(dialect, model, b64encode(data).decode("ascii"))


def _audio(dialect: str, model: str, encoded: str) -> dict[str, Any]:
    if dialect == "A":
        return {"object": "audio.tts.chunk", "model": model, "b64": encoded}
    if dialect == "B":
        return {"type": "delta", "audio": encoded}
    if dialect == "C":
        kind = "conversation.item.audio_output.delta"
        return {"type": kind, "item_id": "tts_1", "delta": encoded}
    assert dialect == "E", f"no dialect {dialect!r}"
    return {"type": "speech.audio.delta", "audio": encoded}


def words(timed: Sequence[SpeechWord]) -> dict[str, Any]:
    """Return the event that tells when words are spoken: the same in every dialect."""
    return {
        "type": "conversation.item.word_timestamps",
        "item_id": "tts_1",
        "words": [word.text for word in timed],
        "start_seconds": [word.start for word in timed],
        "end_seconds": [word.end for word in timed],
    }


def end(dialect: str, characters: int) -> list[Event]:
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


class Writer:
    """Events → bytes, in one dialect, with what a scenario puts between them.

    Parameters
    ----------
    dialect : str
        ``A`` to ``E``, or ``mixed``. In D there are no events: audio is sent as
        it is, and everything else is left out.
    model : str
        The name that dialect A repeats in each event.
    """

    def __init__(self, scenario: Scenario, dialect: str, model: str) -> None:
        self._scenario = scenario
        self._dialect = dialect
        self._model = model
        self._count = 0
        self._break = _LINE_ENDS[scenario.line_end]

    @property
    def events(self) -> bool:
        """Whether there are events at all."""
        return self._dialect != "D"

    def start(self) -> bytes:
        """Return what stands before the first event."""
        return b"\xef\xbb\xbf" if self._scenario.bom and self.events else b""

    def audio(self, data: bytes) -> bytes:
        """Return the event with some audio, and what the scenario wants before it."""
        if not self.events:
            return data
        between = b"".join(self._between())
        event = audio(self._shape(), self._model, data)
        self._count += 1
        return between + self.event(event)

    def words(self, timed: Sequence[SpeechWord]) -> bytes:
        """Return the event with word times."""
        return self.event(words(timed)) if timed and self.events else b""

    def end(self, characters: int) -> bytes:
        """Return the terminal mark."""
        marks = end(self._dialect, characters) if self.events else []
        return b"".join(self.event(mark) for mark in marks)

    def keep_alive(self) -> bytes:
        """Return a comment."""
        return f": keep-alive{self._break * 2}".encode() if self.events else b""

    def failure(self, message: str) -> bytes:
        """Return the event that tells why the stream ends early."""
        return self.event(error(self._shape(), message))

    def insertion(self, fault: str) -> bytes:
        """Return what a fault puts into the body."""
        shape = self._shape()
        match fault:
            case "error-event":
                return self.event(error(shape, "the model stopped (this was asked for)"))
            case "bad-json":
                return self.event('{"object":"audio.tts.chunk","b64":')
            case "bad-base64":
                return self.event(_audio(shape, self._model, "AAA*not base64*="))
            case "data-after-mark":
                late = self.event(audio(shape, self._model, b"\x7f\x7f" * 100))
                return self.end(0) + late
            case _:
                from streamplay.server.chunked_body import RUBBISH

                return RUBBISH

    def event(self, data: Event) -> bytes:
        """Return one server-sent event."""
        if isinstance(data, dict) and self._scenario.nested:
            data = {"data": data}
        text = data if isinstance(data, str) else _json(data)
        lines = [f"data: {text}", "", ""]
        if self._scenario.event_lines:
            kind = data.get("type", "message") if isinstance(data, dict) else "message"
            lines = [f"event: {kind}", f"id: {self._count}", *lines]
        # A lone surrogate can come with the text of a request.
        return self._break.join(lines).encode(errors="replace")

    def _shape(self) -> str:
        return "ABCE"[self._count % 4] if self._dialect == "mixed" else self._dialect

    def _between(self) -> Iterator[bytes]:
        wanted = self._scenario
        if _nth(self._count, wanted.keep_alive_every):
            yield self.keep_alive()
        if _nth(self._count, wanted.unknown_every):
            yield self.event({"type": "streamplay.unknown", "number": self._count})
        if _nth(self._count, wanted.empty_every):
            yield self.event(audio(self._shape(), self._model, b""))


def _json(data: dict[str, Any]) -> str:
    """Return compact JSON, letters as they are: U+2028 is no end of a line of events."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def _nth(count: int, every: int) -> bool:
    return every > 0 and count % every == 0
