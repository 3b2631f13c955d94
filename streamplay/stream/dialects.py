"""One event of streamed speech → what it means, in every dialect, without I/O.

========  =========================================================  =====================
Dialect   An event's data                                            Its end
========  =========================================================  =====================
A         ``{"object":"audio.tts.chunk","b64":…}``                   ``[DONE]``
B         ``{"type":"delta","audio":…}``                             ``{"type":"done"}``
C         ``{"type":"conversation.item.audio_output.delta",…}``      ``[DONE]``
C′        ``{"type":"conversation.item.word_timestamps",…}``         ``[DONE]``
D         none: the body is the audio                                the body's own
E         ``{"type":"speech.audio.delta","audio":…}``                ``speech.audio.done``
F         ``{"object":"audio.speech.chunk","audio":{"data":…}}``     ``[DONE]``
G         ``{"type":"response.output_audio.delta","delta":…}``       ``response.done`` …
H         ``{"object":"chat.completion.chunk","choices":[{"delta":   ``[DONE]``
          {"audio":{"data":…}}}]}``
I         ``{"type":"audio","data":…}``, ``{"type":"chunk",…}``      the body's own
J         ``{"audio_base64":…}``, by lines or as the whole body      the body's own
K         base64, and nothing else                                   the body's own
========  =========================================================  =====================

A to D are Together's, by https://docs.together.ai (its OpenAPI schema, and the
text-to-speech guide at different times); E, G and H are OpenAI's
(https://platform.openai.com/docs/api-reference: audio/speech-audio-delta-event,
realtime-server-events, chat-streaming) and its imitators'; F is sglang-omni's; I to K are those of
many small servers. The Content-Type decides between D and the rest, the keys of
each event between the rest: never what was asked for. One stream may mix them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from streamplay.errors import KEPT, MalformedEvent, RemoteError
from streamplay.presentable import presentable
from streamplay.stream.declared import Told, told_by_fields, told_by_type
from streamplay.stream.outcomes import ENDS, error_words, may_be_last, tells_failure
from streamplay.stream.payload import (
    AUDIO_OBJECTS,
    BASE64_KEYS,
    AudioField,
    address_type,
    are_numbers,
    can_hold_audio,
    find_audio,
    is_base64,
    may_be_audio,
    undo_base64,
    undo_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


_NOTHING: Final = Told()


@dataclass(slots=True)  # not frozen: that takes three times as long to make
class Audio:
    """One delta of audio bytes, base64 undone.

    Parameters
    ----------
    data : bytes
        The audio.
    told : Told
        What the event says of it.
    ends_with_body : bool
        Whether its dialect has no end mark: the body's own end is one.
    last : bool
        Whether it says that it is the last one. MiniMax's holds all the audio once more.
    arrivals : tuple
        When its bytes came: pairs (time, bytes), where who has read them says so.
    """

    data: bytes
    told: Told = field(default=_NOTHING, compare=False)
    ends_with_body: bool = field(default=False, compare=False)
    last: bool = field(default=False, compare=False)
    arrivals: tuple[tuple[float, int], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Words:
    """Words and when they are spoken, in seconds since the stream's first frame."""

    words: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]

    def later(self, seconds: float) -> Words:
        """Return the same words, spoken so much later."""
        starts = tuple(start + seconds for start in self.starts)
        return Words(self.words, starts, tuple(end + seconds for end in self.ends))


