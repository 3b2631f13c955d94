"""Brings a voice that stands in for another one to a like loudness. Pure.

The level of a voice is the power of its speech, without its pauses: windows of 20 ms, of which
those count that are louder than -60 dBFS and no more than 10 dB below the mean of these. That is
the gating of ITU-R BS.1770-4 (annex 1), without its weighting of frequencies, and with windows
that are short enough for the first words of a voice.

The voice that is heard first is the measure, and is played as it came. Each other voice is
measured before it is heard, for as long as that delays nothing that would be heard sooner, and is
then played louder or softer. What is measured later moves its gain slowly.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.audio import Frames

WINDOW_SECONDS: Final = 0.02
KEPT_WINDOWS: Final = 500
"""Ten seconds: a voice is as loud as it has been of late."""

LEAST_WINDOWS: Final = 5
"""Of speech, before a level is told."""

ENOUGH_WINDOWS: Final = 50
"""A second of speech: its level is within a decibel of the voice's."""

_SILENT: Final = 1e-6  # -60 dBFS
_GATE: Final = 0.1  # -10 dB below the mean

HELD_SECONDS: Final = 0.15
"""From the first audio of a voice until it is heard at the latest, however little has come."""

MOST_DB: Final = 20.0
"""Beyond that, what is measured is no speech."""

DB_PER_SECOND: Final = 6.0
"""How fast the gain moves while it is heard: slower than a syllable."""


class SpeechLevel:
    """Measures how loud a voice speaks, however its frames are divided."""

    def __init__(self) -> None:
        self._powers: deque[float] = deque(maxlen=KEPT_WINDOWS)
        self._sum = 0.0  # of the window that is not complete yet
        self._filled = 0

    def add_frames(self, frames: Frames, samplerate: int) -> None:
        """Measure more frames, ``float32 (n, channels)``."""
        import numpy as np

        window = max(1, round(WINDOW_SECONDS * samplerate))
        power = np.square(frames, dtype=np.float64).mean(axis=1)
        begin = 0
        if self._filled:
            begin = min(len(power), window - self._filled)
            self._sum += float(power[:begin].sum())
            self._filled += begin
            if self._filled < window:
                return
            self._powers.append(self._sum / window)
        whole = (len(power) - begin) // window
        stop = begin + whole * window
        self._powers.extend(power[begin:stop].reshape(whole, window).mean(axis=1).tolist())
        self._sum, self._filled = float(power[stop:].sum()), len(power) - stop

    def restart(self) -> None:
        """Forget what was measured: another voice follows."""
        self._powers.clear()
        self._sum, self._filled = 0.0, 0

    @property
    def windows(self) -> int:
        """Windows of speech that have been measured, 500 at most."""
        return len(self._gated())

    @property
    def decibels(self) -> float | None:
        """The level in dB of full scale; None: not enough of it has come."""
        gated = self._gated()
        if len(gated) < LEAST_WINDOWS:
            return None
        return 10 * math.log10(math.fsum(gated) / len(gated))

    def _gated(self) -> list[float]:
        sounding = [power for power in self._powers if power > _SILENT]
        gate = _GATE * math.fsum(sounding) / len(sounding) if sounding else 0.0
        return [power for power in sounding if power >= gate]


