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
from streamplay.server.containers import CONTAINERS, nearest_samplerate, why_not
from streamplay.server.json_fields import Fields, Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamplay.server.espeak import Spoken

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

SPEEDS: Final = (0.25, 4.0)
"""What OpenAI's ``speed`` may be."""

# Words per minute that eSpeak NG can be asked for (speak_lib.h).
_RATES: Final = (80, 450)

# What makes a request OpenAI's; `speed` is in other shapes too.
_OPENAI_FIELDS: Final = ("stream_format", "instructions")

_RAW: Final = ("raw", "pcm")

# Whole files whose header tells their length, where nobody asks for a stream.
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
    format : AudioFormat
        What the model really returns, whatever was asked.
    openai : bool
        Whether the request has OpenAI's shape, so that the answer should too: it names a model
        of theirs, or has a field that only they have.
    """

    model: catalog.ServedModel
    voice: catalog.ServedVoice
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
    if not text.strip():
        raise _bad_rules("leaves nothing to say")
    return Order(
        model=model,
        voice=voice,
        spoken=_spoken(voice, fields),
        text=text,
        container=container,
        format=_format(model, fields, container),
        bit_rate=_bit_rate(fields),
        body=body,
        words=fields.choice("alignment", "none", ("none", "word")) == "word",
        segment=fields.choice("segment", "sentence", SEGMENTS),
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

    Raises
    ------
    Refusal
        404: it is not served here.
    """
    served = catalog.models()
    found = served.get(name) or served.get(_DATE.sub("", name))
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
    return AudioFormat("pcm_s16le", nearest_samplerate(container, real.samplerate))


def _spoken(voice: catalog.ServedVoice, fields: Fields) -> Spoken:
    """Return how it sounds: the voice's own way, in the language asked for."""
    rate = round(voice.spoken.rate * fields.number("speed", 1.0, SPEEDS))
    spoken = replace(voice.spoken, rate=min(max(rate, _RATES[0]), _RATES[1]))
    if "language" not in fields:
        return spoken
    code = fields.text("language")
    found = catalog.language(code)
    if found is None:
        raise fields.refuse("language", f"{shown(code)} is not a language code that is known here")
    # "en" says nothing against a voice that speaks British English.
    if voice.language.split("-")[0] == code:
        return spoken
    return replace(spoken, language=found)


def _pronounce(text: str, rules: Sequence[str]) -> str:
    """Replace each source by its replacement, where it stands as a word, in one pass.

    What a rule has put in is not looked at again: rules that double their word would otherwise
    double the text once each.
    """
    replacements = dict(reversed([_rule(rule) for rule in rules[:MAX_RULES]]))
    if len(rules) > MAX_RULES:
        raise _bad_rules(f"has {len(rules)} rules, more than {MAX_RULES}")
    if not replacements:
        return text
    if sum(map(len, replacements)) > MAX_SOURCES:
        raise _bad_rules(f"has sources of more than {MAX_SOURCES} characters in all")
    # A source that begins with another one comes first.
    sources = "|".join(map(re.escape, sorted(replacements, key=len, reverse=True)))
    pieces, length, place = list[str](), 0, 0
    for found in re.finditer(rf"(?<!\w)(?:{sources})(?!\w)", text):
        pieces += [text[place : found.start()], replacements[found[0]]]
        length += len(pieces[-1]) - len(found[0])
        if len(text) + length > MAX_CHARACTERS:
            raise _bad_rules(f"makes the text longer than {MAX_CHARACTERS} characters")
        place = found.end()
    return "".join([*pieces, text[place:]])


def _rule(rule: str) -> tuple[str, str]:
    source, slash, replacement = rule.partition("/")
    if not slash or not source:
        raise _bad_rules(f'{shown(rule)} is not "source/replacement"')
    return source, replacement


def _bad_rules(problem: str) -> Refusal:
    name = "extra_params.pronunciation_dict"
    return Refusal(400, f"{name}: {problem}", param=name)
