"""eSpeak NG through ctypes: text in, 16-bit samples and word times out.

The library keeps its state in globals, and one of them cannot be set back: the
place in its pitch flutter, a static inside a function of ``wavegen.c``. The same
text would give other samples each time. So it is unloaded and loaded again for
each piece of text, which costs under a millisecond, and its random numbers, which
begin with the time of day, are given a seed: what is spoken depends on nothing
but the request.
"""

from __future__ import annotations

import _ctypes
import ctypes
import re
import sys
import threading
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamplay.server.synthesis import Sound, SpokenWord, SynthesisFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "espeak"
"""What stands before the colon in ``-v espeak:en-us+f3``."""

SAMPLERATE: Final = 22050
"""What the library's phoneme data are made for (``espeak_Initialize`` returns it)."""

# speak_lib.h of https://github.com/espeak-ng/espeak-ng
_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2
_CHARS_UTF8: Final = 1
_RATE: Final = 1
_PITCH: Final = 3
_EVENT_LIST_TERMINATED: Final = 0
_EVENT_WORD: Final = 1

RATES: Final = (80, 450)
"""Words per minute that it can be asked for (speak_lib.h)."""

# The option of espeak_Initialize against its habit of ending the process.
_DONT_EXIT: Final = 0x8000

_DICTIONARY: Final = re.compile(r"^dictionary\s+(\S+)", re.MULTILINE)

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A way for eSpeak NG to sound.

    Parameters
    ----------
    language : str
        The name of one of its voices: ``en-us``, ``fr``.
    variant : str
        One of its variants (``f3``, ``m1``), or nothing.
    pitch, rate : int
        Its own scales: 0–99, and words per minute.
    """

    language: str
    variant: str = ""
    pitch: int = 50
    rate: int = 165

    @property
    def name(self) -> str:
        """What eSpeak NG calls it, without pitch and rate."""
        return f"{self.language}+{self.variant}" if self.variant else self.language

    def __str__(self) -> str:
        return f"eSpeak NG {self.name} (pitch {self.pitch})"


@dataclass(frozen=True, slots=True)
class Spoke:
    """What came of one piece of text: s16 mono at `SAMPLERATE`, and its words."""

    samples: bytes
    words: tuple[SpokenWord, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / 2 / SAMPLERATE


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Events = ctypes.POINTER(_Event)
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, _Events)


def is_installed() -> bool:
    """Whether the package with the library is there."""
    return find_spec("espeakng_loader") is not None


def _loader() -> Any:
    try:
        return import_module("espeakng_loader")
    except ImportError as error:
        raise SynthesisFailed(
            "eSpeak NG is not installed: pip install 'streamplay[espeak]'"
        ) from error


def _data() -> Path:
    return Path(_loader().get_data_path())


class _Library:
    """A freshly loaded library; leaving the context unloads it with all its state."""

    def __enter__(self) -> ctypes.CDLL:
        try:
            self.library = ctypes.CDLL(_loader().get_library_path())
        except OSError as error:
            raise SynthesisFailed(f"eSpeak NG cannot be loaded: {error}") from error
        data = str(_data()).encode()
        initialize = self.library.espeak_Initialize
        if initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _DONT_EXIT) != SAMPLERATE:
            self._unload()
            raise SynthesisFailed("eSpeak NG cannot read its own data")
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        return self.library

    def __exit__(self, *exc: object) -> None:
        self.library.espeak_Terminate()
        self._unload()

    def _unload(self) -> None:
        handle = self.library._handle  # noqa: SLF001  ctypes has no public way to unload
        if sys.platform == "win32":
            _ctypes.FreeLibrary(handle)
        else:
            _ctypes.dlclose(handle)


def speak(text: str, spoken: Spoken) -> Spoke:
    """Synthesise one piece of text, whole. Blocks; to be called from any thread.

    Parameters
    ----------
    text : str
        A sentence or less: all of its sound is held in memory.
    spoken : Spoken
        The voice.

    Raises
    ------
    SynthesisFailed
        If eSpeak NG does.
    """
    blocks: list[bytes] = []
    words: list[SpokenWord] = []
    end = 0  # of the last word

    def collect(samples: int | None, count: int, events: Any) -> int:
        nonlocal end
        if samples and count > 0:
            blocks.append(ctypes.string_at(samples, count * 2))
        found, end = _words(text, events, end)
        words.extend(found)
        return 0

    with _lock, _Library() as library:
        _choose(library, spoken)
        callback = _Callback(collect)  # must live until the library is done with it
        library.espeak_SetSynthCallback(callback)
        encoded = text.encode("utf-8", "replace").replace(b"\0", b" ") + b"\0"
        if library.espeak_Synth(encoded, len(encoded), 0, 0, 0, _CHARS_UTF8, None, None):
            raise SynthesisFailed(f"eSpeak NG refused {text[:40]!r}")
    return Spoke(b"".join(blocks), tuple(words))


def sound(text: str, spoken: Spoken) -> Sound:
    """Synthesise one piece of text as every engine does.

    Raises
    ------
    SynthesisFailed
        If eSpeak NG does, or is not installed.
    """
    import numpy as np

    spoke = speak(text, spoken)
    frames = np.frombuffer(spoke.samples, dtype="<i2").astype(np.float32) / np.float32(32768)
    return Sound(frames, SAMPLERATE, spoke.words)


def _choose(library: ctypes.CDLL, spoken: Spoken) -> None:
    if library.espeak_SetVoiceByName(spoken.name.encode()):
        raise SynthesisFailed(f"eSpeak NG has no voice {spoken.name!r}")
    library.espeak_SetParameter(_RATE, spoken.rate, 0)
    library.espeak_SetParameter(_PITCH, spoken.pitch, 0)


def _words(text: str, events: Any, end: int) -> tuple[list[SpokenWord], int]:
    """Read the words behind `end` out of a list of events; return where the last one ends too.

    Positions count characters from 1. For a number that it says in several words eSpeak sends an
    event for each, and all but the first lie one character off, inside it: no words of the text.
    """
    found = []
    index = 0
    while (event := events[index]).type != _EVENT_LIST_TERMINATED:
        if event.type == _EVENT_WORD:
            start = event.text_position - 1
            if start >= end:
                end = start + event.length
                # `sample` of the event is wrong in 1.52; `audio_position` (ms) is right.
                found.append(SpokenWord(text[start:end], event.audio_position / 1000))
        index += 1
    return found, end


@cache
def languages() -> frozenset[str]:
    """Return the names that `Spoken.language` may have: none where it is not installed."""
    if not is_installed():
        return frozenset()
    with _lock, _Library() as library:
        return frozenset(filter(None, map(partial(_usable, library), _identifiers(library))))


def _identifiers(library: ctypes.CDLL) -> Iterator[tuple[str, str]]:
    """Yield (first language, file below ``lang``) of each voice."""
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    listed = library.espeak_ListVoices(None)
    index = 0
    while listed[index]:
        voice = listed[index].contents
        # A list of (priority byte, C string); the first is the voice's own.
        yield ctypes.string_at(voice.languages + 1).decode(), voice.identifier.decode()
        index += 1


def _usable(library: ctypes.CDLL, listed: tuple[str, str]) -> str | None:
    """Return the name that the library takes for a voice, if it can speak at all.

    It lists ``fr-fr`` and ``en-gb``, but finds them by their files' names only;
    and it lists some languages whose dictionaries it does not bring.
    """
    language, identifier = listed
    data = _data()
    told = _DICTIONARY.search((data / "lang" / identifier).read_text("utf-8"))
    dictionary = told[1] if told else language.split("-")[0]
    if not (data / f"{dictionary}_dict").exists():
        return None
    names = (language, identifier.rpartition("/")[2])
    return next((name for name in names if not library.espeak_SetVoiceByName(name.encode())), None)


@cache
def variants() -> frozenset[str]:
    """Return the names that `Spoken.variant` may have."""
    if not is_installed():
        return frozenset()
    folder = _data() / "voices" / "!v"
    return frozenset(path.name for path in folder.iterdir())
