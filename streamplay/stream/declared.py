"""What a server says of its audio beside the bytes: in headers of HTTP, and in fields of events.

Servers spell it in many ways: ``audio/pcm;rate=22050`` (openedai-speech), ``audio/L16;rate=16000``
(RFC 2586, RFC 3551), ``X-Sample-Rate`` (sglang-omni), ``X-Audio-Sample-Rate``, ``sample_rate`` in
an event (chatterbox-tts-api's ``speech.audio.info``). A header inside the bytes wins over all.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat
from streamplay.stream.described import (
    CHANNELS,
    RATES,
    channels_in,
    encoding_in,
    is_usual,
    rate_in,
)
from streamplay.stream.sniff import media_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamplay.models import FormatSource

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
    "audio/x-alaw-basic": ("pcm_alaw", 8000),
    "audio/lpcm": ("", 0),
}

# Types of samples that name them in their own words: audio/pcm_44100, audio/linear16.
_SAMPLES: Final = (
    *("audio/pcm", "audio/x-pcm", "audio/raw", "audio/x-raw", "audio/linear", "audio/g711"),
    *("audio/x-g711", "audio/s16", "audio/x-s16", "audio/f32", "audio/x-f32", "audio/float"),
    *("audio/x-l16", "audio/x-lpcm", "application/octet-stream"),
)

_RATE: Final = re.compile(
    r"(?:\w*(?:sample|sampling)(?:rate|frequency)(?:hz|hertz)?|(?:audio)?rate|sr)", re.ASCII
)
_WEAK_RATES: Final = frozenset(
    ("r", "fs", "freq", "frequency", "audiofrequency", "framerate", "hz")
)
"""Names of rates, and of other numbers: believed where the number is a usual rate."""
_OTHERS: Final = re.compile(r"input|request|limit|max|min|orig|native|mic", re.ASCII)
"""In names of rates that are not those of the audio that comes."""

_CHANNEL_NAMES: Final = frozenset(
    (
        *("channels", "audiochannels", "audiochannel", "numchannels", "nchannels"),
        *("channelcount", "ch", "audiochannelcount"),
    )
)
_BIT_NAMES: Final = frozenset(
    ("bits", "bit", "bitspersample", "bitdepth", "audiobitdepth", "samplebits", "audiobits")
)
_WIDTH_NAMES: Final = frozenset(("samplewidth", "sampwidth", "bytespersample", "samplesize"))
_BYTES_OF_SAMPLE: Final = range(1, 9)
_WORDS_NAMES: Final = frozenset(
    (
        *("encoding", "audioencoding", "sampleformat", "audioformat", "format", "outputformat"),
        *("dtype", "codec", "codecs", "audiocodec", "sampletype", "audioinfo", "audioconfig"),
        *("audioparams", "audiometadata", "pcmformat", "mimetype", "contenttype", "mediatype"),
        *("audiocontenttype", "contentformat", "audiotype", "endian", "endianness", "byteorder"),
    )
)
"""What holds a description of the audio: words, a media type, or JSON."""

# Objects inside an event that describe its audio; what goes in is described beside them.
_OBJECT_NAMES: Final = (
    *("audioformat", "outputformat", "format", "audioconfig", "audioinfo", "audioparams"),
    *("audiometadata", "output", "audio", "session", "response", "config", "metadata"),
    *("extrainfo", "info", "params", "properties"),
)
_OBJECT: Final = "object"
_NUMBER: Final = re.compile(r"\s*(\d{1,7})(?:\.0{1,6})?\s*(?:hz)?\s*", re.IGNORECASE | re.ASCII)
_TYPED: Final = re.compile(r"^\((?:string|int|fraction)\)")  # GStreamer writes rate=(int)44100

_LONGEST_WORDS: Final = 200
_LONGEST_JSON: Final = 2000


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
    # `Content-Encoding` and its like are HTTP's.
    own = {
        name: value
        for name, value in headers.items()
        if "-" in name and not name.startswith(("content-", "accept-", "transfer-"))
    }
    told, by_media = _told_by_type(headers.get("content-type", ""))
    return told.over(_read((_part(name), value) for name, value in own.items())).over(by_media)


def told_by_type(content_type: str) -> Told:
    """Read a media type with its parameters."""
    told, by_media = _told_by_type(content_type)
    return told.over(by_media)


def _told_by_type(content_type: str) -> tuple[Told, Told]:
    """Return what the parameters say, and what the type by itself says."""
    media = media_type(content_type)
    # GStreamer's caps have commas.
    parameters = [part.partition("=") for part in re.split("[;,]", content_type)[1:]]
    read = [(_part(name), _plain_value(value)) for name, _, value in parameters]
    samples = media in _MEDIA or media.startswith(_SAMPLES)
    if not samples:  # `codec=1` and `codecs=opus` name what is in a container
        read = [one for one in read if one[0] != "words"]
    encoding, rate = _MEDIA.get(media, ("", 0))
    if samples and not encoding and media not in _MEDIA:
        subtype = media.partition("/")[2]
        encoding, rate = encoding_in(subtype), rate_in(subtype)
    return _read(read), Told(rate, 0, encoding)


def _plain_value(value: str) -> str:
    return _TYPED.sub("", value.strip()).strip().strip('"')


def told_by_fields(fields: Mapping[str, Any], depth: int = 4) -> Told:
    """Read an event's fields, or the object that holds its audio."""
    found = [
        (part, name, value)
        for name, value in fields.items()
        if (part := _part(name)) and (part != _OBJECT or isinstance(value, dict))
    ]
    if not found:
        return _NOTHING
    told = _read((part, value) for part, _, value in found)
    if depth < 1:
        return told
    objects = {_plain(name): value for _, name, value in found if isinstance(value, dict)}
    inner = (objects[name] for name in _OBJECT_NAMES if name in objects)
    return told.over(_first(told_by_fields(one, depth - 1) for one in inner))


