"""The fields of a request for speech: looked at, settled, and made a body. Pure.

`streamplay.request.SpeechRequest` is made of these. They stand apart from it
because `streamplay.network.early` sends a request before `dataclasses` and
`typing`, 15 ms of imports, have been loaded.

The fields and their enums are those of the schema of ``POST /audio/speech``
(https://docs.together.ai/reference/audio-speech), and ``alignment`` and
``segment`` of https://docs.together.ai/docs/text-to-speech.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from streamplay.errors import InvalidRequest
from streamplay.rules.families import DEFAULT_MODEL, FAMILIES, family_of

TYPE_CHECKING = False  # as in families
if TYPE_CHECKING:
    from typing import Any, Final

ENCODINGS: Final = ("pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw")
"""The raw encodings of ``response_encoding``."""

FORMATS: Final = ("raw", "wav", "mp3")
ALIGNMENTS: Final = ("none", "word")
SEGMENTS: Final = ("sentence", "immediate", "never")
BIT_RATES: Final = (32000, 64000, 96000, 128000, 192000)

SAMPLE_RATES: Final = range(8000, 48001)
"""Telephone to studio. The schema bounds nothing; no model is known beyond."""

LONGEST: Final = 4096
"""Characters that one request takes: the limit of OpenAI's ``input`` (API reference,
audio/speech), the only one that is published."""

DEFAULTS: Final[dict[str, Any]] = {
    "model": DEFAULT_MODEL,
    "voice": None,
    "response_format": "raw",
    "response_encoding": "pcm_s16le",
    "sample_rate": 24000,
    "language": None,
    "bit_rate": None,
    "stream": None,
    "pronounce": (),
    "alignment": None,
    "segment": None,
    "extra": {},
}
"""Every field but the text, as it is where nothing is said of it."""

# No flag names these two: the command line says them as any other field of the body.
_UNFLAGGED: Final = ("alignment", "segment")
_OWN_FIELDS: Final = (DEFAULTS.keys() | {"input"}) - {"pronounce", "extra", *_UNFLAGGED}
_LANGUAGE: Final = r"[a-z]{2,3}(-[a-z0-9]{2,8})*"
_MIX: Final = r"[^()+]+(\(\d+(\.\d+)?\))?(\+[^()+]+(\(\d+(\.\d+)?\))?)*"


def settled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as they will be sent: what was left open is chosen.

    Raises
    ------
    InvalidRequest
        If one is wrong; it names the field and what is allowed.
    """
    _check_text("input", fields["input"])
    _check_text("model", fields["model"])
    voice = _voice(fields["model"], fields["voice"])
    _check_format(fields)
    _check_choice("alignment", fields["alignment"], ALIGNMENTS, optional=True)
    _check_choice("segment", fields["segment"], SEGMENTS, optional=True)
    stream = _stream(fields)
    _check_language(fields["language"])
    rules = _rules(fields["pronounce"])
    extra = _extra(fields["extra"], rules)
    for name in _UNFLAGGED:
        if name in extra and fields[name] is not None:
            raise InvalidRequest(name, "is given twice", allowed=f"{name}, or extra")
    return {**fields, "voice": voice, "stream": stream, "pronounce": rules, "extra": extra}