@dataclass(frozen=True, slots=True)
class Done:
    """The stream is complete; nothing follows."""

    usage: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that means nothing to us.

    Parameters
    ----------
    kind : str
        What it calls itself.
    suspect : str
        The field that holds what may be audio all the same; mostly none.
    told : Told
        What it says of the audio beside it.
    ends : bool
        Whether it says that something has come to its end: the body may end then.
    """

    kind: str
    suspect: str = field(default="", compare=False)
    told: Told = field(default=_NOTHING, compare=False)
    ends: bool = field(default=False, compare=False)


WireEvent = Audio | Words | Done | Ignored


class _Place(NamedTuple):
    """Where an event keeps its audio, and in what."""

    value: Any
    fields: Mapping[str, Any]
    unmarked: bool = False


# Where each dialect keeps its base64. An event that names no kind is known by
# the key alone. Under another kind `b64` says enough, `audio` and `delta` do not:
# the `delta` of `response.text.delta` is text.
_KEY_BY_KIND: Final = {
    "audio.tts.chunk": "b64",
    "delta": "audio",
    "conversation.item.audio_output.delta": "delta",
    "speech.audio.delta": "audio",
    "audio.speech.chunk": "audio",
    "audio": "data",
    "chunk": "data",
    "audio_chunk": "data",
}
_KEYS_WITHOUT_KIND: Final = (
    *("b64", "audio", "delta", "audio_base64"),
    *("audioContent", "audio_content"),  # Google's text:synthesize, and Inworld's
)

_KEYS_OF_ANY_KIND: Final = ("b64", "audio_base64", "audioContent", "audio_content")
_AUDIO_KEYS: Final = frozenset((*_KEYS_WITHOUT_KIND, *_KEYS_OF_ANY_KIND))
_KIND_KEYS: Final = ("type", "object", "event", "kind")
_INNER_KEYS: Final = (*BASE64_KEYS, "audio", "content")
_AUDIO_ENDINGS: Final = ("audio.delta", "audio_output.delta")
_AUDIO_KIND: Final = re.compile(
    r"(?:.*[._-])?(?:audio|speech)(?:[._-]?(?:delta|chunk|data|output|frame|content))?"
)

# What servers send between, to keep a connection or to greet.
_SMALL_TALK: Final = frozenset(
    ("ping", "pong", "heartbeat", "keepalive", "keep-alive", "connected", "ok", "start", "started")
)
_CHAT: Final = "chat.completion.chunk"
_UNNAMED: Final = "message"  # what the format calls an event without a name
_WORDS: Final = "conversation.item.word_timestamps"
_DONE: Final = ("done", "speech.audio.done", "response.done", "response.completed")
# `conversation.item.audio_output.done` and `response.output_audio.done` end an item.

_UNMARKED: Final = frozenset(("audio", "chunk", "audio_chunk", _CHAT))
"""Kinds of events after which the body may end without a mark."""


_ERROR_FIELDS: Final = frozenset(("detail", "code", "status", "status_code"))
"""Of FastAPI's errors; an event that holds more may only tell how far it is."""


def meaning(data: str, number: int, named: str = _UNNAMED) -> WireEvent:
    """Tell what one event means.

    Parameters
    ----------
    data : str
        What it holds.
    number : int
        Its place in the stream, from 1, for the errors.
    named : str
        The name of the server-sent event.

    Raises
    ------
    MalformedEvent
        If it cannot be read.
    RemoteError
        If it tells of an error.
    """
    return Done() if data.strip() in ENDS else meaning_of(parsed(data), data, number, named)


def separated(data: str) -> list[str]:
    """Return the texts of the events that one event holds: mostly it is the only one.

    A server that leaves out the blank lines between its events makes one of all of them. Its lines
    are objects each, or the end mark, and together no JSON; the last may have been cut short.
    """
    data = data.strip()
    if "\n" not in data or parsed(data) is not None:
        return [data]
    lines = [line.strip() for line in data.split("\n") if line.strip()]
    whole = all(line in ENDS or isinstance(parsed(line), dict) for line in lines[:-1])
    return lines if whole else [data]


