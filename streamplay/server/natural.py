"""The natural voice: hibari (https://github.com/MMWilliams/hibari), English, 24 kHz.

Its package, ``hibari-tts``, is Apache-2.0 and carries the weights of one voice. Its other voices
would be downloaded; here nothing is: the model's file is named to it, and one that is not in the
package is an error. It is young, so everything that it returns is looked at before it is used.
"""

from __future__ import annotations

import gc
import os
import re
import threading
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from streamplay.server.synthesis import Sound, SynthesisFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

NAME: Final = "hibari"
VOICE: Final = "heart"
SAMPLERATE: Final = 24000

SPEEDS: Final = (0.5, 2.0)
"""The paces that its model was made for."""

# It takes whole sentences, of any length: time and memory grow with them (300 characters without
# a space took 20 s and 400 MB). About twelve seconds of speech.
_LONGEST_PHONEMES: Final = 250

# The noise in its sound is drawn at random: the same text sounds the same each time.
_SEED: Final = 0

# Each of its sentences begins with 0.24 to 0.33 s of silence (below -80 dBFS) and ends with 0.3 to
# 0.5 s. A listener waits for the former; between sentences the latter is pause enough.
_LEAD_SECONDS: Final = 0.05
_SILENCE: Final = 10 ** (-60 / 20)
"""Full scale is 1: the softest onset of a word is louder."""

_CLAUSE_END: Final = re.compile(r"(?<=[,;:.!?—])\s+")


def is_installed() -> bool:
    """Whether its package is there."""
    return find_spec(NAME) is not None and find_spec("onnxruntime") is not None


def forbid_telemetry() -> None:
    """Keep ONNX Runtime, which is not imported yet, from reporting to its maker.

    From version 1.29 on, its packages send when and by which program it is used, with an identifier
    that they keep in the user's cache, unless this variable is set before the import.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


class NaturalVoice:
    """hibari's voice ``heart``, as an `Engine`."""

    name = NAME
    samplerate = SAMPLERATE

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hibari: Any = None

    def load(self) -> None:
        """Load the model and the dictionaries, 0.4 s of work, and try them.

        Raises
        ------
        SynthesisFailed
            If its interface or its sound is not what is expected.
        """
        with _no_collections():
            self._load()

    def _load(self) -> None:
        forbid_telemetry()
        voices = import_module("hibari.voices")
        hibari = import_module(NAME).Hibari(model=voices.voice_path(VOICE, download_missing=False))
        if hibari.sample_rate != SAMPLERATE:
            raise SynthesisFailed(f"hibari speaks at {hibari.sample_rate} Hz, not {SAMPLERATE}")
        self._hibari = hibari
        if not SAMPLERATE / 4 < len(self.speak("I am ready.", VOICE, 1.0).frames) < 4 * SAMPLERATE:
            raise SynthesisFailed("hibari does not sound as expected")

    def voices(self) -> Mapping[str, str]:
        """Return its one voice."""
        return {VOICE: "en-us"}

    def speak(self, text: str, voice: str, speed: float) -> Sound:
        """Speak English; without times of words, which it does not tell.

        Raises
        ------
        SynthesisFailed
            If it fails, or its sound is none.
        """
        import numpy as np

        if voice != VOICE:
            raise SynthesisFailed(f"hibari has no voice {voice!r} here")
        pace = min(max(speed, SPEEDS[0]), SPEEDS[1])
        try:
            made = [self._say(part, pace) for part in self._phonemes(text)]
        except Exception as error:
            # Foreign code of many rules: an odd text raises what it raises.
            raise SynthesisFailed(f"hibari failed at {text[:40]!r}: {error!r}") from error
        frames = _led_in(np.concatenate(made) if made else np.zeros(0, np.float32))
        if not np.isfinite(frames).all():
            raise SynthesisFailed(f"hibari made noise of {text[:40]!r}")
        return Sound(np.clip(frames, -1.0, 1.0), SAMPLERATE)

    def _phonemes(self, text: str) -> Iterator[str]:
        with self._lock:  # its dictionaries are loaded at their first use
            sentences = self._hibari.phonemize(text)
        for sentence in sentences:
            yield from _cut(sentence)

    def _say(self, phonemes: str, speed: float) -> NDArray[np.float32]:
        import numpy as np

        made = self._hibari.from_phonemes(phonemes, speed=speed, seed=_SEED)
        return np.asarray(made, np.float32).reshape(-1)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector from visiting the dictionaries while they are read and after.

    They are hundreds of thousands of objects that stay: collections take a third of the time of
    loading, and would visit them again for as long as the process lives.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def _led_in(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut the silence at the beginning to `_LEAD_SECONDS`."""
    import numpy as np

    loud = np.abs(frames) > _SILENCE
    first = int(loud.argmax()) if loud.any() else 0
    return frames[max(0, first - round(_LEAD_SECONDS * SAMPLERATE)) :]


def _cut(phonemes: str) -> Iterator[str]:
    """Cut what is too long at clauses, else at spaces, else anywhere."""
    while len(phonemes) > _LONGEST_PHONEMES:
        head = phonemes[:_LONGEST_PHONEMES]
        clauses = [found.end() for found in _CLAUSE_END.finditer(head)]
        cut = clauses[-1] if clauses else head.rfind(" ") + 1 or len(head)
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:]
    if phonemes.strip():
        yield phonemes.strip()
