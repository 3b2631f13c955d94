"""The models and voices that the local server offers, and what each truly does.

Each voice of a model is a different way for eSpeak NG to sound, so that a wrong
voice can be heard. The names are those of the public lists:
https://docs.together.ai/docs/text-to-speech#supported-voices and
https://platform.openai.com/docs/guides/text-to-speech.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from streamplay.audio import AudioFormat
from streamplay.models import known_model
from streamplay.server import engines, espeak
from streamplay.server.engines import Chosen
from streamplay.server.espeak import Spoken, languages, variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class ServedVoice:
    """A voice as ``GET /v1/voices`` lists it, and how it sounds here.

    Parameters
    ----------
    spoken : Spoken
        How eSpeak NG speaks it.
    exact : bool
        Whether it is eSpeak NG's own voice, which no other engine stands in for.
    chosen : Chosen, optional
        The voice of another engine that it is.
    """

    id: str
    name: str
    language: str
    spoken: Spoken
    exact: bool = False
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model, its voices, and which wishes of a request it obeys.

    Parameters
    ----------
    obeys_encoding, obeys_rate : bool
        Whether ``response_encoding`` and ``sample_rate`` make a difference.
    mixes : bool
        Whether voices can be joined with ``+``.
    openai : bool
        Whether requests for it have OpenAI's shape.
    open_voices : bool
        Whether any ``language+variant`` of eSpeak NG is a voice too.
    """

    id: str
    voices: Mapping[str, ServedVoice]
    obeys_encoding: bool = True
    obeys_rate: bool = True
    mixes: bool = False
    openai: bool = False
    open_voices: bool = False

    def format(self, encoding: str, samplerate: int) -> AudioFormat:
        """Return what comes back when `encoding` at `samplerate` was asked for."""
        return AudioFormat(
            encoding if self.obeys_encoding else "pcm_s16le",
            samplerate if self.obeys_rate else 24000,
        )

    def find(self, voice: str) -> ServedVoice | None:
        """Return the voice of that name, mixes included, or nothing."""
        if voice in self.voices:
            return self.voices[voice]
        engine, colon, name = voice.partition(":")
        if colon:
            return engine_voice(engine, name)
        if self.mixes and "+" in voice:
            return self._mix(voice)
        return _espeak_voice(voice) if self.open_voices else None

    def _mix(self, mix: str) -> ServedVoice | None:
        """Blend voices: the pitch is the weighted mean, the rest the heaviest one's."""
        parts = [_MIX_PART.fullmatch(part) for part in mix.split("+")]
        weighted = [
            (float(part["weight"] or 1), self.voices[part["name"]])
            for part in parts
            if part and part["name"] in self.voices
        ]
        total = sum(weight for weight, _ in weighted)
        if len(weighted) < len(parts) or not total:
            return None
        _, heaviest = max(weighted, key=lambda pair: pair[0])
        pitch = round(sum(weight * voice.spoken.pitch for weight, voice in weighted) / total)
        return ServedVoice(mix, mix, heaviest.language, replace(heaviest.spoken, pitch=pitch))


_MIX_PART: Final = re.compile(r"(?P<name>\w+)(\((?P<weight>\d+(\.\d+)?)\))?")

# Variants that sound human; pitches far enough apart to be told from each other.
_FEMALE: Final = ("f3", "f2", "f1", "f4", "f5")
_MALE: Final = ("m3", "m1", "m2", "m4", "m5", "m6", "m7", "m8")
_PITCHES: Final = (50, 62, 38, 74)

_ORPHEUS: Final = {"tara": "f", "leah": "f", "jess": "f", "leo": "m", "dan": "m", "mia": "f"} | {
    "zac": "m",
    "zoe": "f",
}

# https://huggingface.co/hexgrad/Kokoro-82M/blob/main/VOICES.md: the first letter
# is the language, the second the gender.
_KOKORO: Final = {
    "af": "alloy aoede bella heart jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "pf": "dora",
    "pm": "alex santa",
}
_KOKORO_LANGUAGES: Final = {
    "a": "en-us",
    "b": "en-gb",
    "j": "ja",
    "z": "cmn",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "p": "pt-br",
}

_CARTESIA: Final = {
    "friendly sidekick": ("en-us", "m"),
    "laidback woman": ("en-us", "f"),
    "nonfiction man": ("en-us", "m"),
    "helpful woman": ("en-us", "f"),
    "calm lady": ("en-us", "f"),
    "newsman": ("en-us", "m"),
    "newslady": ("en-us", "f"),
    "reading lady": ("en-us", "f"),
    "british reading lady": ("en-gb", "f"),
    "french conversational lady": ("fr", "f"),
    "german conversational woman": ("de", "f"),
    "spanish narrator man": ("es", "m"),
    "japanese woman conversational": ("ja", "f"),
}

_MINIMAX: Final = {
    "English_expressive_narrator": ("en-us", "m"),
    "English_radiant_girl": ("en-us", "f"),
    "English_magnetic_voiced_man": ("en-us", "m"),
    "English_CalmWoman": ("en-us", "f"),
}

ESPEAK: Final = "espeak-ng"
"""The model whose voices are eSpeak NG's own."""

OPENAI_MODELS: Final = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")

