"""Plays text as speech while it is still being generated.

The public names are loaded where they are first used: ``streamplay --help``, and
a program that only wants `SpeechRequest`, do not wait for what plays.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing takes 5 ms to import, before a request leaves
if TYPE_CHECKING:
    from typing import Any

    from streamplay import events
    from streamplay.aio import AsyncPlayer, AsyncUtterance
    from streamplay.audio import AudioFormat
    from streamplay.errors import (
        BadAudio,
        BadRequest,
        ConnectFailed,
        ConnectionLost,
        DeviceLost,
        FileFailed,
        InvalidRequest,
        MalformedEvent,
        ModelNotFound,
        NetworkFailed,
        NoAudio,
        NoDevice,
        NotAuthorized,
        OutputFailed,
        PlayerClosed,
        QuotaExceeded,
        RateLimited,
        RemoteError,
        ServerFailed,
        ServerRefused,
        StreamBroken,
        StreamPlayError,
        TextFailed,
        TimedOut,
        TooLarge,
        Truncated,
        UnexpectedContent,
        VoiceNotFound,
        WrongEncoding,
    )
    from streamplay.events import Heard
    from streamplay.network.client import SpeechClient
    from streamplay.playback.reference import Reference, ReferenceBlock
    from streamplay.player import Player, say
    from streamplay.receipt import Receipt
    from streamplay.request import SpeechRequest
    from streamplay.speech.utterance import Utterance

    __version__: str

__all__ = [
    "AsyncPlayer",
    "AsyncUtterance",
    "AudioFormat",
    "BadAudio",
    "BadRequest",
    "ConnectFailed",
    "ConnectionLost",
    "DeviceLost",
    "FileFailed",
    "Heard",
    "InvalidRequest",
    "MalformedEvent",
    "ModelNotFound",
    "NetworkFailed",
    "NoAudio",
    "NoDevice",
    "NotAuthorized",
    "OutputFailed",
    "Player",
    "PlayerClosed",
    "QuotaExceeded",
    "RateLimited",
    "Receipt",
    "Reference",
    "ReferenceBlock",
    "RemoteError",
    "ServerFailed",
    "ServerRefused",
    "SpeechClient",
    "SpeechRequest",
    "StreamBroken",
    "StreamPlayError",
    "TextFailed",
    "TimedOut",
    "TooLarge",
    "Truncated",
    "UnexpectedContent",
    "Utterance",
    "VoiceNotFound",
    "WrongEncoding",
    "__version__",
    "events",
    "say",
]

_HOMES = {
    "AsyncPlayer": "aio",
    "AsyncUtterance": "aio",
    "AudioFormat": "audio",
    "Heard": "events",
    "Player": "player",
    "Receipt": "receipt",
    "Reference": "playback.reference",
    "ReferenceBlock": "playback.reference",
    "SpeechClient": "network.client",
    "SpeechRequest": "request",
    "Utterance": "speech.utterance",
    "say": "player",
}
"""The module of each public name; of those not named here, errors."""


def __getattr__(name: str) -> Any:
    """Load a public name from its module (PEP 562)."""
    if name == "__version__":
        value: Any = import_module("importlib.metadata").version("streamplay")
    elif name == "events":
        value = import_module("streamplay.events")
    elif name in __all__:
        home = import_module(f"streamplay.{_HOMES.get(name, 'errors')}")
        value = getattr(home, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