def _first(told: Iterable[Told]) -> Told:
    return next((one for one in told if one != Told()), Told())


def _read(values: Iterable[tuple[str, Any]]) -> Told:
    """Read what is told in parts: the first that says something counts, and numbers over words."""
    rate = channels = bits = 0
    words = ""
    told = Told()
    for part, value in values:
        if part in ("rate", "weak"):
            rate = rate or _rate(value, weak=part == "weak")
        elif part == "channels":
            worded = channels_in(value) if isinstance(value, str) else 0
            channels = channels or _number(value, CHANNELS) or worded
        elif part == "bits":
            bits = bits or _number(value, range(8, 65))
        elif part == "width":
            bits = bits or 8 * _number(value, _BYTES_OF_SAMPLE)
        elif part == "words" and isinstance(value, str):
            if len(value) < _LONGEST_WORDS:
                words += f" {value}"
            told = told.over(_told_by_value(value))
    encoding = encoding_in(words, bits) or told.encoding
    return Told(rate or told.samplerate, channels or told.channels, encoding)


def _told_by_value(value: str) -> Told:
    """Read one description: a media type, JSON, or words."""
    if value.startswith("{"):
        try:
            fields = json.loads(value) if len(value) < _LONGEST_JSON else None
        except (ValueError, RecursionError):
            fields = None
        return told_by_fields(fields, 1) if isinstance(fields, dict) else _NOTHING
    if "/" in value[:80]:
        return told_by_type(value[:_LONGEST_WORDS])
    return Told(rate_in(value), channels_in(value)) if len(value) < _LONGEST_WORDS else _NOTHING


def _rate(value: object, *, weak: bool) -> int:
    rate = _number(value, RATES)
    if not rate and isinstance(value, str) and "k" in value.lower():
        rate = rate_in(value)
    return rate if not weak or is_usual(rate) else 0


def _number(value: object, allowed: range) -> int:
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value)
        value = int(found[1]) if found else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value in allowed else 0


_LONGEST_NAME: Final = 40
_NOTHING: Final = Told()


def _part(name: object) -> str:
    """Return what a header, a parameter or a field tells of; empty for most."""
    return _part_of(name) if isinstance(name, str) and len(name) <= _LONGEST_NAME else ""


@lru_cache(maxsize=1024)  # a stream names the same fields in each of its events
def _part_of(name: str) -> str:
    plain = _plain(name).removeprefix("x")
    if _RATE.fullmatch(plain):
        return "" if _OTHERS.search(plain) else "rate"
    parts = (
        ("weak", _WEAK_RATES),
        ("channels", _CHANNEL_NAMES),
        ("bits", _BIT_NAMES),
        ("width", _WIDTH_NAMES),
        ("words", _WORDS_NAMES),
        (_OBJECT, _OBJECT_NAMES),
    )
    return next((part for part, names in parts if plain in names), "")


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    """Return a name in lower case, without what joins its words."""
    return re.sub(r"[-_. /]", "", name.strip().lower())
