"""Audio described in a few words: ``pcm_s16le;rate=44100``, ``s16le, 44.1 kHz, mono``, without I/O.

Servers write such descriptions into headers, media types and fields of events, each in its own
way. What is not understood says nothing.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

ENCODINGS: Final = {
    "u8": "pcm_u8",
    "uint8": "pcm_u8",
    "s8": "pcm_s8",
    "int8": "pcm_s8",
    "s16le": "pcm_s16le",
    "s16": "pcm_s16le",
    "int16": "pcm_s16le",
    "linear16": "pcm_s16le",
    "signedinteger16": "pcm_s16le",
    "s16be": "pcm_s16be",
    "s24le": "pcm_s24le",
    "s24": "pcm_s24le",
    "int24": "pcm_s24le",
    "s24be": "pcm_s24be",
    "s32le": "pcm_s32le",
    "s32": "pcm_s32le",
    "s32be": "pcm_s32be",
    "int32": "pcm_s32le",
    "f32le": "pcm_f32le",
    "f32be": "pcm_f32be",
    "f64le": "pcm_f64le",
    "f64": "pcm_f64le",
    "f64be": "pcm_f64be",
    "float64": "pcm_f64le",
    "double": "pcm_f64le",
    "f32": "pcm_f32le",
    "float": "pcm_f32le",
    "float32": "pcm_f32le",
    "floatingpoint": "pcm_f32le",
    "mulaw": "pcm_mulaw",
    "ulaw": "pcm_mulaw",
    "pcmu": "pcm_mulaw",
    "g711u": "pcm_mulaw",
    "alaw": "pcm_alaw",
    "pcma": "pcm_alaw",
    "g711a": "pcm_alaw",
}
"""What encodings of `streamplay.audio.READABLE` are called, in lower case and without marks."""

RATES: Final = range(1000, 384_001)
"""Hz, as a WAV header's."""

CHANNELS: Final = range(1, 9)

# 32 bits may be whole numbers too: as floats they are noise, which the guard knows.
_BY_BITS: Final = {8: "pcm_u8", 16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_f32le", 64: "pcm_f64le"}
_WHOLE_BY_BITS: Final = _BY_BITS | {32: "pcm_s32le"}

# A number by itself is a rate only where it is a usual one.
_USUAL: Final = frozenset(
    (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192_000)
)
_KILOHERTZ: Final = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3})?)\s*k(?:hz)?(?![a-z])")
_HERTZ: Final = re.compile(r"(?<![\d.])(\d{4,6})(?:\.0{1,6})?\s*hz")
_NAMED_RATE: Final = re.compile(r"(?:rate|_sr|\bsr|\bfs)[\"']?\s*[=:]\s*[\"']?(\d{4,6})(?!\d)")
_NUMBER: Final = re.compile(r"(?<![\d.a-z])(\d{4,6})(?![\d.a-z])")
_WORDED_CHANNELS: Final = {"mono": 1, "stereo": 2}
_CHANNELS: Final = re.compile(r"(?<!\d)(\d)[\s_-]*ch(?:annels?)?\b|channels?\s*[=:]\s*(\d)\b")
_BITS: Final = re.compile(r"(?<!\d)(\d\d?)[\s_-]*bits?\b|bits?(?:[\s_-]?depth)?\s*[=:]\s*(\d\d?)\b")
_MARKS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 200


def rate_in(text: str) -> int:
    """Return the rate that a text names, in Hz; 0 where it names none."""
    words = text[:_LONGEST].lower()
    found = _KILOHERTZ.search(words)
    if found:
        rate = round(1000 * float(found[1]))
        return rate if rate in RATES else 0
    found = _NAMED_RATE.search(words) or _HERTZ.search(words)
    if found:
        return int(found[1]) if int(found[1]) in RATES else 0
    numbers = map(int, _NUMBER.findall(words))
    return next((number for number in numbers if number in _USUAL), 0)


def is_usual(rate: int) -> bool:
    """Tell whether so many Hz are a usual rate of audio."""
    return rate in _USUAL


def channels_in(text: str) -> int:
    """Return the number of channels that a text names; 0 where it names none."""
    words = text[:_LONGEST].lower()
    named = (count for word, count in _WORDED_CHANNELS.items() if word in _MARKS.split(words))
    found = _CHANNELS.search(words)
    count = next(named, 0) or (int(found[1] or found[2]) if found else 0)
    return count if count in CHANNELS else 0


def encoding_in(text: str, bits: int = 0) -> str:
    """Return the encoding that a text names, and so many bits; nothing where they name none."""
    words = text[:_LONGEST].lower()
    parts = [part for part in _MARKS.split(words) if part]
    pairs = [first + second for first, second in pairwise(parts)]
    name = next((part for part in (*pairs, *parts) if part in ENCODINGS), "")
    found = _BITS.search(words)
    bits = bits or (int(found[1] or found[2]) if found else 0)
    encoding = ENCODINGS.get(name, "")
    if encoding == "pcm_f32le" and bits == 64:
        encoding = "pcm_f64le"
    by_bits = _WHOLE_BY_BITS if "int" in words or "signed" in words else _BY_BITS
    encoding = encoding or by_bits.get(bits, "")
    if "big" in parts and encoding.endswith("le"):
        return f"{encoding[:-2]}be"
    return encoding