_OPENAI: Final = {
    "alloy": "f",
    "ash": "m",
    "ballad": "m",
    "cedar": "m",
    "coral": "f",
    "echo": "m",
    "fable": "m",
    "marin": "f",
    "nova": "f",
    "onyx": "m",
    "sage": "f",
    "shimmer": "f",
    "verse": "m",
}

# What ISO 639-1 and the API's locales are called in eSpeak NG, where it differs.
_LANGUAGES: Final = {
    "en": "en-us",
    "en-gb": "en",
    "no": "nb",
    "zh": "cmn",
    "zh-hk": "yue",
    "zh-mo": "yue",
}


# eSpeak NG's "en" is British.
_CODES: Final = {"en": "en-gb"}

# Lower case, as the API's documents ask for.
_LANGUAGE_CODE: Final = re.compile(r"[a-z]{2,4}(-[a-z0-9]+)*")


def is_code(code: str) -> bool:
    """Whether `code` has the form of an ISO 639 code or locale, in lower case."""
    return _LANGUAGE_CODE.fullmatch(code) is not None


def language(code: str) -> str | None:
    """Return eSpeak NG's name for an ISO 639-1 code or locale; None: it has none."""
    known = languages()
    if not is_code(code):
        return None
    for candidate in (code, code.split("-", 1)[0]):
        found = _LANGUAGES.get(candidate, candidate)
        if found in known:
            return found
    return None


@cache
def models() -> Mapping[str, ServedModel]:
    """Return every model that is served, by its name, the built-in voice's own last."""
    fixed = {"obeys_encoding": False, "obeys_rate": False}
    cartesia = _voices((name, *how) for name, how in _CARTESIA.items())
    minimax = _voices((name, *how) for name, how in _MINIMAX.items())
    openai = _voices((name, "en-us", gender) for name, gender in _OPENAI.items())
    orpheus = _voices((name, "en-us", gender) for name, gender in _ORPHEUS.items())
    kokoro = _voices(
        (f"{prefix}_{name}", _KOKORO_LANGUAGES[prefix[0]], prefix[1])
        for prefix, names in _KOKORO.items()
        for name in names.split()
    )
    every = [
        ServedModel("canopylabs/orpheus-3b-0.1-ft", orpheus, **fixed),
        ServedModel("hexgrad/Kokoro-82M", kokoro, mixes=True, **fixed),
        *(ServedModel(f"cartesia/{name}", cartesia) for name in ("sonic", "sonic-2", "sonic-3")),
        *(
            ServedModel(f"minimax/{name}", minimax, obeys_encoding=False)
            for name in ("speech-2.6-turbo", "speech-2.8-turbo")
        ),
        *(ServedModel(name, openai, openai=True, **fixed) for name in OPENAI_MODELS),
        *(ServedModel(name, _engine_voices(name)) for name in engines.installed()),
        ServedModel(ESPEAK, _espeak_voices(), open_voices=True),
    ]
    return {model.id: model for model in every if model.voices}


def stand_in(name: str) -> ServedModel:
    """Return the model `name`, one of its family, or else the one that does as it is asked.

    What a client expects to be sent by a model is what that model sends.
    """
    family = known_model(name)
    of_family = models().get(family.id) if family else None
    return models().get(name) or of_family or models()[_own_model()]


def _own_model() -> str:
    """Return the model that does as it is asked: that of the engine which speaks English."""
    speaker = engines.speaker("en")
    own = speaker.engine if speaker else ESPEAK
    return own if own in models() else next(iter(models()))


def _voices(rows: Iterable[tuple[str, str, str]]) -> dict[str, ServedVoice]:
    """Give each (name, language, gender) a sound that no other in its model has."""
    counts: dict[tuple[str, str], int] = {}
    voices = {}
    for name, tongue, gender in rows:
        index = counts.get((tongue, gender), 0)
        counts[tongue, gender] = index + 1
        family = _FEMALE if gender == "f" else _MALE
        lap, place = divmod(index, len(family))
        spoken = Spoken(language(tongue) or tongue, family[place], _PITCHES[lap % len(_PITCHES)])
        voices[name] = ServedVoice(name, name, tongue, spoken)
    return voices


@cache
def _espeak_voices() -> dict[str, ServedVoice]:
    names = ["en-us", *sorted(languages() - {"en-us"})]
    if not espeak.is_installed():
        return {}
    return {
        name: ServedVoice(name, name, _CODES.get(name, name), Spoken(name), exact=True)
        for name in names
    }


def engine_voice(engine: str, name: str) -> ServedVoice | None:
    """Return the voice of an engine, as in ``espeak:en-us+f3``; None: there is none."""
    if engine == espeak.NAME:
        return _espeak_voice(name)
    return _engine_voices(engine).get(name)


def _engine_voices(name: str) -> dict[str, ServedVoice]:
    return {
        voice: ServedVoice(
            voice, voice, tongue, Spoken(language(tongue) or tongue), chosen=Chosen(name, voice)
        )
        for voice, tongue in engines.voices(name).items()
    }


def _espeak_voice(name: str) -> ServedVoice | None:
    tongue, plus, variant = name.partition("+")
    if tongue not in languages() or (plus and variant not in variants()):
        return None
    spoken = Spoken(tongue, variant)
    return ServedVoice(name, name, _CODES.get(tongue, tongue), spoken, exact=True)
