"""What speaks: one seam for the natural voice, for eSpeak NG, and for engines of others.

A package adds an engine by an entry point of the group ``streamplay.voices``, whose value is a
class or function that, called without arguments, returns an `Engine`. Its voices are then chosen
as ``-v NAME:VOICE``, and it speaks the languages that no built-in engine before it does.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.server import espeak, natural, wording
from streamplay.server.synthesis import Sound, SynthesisFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

GROUP: Final = "streamplay.voices"
"""The group of entry points."""

CHOICE: Final = "STREAMPLAY_ENGINE"
"""The environment variable that names the engine to speak English where none is asked for."""

EXTRAS: Final = {"espeak": "espeak", "hibari": "local"}
"""Which of our extras installs a built-in engine."""

_log = logging.getLogger(__name__)
_lock = threading.RLock()


class Engine(Protocol):
    """Turns text into sound. `speak` is called from several threads at once."""

    name: str
    """One word: what stands before the colon in ``-v NAME:VOICE``."""

    samplerate: int
    """Frames per second of what it returns."""

    def load(self) -> None:
        """Get ready to speak; whatever it raises makes the engine unusable, with that reason."""

    def voices(self) -> Mapping[str, str]:
        """Return its voices: a name, and the code of a language (``en-us``), the default first.

        Called before `load`.
        """

    def speak(self, text: str, voice: str, speed: float) -> Sound:
        """Speak a sentence or less, whole.

        Parameters
        ----------
        speed : float
            1 is the voice's own pace; at least 0.25, at most 4.

        Raises
        ------
        SynthesisFailed
            If it cannot; eSpeak NG is asked then.
        """


@dataclass(frozen=True, slots=True)
class Chosen:
    """A voice of an engine, and how fast it speaks."""

    engine: str
    voice: str
    speed: float = 1.0

    def __str__(self) -> str:
        return f"{self.engine} {self.voice}"


Manner = espeak.Spoken | Chosen
"""How something is spoken; eSpeak NG's has a pitch and words per minute of its own."""

# The language in which eSpeak NG reads a script that only a few languages share.
_SCRIPTS: Final = {
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "cmn",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KANNADA": "kn",
    "KATAKANA": "ja",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}


def preferred() -> str:
    """Return the engine that the environment names; ``auto``: the most natural one."""
    return os.environ.get(CHOICE, "") or "auto"


def find(name: str) -> Engine | None:
    """Return an engine that is installed and ready; None, with a warning, where it is not."""
    with _lock:
        return _ready(name)


@cache
def _ready(name: str) -> Engine | None:
    engine = _made(name)
    if engine is not None:
        try:
            engine.load()
        except Exception as error:  # noqa: BLE001 - foreign code: others speak on
            _log.warning("the engine %s cannot be used: %s", name, error)
            return None
    return engine


@cache
def _made(name: str) -> Engine | None:
    natural.forbid_telemetry()  # engines of others run on it too
    make = installed().get(name)
    try:
        return make() if make else None
    except Exception as error:  # noqa: BLE001 - foreign code: others speak on
        _log.warning("the engine %s cannot be used: %s", name, error)
        return None


def voices(name: str) -> Mapping[str, str]:
    """Return the voices of an engine and their languages, without loading it."""
    with _lock:
        engine = _made(name)
    return engine.voices() if engine else {}


def forget() -> None:
    """Look for engines again."""
    with _lock:
        _ready.cache_clear()
        _made.cache_clear()
        installed.cache_clear()


@cache
def installed() -> Mapping[str, Callable[[], Engine]]:
    """Return what makes each engine that is installed, besides eSpeak NG."""
    found: dict[str, Callable[[], Engine]] = {}
    if natural.is_installed():
        found[natural.NAME] = natural.NaturalVoice
    for point in entry_points(group=GROUP):
        if point.name not in (*found, espeak.NAME):
            found[point.name] = lambda point=point: point.load()()  # type: ignore[misc]
    return found


def is_installed(name: str) -> bool:
    """Whether the package of an engine is there."""
    return espeak.is_installed() if name == espeak.NAME else name in installed()


def speaker(language: str) -> Chosen | None:
    """Return the voice that speaks a language most naturally; None: eSpeak NG, or none does.

    Parameters
    ----------
    language : str
        A code such as ``en`` or ``pt-br``.
    """
    wanted = preferred()
    if wanted == espeak.NAME:
        return None
    for name in [wanted] if wanted in installed() else installed():
        for voice, code in voices(name).items():
            if code.partition("-")[0] == language.partition("-")[0] and find(name):
                return Chosen(name, voice)
    return None


def parts(text: str, manner: Manner) -> Iterator[tuple[str, Manner]]:
    """Cut a sentence into what each engine speaks of it.

    Text in a script that an English voice cannot read is eSpeak NG's. Nothing is left out: what
    no engine can speak is an error of `sound`.
    """
    if isinstance(manner, espeak.Spoken) or manner.engine != natural.NAME:
        yield text, manner
        return
    for run, script in wording.runs(wording.fit(text)):
        if not wording.has_words(run):
            continue
        if script in ("LATIN", ""):
            yield run, manner
        else:
            yield run, espeak.Spoken(_SCRIPTS.get(script, "en-us"), rate=_rate(manner.speed))


def told(sentences: Sequence[str], manner: Manner) -> str:
    """Tell which voices speak some sentences, in the order of their first words."""
    if isinstance(manner, espeak.Spoken):
        return str(manner)
    names = dict.fromkeys(str(how) for text in sentences for _, how in parts(text, manner))
    return ", ".join(names) or str(manner)


def sound(text: str, manner: Manner) -> Sound:
    """Speak a part of a sentence.

    Raises
    ------
    SynthesisFailed
        If nothing that is installed can.
    """
    if isinstance(manner, espeak.Spoken):
        return espeak.sound(text, manner)
    try:
        return _sound_of(text, manner)
    except SynthesisFailed:
        if not espeak.is_installed():
            raise
        return espeak.sound(text, espeak.Spoken("en-us", rate=_rate(manner.speed)))


def _sound_of(text: str, chosen: Chosen) -> Sound:
    engine = find(chosen.engine)
    if engine is None:
        raise SynthesisFailed(f"the engine {chosen.engine} cannot be used here")
    made = engine.speak(text, chosen.voice, chosen.speed)
    if not len(made.frames) and wording.has_words(text):
        raise SynthesisFailed(f"{chosen} made no sound of {text[:40]!r}")
    return made


def missing_for(text: str, manner: Manner) -> str:
    """Return the first part of a text that nothing installed can read; empty: there is none."""
    if espeak.is_installed():
        return ""
    speaks = (run for run, how in parts(text, manner) if isinstance(how, espeak.Spoken))
    return next(speaks, "")


def _rate(speed: float) -> int:
    low, high = espeak.RATES
    return round(min(max(espeak.Spoken("").rate * speed, low), high))
