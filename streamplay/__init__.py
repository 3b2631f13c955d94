"""Plays text as speech while it is still being generated."""

from __future__ import annotations

from importlib.metadata import version

from streamplay.aio import AsyncPlayer
from streamplay.audio import AudioFormat
from streamplay.client import SpeechClient
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
    TimedOut,
    TooLarge,
    Truncated,
    UnexpectedContent,
    VoiceNotFound,
    WrongEncoding,
)
from streamplay.player import Player, say
from streamplay.receipt import Receipt
from streamplay.request import SpeechRequest
from streamplay.utterance import Heard, Utterance

__version__ = version("streamplay")

__all__ = [
    "AsyncPlayer",
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
    "NoDevice",
    "NotAuthorized",
    "OutputFailed",
    "Player",
    "PlayerClosed",
    "QuotaExceeded",
    "RateLimited",
    "Receipt",
    "RemoteError",
    "ServerFailed",
    "ServerRefused",
    "SpeechClient",
    "SpeechRequest",
    "StreamBroken",
    "StreamPlayError",
    "TimedOut",
    "TooLarge",
    "Truncated",
    "UnexpectedContent",
    "Utterance",
    "VoiceNotFound",
    "WrongEncoding",
    "__version__",
    "say",
]
