"""Writes what was received to a file: decoded frames, or the audio bytes as they came."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

RAW_SUFFIXES: Final = (".pcm", ".raw")
SOUND_SUFFIXES: Final = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
"""libsndfile's name for each."""

_HELD_BY_16_BITS: Final = frozenset(
    ("pcm_s16le", "pcm_s16be", "pcm_u8", "pcm_s8", "pcm_mulaw", "pcm_alaw")
)

WRITTEN_AT_ONCE: Final = 1 << 16
"""Frames. libsndfile's Vorbis encoder keeps a whole write on the stack: ten minutes
of 24 kHz in one ended the process (libsndfile 1.2.2)."""


class FileOutput(Protocol):
    """A file or pipe that takes all that is received, whether it is heard or not."""

    @property
    def path(self) -> str:
        """Its path, ``-`` for standard output."""

    def write(self, frames: Frames, data: bytes, audio: AudioFormat) -> None:
        """Keep one chunk: the frames, or the bytes they came from, as `audio` says."""

    def close(self) -> None:
        """Finish the file properly; idempotent."""


def open_file(path: str | Path, *, force: bool = False) -> FileOutput:
    """Open `path` for writing, so that a failure is known before anything is sent.

    Parameters
    ----------
    path : str or Path
        ``-``: the audio bytes as received, to standard output. ``.pcm``,
        ``.raw``: the same, to a file. ``.wav .flac .ogg .mp3``: the frames.
    force : bool
        Overwrite what is there.

    Raises
    ------
    FileFailed
        If the suffix is unknown, the file exists and `force` is not set, or it
        cannot be written.
    """
    if str(path) == "-":
        return RawFile(sys.stdout.buffer, "-", keep_open=True)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in RAW_SUFFIXES and suffix not in SOUND_SUFFIXES:
        known = " ".join((*SOUND_SUFFIXES, *RAW_SUFFIXES))
        raise FileFailed(f"{path}: unknown kind of file", remedy=f"Use one of {known}, or -")
    file = _Reserved(path, force=force)
    return (
        RawFile(file, str(path)) if suffix in RAW_SUFFIXES else SoundFile(file, str(path), suffix)
    )


class _Reserved:
    """A file that is known to be writable, and is not changed until the first write.

    So a request that fails before any audio leaves an older file as it was, and no empty new
    one behind.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.path = path
        self._used = False
        try:
            self._new = not path.exists()
            if not self._new and not force:
                raise FileFailed(f"{path} exists", remedy="Overwrite it with force (--force)")
            self._file: IO[bytes] = path.open("xb+" if self._new else "rb+")
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            why = getattr(error, "strerror", None) or error
            raise FileFailed(f"cannot write {path}: {why}") from error

    def begin(self) -> IO[bytes]:
        """Empty the file and hand it out."""
        self._used = True
        if self._file.seekable():
            self._file.truncate(0)
        return self._file

    def write(self, data: bytes) -> int:
        return (self._file if self._used else self.begin()).write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        if self._new and not self._used:
            self.path.unlink(missing_ok=True)


class RawFile:
    """The audio bytes exactly as received, container headers removed."""

    def __init__(self, file: IO[bytes] | _Reserved, path: str, *, keep_open: bool = False) -> None:
        self.path = path
        self._file = file
        self._keep_open = keep_open
        self._closed = False

    def write(self, frames: Frames, data: bytes, audio: AudioFormat) -> None:
        """Write `data`, and flush it to the reader of a pipe at once."""
        del frames, audio
        if not data:
            return
        with _failing(self.path):
            self._file.write(data)
            if self._keep_open:
                self._file.flush()

    def close(self) -> None:
        """Finish the file; standard output stays open."""
        if self._closed:
            return
        self._closed = True
        with _failing(self.path):
            if self._keep_open:
                self._file.flush()
            else:
                self._file.close()


class SoundFile:
    """The decoded frames, in a sound file that libsndfile writes."""

    def __init__(self, file: _Reserved, path: str, suffix: str) -> None:
        self.path = path
        self._file = file
        self._kind = SOUND_SUFFIXES[suffix]
        self._sound: Any = None
        self._audio: AudioFormat | None = None
        self._closed = False

    def write(self, frames: Frames, data: bytes, audio: AudioFormat) -> None:
        """Append `frames`; the first chunk's format is the file's."""
        del data
        if not len(frames):
            return
        if self._sound is None:
            self._begin(audio)
        samples = self._samples(frames)
        with _failing(self.path):
            for start in range(0, len(samples), WRITTEN_AT_ONCE):
                self._sound.write(samples[start : start + WRITTEN_AT_ONCE])

    def _begin(self, audio: AudioFormat) -> None:
        import soundfile

        self._audio = audio
        kind = {
            "samplerate": audio.samplerate,
            "channels": audio.channels,
            "format": self._kind,
            "subtype": self._subtype(audio),
        }
        try:
            # Tried in memory first: a format that cannot hold this must not empty the old file.
            soundfile.SoundFile(io.BytesIO(), "w", **kind).close()
            # By its descriptor: with a Python file, a full disk is a traceback in a callback.
            descriptor = self._file.begin().fileno()
            self._sound = soundfile.SoundFile(descriptor, "w", closefd=False, **kind)
        except (soundfile.SoundFileError, ValueError, OSError) as error:
            raise FileFailed(
                f"{self.path}: {self._kind} cannot hold {audio}: {error}",
                remedy="Choose .wav or .pcm",
            ) from error

    def _subtype(self, audio: AudioFormat) -> str | None:
        """Return libsndfile's subtype that loses nothing, or the least that the format can."""
        if self._kind not in {"WAV", "FLAC"}:
            return None
        if audio.encoding in _HELD_BY_16_BITS:
            return "PCM_16"
        return "FLOAT" if self._kind == "WAV" else "PCM_24"

    def _samples(self, frames: Frames) -> Any:
        """Return integers for a file of 16 bits: libsndfile would scale floats by 32767."""
        import numpy as np

        assert self._audio is not None
        if self._subtype(self._audio) != "PCM_16":
            return frames
        s16 = AudioFormat("pcm_s16le", self._audio.samplerate, self._audio.channels)
        return np.frombuffer(s16.encode(frames), "<i2").reshape(-1, s16.channels)

    def close(self) -> None:
        """Write the header's sizes and close."""
        if self._closed:
            return
        self._closed = True
        with _failing(self.path):
            try:
                if self._sound is not None:
                    self._sound.close()
            finally:
                self._file.close()


@contextmanager
def _failing(path: str) -> Iterator[None]:
    """Raise the failures of writing as `FileFailed`."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # soundfile's are RuntimeErrors
        where = "standard output" if path == "-" else path
        raise FileFailed(f"cannot write {where}: {error}") from error