def meaning_of(value: object, data: str, number: int, named: str = _UNNAMED) -> WireEvent:
    """Tell what the JSON of an event means, or of a line; `data` is its text."""
    if not isinstance(value, dict):
        return _meaning_of_text(value if isinstance(value, str) else data, number, named)
    fields = value
    kind = _kind(fields, named)
    _raise_remote(fields, kind, data)
    inner = fields.get("data")
    if inner == "[DONE]":
        return Done()
    if isinstance(inner, dict) and _audio_place(fields, kind) is None:
        # Read literally, the schema's AudioSpeechStreamEvent puts the chunk inside `data`.
        fields, kind = inner, _kind(inner, kind)
        _raise_remote(fields, kind, data)
    return _meaning_of_fields(fields, kind, data, number)


def parsed(data: str | bytes) -> object:
    """Return the value of a text in JSON; None where it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _meaning_of_text(text: str, number: int, named: str) -> WireEvent:
    """Tell what an event means that is no JSON object: base64, and nothing else."""
    if named == "error":
        raise _remote_error(None, text)
    if may_be_audio(text) or (named.endswith("audio") and text):
        return Audio(_undo_base64(text, number), ends_with_body=True)
    if _is_small_talk(text, named):
        return Ignored(named, ends=may_be_last({}, named))
    raise _malformed(number, f"is not a JSON object: {_shown(text, 60)!r}")


def _is_small_talk(text: str, named: str) -> bool:
    """Tell whether a text is said between: certainly no audio, and no JSON that was damaged."""
    if text.strip().lower() in _SMALL_TALK:
        return True
    of_audio = named in _KEY_BY_KIND or _AUDIO_KIND.fullmatch(named[:80])
    return (
        named != _UNNAMED
        and not of_audio
        and len(text) < _LONGEST_TALK
        and _DAMAGED.search(text) is None
    )


_LONGEST_TALK: Final = 200
_DAMAGED: Final = re.compile(r'[{\[\]}"\ufffd\0]')


def _meaning_of_fields(fields: dict[str, Any], kind: str, text: str, number: int) -> WireEvent:
    place, found = _audio_place(fields, kind), None
    if place is None and can_hold_audio(text):
        found = find_audio(fields)
        place = _other_place(found, kind)
    if place is not None:
        told = told_by_fields(place.fields)
        if place.fields is not fields:
            told = told.over(told_by_fields(fields))
        if isinstance(place.value, str) and place.value.startswith("data:"):
            told = told_by_type(address_type(place.value[:200])).over(told)
        data, encoding = _undone(place.value, number)
        told = Told(0, 0, encoding).over(told) if encoding else told
        last = may_be_last(fields)
        unmarked = kind in _UNMARKED or "audio_base64" in place.fields or last or place.unmarked
        return Audio(data, told, unmarked, last)
    if kind in _KEY_BY_KIND and kind not in _UNMARKED and "finish_reason" not in fields:
        raise _malformed(number, f"({_shown(kind, 60)}) holds no audio")
    if kind == _WORDS:
        return _words(fields, number)
    if kind in _DONE:
        usage = fields.get("usage")
        return Done(usage if isinstance(usage, dict) else None)
    if "\ufffd" in "".join((kind, *fields)):  # damaged, and perhaps audio
        raise _malformed(number, "is damaged")
    if "detail" in fields and fields.keys() <= _ERROR_FIELDS:
        raise _remote_error(fields, kind)
    ends = may_be_last(fields, kind)
    return Ignored(kind, found.path if found else "", told_by_fields(fields), ends)


def _audio_place(fields: dict[str, Any], kind: str) -> _Place | None:
    """Find the audio of an event: base64, or null for none."""
    if kind == _CHAT:
        return _place_in_chat(fields)
    key = _audio_key(fields, kind)
    if not key:
        return None
    value = fields[key]
    if isinstance(value, dict):
        inner = next((name for name in _INNER_KEYS if name in value), "")
        return _Place(value[inner], value) if inner else None
    if kind == "chunk" and isinstance(value, str) and not is_base64(value):
        return None  # a chunk whose data is no base64 holds text
    return _Place(value, fields)


def _other_place(found: AudioField, kind: str) -> _Place | None:
    """Take what is known for audio by the kind of its event, or by the object that it is in."""
    if not found.path or kind == _CHAT:
        return None
    names = found.path.split(".")
    inside = not AUDIO_OBJECTS.isdisjoint(names[:-1]) or (
        len(names) > 1 and names[-1] in (*_KEYS_OF_ANY_KIND, "audio")
    )
    known = kind in _KEY_BY_KIND or _AUDIO_KIND.fullmatch(kind[:80]) is not None
    return _Place(found.value, found.owner, unmarked=True) if inside or known else None


def _place_in_chat(fields: dict[str, Any]) -> _Place | None:
    choices = fields.get("choices")
    for choice in choices[:8] if isinstance(choices, list) else ():
        part = choice.get("delta", choice.get("message")) if isinstance(choice, dict) else None
        audio = part.get("audio") if isinstance(part, dict) else None
        if isinstance(audio, dict) and isinstance(audio.get("data"), str):
            return _Place(audio["data"], audio)
    return None


def _malformed(number: int, problem: str) -> MalformedEvent:
    return MalformedEvent(
        f"event {number} of the stream {problem}",
        remedy="What had arrived is kept. Try again, or another server",
    )


def _kind(fields: dict[str, Any], named: str) -> str:
    """Tell an event's kind: by its `type`, its `object`, or the name of the SSE event."""
    first: str | None = None
    for key in _KIND_KEYS:
        kind = fields.get(key)
        if isinstance(kind, str):
            if kind.lower() in _KEY_BY_KIND:
                return kind.lower()
            first = kind if first is None else first
    if first is not None:
        return first
    return named.lower() if named.lower() in _KEY_BY_KIND else named


