"""How often the noise guard mistakes sound for noise, and how often it finds a wrong encoding.

    .venv/bin/python -m benchmarks.guard [--clips 560]

Exit status 1 on a false alarm, or where less than 99 % of the wrong encodings are recognised.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import chain, cycle
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

import numpy as np

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import StreamPlayError
from streamplay.stream.decoder import Decoder
from tests.support.encoded import KINDS, in_container
from tests.support.sounds import Sound, clipped, spoken, synthetic

if TYPE_CHECKING:
    from collections.abc import Iterable

# What is said, what it really is, how many bytes were lost, and within how many seconds of
# audio that is not silent it must be recognised.
WRONG: Final = (
    ("pcm_f32le", "pcm_s16le", 0, 0.1),
    ("pcm_s16le", "pcm_f32le", 0, 0.1),
    ("pcm_s16le", "pcm_s16le", 1, 0.1),
    ("pcm_f32le", "pcm_f32le", 1, 0.1),
    ("pcm_f32le", "pcm_f32le", 3, 0.1),
    ("pcm_s16le", "pcm_mulaw", 0, 0.3),
    ("pcm_s16le", "pcm_alaw", 0, 0.3),
    ("pcm_f32le", "pcm_mulaw", 0, 0.3),
    ("pcm_f32le", "pcm_alaw", 0, 0.3),
    ("pcm_mulaw", "pcm_s16le", 0, 0.1),
    ("pcm_alaw", "pcm_s16le", 0, 0.1),
    ("pcm_mulaw", "pcm_f32le", 0, 0.1),
    ("pcm_alaw", "pcm_f32le", 0, 0.1),
    ("pcm_s16le", "pcm_s16be", 0, 0.1),
    ("pcm_f32le", "pcm_s16be", 0, 0.1),
    ("pcm_mulaw", "pcm_s16be", 0, 0.1),
)

# What servers send that is no samples, though they may say so.
COMPRESSED: Final = (
    "mp3",
    "mp3 untagged",
    "ADTS AAC",
    "Ogg Opus",
    "Ogg Vorbis",
    "FLAC",
    "MP4 fragments",
    "WebM Opus",
)
_PIECE_BYTES: Final = 700

_DELTA_SECONDS: Final = 0.01  # as told: the finest that a verdict's place is known
_BLOCK_SECONDS: Final = 0.005
_SILENT: Final = 10 ** (-50 / 20)  # RMS of a block of silence


@dataclass(slots=True)
class Outcome:
    """What became of one stream."""

    verdict: str = ""
    warning: str = ""
    seconds: float = 0.0
    """Audio until the verdict, as the bytes really are."""


def listen(sound: Sound, told: str, true: str, lost: int = 0) -> Outcome:
    """Send a sound in one encoding to a decoder that was told another."""
    data = encoded(sound, true)[lost:]
    expected = AudioFormat(told, sound.samplerate)
    decoder = Decoder(expected, "model")
    step = expected.frames(_DELTA_SECONDS) * expected.frame_bytes
    frame_bytes = AudioFormat(true, 1).frame_bytes
    for at in range(0, len(data), step):
        try:
            for _ in decoder.feed(data[at : at + step]):
                pass
        except StreamPlayError as error:
            return Outcome(str(error), seconds=(at + step) / frame_bytes / sound.samplerate)
        shifted = "byte of the audio" in decoder.warning
        if shifted or decoder.source == "bytes":
            verdict = "shifted" if shifted else decoder.format.encoding
            return Outcome(verdict, seconds=(at + step) / frame_bytes / sound.samplerate)
    return Outcome(warning=decoder.warning)


def encoded(sound: Sound, encoding: str) -> bytes:
    """Return a sound's samples in an encoding; swapped ones too, which nothing here writes."""
    if encoding != "pcm_s16be":
        return AudioFormat(encoding, sound.samplerate).encode(sound.frames)
    samples = np.frombuffer(encoded(sound, "pcm_s16le"), "<i2")
    return samples.astype(">i2").tobytes()


