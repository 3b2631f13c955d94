"""Sounds to try the noise guard on: speech of many kinds, and what is not speech.

Levels are of full scale, frames ``float32 (n, 1)``. The same seed gives the same sounds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import soxr

from streamplay.server import espeak
from streamplay.server.synthesis import SynthesisFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamplay.audio import Frames

    Signal = NDArray[np.float64]

RATES: Final = (8000, 16000, 22050, 24000, 44100, 48000)
SHORTEST_SECONDS: Final = 2.0

_TEXTS: Final = (
    "The quick brown fox jumps over the lazy dog, seven times six is 42.",
    "1234567, 89, 2026. Hello world, and good night.",
    "She sells sea shells on the sea shore; six thick thistle sticks, hiss.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. 17.",
    "Portez ce vieux whisky au juge blond qui fume. 99, 100, 101.",
)
_VARIANTS: Final = ("", "f1", "f2", "f3", "f5", "m1", "m3", "m5", "m7", "whisper", "croak")


@dataclass(frozen=True, slots=True)
class Sound:
    """One clip."""

    name: str
    samplerate: int
    frames: Frames


def spoken(count: int, seed: int = 7) -> Iterator[Sound]:
    """Yield speech: languages, voices, pitches, speeds, rates, and levels from −24 to 0 dBFS."""
    roll = random.Random(seed)
    languages = sorted(espeak.languages())
    made = tried = 0
    while made < count:
        tried += 1
        voice = espeak.Spoken(
            languages[tried % len(languages)],
            roll.choice(_VARIANTS),
            pitch=roll.randrange(100),
            rate=roll.randrange(110, 260),
        )
        samplerate, level = roll.choice(RATES), 10 ** (roll.uniform(-24, 0) / 20)
        try:
            said = espeak.speak(_TEXTS[tried % len(_TEXTS)], voice)
        except SynthesisFailed:
            continue  # listed, but not in the library's data
        signal = np.frombuffer(said.samples, "<i2") / 32768
        if said.seconds >= SHORTEST_SECONDS:
            made += 1
            signal = soxr.resample(signal, espeak.SAMPLERATE, samplerate)
            yield _sound(f"{voice.name} {level:.2f}", samplerate, _at(level, signal))


def clipped(sounds: Iterator[Sound], seed: int = 7) -> Iterator[Sound]:
    """Yield `sounds` amplified by 6 to 34 dB and cut off at full scale."""
    roll = random.Random(seed)
    for sound in sounds:
        gain = roll.choice((2, 5, 10, 50)) / np.abs(sound.frames).max()
        frames = np.clip(gain * sound.frames, -1, 1).astype(np.float32)
        yield Sound(f"clipped {sound.name}", sound.samplerate, frames)


def synthetic(seed: int = 3, rates: Sequence[int] = RATES) -> Iterator[Sound]:
    """Yield tones, noises, silence, square waves, clicks and music, at each of `rates`."""
    roll = np.random.default_rng(seed)
    for samplerate in rates:
        time = np.arange(round(2.5 * samplerate)) / samplerate
        for name, signal in [*_tones(time, samplerate), *_silences(time, roll)]:
            yield _sound(name, samplerate, signal)
        for level in (1, 0.5, 0.2, 0.05, 0.003):
            for name, signal in [*_noises(time, roll), *_waves(time, samplerate, roll)]:
                yield _sound(f"{name} {level}", samplerate, level * signal)
        for number in range(10):
            music = _music(len(time), samplerate, roll)
            for drive in (0.4, 2, 8, 40):  # from quiet to a wall of sound
                yield _sound(f"music {number} {drive}", samplerate, 0.99 * np.tanh(drive * music))
                yield _sound(f"clipped music {number} {drive}", samplerate, drive * music)


def _tones(time: Signal, samplerate: int) -> Iterator[tuple[str, Signal]]:
    shares = (0.24, 0.25, 0.26, 0.45, 0.49)  # of the rate: where a period is a few samples
    for frequency in (50, 220, 440.7, 1000, 3000, *(share * samplerate for share in shares)):
        for level in (1, 0.999, 0.5, 0.1, 0.001):
            yield f"tone {frequency} {level}", level * np.sin(2 * np.pi * frequency * time)


def _silences(time: Signal, roll: np.random.Generator) -> Iterator[tuple[str, Signal]]:
    yield "silence", np.zeros(len(time))
    yield "dither", roll.integers(-1, 2, len(time)) / 32768
    yield "offset", np.full(len(time), 0.4)


def _noises(time: Signal, roll: np.random.Generator) -> Iterator[tuple[str, Signal]]:
    white = roll.uniform(-1, 1, len(time))
    hiss = np.diff(roll.normal(0, 1, len(time) + 1))  # as s and f: power rises with frequency
    yield "white noise", white
    yield "gaussian noise", np.clip(roll.normal(0, 0.4, len(time)), -1, 1)
    yield "rumble", _at(1, np.convolve(white, np.ones(20), "same"))
    yield "hiss", _at(1, hiss)
    yield "clipped hiss", np.clip(5 * hiss, -1, 1)
    yield "one-bit noise", np.sign(white)
    yield "eight-bit noise", np.round(127 * white) / 128
    yield "held noise", np.repeat(white, 5)[: len(time)]


def _waves(
    time: Signal, samplerate: int, roll: np.random.Generator
) -> Iterator[tuple[str, Signal]]:
    sweep = np.linspace(50, 0.49 * samplerate, len(time))
    yield "square wave", np.sign(np.sin(2 * np.pi * 110 * time))
    yield "sawtooth", 2 * (93.3 * time % 1) - 1
    yield "sweep", np.sin(2 * np.pi * np.cumsum(sweep) / samplerate)
    yield "clicks", (roll.random(len(time)) < 0.01).astype(float)


def _music(length: int, samplerate: int, roll: np.random.Generator) -> Signal:
    """Four chords a second with overtones that fade, and a drum on each."""
    music = np.zeros(length)
    for begin in range(0, length, samplerate // 4):
        part = music[begin : begin + samplerate // 4]
        time = np.arange(len(part)) / samplerate
        for note in roll.choice(48, 4):
            for overtone in range(1, 9):
                frequency = 65 * 2 ** (note / 12) * overtone
                if frequency < samplerate / 2:
                    wave = np.sin(2 * np.pi * frequency * time + roll.uniform(0, 6))
                    part += wave / overtone * np.exp(-time * roll.uniform(1, 8))
        part += roll.normal(0, 1.5, len(part)) * np.exp(-40 * time)
    return _at(1, music)


def _at(level: float, signal: Signal) -> Signal:
    return signal * (level / max(1e-9, np.abs(signal).max()))


def _sound(name: str, samplerate: int, signal: Signal) -> Sound:
    frames = np.clip(signal, -1, 1).astype(np.float32).reshape(-1, 1)
    return Sound(name, samplerate, frames)
