"""Recognises bytes that are not in the encoding they were said to be, without I/O.

Speech read in a wrong encoding, or one byte off, is loud and rough: half of full
scale and more, where speech stays near a twentieth. And some other reading of the
same bytes is then smooth, which no wrong reading of sound audio is. A verdict
needs both, in two windows of 20 ms: what is only loud or only rough (hiss, clipped
speech, music, noise) has no such other reading.

The measure is a reading's variation: half the mean square of the step from one
sample to the next, which is its power times how unlike neighbours are. White noise
of full scale has 0.33, speech some 0.00003, random bytes read as G.711 0.06 to 0.08.

The numbers below were chosen on, and are measured by, ``benchmarks.guard``:
speech of many languages, voices and levels, clipped speech, music, noise, tones.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamplay.audio import AudioFormat
from streamplay.errors import WrongEncoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamplay.audio import Frames

WINDOW_SECONDS: Final = 0.02
"""Long enough for 160 samples at 8 kHz, short enough for a verdict within 100 ms."""

HOLD_SECONDS: Final = 0.1
"""Audio that is not silent, looked at before any of it is heard where its format is a guess."""

# Windows that must agree, and be at least half of those that were judged.
_AGREEING: Final = 2

# The least power of a window that is judged: a quarter of full scale for s16 and
# f32, whose wrong readings have half; an eighth for G.711, which s16 bytes fill less.
_LOUD: Final = {
    "pcm_s16le": 0.25**2,
    "pcm_f32le": 0.25**2,
    "pcm_mulaw": 0.12**2,
    "pcm_alaw": 0.12**2,
}

# What varies less is no noise, however loud.
_ROUGH: Final = 0.005

# How little another reading must vary: by itself (loud speech reaches it, random
# bytes have three times as much), and beside the reading that was given.
_SMOOTH: Final = 0.02
_TIMES_SMOOTHER: Final = 16

# Variation divided by power: noise has 1, speech 0.01, and hissing sounds more.
_SMOOTH_SHARE: Final = 0.3

# Beyond the first no sample of ours lies; below the second only silence, and other
# encodings read as f32. In the reading given a sine's zeros are tiny too, but not denormal.
_ABSURD: Final = 10.0
_TINY: Final = 1e-10
_DENORMAL: Final = 1e-30
_GLITCHES: Final = 0.05  # the share of such samples that a reading may hold all the same

# Levels (of 1024 and their negatives) below which a signal is a square wave or a
# short period, and the share of its samples on two of them where it is clipped noise.
_FEWEST_LEVELS: Final = 32
_TWO_LEVELS: Final = 0.7

# -120 dBFS: bytes of G.711 can be floats smaller still, which are no sound.
_FAINTEST_FLOAT: Final = 1e-12

# A channel of silence beside another one gives each sample the same high byte. Speech has
# no such offset.
_FARTHEST_OFFSET: Final = 0.2

_SILENT: Final = 10 ** (-50 / 10)  # -50 dBFS: below it is silence here, whatever it is

_G711: Final = {"pcm_mulaw": "pcm_alaw", "pcm_alaw": "pcm_mulaw"}
_LAW_SECONDS: Final = 1.0  # of voiced audio, before one law is told from the other
_VOICED: Final = 0.15  # variation beside power: vowels lie below it
_LAW_FACTOR: Final = 2  # the wrong law is 2.4 to 17 times as rough in vowels


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to read the bytes.

    Parameters
    ----------
    encoding : str
        One of `streamplay.audio.READABLE`.
    shift : int
        Bytes to leave out at the start.
    """

    encoding: str
    shift: int = 0


_ONE_OFF: Final = Candidate("pcm_s16le", 1)
_SWAPPED: Final = Candidate("pcm_s16be")

GUARDED: Final = frozenset(_LOUD)
"""The encodings that are watched: what a server may have been asked for, or taken for granted."""

# Beyond this a sample's place says nothing of the bytes that are lower still.
_FINE_STEP: Final = 1024 / 32768
_CLOSE: Final = 0.93
_AGREEING_WHERE_CLOSE: Final = 4


