"""Audio inside JSON: base64 of every spelling, and hexadecimal → bytes, and where it is kept.

Read strictly, RFC 4648 §3.3: a lost character would turn speech into noise. But lines of 64 or 76
characters (§3.1), the URL's alphabet (§5) and ``data:`` addresses are spellings, not faults.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pybase64

from streamplay.stream.sniff import RAW, identify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Not the space: a server that took + for one has damaged the text.
_SPACE: Final = re.compile(r"[\t\r\n]+")
_ADDRESS: Final = re.compile(r"data:([\w.+/-]*(?:;[\w.=+-]+)*);base64,", re.IGNORECASE)
_TEXT: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}\s*")

# MiniMax's own API sends these digits. So many of them are no base64 of anything.
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){32,}")

LONG: Final = 256
"""Characters from which on what can be read as base64 is no word of any language."""

_SHORTEST: Final = 16
"""The fewest characters of base64 by which a container of audio can be known."""

# A string of JSON that is long enough, by its first characters. Base64 holds no full stop; the
# media type of an address may, and any letter of its first word may be escaped.
_LONG_STRING: Final = re.compile(
    rf'"[^".]{{{_SHORTEST}}}|data:|\\u00[2-7]|"(?:data|b64|b64_json|base64)"', re.IGNORECASE
)
_SHORTEST_NUMBERS: Final = 2 * LONG - 1  # a digit each, and commas between

BASE64_KEYS: Final = ("data", "b64", "b64_json", "base64")

# Objects in which base64 is audio, wherever they stand: DashScope's output.audio.data, Gemini's
# candidates.0.content.parts.0.inlineData.data.
AUDIO_OBJECTS: Final = frozenset(("audio", "inlineData", "inline_data", "audioContent"))

_DEPTH: Final = 8  # Gemini's candidates.0.content.parts.0.inlineData.data is 7 deep
_MOST_FIELDS: Final = 64
_MOST_PLACES: Final = 512
"""Fields that are looked at in one event, those inside others included."""


def undo_base64(text: str) -> bytes:
    """Return the bytes of a text in base64, or in hexadecimal.

    Raises
    ------
    ValueError
        If it is none. Missing padding is none too: a text that was cut short looks just like it.
        Only in the URL's alphabet it is mostly left out.
    """
    if _HEX.match(text) and _HEX.fullmatch(text):
        return bytes.fromhex(text)
    # By pybase64: binascii takes 25 of the 50 µs that an event of 4 kB costs, and this takes one.
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        spelled = _SPACE.sub("", _ADDRESS.sub("", text, count=1))
        if "-" in spelled or "_" in spelled:
            spelled = spelled.replace("-", "+").replace("_", "/")
            spelled += "=" * (-len(spelled) % 4)
        if spelled == text:
            raise
        return pybase64.b64decode(spelled, validate=True)


def address_type(text: str) -> str:
    """Return the media type of a ``data:`` address, with its parameters; nothing for others."""
    found = _ADDRESS.match(text) if text[:5].lower() == "data:" else None
    return found[1] if found else ""


def is_base64(text: str) -> bool:
    """Tell whether a text can be read as base64."""
    try:
        undo_base64(text)
    except ValueError:
        return False
    return True


def may_be_audio(text: str) -> bool:
    """Tell whether a text can only be base64, or is that of a container of audio."""
    if len(text) >= LONG:
        return (
            not text.isdigit()
            and _TEXT.fullmatch(_ADDRESS.sub("", text[: 4 * LONG], count=1).rstrip()) is not None
        )
    if len(text) < _SHORTEST:
        return False
    try:
        return identify(undo_base64(text)) not in (RAW, None)
    except ValueError:
        return False


class AudioField(NamedTuple):
    """A field that may hold audio.

    Parameters
    ----------
    path : str
        The names that lead to it, with dots between; nothing where there is none.
    owner : mapping
        The object that it is a field of.
    value : str or list
        What it holds.
    """

    path: str
    owner: Mapping[str, Any]
    value: Any


def can_hold_audio(text: str) -> bool:
    """Tell whether `find_audio` can find anything in the object that a JSON text holds.

    For most small events it says no, at a tenth of the cost of looking at their fields.
    """
    return len(text) >= _SHORTEST_NUMBERS or _LONG_STRING.search(text) is not None


def find_audio(fields: Mapping[str, Any]) -> AudioField:
    """Find the first field that holds what may be audio: base64, or numbers."""
    places = islice(_places(fields, _DEPTH), _MOST_PLACES)
    found = (place for place in places if _may_hold(place.value) or _is_payload(place))
    return next(found, AudioField("", {}, ""))


def _may_hold(value: object) -> bool:
    return may_be_audio(value) if isinstance(value, str) else are_numbers(value)


def _is_payload(place: AudioField) -> bool:
    """Tell whether a field can be nothing but audio by its name, however short: a last delta."""
    owner, _, name = place.path.rpartition(".")
    return (
        name in BASE64_KEYS
        and owner.rpartition(".")[2] in AUDIO_OBJECTS
        and isinstance(place.value, str)
        and place.value != ""
        and is_base64(place.value)
    )


def are_numbers(value: object) -> bool:
    """Tell whether a value is a list of so many numbers that they can only be samples or bytes."""
    values = _flat(value)
    return len(values) >= LONG and all(type(one) in (int, float) for one in values)


def undo_numbers(value: object) -> tuple[bytes, str]:
    """Return the bytes of a list of numbers, and the encoding that they are in; none for bytes.

    Raises
    ------
    ValueError
        If they are none.
    """
    import numpy as np

    array = np.asarray(_flat(value))
    if array.ndim != 1 or array.dtype.kind not in "iuf" or not array.size:
        raise ValueError("no list of numbers")
    peak = float(np.abs(array).max())
    if array.dtype.kind == "f" and peak <= _LOUDEST_FLOAT:
        return array.astype("<f4").tobytes(), "pcm_f32le"
    if array.min() >= 0 and peak <= _BYTE:
        return array.astype(np.uint8).tobytes(), ""
    if not peak <= _S16:
        raise ValueError("numbers beyond 16 bits")
    return array.clip(-_S16, _S16 - 1).astype("<i2").tobytes(), "pcm_s16le"


_LOUDEST_FLOAT: Final = 8.0
_BYTE: Final = 255
_S16: Final = 32768


def _flat(value: object) -> list[Any]:
    """Return a list, or the only one in it."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, list) else []


def _places(fields: Mapping[str, Any], depth: int) -> Iterator[AudioField]:
    """Yield each field, those inside others too."""
    for name, value in islice(fields.items(), _MOST_FIELDS):
        yield AudioField(name, fields, value)
        inside: Mapping[str, Any] = {}
        if isinstance(value, dict):
            inside = value
        elif isinstance(value, list):
            inside = {str(at): one for at, one in enumerate(value[:_MOST_FIELDS])}
        if inside and depth > 1:
            for path, owner, inner in _places(inside, depth - 1):
                yield AudioField(f"{name}.{path}", owner, inner)
