"""What each model really returns, whatever was asked of it.

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
from typing import Any, Final, Literal

from streamplay.audio import AudioFormat
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

FormatSource = Literal["model", "header", "user", "request"]
"""Who said what the bytes are: ``request`` is no more than a guess."""


@dataclass(frozen=True, slots=True)
class Model:
    """A speech model and what it returns.

    Parameters
    ----------
    id : str
        The name to ask for.
    voice : str or None
        The voice to use where none is asked for; None where there is no
        documented one.
    encoding : str or None
        The encoding that it always returns; None: the one asked for.
    samplerate : int or None
        The rate that it always returns, in Hz; None: the one asked for.
    streams : bool or None
        Whether it streams; None where the documents disagree.
    mixes : bool
        Whether a voice may be a mix such as ``af_bella(2)+af_heart(1)``.
    """

    id: str
    voice: str | None = None
    encoding: str | None = None
    samplerate: int | None = None
    streams: bool | None = True
    mixes: bool = False


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
        The model that speaks with it, where the server says so.
    language : str or None
        Its language, where the server says so.
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
    """Return what is known of `model` or of its family; None of a stranger."""
    family = family_of(model)
    return _MODELS[family] if family else None


def default_voice(model: str) -> str | None:
    """Return the voice that `model` speaks with where none is asked for."""
    known = known_model(model)
    return known.voice if known else None


def effective_format(
    model: str, encoding: str, samplerate: int
) -> tuple[AudioFormat, FormatSource]:
    """Return what `model` returns where `encoding` and `samplerate` are asked for.

    Returns
    -------
    AudioFormat
        The effective format, mono.
    FormatSource
        ``"model"`` where the model's rule is known; ``"request"`` where it is
        only hoped that a stranger does as it is asked.
    """
    known = known_model(model)
    if known is None:
        return AudioFormat(encoding, samplerate), "request"
    return AudioFormat(known.encoding or encoding, known.samplerate or samplerate), "model"


def read_voices(answer: Any, model: str | None = None) -> list[Voice]:
    """Read the answer of ``GET /voices``, in each of the shapes that are served.

    Parameters
    ----------
    answer : JSON
        ``{"data": [{"model": …, "voices": [{"id": …, "name": …}]}]}``, a flat
        ``{"voices": [{"name": …, "id": …}]}``, a bare list, and entries that
        are a name alone. What is none of these is left out.
    model : str, optional
        The model that was asked about.

    Returns
    -------
    list of Voice
        In the server's order; of `model` alone where the answer names models.
    """
    voices: list[Voice] = []
    for entry in _entries(answer, "data", "voices"):
        if isinstance(entry, Mapping) and isinstance(entry.get("voices"), list):
            owner = _text(entry, "model", "id")
            voices += [voice for each in entry["voices"] if (voice := _voice(each, owner))]
        elif voice := _voice(entry, model):
            voices.append(voice)
    own = [voice for voice in voices if model is None or voice.model in (None, model)]
    # A server may call the one model that was asked about by another name.
    return own or (voices if len({voice.model for voice in voices}) == 1 else [])


def read_models(answer: Any) -> list[str]:
    """Read the ids from the answer of ``GET /models``: a list, or one under ``data``.

    Where the entries tell their type, those of another type than audio are
    left out.
    """
    entries = [
        {"id": entry} if isinstance(entry, str) else entry
        for entry in _entries(answer, "data", "models")
    ]
    names = [
        _text(entry, "id", "name")
        for entry in entries
        if isinstance(entry, Mapping) and _text(entry, "type") in (None, "audio", "tts")
    ]
    return [name for name in names if name]


def _entries(answer: Any, *keys: str) -> list[Any]:
    """Return the list that an answer is, or holds under one of `keys`."""
    if isinstance(answer, Mapping):
        found = [answer[key] for key in keys if isinstance(answer.get(key), list)]
        answer = found[0] if found else []
    return answer if isinstance(answer, list) else []


def _voice(entry: Any, model: str | None) -> Voice | None:
    """Read one voice: an object, or a name alone."""
    if isinstance(entry, str) and entry:
        return Voice(entry, entry, model)
    if not isinstance(entry, Mapping):
        return None
    name = _text(entry, "name", "id", "voice_id")
    if name is None:
        return None
    # Together's own entries carry a name alone, and the name is what is sent.
    ident = _text(entry, "id", "voice_id") or name
    return Voice(ident, name, _text(entry, "model") or model, _text(entry, "language", "lang"))


def _text(entry: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first of `keys` that holds a string with something in it."""
    values = (entry.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value), None)
