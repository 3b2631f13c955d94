"""What is known of the families of models: facts alone, for `models` and `fields`.

The rules are those of the schema of ``POST /audio/speech``
(https://docs.together.ai/reference/audio-speech); the ids are those of
https://docs.together.ai/docs/text-to-speech, which also names those of dedicated endpoints.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes 5 ms to import, before a request leaves
if TYPE_CHECKING:
    from typing import Any, Final

DEFAULT_MODEL: Final = "canopylabs/orpheus-3b-0.1-ft"

# A model is found by the longest family name that its id begins with, so that
# a new release of a known family keeps the family's rule.
FAMILIES: Final[dict[str, dict[str, Any]]] = {
    "canopylabs/orpheus": {
        "id": DEFAULT_MODEL,
        "voice": "tara",
        "encoding": "pcm_s16le",
        "samplerate": 24000,
    },
    "hexgrad/kokoro": {
        "id": "hexgrad/Kokoro-82M",
        "voice": "af_alloy",
        "encoding": "pcm_s16le",
        "samplerate": 24000,
        "mixes": True,
    },
    "minimax/": {"id": "minimax/speech-2.6-turbo", "encoding": "pcm_s16le"},
    "cartesia/sonic": {"id": "cartesia/sonic", "voice": "friendly sidekick", "streams": None},
    "cartesia/sonic-2": {"id": "cartesia/sonic-2", "voice": "laidback woman", "streams": None},
    "cartesia/sonic-3": {"id": "cartesia/sonic-3", "streams": None},
    # On dedicated endpoints only; no document says in which format these answer.
    "deepgram/deepgram-aura": {"id": "deepgram/deepgram-aura-2", "documented": False},
    "rime-labs/rime-arcana": {"id": "rime-labs/rime-arcana-v3", "documented": False},
    "rime-labs/rime-mist": {"id": "rime-labs/rime-mist-v2", "documented": False},
}
"""The fields of a `streamplay.models.Model`."""


def family_of(model: str) -> str | None:
    """Return the name of the family that `model` belongs to; None of a stranger.

    A dedicated endpoint is called ``ACCOUNT/org/model-hash``: the family stands inside its name.
    """
    name = model.casefold()
    names = (name, name.partition("/")[2])
    found = (each for each in FAMILIES if any(one.startswith(each) for one in names))
    return max(found, key=len, default=None)
