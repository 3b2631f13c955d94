"""Arrival traces: when how many frames arrived, as JSON lines.

A header line, a line for each arrival, an end line. A trace holds neither the key nor the text.
``streamplay_trace`` is the version of the format.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from streamplay.errors import FileFailed
from streamplay.kept_files import new_trace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from streamplay.audio import AudioFormat
    from streamplay.files import NewFile

VERSION: Final = 1

# Beyond any stream, and far below what overflows where seconds are made of it.
_LARGEST: Final = 2**53
_LONGEST_LINE: Final = 1 << 16

COMPLETE: Final = "complete"
"""The end of a stream that arrived whole. Any other end is the type of an error."""


def host_of(base_url: str) -> str:
    """Return the host of a base URL; anything else (``local``) is returned unchanged."""
    return urlsplit(base_url).hostname or base_url


@dataclass(frozen=True)
class Trace:
    """The arrivals of one stream.

    Parameters
    ----------
    host, model, voice : str
        The server and the voice.
    characters : int
        The length of the text; 0 if it is not known.
    encoding, samplerate, channels
        The format of the audio.
    arrivals : tuple
        Pairs (seconds since the request was begun, frames), in order.
    ended : float
        When it ended, in seconds since the request was begun.
    how : str
        ``complete``, or the type of the error that ended it.
    """

    host: str
    model: str
    voice: str
    characters: int
    encoding: str
    samplerate: int
    channels: int
    arrivals: tuple[tuple[float, int], ...]
    ended: float
    how: str = COMPLETE

    @property
    def complete(self) -> bool:
        """Whether all audio arrived."""
        return self.how == COMPLETE

    @property
    def frames(self) -> int:
        """The number of frames that arrived."""
        return sum(frames for _, frames in self.arrivals)

    @cached_property
    def safe_start(self) -> float:
        """The least wait after the first arrival that would have avoided every stall: seconds."""
        before, worst = 0, 0.0
        for now, frames in self.arrivals:
            worst = max(worst, now - self.arrivals[0][0] - before / self.samplerate)
            before += frames
        return worst


def load(path: Path) -> Trace:
    """Read an arrival trace.

    A trace without its end line was cut off while it was written: its arrivals still count.
    Unknown keys and lines are ignored, because a later version may add some.

    Raises
    ------
    FileFailed
        If it cannot be read, or is no arrival trace: the message names the line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return _read(file)
    except _NotATrace as error:
        raise FileFailed(
            f"{path} is no arrival trace: {error}", remedy="say --record writes them"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the name
        why = getattr(error, "strerror", None) or "it is no text"
        raise FileFailed(f"cannot read the trace {path}: {why}") from error


class _NotATrace(ValueError):
    """A line does not follow the format; the message names the line and the reason."""


def _read(lines: Iterable[str]) -> Trace:
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    number, line = next(numbered, (1, ""))
    header = _header(_values(line, number), number)
    arrivals: list[tuple[float, int]] = []
    end = None
    for number, line in numbered:
        values = _values(line, number)
        if end is not None:
            raise _NotATrace(f"line {number} comes after its end")
        if "end" in values:
            end = _time(values, number, arrivals), str(values["end"])
        elif "frames" in values:
            arrivals.append((_time(values, number, arrivals), _count(values, "frames", number)))
    ended, how = end or (arrivals[-1][0] if arrivals else 0.0, "Truncated")
    return Trace(**header, arrivals=tuple(arrivals), ended=ended, how=how)


def _values(line: str, number: int) -> dict[str, Any]:
    try:
        values = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _NotATrace(f"line {number} is no JSON object")
    return values


def _shown(value: object) -> str:
    return ascii(value)[:60]  # printable, and bounded


def _header(values: dict[str, Any], number: int) -> dict[str, Any]:
    version = values.get("streamplay_trace")
    if version != VERSION:
        raise _NotATrace(f"line {number}: streamplay_trace is {_shown(version)}, not {VERSION}")
    return {
        "host": str(values.get("host", "")),
        "model": str(values.get("model", "")),
        "voice": str(values.get("voice", "")),
        "encoding": str(values.get("encoding", "pcm_s16le")),
        "characters": _count(values, "chars", number, least=0, default=0),
        "samplerate": _count(values, "samplerate", number),
        "channels": _count(values, "channels", number, default=1),
    }


def _count(
    values: dict[str, Any], key: str, number: int, *, least: int = 1, default: int | None = None
) -> int:
    value = values.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _LARGEST:
        raise _NotATrace(f"line {number}: {key} is {_shown(value)}, and no count")
    return value


def _time(values: dict[str, Any], number: int, arrivals: list[tuple[float, int]]) -> float:
    value = values.get("t")
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise _NotATrace(f"line {number}: t is {_shown(value)}, and no time")
    if arrivals and value < arrivals[-1][0]:
        raise _NotATrace(f"line {number}: t goes back from {arrivals[-1][0]:g} to {value:g}")
    return float(value)


class TraceWriter:
    """Writes one arrival trace, a line whenever audio arrives.

    Parameters
    ----------
    path : Path
        Where to.
    force : bool
        Take the place of an older file, once something has arrived.
    file : NewFile, optional
        The file at `path`, where it has been opened already.

    Attributes
    ----------
    begun : bool
        Whether its header has been written.

    Raises
    ------
    FileFailed
        If the file cannot be created or written, or is there and `force` is not set.
    """

    def __init__(self, path: Path, *, force: bool = False, file: NewFile | None = None) -> None:
        self.path = path
        self._file = file or new_trace_file(path, force=force)
        self._arrived = self._ended = False
        self.begun = False
        self._last = 0.0

    def begin(
        self, *, base_url: str, model: str, voice: str, chars: int, audio: AudioFormat
    ) -> None:
        """Write the header before the first arrival. Later calls do nothing."""
        if self.begun:
            return
        self.begun = True
        self._line(
            streamplay_trace=VERSION,
            host=host_of(base_url),
            model=model,
            voice=voice,
            chars=chars,
            encoding=audio.encoding,
            samplerate=audio.samplerate,
            channels=audio.channels,
        )

    def arrival(self, seconds: float, frames: int) -> None:
        """Write that `frames` had been decoded `seconds` after the request was begun.

        The times of a trace never go back: a piece that was requested ahead may arrive before the
        end of the piece that is heard before it.
        """
        if frames:  # an audio header holds no frames
            self._arrived = True
            self._last = max(self._last, seconds)
            self._line(t=round(self._last, 6), frames=frames)

    def end(self, seconds: float, how: str) -> None:
        """Write how it ended, ``complete`` or the error's type, and close the file."""
        if self._ended:
            return
        self._ended = True
        try:
            self._line(t=round(seconds, 6), end=how)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file as it is. One in which nothing arrived takes no older one's place."""
        self._ended = True
        with self._failing():
            if not self._arrived:
                self._file.used = self._file.used and self._file.new
            self._file.finish()

    def _line(self, **values: Any) -> None:
        with self._failing():
            # A line at once: what was recorded is on the disk when the process is killed.
            line = json.dumps(values, ensure_ascii=False) + "\n"
            self._file.write(line.encode(errors="replace"))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn an `OSError` into `FileFailed`; closing the file may raise one for a full disk."""
        try:
            yield
        except OSError as error:
            raise FileFailed(f"cannot write the trace {self.path}: {error.strerror}") from error
