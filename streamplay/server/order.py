"""What a request asks for, checked field by field against the published schema.

https://docs.together.ai/reference/audio-speech, and the fields of
https://platform.openai.com/docs/api-reference/audio/createSpeech beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.rules import pronunciation
from streamplay.server import catalog, engines, espeak, natural, wording
from streamplay.server.containers import CONTAINERS, nearest_samplerate, why_not
from streamplay.server.espeak import Spoken
from streamplay.server.json_fields import Fields, Refusal, shown
from streamplay.server.sentences import split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamplay.server.engines import Manner

MAX_CHARACTERS: Final = 100_000
"""Nearly two hours of speech: more is a mistake, or an attack."""

MAX_RULES: Final = 1000
"""Pronunciation rules in a request: each is looked for at each word."""

MAX_SOURCES: Final = 10_000
"""Characters of their sources, which become one regular expression."""

MAX_FILE_SECONDS: Final = 7200
"""A signal that is sent as a whole file: it is on the disk before it leaves."""

BIT_RATES: Final = (32000, 64000, 96000, 128000, 192000)
SAMPLERATES: Final = (8000, 48000)
# `gpt-4o-mini-tts-2025-12-15`, `tts-1-1106`: https://platform.openai.com/docs/models
_DATE: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4})$")

# https://docs.together.ai/docs/dedicated-inference
_DEDICATED: Final = re.compile(r"[^/]+/(?P<model>[^/]+/[^/]+)-[0-9A-Za-z]+")

SPEEDS: Final = (0.25, 4.0)
"""What OpenAI's ``speed`` may be."""

# What makes a request OpenAI's; `speed` is in other shapes too.
_OPENAI_FIELDS: Final = ("stream_format", "instructions")

_RAW: Final = ("raw", "pcm")

# Whole files whose header tells their length, where the request does not ask for a stream.
_SIZED: Final = ("wav", "flac")

SEGMENTS: Final = ("sentence", "immediate", "never")

Body = Literal["whole", "events", "bytes"]


@dataclass(frozen=True, slots=True)
class Order:
    """A request that can be served.

    Parameters
    ----------
    body : {'whole', 'events', 'bytes'}
        A whole file, server-sent events, or bytes as they come.
    spoken_by : str
        The voices that really speak; the answer names them to the client.
    format : AudioFormat
        What the model really returns, whatever was asked.
    openai : bool
        Whether the request has OpenAI's shape, so that the answer should too: it names a model
        of theirs, or has a field that only they have.
    """

    model: catalog.ServedModel
    voice: catalog.ServedVoice
    spoken: Manner
    spoken_by: str
    text: str
    container: str
    format: AudioFormat
    bit_rate: int
    body: Body
    words: bool
    segment: str
    openai: bool
    scenario: Mapping[str, Any] | None


def read(document: Any, *, any_name: bool = False) -> Order:
    """Check a JSON document and return the order in it.

    Where `any_name` is set, others stand in for a model and a voice that are unknown.

    Raises
    ------
    Refusal
        With the status, the message and the name of the field.
    """
    fields = Fields(document)
    name = fields.text("model", required=True)
    model = catalog.stand_in(name) if any_name else find_model(name)
    voice = _voice(model, fields.name("voice"), any_name=any_name)
    openai = model.openai or any(field in fields for field in _OPENAI_FIELDS)
    container, body = _delivery(fields, openai=openai)
    fields.text("instructions")  # of OpenAI's models; no voice here can follow any
    extra = Fields(fields.mapping("extra_params"), "extra_params.")
    text = _pronounce(
        _input(fields.text("input", required=True)), extra.strings("pronunciation_dict")
    )
    manner = _spoken_text(text, _manner(voice, fields))
    segment = fields.choice("segment", "sentence", SEGMENTS)
    return Order(
        model=model,
        voice=voice,
        spoken=manner,
        spoken_by=engines.told(split(text, segment), manner),
        text=text,
        container=container,
        format=_format(model, fields, container),
        bit_rate=_bit_rate(fields),
        body=body,
        words=fields.choice("alignment", "none", ("none", "word")) == "word",
        segment=segment,
        openai=openai,
        scenario=extra.mapping("scenario") if "scenario" in extra else None,
    )


def _bit_rate(fields: Fields) -> int:
    value = fields.integer("bit_rate", 128000, (min(BIT_RATES), max(BIT_RATES)))
    if value not in BIT_RATES:
        allowed = ", ".join(map(str, BIT_RATES))
        raise fields.refuse("bit_rate", f"must be one of {allowed}, not {value}")
    return value


def find_model(name: str) -> catalog.ServedModel:
    """Return the model of that name, with or without the date of its version.

    The name of a dedicated endpoint, ``ACCOUNT/org/model-hash``, is that of its model.

    Raises
    ------
    Refusal
        404: it is not served here.
    """
    served = catalog.models()
    dedicated = _DEDICATED.fullmatch(name)
    found = (
        served.get(name)
        or served.get(_DATE.sub("", name))
        or (served.get(dedicated["model"]) if dedicated else None)
    )
    if found is None:
        raise Refusal(
            404,
            f"The model {shown(name)} does not exist. Served here: {', '.join(served)}",
            param="model",
            code="model_not_found",
        )
    return found


