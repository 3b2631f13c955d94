"""One event of streamed speech → what it means, in every dialect, without I/O.

========  =========================================================  ===================
Dialect   An event's data                                            Its end
========  =========================================================  ===================
A         ``{"object":"audio.tts.chunk","b64":…}``                   ``[DONE]``
B         ``{"type":"delta","audio":…}``                             ``{"type":"done"}``
C         ``{"type":"conversation.item.audio_output.delta",…}``      ``[DONE]``
C′        ``{"type":"conversation.item.word_timestamps",…}``         ``[DONE]``
D         none: the body is the audio                                the body's own
E         ``{"type":"speech.audio.delta","audio":…}``                ``speech.audio.done``
========  =========================================================  ===================

A to D are Together's, by https://docs.together.ai (its OpenAPI schema, and the
text-to-speech guide at different times); E is OpenAI's
(https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event)
and its imitators'. The Content-Type decides between D and the rest, the keys of
each event between the rest: never what was asked for. They may be mixed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import pybase64

from streamplay.errors import MalformedEvent, RemoteError
from streamplay.presentable import presentable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from httpx_sse import ServerSentEvent


@dataclass(frozen=True, slots=True)
class Audio:
    """One delta of audio bytes, base64 undone."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Words:
    """Words and when they are spoken, in seconds since the stream's first frame."""

    words: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The stream is complete; nothing follows."""

    usage: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that means nothing to us."""

    kind: str


WireEvent = Audio | Words | Done | Ignored


# Where each dialect keeps its base64. An event that names no kind is known by
# the key alone. Under another kind `b64` says enough, `audio` and `delta` do not:
# the `delta` of `response.text.delta` is text.
_AUDIO_KEY: Final = {
    "audio.tts.chunk": "b64",
    "delta": "audio",
    "conversation.item.audio_output.delta": "delta",
    "speech.audio.delta": "audio",
}
_AUDIO_KEYS: Final = ("b64", "audio", "delta")
_AUDIO_ENDINGS: Final = ("audio.delta", "audio_output.delta")
_UNNAMED: Final = "message"  # what the format calls an event without a name
_WORDS: Final = "conversation.item.word_timestamps"
_DONE: Final = ("done", "speech.audio.done")
# `conversation.item.audio_output.done` ends an item, not the stream.


def meaning(event: ServerSentEvent, number: int) -> WireEvent:
    """Tell what one event means; `number` is its place in the stream, from 1, for the errors."""
    data = event.data
    if data.strip() == "[DONE]":
        return Done()
    fields = _parsed(data)
    if not isinstance(fields, dict):
        if event.event == "error":
            raise _remote_error(fields, data)
        raise _malformed(number, f"is not a JSON object: {_shown(data, 60)!r}")
    kind = _kind(fields, event.event)
    _raise_remote(fields, kind, data)
    inner = fields.get("data")
    if inner == "[DONE]":
        return Done()
    if isinstance(inner, dict) and not _audio_key(fields, kind):
        # The schema's AudioSpeechStreamEvent, taken by its letter, wraps the chunk.
        fields, kind = inner, _kind(inner, kind)
        _raise_remote(fields, kind, data)
    return _meaning_of_fields(fields, kind, number)


def _parsed(data: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _meaning_of_fields(fields: dict[str, Any], kind: str, number: int) -> WireEvent:
    key = _audio_key(fields, kind)
    if key:
        return Audio(_undo_base64(fields[key], number))
    if kind in _AUDIO_KEY:
        raise _malformed(number, f"({_shown(kind, 60)}) holds no audio")
    if kind == _WORDS:
        return _words(fields, number)
    if kind in _DONE:
        usage = fields.get("usage")
        return Done(usage if isinstance(usage, dict) else None)
    if "\ufffd" in "".join((kind, *fields)):  # damaged, and perhaps audio
        raise _malformed(number, "is damaged")
    return Ignored(kind)


def _malformed(number: int, problem: str) -> MalformedEvent:
    return MalformedEvent(
        f"event {number} of the stream {problem}",
        remedy="What had arrived is kept. Try again, or another server",
    )


def _kind(fields: dict[str, Any], named: str) -> str:
    """Tell an event's kind: by its `type`, its `object`, or the name of the SSE event."""
    kinds = [kind for key in ("type", "object") if isinstance(kind := fields.get(key), str)]
    for kind in kinds:
        if kind in _AUDIO_KEY:
            return kind
    return kinds[0] if kinds else named


def _audio_key(fields: dict[str, Any], kind: str) -> str:
    """Name the key that holds audio, or none."""
    own = _AUDIO_KEY.get(kind)
    if own in fields:
        return own
    if own:
        return next((key for key in _AUDIO_KEYS if key in fields), "")
    if kind == _UNNAMED or kind.endswith(_AUDIO_ENDINGS):
        return next((key for key in _AUDIO_KEYS if isinstance(fields.get(key), str)), "")
    return "b64" if isinstance(fields.get("b64"), str) else ""


def _undo_base64(text: object, number: int) -> bytes:
    """Decode strictly, RFC 4648 §3.3: a lost character would turn speech into noise.

    Missing padding is refused too: text that was cut short looks just like it.
    By pybase64, because after JSON has been read binascii takes 25 of the 50 µs
    that an event of 4 kB costs, and this takes one.
    """
    if text is None:
        return b""  # an empty delta, as some servers send before their end mark
    if not isinstance(text, str):
        raise _malformed(number, "holds audio that is not text")
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error is one; so is text that is not ASCII
        raise _malformed(number, f"holds audio that is not base64 ({error})") from error


def _words(fields: dict[str, Any], number: int) -> Words:
    nested = fields.get("timestamps")  # one client's reading of the documents
    table = nested if isinstance(nested, dict) else fields
    words, starts, ends = (table.get(key) for key in ("words", "start_seconds", "end_seconds"))
    if not (
        isinstance(words, list)
        and all(isinstance(word, str) for word in words)
        and _are_times(starts, len(words))
        and _are_times(ends, len(words))
    ):
        raise _malformed(number, "holds word timestamps that do not match")
    return Words(tuple(words), tuple(map(float, starts)), tuple(map(float, ends)))


def _are_times(values: object, count: int) -> TypeGuard[list[float]]:
    return (
        isinstance(values, list)
        and len(values) == count
        # 1e9 s is beyond any speech; NaN is not below it either.
        and all(type(value) in (int, float) and abs(value) < 1e9 for value in values)
    )


def _raise_remote(fields: dict[str, Any], kind: str, data: str) -> None:
    if fields.get("error"):
        raise _remote_error(fields["error"], data)
    if kind == "error" or kind.endswith((".error", ".failed")):
        raise _remote_error(fields, data)


def _remote_error(said: object, data: str) -> RemoteError:
    """Compose the error from what the server said, or from the event's whole text."""
    texts = [said]
    if isinstance(said, dict):
        texts = [said.get(key) for key in ("message", "detail", "code", "type")]
    words = next((text for text in texts if isinstance(text, str) and text.strip()), data)
    return RemoteError(
        f"the server reported an error inside the stream: {_shown(words)}",
        remedy="What had arrived is kept. Try again",
    )


def _shown(text: str, limit: int = 300) -> str:
    """Make a server's words safe for a terminal; an event may be long, and is not read whole."""
    return presentable(text[: 2 * limit], limit=limit)
