"""What the headers of uncompressed audio say: WAV's, AIFF's, AU's, without I/O.

Sources: Microsoft, "Multiple Channel Audio Data and WAVE Files"
(https://learn.microsoft.com/windows-hardware/drivers/audio/extensible-wave-format-descriptors);
Apple, "AIFF-C" (draft of 1991); Sun's ``audio.h`` of 1990 (AU).
"""

from __future__ import annotations

import struct
from typing import Final

from streamplay.audio import AudioFormat
from streamplay.errors import BadAudio

WAV_ENCODINGS: Final = {
    (1, 8): "pcm_u8",
    (1, 16): "pcm_s16le",
    (1, 24): "pcm_s24le",
    (1, 32): "pcm_s32le",
    (3, 32): "pcm_f32le",
    (3, 64): "pcm_f64le",
    (6, 8): "pcm_alaw",
    (7, 8): "pcm_mulaw",
}
_RIFX_ENCODINGS: Final = {
    key: f"{name[:-2]}be" if name.endswith("le") else name for key, name in WAV_ENCODINGS.items()
}
_WAV_TAGS: Final = frozenset(tag for tag, _ in WAV_ENCODINGS)
_EXTENSIBLE: Final = 0xFFFE
# The sub-format of an extensible header: the old tag, then these 14 bytes.
_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")

# AIFF-C's names; where two are given, by the bits of a sample.
_AIFF_ENCODINGS: Final = {
    b"NONE": {8: "pcm_s8", 16: "pcm_s16be", 24: "pcm_s24be", 32: "pcm_s32be"},
    b"twos": {8: "pcm_s8", 16: "pcm_s16be", 24: "pcm_s24be", 32: "pcm_s32be"},
    b"in24": {24: "pcm_s24be"},
    b"in32": {32: "pcm_s32be"},
    b"sowt": {8: "pcm_s8", 16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_s32le"},
    b"raw ": {8: "pcm_u8"},
    b"fl32": {32: "pcm_f32be"},
    b"FL32": {32: "pcm_f32be"},
    b"fl64": {64: "pcm_f64be"},
    b"FL64": {64: "pcm_f64be"},
    b"ulaw": {8: "pcm_mulaw", 16: "pcm_mulaw"},
    b"ULAW": {8: "pcm_mulaw", 16: "pcm_mulaw"},
    b"alaw": {8: "pcm_alaw", 16: "pcm_alaw"},
    b"ALAW": {8: "pcm_alaw", 16: "pcm_alaw"},
}

_AU_ENCODINGS: Final = {
    1: "pcm_mulaw",
    2: "pcm_s8",
    3: "pcm_s16be",
    4: "pcm_s24be",
    5: "pcm_s32be",
    6: "pcm_f32be",
    7: "pcm_f64be",
    27: "pcm_alaw",
}

AU_HEADER_BYTES: Final = 24


class CompressedWav(BadAudio):
    """A WAV header that names a compressed format: ADPCM, GSM, mp3."""


def rifx_format(body: bytes) -> AudioFormat:
    """Read a ``fmt `` chunk's body of a WAV file whose numbers are big-endian."""
    tag, channels, samplerate, _, _, bits = struct.unpack_from(">HHIIHH", body)
    named = f"tag {tag}, {bits} bits, {samplerate} Hz, {channels} channels"
    encoding = _RIFX_ENCODINGS.get((tag, (bits + 7) // 8 * 8))
    return _checked(encoding, samplerate, channels, "RIFX", named)


def wav_format(body: bytes) -> AudioFormat:
    """Read a ``fmt `` chunk's body, of 16 bytes or more.

    Raises
    ------
    CompressedWav
        If what it names is no format of samples.
    BadAudio
        If it names none that can be played.
    """
    tag, channels, samplerate, second, frame, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 40 and body[26:40] == _GUID_TAIL:
        (tag,) = struct.unpack_from("<H", body, 24)
    elif tag == _EXTENSIBLE and not any(body[24:40]):
        tag = 1  # a sub-format that was left out
    if tag in (0, 1):  # writers that leave numbers out leave out those that the others tell
        channels = channels or 8 * frame // (bits or 16) or 1
        bits = bits or 8 * frame // channels or 16
        samplerate = samplerate or second // (channels * ((bits + 7) // 8))
    named = f"tag {tag}, {bits} bits, {samplerate} Hz, {channels} channels"
    compressed = tag not in (*_WAV_TAGS, 0, _EXTENSIBLE)
    held = (bits + 7) // 8 * 8  # 20 bits lie in 24, above
    if channels and frame == 4 * channels and tag == 1 and held == 24:
        held = 32  # and 24 in 32, where a frame is as long as that
    encoding = WAV_ENCODINGS.get((tag or 1, held))
    return _checked(encoding, samplerate, channels, "WAV", named, compressed=compressed)


def aiff_format(body: bytes) -> AudioFormat:
    """Read a ``COMM`` chunk's body, of 18 bytes or more."""
    channels, _, bits = struct.unpack_from(">HIH", body)
    name = body[18:22] or b"NONE"
    samplerate = round(_extended(body[8:18]))
    encoding = _AIFF_ENCODINGS.get(name, {}).get((bits + 7) // 8 * 8)
    named = f"{name!r}, {bits} bits, {samplerate} Hz, {channels} channels"
    return _checked(encoding, samplerate, channels, "AIFF", named)


def au_format(head: bytes) -> AudioFormat:
    """Read an AU header's first 24 bytes."""
    number, samplerate, channels = struct.unpack_from(">III", head, 12)
    named = f"encoding {number}, {samplerate} Hz, {channels} channels"
    return _checked(_AU_ENCODINGS.get(number), samplerate, channels, "AU", named)


def _checked(
    encoding: str | None,
    samplerate: int,
    channels: int,
    header: str,
    named: str,
    *,
    compressed: bool = False,
) -> AudioFormat:
    # 8 channels and 384 kHz: beyond what any sound card here plays, and any speech.
    if encoding is None or not 1 <= channels <= 8 or not 1000 <= samplerate <= 384_000:
        kind = CompressedWav if compressed else BadAudio
        raise kind(
            f"the {header} header names a format that cannot be played: {named}",
            remedy="Say what the bytes are with --decode-as ENCODING@RATE",
        )
    return AudioFormat(encoding, samplerate, channels)


def _extended(value: bytes) -> float:
    """Read an 80-bit float, as AIFF keeps the rate in: sign, 15 bits exponent, 64 bits mantissa."""
    exponent, mantissa = struct.unpack(">HQ", value)
    exponent -= 16383 + 63
    # Beyond any rate: `ldexp` would overflow.
    return 0.0 if not -64 < exponent < 0 else float(mantissa) * 2.0**exponent
