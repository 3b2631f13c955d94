"""What a request asks for, checked field by field against the published schema.

https://docs.together.ai/reference/audio-speech, and the fields of
https://platform.openai.com/docs/api-reference/audio/createSpeech beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.server import catalog
from streamplay.server.containers import CONTAINERS, nearest_samplerate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamplay.server.espeak import Spoken

MAX_CHARACTERS: Final = 100_000
"""Nearly two hours of speech: more is a mistake, or an attack."""

BIT_RATES: Final = (32000, 64000, 96000, 128000, 192000)
SAMPLERATES: Final = (8000, 48000)
SPEEDS: Final = (0.25, 4.0)
"""What OpenAI's ``speed`` may be."""

# Words per minute that eSpeak NG can be asked for (speak_lib.h).
_RATES: Final = (80, 450)

SEGMENTS: Final = ("sentence", "immediate", "never")

Body = Literal["whole", "events", "bytes"]


class Refusal(Exception):
    """A request is answered with an error; ``ErrorData`` in the schema."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


@dataclass(frozen=True, slots=True)
class Order:
    """A request that can be served.

    Parameters
    ----------
    body : {'whole', 'events', 'bytes'}
        A whole file, server-sent events, or bytes as they come.
    format : AudioFormat
        What the model really returns, whatever was asked.
    openai : bool
        Whether the request has OpenAI's shape, so that the events should too.
    """

    model: catalog.Model
    voice: catalog.Voice
    spoken: Spoken
    text: str
    container: str
    format: AudioFormat
    bit_rate: int
    body: Body
    words: bool
    segment: str
    openai: bool
    scenario: Mapping[str, Any] | None


def read(document: Any) -> Order:
    """Check a JSON document and return the order in it.

    Raises
    ------
    Refusal
        With the status, the message and the name of the field.
    """
    fields = _Fields(document)
    model = find_model(fields.text("model", required=True))
    voice = _voice(model, fields.text("voice", required=True))
    container, body = _delivery(fields)
    fields.text("instructions")  # of OpenAI's models; eSpeak NG cannot follow any
    extra = _Fields(fields.mapping("extra_params"), "extra_params.")
    text = _input(fields.text("input", required=True))
    return Order(
        model=model,
        voice=voice,
        spoken=_spoken(voice, fields),
        text=_pronounce(text, extra.strings("pronunciation_dict")),
        container=container,
        format=_format(model, fields, container),
        bit_rate=fields.integer("bit_rate", 128000, allowed=BIT_RATES),
        body=body,
        words=fields.choice("alignment", "none", ("none", "word")) == "word",
        segment=fields.choice("segment", "sentence", SEGMENTS),
        openai="stream_format" in fields,
        scenario=extra.mapping("scenario") if "scenario" in extra else None,
    )


class _Fields:
    """A JSON object whose fields are taken by type; the first that is wrong raises."""

    def __init__(self, document: Any, prefix: str = "") -> None:
        if not isinstance(document, dict):
            raise Refusal(400, "the body must be a JSON object")
        self._document = document
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self._document

    def refuse(self, name: str, problem: str) -> Refusal:
        return Refusal(400, f"{self._prefix}{name}: {problem}", param=self._prefix + name)

    def _get(self, name: str, kind: type, what: str, default: Any) -> Any:
        value = self._document.get(name, default)
        if name in self._document and not isinstance(value, kind):
            raise self.refuse(name, f"must be {what}, not {_shown(value)}")
        return value

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        if required and name not in self._document:
            raise self.refuse(name, "is required")
        return str(self._get(name, str, "a string", default))

    def choice(self, name: str, default: str, allowed: Sequence[str]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise self.refuse(name, f"must be one of {', '.join(allowed)}, not {_shown(value)}")
        return value

    def flag(self, name: str) -> bool:
        return bool(self._get(name, bool, "true or false", default=False))

    def integer(
        self,
        name: str,
        default: int,
        *,
        allowed: Sequence[int] = (),
        between: tuple[int, int] | None = None,
    ) -> int:
        value = self._document.get(name, default)
        # In JSON Schema 24000.0 is an integer and true is not.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(name, f"must be an integer, not {_shown(value)}")
        if allowed and value not in allowed:
            raise self.refuse(name, f"must be one of {', '.join(map(str, allowed))}, not {value}")
        if between and not between[0] <= value <= between[1]:
            raise self.refuse(name, f"must be from {between[0]} to {between[1]}, not {value}")
        return value

    def number(self, name: str, default: float, *, between: tuple[float, float]) -> float:
        value = self._document.get(name, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self.refuse(name, f"must be a number, not {_shown(value)}")
        if not between[0] <= value <= between[1]:
            raise self.refuse(name, f"must be from {between[0]} to {between[1]}, not {value}")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = self._get(name, dict, "an object", {})
        return value

    def strings(self, name: str) -> list[str]:
        values: list[Any] = self._get(name, list, "an array of strings", [])
        if not all(isinstance(value, str) for value in values):
            raise self.refuse(name, "must be an array of strings")
        return values


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def find_model(name: str) -> catalog.Model:
    """Return the model of that name.

    Raises
    ------
    Refusal
        404: it is not served here.
    """
    found = catalog.models().get(name)
    if found is None:
        served = ", ".join(catalog.models())
        raise Refusal(
            404,
            f"The model {_shown(name)} does not exist. Served here: {served}",
            param="model",
            code="model_not_found",
        )
    return found


def _voice(model: catalog.Model, name: str) -> catalog.Voice:
    found = model.find(name)
    if found is None:
        some = ", ".join(list(model.voices)[:12])
        raise Refusal(
            404,
            f"The voice {_shown(name)} does not exist for {model.id}. Voices: {some}",
            param="voice",
            code="voice_not_found",
        )
    return found


def _input(text: str) -> str:
    if not text.strip():
        raise Refusal(400, "input: must not be empty", param="input")
    if len(text) > MAX_CHARACTERS:
        problem = f"has {len(text)} characters, more than {MAX_CHARACTERS}"
        raise Refusal(400, f"input: {problem}", param="input", code="string_above_max_length")
    return text


def _delivery(fields: _Fields) -> tuple[str, Body]:
    """Return the container, and how the body is sent."""
    streaming = fields.flag("stream")
    style = fields.choice("stream_format", "audio", ("sse", "audio"))
    # A stream of server-sent events has one format only; so it is its default.
    container = fields.choice("response_format", "raw" if streaming else "wav", CONTAINERS)
    if container == "aac":
        raise fields.refuse("response_format", "aac cannot be made here")
    if streaming and container not in {"raw", "pcm"}:
        raise fields.refuse(
            "response_format", f"only raw is supported when streaming, not {container}"
        )
    if "stream_format" in fields:
        return container, "events" if style == "sse" else "bytes"
    return container, "events" if streaming else "whole"


def _format(model: catalog.Model, fields: _Fields, container: str) -> AudioFormat:
    # OpenAI's pcm is 24 kHz and 16 bits; the schema's raw is not.
    openai = container == "pcm"
    encoding = fields.choice("response_encoding", "pcm_s16le" if openai else "pcm_f32le", ENCODINGS)
    rate = fields.integer("sample_rate", 24000 if openai else 44100, between=SAMPLERATES)
    real = model.format(encoding, rate)
    if container in {"raw", "pcm"}:
        return real
    return AudioFormat("pcm_s16le", nearest_samplerate(container, real.samplerate))


def _spoken(voice: catalog.Voice, fields: _Fields) -> Spoken:
    """Return how it sounds: the voice's own way, in the language asked for."""
    rate = round(voice.spoken.rate * fields.number("speed", 1.0, between=SPEEDS))
    spoken = replace(voice.spoken, rate=min(max(rate, _RATES[0]), _RATES[1]))
    if "language" not in fields:
        return spoken
    code = fields.text("language")
    found = catalog.language(code)
    if found is None:
        raise fields.refuse("language", f"{_shown(code)} is not a language code that is known here")
    # "en" says nothing against a voice that speaks British English.
    if voice.language.split("-")[0] == code:
        return spoken
    return replace(spoken, language=found)


def _pronounce(text: str, rules: Sequence[str]) -> str:
    """Replace each source by its replacement, where it stands as a word."""
    for rule in rules:
        source, slash, replacement = rule.partition("/")
        if not slash or not source:
            raise Refusal(
                400,
                f'extra_params.pronunciation_dict: {_shown(rule)} is not "source/replacement"',
                param="extra_params.pronunciation_dict",
            )
        word = rf"(?<!\w){re.escape(source)}(?!\w)"
        text = re.sub(word, lambda _, by=replacement: by, text)  # type: ignore[misc]
    return text