def _audio_key(fields: dict[str, Any], kind: str) -> str:
    """Name the key that holds audio, or none."""
    own = _KEY_BY_KIND.get(kind)
    if own in fields:
        return own
    if _AUDIO_KEYS.isdisjoint(fields):
        return ""  # as for most events without audio
    if own:
        return next((key for key in _KEYS_WITHOUT_KIND if key in fields), "")
    if kind == _UNNAMED or kind.endswith(_AUDIO_ENDINGS):
        return next((key for key in _KEYS_WITHOUT_KIND if _holds_audio(fields.get(key))), "")
    return next((key for key in _KEYS_OF_ANY_KIND if isinstance(fields.get(key), str)), "")


def _holds_audio(value: object) -> bool:
    if isinstance(value, dict):
        return any(isinstance(value.get(key), str | list) for key in BASE64_KEYS)
    return isinstance(value, str) or are_numbers(value)


def _undone(value: object, number: int) -> tuple[bytes, str]:
    """Return the bytes of an event's audio, and their encoding where numbers tell it."""
    if not isinstance(value, list):
        return _undo_base64(value, number), ""
    try:
        return undo_numbers(value)
    except ValueError as error:
        raise _malformed(number, f"holds audio that is {error}") from error


def _undo_base64(text: object, number: int) -> bytes:
    if text is None:
        return b""  # an empty delta, as some servers send before their end mark
    if not isinstance(text, str):
        raise _malformed(number, "holds audio that is not text")
    try:
        return undo_base64(text)
    except ValueError as error:  # binascii.Error is one; so is text that is not ASCII
        raise _malformed(number, f"holds audio that is not base64 ({error})") from error


def _words(fields: dict[str, Any], number: int) -> Words:
    nested = fields.get("timestamps")  # where one client expects them
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
    if tells_failure(fields, kind):
        raise _remote_error(fields, data)


def _remote_error(said: object, data: str) -> RemoteError:
    """Compose the error from what the server said, or from the event's whole text."""
    words = error_words(said) or data
    return RemoteError(
        f"the server reported an error inside the stream: {_shown(words)}",
        remedy=KEPT,
    )


def _shown(text: str, limit: int = 300) -> str:
    """Make a server's words safe for a terminal; an event may be long, and is not read whole."""
    return presentable(text[: 2 * limit], limit=limit)