def request_fields(options: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the fields of the request for `text`, of the options that a player has."""
    names = {"response_format": "format", "response_encoding": "encoding"}
    chosen = {name: options.get(names.get(name, name), value) for name, value in DEFAULTS.items()}
    return {"input": text, **chosen}


def body_of(fields: Mapping[str, Any], api: str) -> dict[str, Any]:
    """Return the JSON body of settled fields in the shape of `api`, ``together`` or ``openai``."""
    shaped = _openai(fields) if api == "openai" else _together(fields)
    # Sent in either shape: whoever asks for word timestamps gets them, or is
    # told by the server that it has none.
    optional = {name: fields[name] for name in ("language", "bit_rate", "alignment", "segment")}
    optional["extra_params"] = _extra_params(fields)
    others = {key: value for key, value in fields["extra"].items() if key != "extra_params"}
    return shaped | {key: value for key, value in optional.items() if value} | others


def _together(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = ("model", "input", "voice", "response_format", "response_encoding", "sample_rate")
    return {name: fields[name] for name in (*names, "stream")}


def _openai(fields: Mapping[str, Any]) -> dict[str, Any]:
    asked = fields["response_format"]
    body = {name: fields[name] for name in ("model", "input", "voice")}
    body["response_format"] = "pcm" if asked == "raw" else asked
    return body | ({"stream_format": "sse"} if fields["stream"] else {})


def _extra_params(fields: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(fields["extra"].get("extra_params", {}))
    rules = list(fields["pronounce"])
    return given | ({"pronunciation_dict": rules} if rules else {})


def _voice(model: str, voice: Any) -> str:
    """Return the voice: the one asked for, or the model's own."""
    family = family_of(model)
    known = FAMILIES[family] if family else {}
    voice = known.get("voice") if voice is None else voice
    if voice is None:
        allowed = f"a voice of that model; list them: streamplay voices --model {model}"
        problem = f"model {json.dumps(model)} has no voice of its own here"
        raise InvalidRequest("voice", problem, allowed=allowed)
    text = _check_text("voice", voice)
    if known.get("mixes") and not re.fullmatch(_MIX, text):
        problem = f"{voice!r} is neither a voice nor a mix"
        raise InvalidRequest("voice", problem, allowed="af_bella, or af_bella(2)+af_heart(1)")
    if known and not known.get("mixes") and "+" in text:
        problem = f"{voice!r} mixes voices, and {model} does not"
        raise InvalidRequest("voice", problem, allowed="one voice's name")
    return text


def _check_format(fields: Mapping[str, Any]) -> None:
    _check_choice("response_format", fields["response_format"], FORMATS)
    _check_choice("response_encoding", fields["response_encoding"], ENCODINGS)
    _check_rate(fields["sample_rate"])
    if fields["bit_rate"] is None:
        return
    if fields["response_format"] != "mp3":
        raise InvalidRequest("bit_rate", "is for mp3 only", allowed='response_format="mp3"')
    _check_choice("bit_rate", fields["bit_rate"], BIT_RATES)


def _stream(fields: Mapping[str, Any]) -> bool:
    """Return whether it is to come as it is made."""
    raw = fields["response_format"] == "raw"
    stream: bool = raw if fields["stream"] is None else fields["stream"]
    _check_choice("stream", stream, (True, False))
    if stream and not raw:
        problem = f"{fields['response_format']} cannot be streamed"
        raise InvalidRequest("stream", problem, allowed='stream with response_format="raw"')
    if fields["alignment"] == "word" and not stream:
        raise InvalidRequest("alignment", "word timestamps are streamed", allowed="stream=True")
    return stream


def _check_language(value: Any) -> None:
    if value is not None and not (isinstance(value, str) and re.fullmatch(_LANGUAGE, value)):
        problem = f"{value!r} is no language"
        raise InvalidRequest("language", problem, allowed="en, or a lower-case locale: zh-hk")


def _check_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(name, f"is {type(value).__name__}", allowed="text")
    if not value.strip():
        raise InvalidRequest(name, "is empty", allowed="text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # Half of a surrogate pair: an undecodable byte of a file or an argument.
        problem = f"character {error.start + 1} is no Unicode character"
        raise InvalidRequest(name, problem, allowed="UTF-8 text") from None
    return value


def _check_choice(
    name: str, value: object, allowed: Sequence[object], *, optional: bool = False
) -> None:
    if optional and value is None:
        return
    # By type as well: True would pass for 1, and 32000.0 for 32000.
    if not any(value == one and type(value) is type(one) for one in allowed):
        named = ", ".join(str(one) for one in allowed)
        raise InvalidRequest(name, f"{value!r} is not offered", allowed=named)


def _check_rate(value: object) -> None:
    if type(value) is not int or value not in SAMPLE_RATES:
        allowed = f"{SAMPLE_RATES[0]} to {SAMPLE_RATES[-1]} Hz"
        raise InvalidRequest("sample_rate", f"{value!r} is no rate", allowed=allowed)


def _rules(pronounce: Any) -> tuple[str, ...]:
    """Return the pronunciation rules, each with both of its sides."""
    if isinstance(pronounce, str) or not isinstance(pronounce, Sequence):
        problem = f"is {type(pronounce).__name__}"
        raise InvalidRequest("pronounce", problem, allowed='a list such as ["omg/oh my god"]')
    for rule in pronounce:
        _check_text("pronounce", rule)
        source, _, replacement = rule.partition("/")
        if not source.strip() or not replacement.strip():
            problem = f"{rule!r} lacks a side"
            raise InvalidRequest("pronounce", problem, allowed="SOURCE/REPLACEMENT")
    return tuple(pronounce)


def _extra(extra: Any, pronounce: Sequence[str]) -> dict[str, Any]:
    """Return a copy of the other fields, as JSON would carry them."""
    if not isinstance(extra, Mapping):
        raise InvalidRequest("extra", f"is {type(extra).__name__}", allowed="a mapping")
    for key in extra:
        if not isinstance(key, str):
            raise InvalidRequest("extra", f"the key {key!r} is no text", allowed="names of fields")
        if key in _OWN_FIELDS:
            allowed = f"{key} itself, or a field that has no name here"
            raise InvalidRequest("extra", f"{key!r} has a field of its own", allowed=allowed)
    params = extra.get("extra_params", {})
    if not isinstance(params, Mapping):
        raise InvalidRequest("extra", "extra_params is no object", allowed="a JSON object")
    if pronounce and "pronunciation_dict" in params:
        raise InvalidRequest("pronounce", "is given twice", allowed="pronounce, or extra_params")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(extra), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest("extra", f"is no JSON: {error}", allowed="JSON values") from None
    return copy
