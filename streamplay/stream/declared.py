"""What a server says of its audio beside the bytes: in headers of HTTP, and in fields of events.

Servers spell it in many ways: ``audio/pcm;rate=22050`` (openedai-speech), ``audio/L16;rate=16000``
(RFC 2586, RFC 3551), ``X-Sample-Rate`` (sglang-omni), ``X-Audio-Sample-Rate``, ``sample_rate`` in
an event (chatterbox-tts-api's ``speech.audio.info``). A header inside the bytes wins over all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat
from streamplay.stream.sniff import media_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamplay.models import FormatSource

_RATES: Final = range(1000, 384_001)  # as a WAV header's
_CHANNELS: Final = range(1, 9)

_ENCODINGS: Final = {
    "u8": "pcm_u8",
    "uint8": "pcm_u8",
    "s8": "pcm_s8",
    "int8": "pcm_s8",
    "s16le": "pcm_s16le",
    "int16": "pcm_s16le",
    "linear16": "pcm_s16le",
    "signedinteger16": "pcm_s16le",
    "s16be": "pcm_s16be",
    "s24le": "pcm_s24le",
    "s24be": "pcm_s24be",
    "s32le": "pcm_s32le",
    "s32be": "pcm_s32be",
    "int32": "pcm_s32le",
    "f32le": "pcm_f32le",
    "f32be": "pcm_f32be",
    "f64le": "pcm_f64le",
    "f64be": "pcm_f64be",
    "float64": "pcm_f64le",
    "double": "pcm_f64le",
    "f32": "pcm_f32le",
    "float": "pcm_f32le",
    "float32": "pcm_f32le",
    "floatingpoint": "pcm_f32le",
    "mulaw": "pcm_mulaw",
    "ulaw": "pcm_mulaw",
    "alaw": "pcm_alaw",
}

# Media types that say how samples are kept (RFC 3551 §4.5, RFC 2586), and at which rate unless
# they tell another. L16 is big-endian by the letter and mostly not: the samples decide.
_MEDIA: Final = {
    "audio/l16": ("", 0),
    "audio/l8": ("pcm_u8", 0),
    "audio/l24": ("pcm_s24be", 0),
    "audio/basic": ("pcm_mulaw", 8000),
    "audio/pcmu": ("pcm_mulaw", 8000),
    "audio/pcma": ("pcm_alaw", 8000),
    "audio/mulaw": ("pcm_mulaw", 0),
    "audio/x-mulaw": ("pcm_mulaw", 0),
    "audio/ulaw": ("pcm_mulaw", 0),
    "audio/alaw": ("pcm_alaw", 0),
    "audio/x-alaw": ("pcm_alaw", 0),
}

_RATE_NAMES: Final = ("samplerate", "rate", "audiosamplerate", "audiorate", "samplingrate")
_RATE_NAMES_IN_EVENTS: Final = (*_RATE_NAMES, "sampleratehz", "sr", "samplingratehz")
_CHANNEL_NAMES: Final = ("channels", "audiochannels", "numchannels", "nchannels", "channelcount")
_ENCODING_NAMES: Final = (
    "encoding",
    "audioencoding",
    "sampleformat",
    "audioformat",
    "format",
    "dtype",
    "codec",
    "sampletype",
)


# Objects inside an event that describe its audio; what goes in is described beside them.
_OBJECT_NAMES: Final = (
    *("audioformat", "outputformat", "format", "audioconfig", "output", "audio", "session"),
    *("response", "config", "metadata"),
)
_NUMBER: Final = re.compile(r"\s*(\d{1,7})(?:\.0{1,6})?\s*(?:hz)?\s*", re.IGNORECASE | re.ASCII)
_BOTH: Final = re.compile(
    r"(?P<encoding>pcm|ulaw|mulaw|alaw)[_-](?:s?16(?:le)?[_-])?(?P<rate>\d{4,6})(?:hz)?", re.ASCII
)

_TYPE_NAMES: Final = ("mimetype", "contenttype", "mediatype", "format")


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says of its audio; 0 or nothing where it does not say.

    Parameters
    ----------
    samplerate, channels : int
        Frames per second, samples per frame.
    encoding : str
        One of `streamplay.audio.READABLE`.
    """

    samplerate: int = 0
    channels: int = 0
    encoding: str = ""

    def over(self, other: Told) -> Told:
        """Return this, and what `other` says where this says nothing."""
        return Told(
            self.samplerate or other.samplerate,
            self.channels or other.channels,
            self.encoding or other.encoding,
        )

    def beside(self, before: Told) -> Told:
        """Return what this says otherwise than `before`, where that said something or nothing."""
        return Told(
            self.samplerate if self.samplerate != before.samplerate else 0,
            self.channels if self.channels != before.channels else 0,
            self.encoding if self.encoding != before.encoding else "",
        )

    def settle(
        self, expected: AudioFormat, source: FormatSource
    ) -> tuple[AudioFormat, FormatSource]:
        """Return what the audio is, and who says so: the server, unless the user knows better."""
        told = AudioFormat(
            self.encoding or expected.encoding,
            self.samplerate or expected.samplerate,
            self.channels or expected.channels,
        )
        if source == "user" or told == expected:
            return expected, source
        return told, "server"


