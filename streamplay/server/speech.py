"""An order becomes sound: sentence by sentence, lazily, in bounded memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.server import espeak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames
    from streamplay.server.order import Order

# Twenty seconds of speech, half a megabyte: bounds what one piece holds and
# how long its synthesis (10 ms) keeps the library from others.
_LONGEST_PIECE: Final = 300

# A longer first sentence is cut at its first clause: what is synthesised first is
# what a listener waits for.
_LONGEST_FIRST: Final = 100

# soxr keeps buffers as large as the largest block that it was given: 1 MB for five seconds.
_RESAMPLED: Final = 2048

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*\n")
_CLAUSE_END: Final = re.compile(r"(?<=[,;:])\s+|(?<=[，、；：])")


@dataclass(frozen=True, slots=True)
class SpeechWord:
    """A word and its times, in seconds from the start of the stream."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """Some of the sound: ``float32 (n, 1)`` at the rate asked for, and its words."""

    frames: Frames
    words: tuple[SpeechWord, ...] = ()


def pieces(order: Order, samplerate: int, begin: float = 0.0) -> Iterator[SpokenPiece]:
    """Yield the speech of an order; each step blocks for milliseconds.

    Parameters
    ----------
    samplerate : int
        Of the frames that are yielded.
    begin : float
        Where in the stream it begins, in seconds: word times count from there.
    """
    import numpy as np

    resample = _Resampler(samplerate)
    seconds = begin
    for text in split(order.text, order.segment):
        spoke = espeak.speak(text, order.spoken)
        words = tuple(_timed(spoke, seconds))
        for block in _blocks(spoke.samples):
            yield SpokenPiece(resample(block), words)
            words = ()
        seconds += spoke.seconds
    yield SpokenPiece(resample(np.zeros(0, np.float32), last=True))


def _blocks(samples: bytes) -> Iterator[Frames]:
    """Yield a second at a time: a client that does not read holds no more of a sentence."""
    import numpy as np

    size = 2 * espeak.SAMPLERATE
    for start in range(0, len(samples), size):
        block = np.frombuffer(samples[start : start + size], dtype="<i2")
        yield block.astype(np.float32) / np.float32(32768)


def warm() -> None:
    """Import and load ahead what the first request would wait for."""
    import numpy as np
    import soxr

    from streamplay.server import catalog

    soxr.resample(np.zeros(16, np.float32), espeak.SAMPLERATE, 24000)
    voice = next(iter(next(iter(catalog.models().values())).voices.values()))
    espeak.speak("a", voice.spoken)


def split(text: str, segment: str = "sentence") -> list[str]:
    """Cut text into what is synthesised at once.

    Parameters
    ----------
    segment : {'sentence', 'immediate', 'never'}
        At sentence ends; at clause ends too; only where it is too long.
    """
    parts = [text] if segment == "never" else _SENTENCE_END.split(text)
    if segment == "immediate":
        parts = [clause for part in parts for clause in _CLAUSE_END.split(part)]
    elif segment == "sentence" and len(parts[0]) > _LONGEST_FIRST:
        parts[:1] = _CLAUSE_END.split(parts[0], maxsplit=1)
    return [short for part in parts if part.strip() for short in _shorten(part.strip())]


def _shorten(text: str) -> Iterator[str]:
    while len(text) > _LONGEST_PIECE:
        cut = text.rfind(" ", 1, _LONGEST_PIECE) + 1 or _LONGEST_PIECE
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text


def _timed(spoke: espeak.Spoke, offset: float) -> Iterator[SpeechWord]:
    """Give each word its end: the next one's beginning, or its piece's end."""
    ends = [word.start for word in spoke.words[1:]] + [spoke.seconds]
    for word, end in zip(spoke.words, ends, strict=False):
        if word.text.strip():
            yield SpeechWord(word.text, round(offset + word.start, 3), round(offset + end, 3))


class _Resampler:
    """eSpeak NG's rate → the order's, continuous across pieces."""

    def __init__(self, samplerate: int) -> None:
        self._stream = None
        if samplerate != espeak.SAMPLERATE:
            import soxr

            self._stream = soxr.ResampleStream(espeak.SAMPLERATE, samplerate, 1, dtype="float32")

    def __call__(self, samples: Frames, *, last: bool = False) -> Frames:
        if self._stream is None:
            return samples.reshape(-1, 1)
        import numpy as np

        stream, starts = self._stream, range(0, len(samples), _RESAMPLED)
        parts = [stream.resample_chunk(samples[start : start + _RESAMPLED]) for start in starts]
        if last:
            parts.append(stream.resample_chunk(samples[:0], last=True))
        return np.concatenate(parts).reshape(-1, 1) if parts else samples.reshape(-1, 1)
