"""Conversions between bytes, frames and seconds. No other module does them.

A *frame* is one sample for each channel. Inside streamplay frames are
``float32`` arrays of shape ``(n, channels)``, full scale ±1.0. On the wire they
are bytes: `ENCODINGS` are the encodings that Together's API names and that are written here,
`READABLE` those that are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from streamplay.rules import option_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.float32]
    """``float32 (n, channels)``, full scale ±1.0."""

    Block = memoryview[float]
    """Interleaved float32 samples, format ``f``: an output's buffer, filled in place."""

    Samples = NDArray[np.float32] | NDArray[np.int16]
    """``(n,)`` or ``(n, channels)``, full scale ±1.0 or 16 bits: what a player plays."""

ENCODINGS: Final = option_table.ENCODINGS

# Read, never written here: what WAV, AIFF, AU, Matroska and some servers hold. The name tells the
# kind (signed, unsigned or float), the bits and the byte order.
_ALSO_READ: Final = {
    "pcm_u8": 1,
    "pcm_s8": 1,
    "pcm_s16be": 2,
    "pcm_s24le": 3,
    "pcm_s24be": 3,
    "pcm_s32le": 4,
    "pcm_s32be": 4,
    "pcm_f32be": 4,
    "pcm_f64le": 8,
    "pcm_f64be": 8,
}
_SAMPLE_BYTES: Final = {
    "pcm_f32le": 4,
    "pcm_s16le": 2,
    "pcm_mulaw": 1,
    "pcm_alaw": 1,
    **_ALSO_READ,
}

READABLE: Final = option_table.READABLE
"""Every encoding that `AudioFormat.decode` reads; `encode` writes those of `ENCODINGS`."""

# 16-bit full scale. Dividing by a power of two is exact in float32, so that
# s16 → float32 → s16 is the identity; 32767 would not be.
_S16_SCALE: Final = 32768.0
_S16_STEP: Final = 1 / _S16_SCALE


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How audio bytes are encoded.

    `decode` and `encode` import numpy, not this module: the first request is sent before numpy
    has been loaded.

    Parameters
    ----------
    encoding : str
        One of `READABLE`.
    samplerate : int
        Frames per second.
    channels : int
        Samples per frame, interleaved.
    """

    encoding: str
    samplerate: int
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in _SAMPLE_BYTES:
            raise ValueError(f"encoding {self.encoding!r} is none of {', '.join(READABLE)}")
        if self.samplerate < 1 or self.channels < 1:
            raise ValueError(f"impossible format: {self.samplerate} Hz, {self.channels} channels")

    def __str__(self) -> str:
        layout = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{self.encoding} at {self.samplerate} Hz, {layout}"

    @property
    def frame_bytes(self) -> int:
        """Bytes in one frame."""
        return _SAMPLE_BYTES[self.encoding] * self.channels

    def seconds(self, frames: int) -> float:
        """Return the duration of `frames`."""
        return frames / self.samplerate

    def frames(self, seconds: float) -> int:
        """Return the number of frames in `seconds`, rounded to the nearest."""
        return round(seconds * self.samplerate)

    def decode(self, data: bytes | bytearray | memoryview) -> Frames:
        """Convert bytes to frames.

        Parameters
        ----------
        data : bytes-like
            Whole frames.

        Returns
        -------
        numpy.ndarray
            ``float32 (n, channels)``. Values of floats are returned unchanged, NaN included:
            `streamplay.stream.guard` limits them. A float64 beyond float32 is infinite.

        Raises
        ------
        ValueError
            If `data` ends inside a frame.
        """
        import numpy as np

        if self.encoding == "pcm_f32le":
            samples = np.frombuffer(data, dtype="<f4").astype(np.float32)
        elif self.encoding == "pcm_s16le":
            samples = np.frombuffer(data, dtype="<i2").astype(np.float32)
            samples *= np.float32(1 / _S16_SCALE)
        elif self.encoding in _G711_EXPAND:
            samples = _g711_table(self.encoding)[np.frombuffer(data, dtype=np.uint8)]
        else:
            samples = _decode_other(self.encoding, data)
        return samples.reshape(-1, self.channels)

    def encode(self, frames: Frames) -> bytes:
        """Convert frames to bytes, the inverse of `decode`; peaks are limited to full scale.

        Parameters
        ----------
        frames : numpy.ndarray
            ``float32 (n, channels)``, finite.

        Raises
        ------
        ValueError
            If the encoding is only read.
        """
        import numpy as np

        if self.encoding not in ENCODINGS:
            raise ValueError(f"{self.encoding} is read, not written")

        if self.encoding == "pcm_f32le":
            return bytes(frames.astype("<f4").data)
        s16: NDArray[np.int16] = (
            np.rint(frames * np.float32(_S16_SCALE)).clip(-32768, 32767).astype("<i2")
        )
        if self.encoding == "pcm_s16le":
            return bytes(s16.data)
        return _g711_codes(self.encoding)[s16.astype(np.int32) + 32768].tobytes()


def _decode_other(encoding: str, data: bytes | bytearray | memoryview) -> NDArray[np.float32]:
    """Decode an encoding whose name is ``pcm_``, kind (s, u or f), bits, byte order."""
    import numpy as np

    kind, bits = encoding[4], int(encoding[5:].rstrip("lbe"))
    order = ">" if encoding.endswith("be") else "<"
    if kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return np.frombuffer(data, dtype=f"{order}f{bits // 8}").astype(np.float32)
    if bits == 24:
        # As the upper three bytes of 32 bits, so that the sign is where numpy looks for it.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, slice(1, 4) if order == "<" else slice(3)] = np.frombuffer(data, np.uint8).reshape(
            -1, 3
        )
        raw, bits = wide.reshape(-1).view(f"{order}i4"), 32
    else:
        raw = np.frombuffer(data, dtype=f"{order}{'u' if kind == 'u' else 'i'}{bits // 8}")
    samples: NDArray[np.float32] = raw.astype(np.float32)
    if kind == "u":
        samples -= np.float32(2 ** (bits - 1))
    samples *= np.float32(2.0 ** (1 - bits))
    return samples


@cache
def _g711_table(encoding: str) -> NDArray[np.float32]:
    """Return the value of each of the 256 codes of a G.711 law, full scale ±1.0."""
    import numpy as np

    expand = _G711_EXPAND[encoding]
    return np.array([expand(code) / _S16_SCALE for code in range(256)], dtype=np.float32)


@cache
def _g711_codes(encoding: str) -> NDArray[np.uint8]:
    """Return the nearest code for each of the 65536 values of s16, from −32768 on."""
    import numpy as np

    levels = _g711_table(encoding) * np.float32(_S16_SCALE)
    order = np.argsort(levels, kind="stable")
    between = (levels[order][1:] + levels[order][:-1]) / 2
    nearest = np.searchsorted(between, np.arange(-32768, 32768))
    return order[nearest].astype(np.uint8)


def _expand_mulaw(code: int) -> int:
    """ITU-T G.711 table 2, as a 16-bit value (14 bits, shifted left by two)."""
    code = ~code & 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    # 33 is the law's bias: it makes the eight segments powers of two.
    magnitude = (((mantissa << 1) + 33 << exponent) - 33) << 2
    return -magnitude if code & 0x80 else magnitude


def _expand_alaw(code: int) -> int:
    """ITU-T G.711 table 1, as a 16-bit value (13 bits, shifted left by three)."""
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = (mantissa << 4) + 8
    if exponent:
        magnitude = magnitude + 0x100 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


_G711_EXPAND: Final = {"pcm_mulaw": _expand_mulaw, "pcm_alaw": _expand_alaw}