def told_by_headers(headers: Mapping[str, str]) -> Told:
    """Read an answer's headers, by name in lower case: its Content-Type, and others' own."""
    own = {_plain(name.removeprefix("x-")): value for name, value in headers.items() if "-" in name}
    # `Content-Encoding` and its like are HTTP's.
    own = {name: value for name, value in own.items() if not name.startswith(("content", "accept"))}
    told, by_media = _told_by_type(headers.get("content-type", ""))
    return told.over(_read(own, _RATE_NAMES)).over(by_media)


def told_by_type(content_type: str) -> Told:
    """Read a media type with its parameters."""
    told, by_media = _told_by_type(content_type)
    return told.over(by_media)


def _told_by_type(content_type: str) -> tuple[Told, Told]:
    """Return what the parameters say, and what the type by itself says."""
    media = media_type(content_type)
    parameters = {
        _plain(name): value.strip().strip('"')
        # GStreamer's caps have commas.
        for name, _, value in (part.partition("=") for part in re.split("[;,]", content_type)[1:])
    }
    encoding, rate = _MEDIA.get(media, ("", 0))
    if media not in ("audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw", *_MEDIA):
        parameters.pop("codec", None)
    return _read(parameters, _RATE_NAMES), Told(rate, 0, encoding)


def told_by_fields(fields: Mapping[str, Any], depth: int = 4) -> Told:
    """Read an event's fields, or the object that holds its audio."""
    plain = {
        known: value
        for name, value in fields.items()
        if (known := _known(name)) and (known in _TOLD_NAMES or isinstance(value, dict))
    }
    if not plain:
        return _NOTHING
    told = _read(plain, _RATE_NAMES_IN_EVENTS)
    types = (plain.get(name) for name in _TYPE_NAMES)
    named = next((one for one in types if isinstance(one, str) and "/" in one[:80]), "")
    if named:
        told = told.over(told_by_type(named[:200]))
    inner = (plain[name] for name in _OBJECT_NAMES if isinstance(plain.get(name), dict))
    return told if depth < 1 else told.over(_first(told_by_fields(one, depth - 1) for one in inner))


def _first(told: Iterable[Told]) -> Told:
    return next((one for one in told if one != Told()), Told())


def _read(values: Mapping[str, Any], rates: tuple[str, ...]) -> Told:
    encoding, rate = _both(values)
    return Told(
        _number(values, rates, _RATES) or rate,
        _number(values, _CHANNEL_NAMES, _CHANNELS),
        _encoding(values) or encoding,
    )


def _both(values: Mapping[str, Any]) -> tuple[str, int]:
    """Read a name that tells encoding and rate: ``pcm_44100``, ``ulaw_8000`` (ElevenLabs)."""
    for name in _ENCODING_NAMES:
        value = values.get(name)
        found = _BOTH.fullmatch(value.strip().lower()) if isinstance(value, str) else None
        if found and int(found["rate"]) in _RATES:
            return _ENCODINGS.get(found["encoding"], ""), int(found["rate"])
    return "", 0


def _number(values: Mapping[str, Any], names: tuple[str, ...], allowed: range) -> int:
    for name in names:
        value = values.get(name)
        if isinstance(value, str):
            found = _NUMBER.fullmatch(value)
            value = int(found[1]) if found else None
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and value in allowed:
            return value
    return 0


def _encoding(values: Mapping[str, Any]) -> str:
    for name in _ENCODING_NAMES:
        value = values.get(name)
        if isinstance(value, str) and len(value) < 40:
            plain = _plain(value).removeprefix("audio").removeprefix("pcm")
            if plain in _ENCODINGS:
                return _ENCODINGS[plain]
    return ""


_TOLD_NAMES: Final = frozenset(
    (*_RATE_NAMES_IN_EVENTS, *_CHANNEL_NAMES, *_ENCODING_NAMES, *_TYPE_NAMES)
)
_KNOWN: Final = _TOLD_NAMES | frozenset(_OBJECT_NAMES)
_LONGEST_NAME: Final = 40
_NOTHING: Final = Told()


def _known(name: object) -> str:
    """Return a name that tells of audio, plain; empty where it is none: of most fields."""
    return _known_name(name) if isinstance(name, str) and len(name) <= _LONGEST_NAME else ""


@lru_cache(maxsize=1024)  # a stream names the same fields in each of its events
def _known_name(name: str) -> str:
    plain = _plain(name)
    return plain if plain in _KNOWN else ""


def _plain(name: str) -> str:
    """Return a name in lower case, without what joins its words."""
    return re.sub(r"[-_. /]", "", name.strip().lower())