class Loudness:
    """The levels and gains of all servers of a player, by their numbers.

    Attributes
    ----------
    gains : dict
        By a server's number, in dB; 0 for a server that is not there.
    """

    def __init__(self) -> None:
        self.gains: dict[int, float] = {}
        self._levels: dict[int, SpeechLevel] = {}
        self._voices: dict[int, str] = {}
        self._target: float | None = None
        self._speaking: int | None = None

    def begin(self, server: int, voice: str) -> None:
        """Note that the frames that follow are of this server, and this voice."""
        if server != self._speaking and self._speaking is not None:
            self._target = self.heard_level() or self._target
        if self._voices.get(server, voice) != voice:
            self._levels[server].restart()  # chosen by the user: as loud as it is
        self._voices[server] = voice
        self._levels.setdefault(server, SpeechLevel())
        if server not in self.gains and self._target is None:
            self.gains[server] = 0.0  # the first voice of all is the measure
        self._speaking = server

    def heard_level(self) -> float | None:
        """Return how loud the voice that speaks is played, in dB of full scale."""
        if self._speaking is None:
            return None
        level = self._levels[self._speaking].decibels
        return None if level is None else level + self.gains.get(self._speaking, 0.0)

    @property
    def is_fixed(self) -> bool:
        """Whether the voice that speaks is played as it came."""
        return self._target is None or self.gains.get(self._speaking or 0) == 0.0

    def add_frames(self, frames: Frames, samplerate: int) -> None:
        """Measure frames of the voice that speaks, as they came."""
        assert self._speaking is not None
        self._levels[self._speaking].add_frames(frames, samplerate)

    @property
    def is_sure(self) -> bool:
        """Whether the voice has been measured for long enough to be heard."""
        assert self._speaking is not None
        return self._levels[self._speaking].windows >= ENOUGH_WINDOWS

    @property
    def is_known(self) -> bool:
        """Whether the voice has a gain: it has been heard before."""
        return self._speaking in self.gains

    def settle(self, seconds: float | None) -> float:
        """Move the gain of the voice that speaks towards what it should be; return it, in dB.

        Parameters
        ----------
        seconds : float or None
            How long the frames last over which it moves; None: nothing is heard of it yet, so
            that it may move at once.
        """
        assert self._speaking is not None
        gain = self.gains.get(self._speaking, 0.0)
        if self.is_fixed or self._target is None:
            return gain
        level = self._levels[self._speaking].decibels
        if level is None:
            return gain
        wanted = min(MOST_DB, max(-MOST_DB, self._target - level))
        if seconds is not None:
            most = DB_PER_SECOND * seconds
            wanted = gain + min(most, max(-most, wanted - gain))
        self.gains[self._speaking] = wanted
        return wanted


class Leveller:
    """Plays the frames of one utterance at the loudness of the voice that was heard first.

    Parameters
    ----------
    loudness : Loudness
        The player's.
    """

    def __init__(self, loudness: Loudness) -> None:
        self._loudness = loudness
        self._held: list[Frames] = []
        self._held_since: float | None = None
        self._gain: float | None = None  # in dB, at the last frame that was handed on

    def begin(self, server: int, voice: str) -> None:
        """Take the frames that follow for those of another server; `release` comes first."""
        self._loudness.begin(server, voice)
        self._gain = self._loudness.gains.get(server)

    def pass_frames(self, frames: Frames, samplerate: int, at: float) -> list[Frames]:
        """Take more frames, which came at time `at`; return those that are heard next."""
        self._loudness.add_frames(frames, samplerate)
        if self._gain is not None:
            return [self._shaped(frames, samplerate)]
        self._held.append(frames)
        self._held_since = at if self._held_since is None else self._held_since
        if self._loudness.is_sure or at - self._held_since >= HELD_SECONDS:
            return self.release(samplerate)
        return []

    def release(self, samplerate: int) -> list[Frames]:
        """Return what is held back until the voice has been measured."""
        held, self._held, self._held_since = self._held, [], None
        if held and self._gain is None:
            self._gain = self._loudness.settle(None)
        return [self._shaped(frames, samplerate) for frames in held]

    def _shaped(self, frames: Frames, samplerate: int) -> Frames:
        import numpy as np

        begun = self._gain or 0.0
        self._gain = ended = self._loudness.settle(len(frames) / samplerate)
        if begun == ended == 0.0:
            return frames
        ramp = np.linspace(begun, ended, len(frames), dtype=np.float32)
        factor = np.power(np.float32(10), ramp / np.float32(20))[:, None]
        shaped: Frames = np.clip(frames * factor, -1, 1, dtype=np.float32)
        return shaped
