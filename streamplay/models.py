"""The audio format that each model returns, and the lists of models and voices.

The speech API takes an encoding and a sample rate with every request, and some
models ignore them: Orpheus and Kokoro always answer in 16-bit samples at
24 kHz. Bytes are therefore decoded by the *effective* format, found here.

The rules are those of the schema of ``POST /audio/speech``
(https://docs.together.ai/reference/audio-speech); the ids are those of
https://docs.together.ai/docs/text-to-speech.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamplay.audio import READABLE, AudioFormat
from streamplay.receipt import FormatSource
from streamplay.rules.families import DEFAULT_MODEL, FAMILIES, family_of

__all__ = [
    "DEFAULT_MODEL",
    "FormatSource",
    "Model",
    "Voice",
    "default_voice",
    "effective_format",
    "known_model",
    "known_models",
    "read_models",
    "read_voices",
]


@dataclass(frozen=True, slots=True)
class Model:
    """A speech model and what it returns.

    Parameters
    ----------
    id : str
        The name to ask for.
    voice : str or None
        The voice to use if the user names none; None if the documentation names none.
    encoding : str or None
        The encoding that it always returns; None: the requested one.
    samplerate : int or None
        The rate that it always returns, in Hz; None: the requested one.
    streams : bool or None
        Whether it streams; None if the documentation contradicts itself.
    mixes : bool
        Whether a voice may be a mix such as ``af_bella(2)+af_heart(1)``.
    documented : bool
        Whether a document says in which format it answers.
    """

    id: str
    voice: str | None = None
    encoding: str | None = None
    samplerate: int | None = None
    streams: bool | None = True
    mixes: bool = False
    documented: bool = True


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that a server offers.

    Parameters
    ----------
    id : str
        What to send as ``voice``.
    name : str
        What people call it; often the same.
    model : str or None
        The model that speaks with it, if the server names one.
    language : str or None
        Its language, if the server names one.
    """

    id: str
    name: str
    model: str | None = None
    language: str | None = None


_MODELS: Final = {name: Model(**facts) for name, facts in FAMILIES.items()}


def known_models() -> Sequence[Model]:
    """Return the models whose behaviour is known, the default one first."""
    return tuple(_MODELS.values())


def known_model(model: str) -> Model | None:
    """Return what is known of `model` or its family; None if neither is known."""
    family = family_of(model)
    return _MODELS[family] if family else None


def default_voice(model: str) -> str | None:
    """Return the voice that `model` uses if the request names none."""
    known = known_model(model)
    return known.voice if known else None


def effective_format(
    model: str, encoding: str, samplerate: int
) -> tuple[AudioFormat, FormatSource]:
    """Return the format in which `model` answers a request for `encoding` and `samplerate`.

    Returns
    -------
    AudioFormat
        The effective format, mono.
    FormatSource
        ``"model"`` if it is documented for the model; ``"request"`` if it is not, so that the
        model is assumed to return what was requested.
    """
    known = known_model(model)
    if encoding not in READABLE:
        encoding = "pcm_s16le"  # the usual one, until the bytes tell what this name means
    if known is None or not known.documented:
        return AudioFormat(encoding, samplerate), "request"
    return AudioFormat(known.encoding or encoding, known.samplerate or samplerate), "model"


def read_voices(answer: Any, model: str | None = None) -> list[Voice]:
    """Read the answer of ``GET /voices`` in any of the shapes that servers use.

    Parameters
    ----------
    answer : JSON
        ``{"data": [{"model": …, "voices": [{"id": …, "name": …}]}]}``, a flat
        ``{"voices": [{"name": …, "id": …}]}``, a bare list, entries that
        are only a name, and objects with the names as keys. Entries of any other shape are
        ignored.
    model : str, optional
        The model that was requested.

    Returns
    -------
    list of Voice
        In the server's order; only those of `model` if the answer names models.
    """
    voices: list[Voice] = []
    for entry in _entries(answer, "data", "voices"):
        if isinstance(entry, Mapping) and isinstance(entry.get("voices"), list):
            owner = _text(entry, "model", "id")
            voices += [voice for each in entry["voices"] if (voice := _voice(each, owner))]
        elif voice := _voice(entry, model):
            voices.append(voice)
    own = [voice for voice in voices if model is None or voice.model in (None, model)]
    # The server may list the requested model under another name.
    return own or (voices if len({voice.model for voice in voices}) == 1 else [])


def read_models(answer: Any) -> list[str]:
    """Read the ids from the answer of ``GET /models``: a list, or one under ``data``.

    Entries that name a type or a task other than speech are ignored.
    """
    entries = [
        {"id": entry} if isinstance(entry, str) else entry
        for entry in _entries(answer, "data", "models")
    ]
    names = [
        _text(entry, "id", "name")
        for entry in entries
        if isinstance(entry, Mapping) and _text(entry, "type", "task") in _SPEAKING
    ]
    return [name for name in names if name]


def _entries(answer: Any, *keys: str) -> list[Any]:
    """Return the answer itself if it is a list, or the list under the first of `keys`."""
    if isinstance(answer, list):
        return answer
    if not isinstance(answer, Mapping):
        return []
    listed = _first_list(answer, keys)
    if isinstance(listed, Mapping):
        inner = _first_list(listed, keys)
        listed = inner if isinstance(inner, list) and inner else listed
    if isinstance(listed, list):
        return listed
    return [one for each in listed.items() for one in _named(*each)]


def _first_list(answer: Mapping[str, Any], keys: Sequence[str]) -> list[Any] | Mapping[str, Any]:
    found = (answer[key] for key in keys if isinstance(answer.get(key), list | Mapping))
    return next(filter(None, found), [])


def _named(name: str, facts: Any) -> list[Any]:
    """Return the entries of an object that lists by name, or by what groups them."""
    if isinstance(facts, list):
        return facts
    if isinstance(facts, Mapping):
        return [{"id": name, **facts}]
    return [name] if isinstance(facts, str) else []


_VOICE_IDS: Final = ("voice_id", "voiceId", "voice", "ShortName", "short_name")


def _voice(entry: Any, model: str | None) -> Voice | None:
    """Read one voice: an object, or only a name."""
    if isinstance(entry, str) and entry:
        return Voice(entry, entry, model)
    if not isinstance(entry, Mapping):
        return None
    name = _text(entry, "name", "id", *_VOICE_IDS)
    if name is None:
        return None
    # Together's entries have only a name; a request sends that name.
    ident = _text(entry, "id", *_VOICE_IDS) or name
    language = _text(entry, "language", "lang", "locale", "Locale")
    return Voice(ident, name, _text(entry, "model") or model, language)


_SPEAKING: Final = (None, "audio", "tts", "text-to-speech", "speech")
"""What entries of models say that they are for, where they say it."""


def _text(entry: Mapping[str, Any], *keys: str) -> str | None:
    """Return the value of the first of `keys` that is a string and not empty."""
    values = (entry.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value), None)