def audible(sound: Sound, seconds: float) -> float:
    """Return how much of the first `seconds` is not silent."""
    block = round(_BLOCK_SECONDS * sound.samplerate)
    frames = sound.frames[: round(seconds * sound.samplerate)]
    blocks = frames[: len(frames) // block * block].reshape(-1, block)
    return float((np.sqrt((blocks**2).mean(axis=1)) > _SILENT).sum()) * _BLOCK_SECONDS


def false_alarms(sounds: Iterable[Sound]) -> tuple[int, int]:
    """Print each sound that is mistaken in an encoding; return how many, and of how many."""
    alarms = heard = 0
    streams = [(sound, encoding, encoding, 0) for sound in sounds for encoding in ENCODINGS]
    for (sound, encoding, _, _), outcome in zip(streams, heard_all(streams), strict=True):
        heard += 1
        if outcome.verdict or outcome.warning:
            alarms += 1
            print(f"  {sound.name} at {sound.samplerate} Hz, {encoding}: {outcome}")
    return alarms, heard


_streams: list[tuple[Sound, str, str, int]] = []


def heard_all(streams: list[tuple[Sound, str, str, int]]) -> list[Outcome]:
    """Listen to streams on every processor; the children have the sounds from this process."""
    _streams[:] = streams
    with get_context("fork").Pool() as pool:
        return pool.map(_listen_to, range(len(streams)), chunksize=64)


def _listen_to(number: int) -> Outcome:
    return listen(*_streams[number])


def recognised(sounds: list[Sound], told: str, true: str, lost: int, limit: float) -> float:
    """Print and return the share of `sounds` that is recognised in time, and rightly."""
    delays, wrong = [], 0
    outcomes = heard_all([(sound, told, true, lost) for sound in sounds])
    for sound, outcome in zip(sounds, outcomes, strict=True):
        named = "shifted" if lost else true
        if named in outcome.verdict:
            delays.append(audible(sound, outcome.seconds))
        wrong += bool(outcome.verdict) and named not in outcome.verdict
    share = sum(delay <= limit for delay in delays) / len(sounds)
    what = f"{true} with {lost} bytes lost" if lost else true
    median, longest = (1000 * float(value) for value in np.quantile(delays or [0], [0.5, 1]))
    print(
        f"  {what:26} as {told}: {share:7.2%} within {1000 * limit:.0f} ms, "
        f"{len(sounds) - len(delays) - wrong} missed, {wrong} misnamed; "
        f"median {median:.0f} ms, longest {longest:.0f} ms"
    )
    return share


def laws(sounds: list[Sound]) -> None:
    """Print how often one G.711 law read as the other is warned of."""
    seen: Counter[bool] = Counter()
    for sound in sounds:
        for told, true in (("pcm_mulaw", "pcm_alaw"), ("pcm_alaw", "pcm_mulaw")):
            seen[bool(listen(sound, told, true).warning)] += 1
    print(f"  one law as the other: warned of in {seen[True] / seen.total():.2%} (voiced ≥ 1 s)")


def compressed(sounds: list[Sound]) -> float:
    """Print and return the share of compressed sounds that is never taken for samples."""
    seen: Counter[bool] = Counter()
    for name in COMPRESSED:
        kind = KINDS[name]
        known: Counter[bool] = Counter()
        for sound, told in zip(sounds, cycle(ENCODINGS), strict=False):
            data = in_container(kind, sound.frames, sound.samplerate)
            decoder = Decoder(AudioFormat(told, sound.samplerate), "model")
            for at in range(0, len(data), _PIECE_BYTES):
                for _ in decoder.feed(data[at : at + _PIECE_BYTES]):
                    pass
            known[decoder.source == "header"] += 1
        seen += known
        print(f"  {name:26} taken for samples: {known[False]} of {known.total()}")
    share = seen[True] / seen.total()
    print(f"  compressed: {share:.2%} recognised before anything is heard")
    return share


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clips", type=int, default=560, help="clips of speech (560)")
    clips = parser.parse_args().clips
    speech = list(spoken(clips))
    print(f"False alarms, {clips} clips of speech, as many clipped, and music, noise and tones:")
    alarms, heard = false_alarms(chain(speech, clipped(iter(speech)), synthetic()))
    print(f"  {alarms} of {heard} ({alarms / heard:.3%})")
    print(f"Recognised, of {clips} clips of speech:")
    shares = [recognised(speech, *wrong) for wrong in WRONG]
    laws(speech)
    shares.append(compressed(speech))
    print(f"  all together: {sum(shares) / len(shares):.2%}")
    print(f"  least of any kind: {min(shares):.2%}")
    return 0 if not alarms and min(shares) >= 0.99 else 1


if __name__ == "__main__":
    sys.exit(main())
