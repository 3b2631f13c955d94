"""Another speed at the same pitch: FFmpeg's `atempo`, through PyAV.

`atempo` overlaps and adds stretches of the waveform (WSOLA), which suits speech. FFmpeg's build in
PyAV's wheel has it; Rubber Band, which is under the GPL, is not in it.
https://ffmpeg.org/ffmpeg-filters.html#atempo
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import InvalidRequest

if TYPE_CHECKING:
    from types import ModuleType

    from streamplay.audio import Frames

SLOWEST: Final = 0.5
"""`atempo` takes 0.5 to 100; what is slower passes two of them."""


class TempoChanger:
    """Changes the speed of one stream.

    Parameters
    ----------
    samplerate, channels : int
        Of the stream.
    speed : float
        How many of its frames are heard in the time of one.

    Raises
    ------
    InvalidRequest
        If PyAV is not installed; the error names the extra.
    """

    def __init__(self, samplerate: int, channels: int, speed: float) -> None:
        self._av = import_filters()
        self._samplerate, self._channels = samplerate, channels
        self._layout = {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")
        self._given = 0
        graph = self._av.filter.Graph()
        settings = f"sample_rate={samplerate}:sample_fmt=flt:channel_layout={self._layout}"
        self._source = graph.add("abuffer", f"{settings}:time_base=1/{samplerate}")
        last = self._source
        for factor in _factors(speed):
            tempo = graph.add("atempo", f"{factor:.6f}")
            last.link_to(tempo)
            last = tempo
        self._sink = graph.add("abuffersink")
        last.link_to(self._sink)
        graph.configure()
        self._graph = graph  # it owns the filters

    def convert(self, frames: Frames) -> Frames:
        """Return what can be given after these frames, ``float32 (n, channels)``."""
        import numpy as np

        packed = np.ascontiguousarray(frames, np.float32).reshape(1, -1)
        frame = self._av.AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
        frame.sample_rate = self._samplerate
        frame.time_base = Fraction(1, self._samplerate)
        frame.pts = self._given
        self._given += len(frames)
        self._source.push(frame)
        return self._pull()

    def finish(self) -> Frames:
        """Return the last frames, which were held back; nothing can be converted after that."""
        self._source.push(None)
        return self._pull()

    def _pull(self) -> Frames:
        import numpy as np

        pulled: list[Any] = []
        error = self._av.error
        while True:
            try:
                pulled.append(self._sink.pull().to_ndarray().reshape(-1, self._channels))
            except (error.BlockingIOError, error.EOFError):
                break
        return np.concatenate(pulled) if pulled else np.empty((0, self._channels), np.float32)


def import_filters() -> ModuleType:
    """Import PyAV with its filters, which takes a tenth of a second.

    Raises
    ------
    InvalidRequest
        If it is not installed; the error names the extra.
    """
    try:
        import av
        import av.filter
    except ImportError as error:
        problem = "cannot be changed here: what stretches the sound is not installed"
        raise InvalidRequest(
            "speed", problem, allowed="1, or pip install 'streamplay[codecs]'"
        ) from error
    return av


def _factors(speed: float) -> list[float]:
    """Return factors that `atempo` takes, and whose product is `speed`."""
    if speed < SLOWEST:
        return [SLOWEST, *_factors(speed / SLOWEST)]
    return [speed]
