"""Samples, headers removed → chunks of whole frames, past the noise guard, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamplay.audio import AudioFormat
from streamplay.stream.guard import GUARDED, Guard, is_smooth, wrong_encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamplay.audio import Frames
    from streamplay.models import FormatSource
    from streamplay.stream.guard import Candidate


@dataclass(frozen=True, slots=True)
class Chunk:
    """The same audio twice.

    Parameters
    ----------
    frames : numpy.ndarray
        ``float32 (n, channels)``, contiguous, finite, within ±1.0; the receiver's own.
    data : bytes
        The bytes as received, headers removed. Those of compressed audio come as they are, with
        the first frames that they give.
    """

    frames: Frames
    data: bytes

    def seconds(self, audio: AudioFormat) -> float:
        """Return how long it lasts, where its frames are of such a format."""
        return len(self.frames) / audio.samplerate


class Decoding(Protocol):
    """What samples need of their decoder: see `streamplay.stream.decoder.Decoder`."""

    reading: AudioFormat
    source: FormatSource
    muted: int
    warning: str

    def read_as(self, told: AudioFormat, source: FormatSource) -> Iterator[Chunk]:
        """Read what follows as `told`."""

    def chunk(self, frames: Frames, data: bytes) -> Chunk:
        """Return what leaves of decoded frames."""

    def length(self, frames: int) -> int:
        """Return how many frames of what leaves so many of what comes are."""

    def found(self, encoding: str) -> None:
        """Read what follows in another encoding."""

    def begin(self) -> None:
        """Note that frames have come."""


class Samples:
    """Samples, headers removed → chunks of whole frames, past the noise guard.

    The decoder that they belong to is an argument of its methods: a reference back would leave
    each decoder to the garbage collector, which stops a loop of a thousand streams for long.
    """

    def __init__(self) -> None:
        self._carry = b""  # the bytes of a frame that the last delta cut
        self._guard: Guard | None = None  # there is one once the first frame has come
        self._held: list[Chunk] = []  # sound of a guessed format, until it can be trusted
        self._released = 0  # bytes that have left
        self._guarded_from = 0  # the first byte that the guard has seen
        self._mute = self._switched = False
        self._shifts = 0

    @property
    def is_open(self) -> bool:
        """Whether what comes leaves at once: nothing is held back, cut or muted."""
        undecided = self._guard is not None and self._guard.undecided
        return not (undecided or self._held or self._carry or self._mute)

    def cut(self, decoder: Decoding) -> str:
        """Tell how much of a frame the end has left; nothing where it is a container's padding."""
        if decoder.source == "header" and not any(self._carry):
            return ""
        return f"{len(self._carry)} of {decoder.reading.frame_bytes} bytes" if self._carry else ""

    def take(self, decoder: Decoding, part: bytes | AudioFormat) -> Iterable[Chunk]:
        """Take audio, or the format of what follows; return what leaves."""
        if isinstance(part, AudioFormat):
            return decoder.read_as(part, "header")
        data = self._carry + part if self._carry else part
        over = len(data) % decoder.reading.frame_bytes
        if not over:
            self._carry = b""
            return self._pass(decoder, data) if data else ()
        whole = len(data) - over
        self._carry = data[whole:]  # a frame cut by the delta's end: the next one completes it
        return self._pass(decoder, data[:whole]) if whole else ()

    def renew(self, decoder: Decoding) -> Iterator[Chunk]:
        """Yield what was held back; what follows is of another format.

        A sample may be cut by a header in between, but not where its size changes.
        """
        yield from self.release(decoder)
        self._guard, self._carry = None, b""

    def release(self, decoder: Decoding) -> Iterator[Chunk]:
        """Yield what was held back."""
        held, self._held = self._held, []
        for chunk in held:
            self._released += len(chunk.data)
            yield decoder.chunk(chunk.frames, chunk.data)

    def are_plain(self, decoder: Decoding, data: bytes) -> bool:
        """Tell whether bytes are smooth, as sound is, when read as they are expected to be."""
        told = decoder.reading
        frames = told.decode(data[: len(data) - len(data) % told.frame_bytes])
        return is_smooth(frames)

    def _pass(self, decoder: Decoding, data: bytes) -> Iterable[Chunk]:
        """Let whole frames past the guard."""
        encoding = decoder.reading.encoding
        frames = decoder.reading.decode(data)
        decoder.begin()
        if self._mute:
            decoder.muted += decoder.length(len(frames))
            return ()
        if encoding not in GUARDED:
            self._released += len(data)
            return (decoder.chunk(limited(frames), data),)
        guard = self._guard
        if guard is None:
            self._guarded_from = self._released + sum(len(chunk.data) for chunk in self._held)
            guard = self._guard = Guard(decoder.reading, guessed=decoder.source in _GUESSES)
        found = guard.look(data, frames)
        # G.711 and s16 cannot hold what is not finite, or beyond full scale.
        frames = limited(frames) if encoding == "pcm_f32le" else frames
        if found is None and not self._held and not guard.undecided:
            self._warn(decoder, guard)
            self._released += len(data)
            return (decoder.chunk(frames, data),)
        self._held.append(Chunk(frames, data))
        if found is not None:
            return self._correct(decoder, guard, found)
        self._warn(decoder, guard)
        return () if guard.undecided else self.release(decoder)

    def _warn(self, decoder: Decoding, guard: Guard) -> None:
        """Say so where one law of G.711 sounds like the other."""
        if guard.other_law:
            decoder.warning = (
                f"The audio sounds like {guard.other_law} rather than "
                f"{decoder.reading.encoding}: --decode-as {guard.other_law}"
            )

    def _correct(self, decoder: Decoding, guard: Guard, found: Candidate) -> Iterator[Chunk]:
        """Read on as what the bytes plainly are, or mute them where that may not be."""
        told = decoder.reading
        shifted = found.encoding == told.encoding
        certain = decoder.source in ("user", "header")
        good = self._guarded_from + (guard.noise_from or 0) - self._released
        # Of what was held: several deltas may be fed as one, and the first were no noise.
        sound = good if self._released > self._guarded_from else 0
        if self._shifts >= _MOST_SHIFTS or (not shifted and (self._switched or certain)):
            self._mute = True
            data = b"".join(chunk.data for chunk in self._held)
            self._held = []
            if sound > 0:
                self._released += sound
                yield decoder.chunk(limited(told.decode(data[:sound])), data[:sound])
            decoder.muted += decoder.length((len(data) - max(0, sound)) // told.frame_bytes)
            raise wrong_encoding(told, found)
        data = b"".join(chunk.data for chunk in self._held) + self._carry
        self._held, self._carry, self._guard = [], b"", None
        good = good if shifted else sound
        if good > 0:  # what came before a byte was lost, or the encoding changed
            yield decoder.chunk(limited(told.decode(data[:good])), data[:good])
            self._released += good
            data = data[good:]
        self._switched = self._switched or not shifted
        self._shifts += shifted
        decoder.found(found.encoding)
        if shifted:
            decoder.warning = "A byte of the audio was missing: decoded from the next sample on"
        else:
            decoder.source = "bytes"
        skip = (found.shift + self._guarded_from - self._released) % decoder.reading.frame_bytes
        self._released += skip
        yield from self.take(decoder, data[skip:])


_MOST_SHIFTS: Final = 20
"""So often bytes may be missing. What breaks off more often is no sound."""

_GUESSES: Final = ("request",)


def limited(frames: Frames) -> Frames:
    """Limit `frames` to full scale, in place; NaN and infinity become silence."""
    import numpy as np

    # One pass over what is healthy; a NaN fails the comparison.
    if not np.abs(frames).max(initial=0) <= 1:
        np.nan_to_num(frames, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        np.clip(frames, -1, 1, out=frames)
    return frames