def _voice(model: catalog.ServedModel, name: str, *, any_name: bool) -> catalog.ServedVoice:
    found = model.find(name)
    if found is None and any_name:
        found = next(iter(model.voices.values()))
    engine = name.partition(":")[0]
    if found is None and engine in engines.EXTRAS and not engines.is_installed(engine):
        raise Refusal(
            404,
            f"The voice {shown(name)} is not installed here: "
            f"pip install 'streamplay[{engines.EXTRAS[engine]}]'",
            param="voice",
            code="voice_not_found",
        )
    if found is None:
        some = ", ".join(list(model.voices)[:12])
        raise Refusal(
            404,
            f"The voice {shown(name)} does not exist for {model.id}. Voices: {some}",
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


def _delivery(fields: Fields, *, openai: bool) -> tuple[str, Body]:
    """Return the container, and how the body is sent.

    Together's API streams raw events only; OpenAI's sends bytes as they come, mp3 unless told
    otherwise, and its ``stream_format`` asks for events.
    """
    streaming = fields.flag("stream")
    style = fields.choice("stream_format", "audio", ("sse", "audio"))
    default = "mp3" if openai else "raw" if streaming else "wav"
    container = fields.choice("response_format", default, CONTAINERS)
    missing = why_not(container)
    if missing:
        raise fields.refuse("response_format", f"{container} cannot be made here: {missing}")
    if "stream_format" in fields:
        return container, "events" if style == "sse" else "bytes"
    if openai:
        return container, "whole" if container in _SIZED and not streaming else "bytes"
    if streaming and container not in _RAW:
        raise fields.refuse(
            "response_format", f"only raw is supported when streaming, not {container}"
        )
    return container, "events" if streaming else "whole"


def _format(model: catalog.ServedModel, fields: Fields, container: str) -> AudioFormat:
    # OpenAI's pcm is 24 kHz and 16 bits; the schema's raw is not.
    openai = container == "pcm"
    encoding = fields.choice("response_encoding", "pcm_s16le" if openai else "pcm_f32le", ENCODINGS)
    rate = fields.integer("sample_rate", 24000 if openai else 44100, SAMPLERATES)
    real = model.format(encoding, rate)
    if container in _RAW:
        return real
    if container == "mulaw":
        return AudioFormat("pcm_mulaw", real.samplerate)
    return AudioFormat("pcm_s16le", nearest_samplerate(container, real.samplerate))


def heard(voice: catalog.ServedVoice) -> str:
    """Return the name of the voice that speaks where `voice` is asked for."""
    stands_in = None if voice.exact or voice.chosen else engines.speaker(voice.language)
    return str(stands_in) if stands_in else voice.name


def _manner(voice: catalog.ServedVoice, fields: Fields) -> Manner:
    """Return how it sounds: the voice's own way, in the language asked for."""
    speed = fields.number("speed", 1.0, SPEEDS)
    code = fields.text("language")
    if code and not catalog.is_code(code):
        raise fields.refuse("language", f"{shown(code)} is no language code, such as en or pt-br")
    wanted = code or voice.language
    own = voice.chosen if _primary(wanted) == _primary(voice.language) else None
    chosen = None if voice.exact else own or engines.speaker(wanted)
    if chosen is not None:
        return replace(chosen, speed=speed)
    return _espeak(voice, code, speed, fields)


def _espeak(voice: catalog.ServedVoice, code: str, speed: float, fields: Fields) -> Spoken:
    if not espeak.is_installed():
        raise fields.refuse(
            "language",
            f"nothing that is installed here speaks {shown(code or voice.language)}. "
            "eSpeak NG speaks most languages: pip install 'streamplay[espeak]'",
        )
    low, high = espeak.RATES
    spoken = replace(voice.spoken, rate=min(max(round(voice.spoken.rate * speed), low), high))
    # "en" says nothing against a voice that speaks British English.
    if not code or _primary(voice.language) == code:
        return spoken
    found = catalog.language(code)
    if found is None:
        raise fields.refuse("language", f"{shown(code)} is not a language code that is known here")
    return replace(spoken, language=found)


def _primary(code: str) -> str:
    return code.partition("-")[0]


def _spoken_text(text: str, manner: Manner) -> Manner:
    """Return how a text is spoken: by eSpeak NG where it has no words for another engine."""
    if isinstance(manner, Spoken) or manner.engine != natural.NAME:
        return manner
    if not wording.has_words(wording.fit(text)) and espeak.is_installed():
        return Spoken("en-us")
    missing = engines.missing_for(text, manner)
    if missing or not wording.has_words(wording.fit(text)):
        raise Refusal(
            400,
            f"input: nothing that is installed here can speak {shown(missing or text)}. "
            "eSpeak NG speaks most languages: pip install 'streamplay[espeak]'",
            param="input",
        )
    return manner


def _pronounce(text: str, rules: Sequence[str]) -> str:
    """Replace each source by its replacement: see `pronunciation.replaced`."""
    for rule in rules[:MAX_RULES]:
        _check_rule(rule)
    if len(rules) > MAX_RULES:
        raise _bad_rules(f"has {len(rules)} rules, more than {MAX_RULES}")
    words = pronunciation.replacements(rules)
    if sum(map(len, words)) > MAX_SOURCES:
        raise _bad_rules(f"has sources of more than {MAX_SOURCES} characters in all")
    try:
        return pronunciation.replaced(text, words, MAX_CHARACTERS)
    except OverflowError:
        problem = f"makes the text longer than {MAX_CHARACTERS} characters"
        raise _bad_rules(problem) from None


def _check_rule(rule: str) -> None:
    source, slash, replacement = rule.partition("/")
    if not slash or not source or not replacement.strip():
        raise _bad_rules(f'{shown(rule)} is not "source/replacement"')


def _bad_rules(problem: str) -> Refusal:
    name = "extra_params.pronunciation_dict"
    return Refusal(400, f"{name}: {problem}", param=name)