# Looked at where none of the usual readings is smooth: where one is, samples of 16 bits read in
# pairs may be smoother still.
_WIDE: Final = tuple(
    Candidate(name) for name in ("pcm_s24le", "pcm_s32le", "pcm_f64le", "pcm_f32be", "pcm_s24be")
)

# Two floats of 32 bits, neither beyond full scale, make one of 64 that is fainter.
_FAINTEST_WIDE: Final = 1e-4

_PAIRED: Final = "pcm_s32le"
"""What two samples of 16 bits look like; the lower one comes first."""


def readings_beside(told: str) -> Iterator[Candidate]:
    """Yield what bytes may be that are said to be `told`.

    Samples of 16 bits whose bytes are swapped, and such of which one byte was lost, are as smooth
    as each other when read so: `resolve_shift` tells which they are.
    """
    yield _SWAPPED
    if told == "pcm_f32le":
        yield from (Candidate(told, shift) for shift in (1, 2, 3))
    # One law read as the other is still speech: `Guard.other_law`.
    others = ("pcm_s16le", "pcm_f32le", *(() if told in _G711 else ("pcm_u8", *_G711)))
    yield from (Candidate(other) for other in others if other != told)


class Guard:
    """Watches one stream.

    Parameters
    ----------
    told : AudioFormat
        What the bytes are said to be.
    guessed : bool
        Whether that is only a guess: then `undecided` says how long to hold it back.

    Attributes
    ----------
    other_law : str
        The G.711 law that the bytes rather seem to be in, or nothing.
    noise_from : int or None
        The byte from which on they seem to be something else.
    """

    def __init__(self, told: AudioFormat, *, guessed: bool = False) -> None:
        self._told = told
        # A multiple of 8 frames: a window holds whole samples of every reading but 24 bits.
        self._window = max(8, told.frames(WINDOW_SECONDS) // 8 * 8)
        self._size = self._window * told.channels  # samples in it
        self._loud = _LOUD[told.encoding] * self._size
        self._silent = _SILENT * self._size
        self._rest: list[bytes] = []  # what does not fill a window yet
        self._frames = 0  # in there
        self._energy = 0.0  # of them
        self._judged = 0
        self._agreed: Counter[Candidate] = Counter()
        self._seen = 0  # bytes in windows before the present one
        self.noise_from: int | None = None
        self._fine = [0.0, 0.0]  # how rough quiet passages are: bytes swapped, one byte lost
        self._heard = 0  # windows that were not silent
        self._enough = math.ceil(HOLD_SECONDS / WINDOW_SECONDS) if guessed else 0
        self._laws = _Laws(told) if told.encoding in _G711 else None
        self.other_law = ""

    @property
    def undecided(self) -> bool:
        """Whether sound has begun, and too little of it was seen to trust a guess."""
        silent = not self._heard and self._energy <= self._silent  # NaN is not
        return self._heard < self._enough and not silent

    def look(self, data: bytes, frames: Frames) -> Candidate | None:
        """Take the next bytes, and the frames that were read from them, not yet limited.

        Returns
        -------
        Candidate or None
            What the bytes really seem to be, once that is certain.
        """
        count = len(frames)
        energy = _energy(frames)
        self._frames += count
        self._energy += energy
        if self._frames < self._window:
            self._rest.append(data)
            return None
        over = self._frames % self._window
        # Where all of it has less energy than one loud window, none is loud. NaN is not less.
        quiet = self._energy < self._loud
        frame_bytes = self._told.frame_bytes
        # Of the rest; where that cannot matter, of all: it is no less.
        self._energy = energy if 2 * energy < self._loud else _energy(frames[count - over :])
        self._frames = over
        rest, self._rest = self._rest, [data[len(data) - over * frame_bytes :]] if over else []
        if quiet and self._heard >= self._enough and not self._laws:
            self._seen += sum(map(len, rest)) + len(data) - over * frame_bytes
            return None
        if not (rest or over):
            return self._examine(data, frames)  # mostly: the windows begin and end where it does
        block = b"".join((*rest, data))
        block = block[: len(block) - over * frame_bytes]
        return self._examine(block, self._told.decode(block))

    def _examine(self, block: bytes, frames: Frames) -> Candidate | None:
        """Judge the loud windows of a block of whole windows, and of the frames in it."""
        energies = _energies(frames, self._size)
        loud = [not energy < self._loud for energy in energies]  # NaN is loud
        self._heard += sum(not energy <= self._silent for energy in energies)
        if not self._laws and not any(loud):
            self._seen += len(block)
            return None
        size = self._window * self._told.frame_bytes
        for number, is_loud in enumerate(loud):
            window = block[number * size : (number + 1) * size]
            read = frames[number * self._window : (number + 1) * self._window]
            self._seen += len(window)
            if is_loud and (found := self._judge(window, read)):
                return found
            if self._laws:
                self._compare_laws(self._laws, window, read)
        return None

    def _judge(self, window: bytes, frames: Frames) -> Candidate | None:
        """Look for a smooth reading of one loud window; tell it once enough windows agree."""
        given = _sane(frames, _DENORMAL)
        variation = math.inf if given is None else _variation(given)
        if variation < _ROUGH:
            return None
        best = self._smoothest(window, given, min(_SMOOTH, variation / _TIMES_SMOOTHER))
        self._judged += 1
        if best is None or _has_few_levels(given):
            return None
        self._agreed[best] += 1
        if self.noise_from is None:
            self.noise_from = self._seen - len(window)
        if best == _SWAPPED and self._told.encoding == "pcm_s16le":
            self._fine[0] += _fine_roughness(self._read(window, _SWAPPED))
            self._fine[1] += _fine_roughness(self._read(window, _ONE_OFF))
        enough = self._agreed[best] >= max(_AGREEING, self._judged / 2)
        return self._resolved(best) if enough else None

    def _smoothest(self, window: bytes, given: Frames | None, bound: float) -> Candidate | None:
        """Return the other reading that varies least, and less than `bound`."""
        usual = self._smoothest_of(readings_beside(self._told.encoding), window, given, bound)
        return usual or self._smoothest_of(_WIDE, window, given, bound)

    def _smoothest_of(
        self, readings: Iterable[Candidate], window: bytes, given: Frames | None, bound: float
    ) -> Candidate | None:
        best = None
        for reading in readings:
            other = _sane(self._read(window, reading))
            if other is None or _variation(other) > bound:
                continue
            narrow = reading in _WIDE and _is_narrow(reading, other, window)
            if not narrow and not _is_leftover(reading, other, window, given):
                best, bound = reading, _variation(other)
        return best

    def _resolved(self, best: Candidate) -> Candidate | None:
        """Tell swapped bytes from a byte that was lost; None where more has to be seen."""
        if best != _SWAPPED or not any(self._fine):
            return best
        close = min(self._fine) > _CLOSE * max(self._fine)
        if close and self._agreed[best] < _AGREEING_WHERE_CLOSE:
            return None
        return _ONE_OFF if self._fine[1] < self._fine[0] else _SWAPPED

    def _read(self, data: bytes, reading: Candidate) -> Frames:
        told = AudioFormat(reading.encoding, self._told.samplerate, self._told.channels)
        begin = reading.shift
        if reading in _WIDE:  # counted from the first byte of all
            begin = (len(data) - self._seen) % told.frame_bytes
        end = len(data) - (len(data) - begin) % told.frame_bytes
        return told.decode(data[begin:end])

    def _compare_laws(self, laws: _Laws, window: bytes, frames: Frames) -> None:
        if laws.look(frames, self._read(window, Candidate(laws.other))):
            self.other_law = laws.verdict
            self._laws = None


class _Laws:
    """Tells µ-law from A-law by which of the two is smoother in vowels."""

    def __init__(self, told: AudioFormat) -> None:
        self.other = _G711[told.encoding]
        self.verdict = ""
        self._left = told.frames(_LAW_SECONDS)  # frames of voiced audio still to be seen
        self._own = self._others = 0.0

    def look(self, own: Frames, other: Frames) -> bool:
        """Take a window in both readings; tell whether enough was seen for the verdict."""
        powers = _energy(own) / own.size, _energy(other) / other.size
        if min(powers) < _SILENT or _has_few_levels(own):
            return False
        rough = _variation(own) / powers[0], _variation(other) / powers[1]
        if min(rough) < _VOICED:
            self._left -= len(own)
            self._own += rough[0]
            self._others += rough[1]
        if self._left > 0:
            return False
        self.verdict = self.other if self._own > _LAW_FACTOR * self._others else ""
        return True


def is_smooth(frames: Frames) -> bool:
    """Tell whether frames are silence, or vary as sound does, and not as noise."""
    sane = _sane(frames, _DENORMAL)
    if sane is None or not len(sane):
        return False
    power = _energy(sane) / sane.size
    return power < _SILENT or _variation(sane) < _SMOOTH_SHARE * power


def wrong_encoding(told: AudioFormat, found: Candidate) -> WrongEncoding:
    """Compose the error: what the bytes seem to be, and the flag that mends it."""
    if found.shift:
        return WrongEncoding(
            f"the audio is noise as {told}: its bytes are shifted or swapped, "
            "as when one was lost on the way. It was muted",
            remedy="Try again. No --decode-as can mend it",
        )
    return WrongEncoding(
        f"the audio is noise as {told}: it seems to be {found.encoding}. It was muted",
        remedy=f"Say so with --decode-as {found.encoding}",
    )


def _fine_roughness(frames: Frames) -> float:
    """Return how far samples lie from the middle of those beside them, on average.

    Where a sample's lower byte is another one's, quiet passages are rough; loud ones count less.
    """
    import numpy as np

    return float(np.minimum(np.abs(np.diff(frames, 2, axis=0)), _FINE_STEP).mean())


def _energies(frames: Frames, size: int) -> list[float]:
    """Return the energy of each window of so many samples."""
    import numpy as np

    windows = frames.reshape(-1, size)
    energies: list[float] = np.einsum("ij,ij->i", windows, windows).tolist()
    return energies


def _energy(frames: Frames) -> float:
    import numpy as np

    samples = frames.reshape(-1)
    # Not `dot`: bytes read as floats overflow, which it warns of and `vdot` does not.
    return float(np.vdot(samples, samples))


def _sane(frames: Frames, least: float = _TINY) -> Frames | None:
    """Silence the glitches among frames; give nothing where they are more than that."""
    import numpy as np

    size = np.abs(frames)
    strange = ~((size < _ABSURD) & ((size > least) | (size == 0)))  # NaN is neither
    count = np.count_nonzero(strange)
    if count > _GLITCHES * frames.size:
        return None
    return np.where(strange, np.float32(0), frames) if count else frames


def _variation(frames: Frames) -> float:
    return _energy(frames[1:] - frames[:-1]) / (2 * frames.size)


def _is_leftover(reading: Candidate, frames: Frames, data: bytes, given: Frames | None) -> bool:
    """Tell whether a smooth reading is what other sound leaves in its bytes."""
    if abs(float(frames.mean())) > _FARTHEST_OFFSET:
        return True
    if reading.encoding.startswith("pcm_f") and frames.var() < _FAINTEST_FLOAT:
        return True
    eight_bits = reading == _SWAPPED and len(set(data[::2])) == 1
    shifted = reading == _SWAPPED or bool(reading.shift)
    return eight_bits or (shifted and _is_clipped(given))


def _is_narrow(reading: Candidate, frames: Frames, data: bytes) -> bool:
    """Tell whether a reading of wide samples only joins narrow ones.

    Pairs of samples of 16 bits are smooth in both halves, and of wide ones the lower half is
    noise; floats of 32 bits and a silent channel give wide samples that are faint.
    """
    if frames.var() < _FAINTEST_WIDE:
        return True
    lower = AudioFormat("pcm_s16le", 1).decode(data)[::2] if reading.encoding == _PAIRED else None
    return lower is not None and _variation(lower) < _ROUGH


def _is_clipped(frames: Frames | None) -> bool:
    """Tell whether a signal was cut off at full scale: one byte off, little of it is left.

    Bytes of any other kind lie within a hundredth of full scale in one of a hundred cases.
    """
    import numpy as np

    return frames is not None and bool((np.abs(frames) > 0.99).mean() > 0.1)


def _has_few_levels(frames: Frames | None) -> bool:
    """Tell whether a signal has but a few levels: their bytes fit anything."""
    import numpy as np

    if frames is None:
        return False
    counts = np.sort(np.unique(np.rint(frames * 1024), return_counts=True)[1])
    return len(counts) < _FEWEST_LEVELS or counts[-2:].sum() > _TWO_LEVELS * frames.size
