"""An order becomes sound: sentence by sentence, lazily, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamplay.server import engines, espeak
from streamplay.server.sentences import split

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from streamplay.audio import Frames
    from streamplay.server.order import Order
    from streamplay.server.synthesis import Sound

# soxr keeps buffers as large as the largest block that it was given: 1 MB for five seconds.
_RESAMPLED: Final = 2048


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
    resample = _Resampler(samplerate)
    seconds = begin
    for text in split(order.text, order.segment):
        for part, manner in engines.parts(text, order.spoken):
            made = engines.sound(part, manner)
            words = tuple(_timed(made, seconds))
            for block in _blocks(made):
                yield SpokenPiece(resample(block, made.samplerate), words)
                words = ()
            seconds += made.seconds
    yield SpokenPiece(resample.rest())


def _blocks(made: Sound) -> Iterator[NDArray[np.float32]]:
    """Yield a second at a time: a client that does not read holds no more than a sentence."""
    for start in range(0, len(made.frames), made.samplerate):
        yield made.frames[start : start + made.samplerate]


def warm() -> None:
    """Import and load ahead what the first request would wait for; the voice first of all."""
    speaker = engines.speaker("en")

    import numpy as np
    import soxr

    from streamplay.server import catalog

    soxr.resample(np.zeros(16, np.float32), espeak.SAMPLERATE, 24000)
    voice = next(iter(next(iter(catalog.models().values())).voices.values()))
    if speaker is None and espeak.is_installed():
        espeak.speak("a", voice.spoken)


def _timed(made: Sound, offset: float) -> Iterator[SpeechWord]:
    """Give each word its end: the next one's beginning, or its piece's end."""
    ends = [word.start for word in made.words[1:]] + [made.seconds]
    for word, end in zip(made.words, ends, strict=False):
        if word.text.strip():
            yield SpeechWord(word.text, round(offset + word.start, 3), round(offset + end, 3))


class _Resampler:
    """An engine's rate → the order's, continuous across the pieces of one rate."""

    def __init__(self, samplerate: int) -> None:
        self._samplerate = samplerate
        self._from = samplerate
        self._stream: Any = None

    def __call__(self, samples: NDArray[np.float32], samplerate: int) -> Frames:
        import numpy as np

        before = self._turn_to(samplerate)
        if self._stream is None:
            return np.concatenate([before, samples.reshape(-1, 1)])
        stream, starts = self._stream, range(0, len(samples), _RESAMPLED)
        parts = [stream.resample_chunk(samples[start : start + _RESAMPLED]) for start in starts]
        return np.concatenate([before, *(part.reshape(-1, 1) for part in parts)])

    def rest(self) -> Frames:
        """Return what is still inside."""
        import numpy as np

        if self._stream is None:
            return np.zeros((0, 1), np.float32)
        rest: Frames = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return rest.reshape(-1, 1)

    def _turn_to(self, samplerate: int) -> Frames:
        """Take samples of another rate from now on; return the last ones of the rate before."""
        import numpy as np

        if samplerate == self._from:
            return np.zeros((0, 1), np.float32)
        rest = self.rest()
        self._from, self._stream = samplerate, None
        if samplerate != self._samplerate:
            import soxr

            self._stream = soxr.ResampleStream(samplerate, self._samplerate, 1, dtype="float32")
        return rest
