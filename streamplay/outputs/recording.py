"""Writes what was received to a file: decoded frames, or the audio bytes as they came."""

from __future__ import annotations

import asyncio
import io
import os
import select
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamplay.audio import AudioFormat
from streamplay.errors import FileFailed
from streamplay.kept_files import SOUND_SUFFIXES, new_sound_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames
    from streamplay.files import NewFile

_HELD_BY_16_BITS: Final = frozenset(
    ("pcm_s16le", "pcm_s16be", "pcm_u8", "pcm_s8", "pcm_mulaw", "pcm_alaw")
)

WRITTEN_AT_ONCE: Final = 1 << 16
"""Frames. libsndfile's Vorbis encoder keeps a whole write on the stack: ten minutes
of 24 kHz in one ended the process (libsndfile 1.2.2)."""


_AT_ONCE_BYTES: Final = getattr(select, "PIPE_BUF", 512)
"""A pipe that is ready takes so much without blocking (POSIX, write)."""

_HEADER_BYTES: Final = 512
"""Of a WAVE or FLAC file: what holds its lengths."""


_HELD_BY_LAME: Final = 3
"""Frames that the encoder has taken and not written yet."""


class FileOutput(Protocol):
    """A file or pipe that takes all that is received, whether it is heard or not."""

    @property
    def path(self) -> str:
        """Its path, ``-`` for standard output."""

    def write(self, frames: Frames, data: bytes, audio: AudioFormat) -> None:
        """Keep one chunk: the frames, or the bytes they came from, as `audio` says."""

    async def drained(self) -> None:
        """Wait until the reader of a pipe has taken what was written."""

    def close(self, *, whole: bool = True) -> str:
        """Finish it properly; idempotent.

        Parameters
        ----------
        whole : bool
            Whether all has come that should; a part does not take an older file's place.

        Returns
        -------
        str
            One line for the user where a part was left beside the older file; else empty.
        """


def open_file(path: str | Path, *, force: bool = False) -> FileOutput:
    """Open `path` for writing, so that a failure is known before anything is sent.

    Parameters
    ----------
    path : str or Path
        ``-``: the audio bytes as received, to standard output. ``.pcm``,
        ``.raw``: the same, to a file, a pipe or a device. ``.wav .flac .ogg .mp3``: the frames.
    force : bool
        Overwrite what is there, once the new file is whole.

    Raises
    ------
    FileFailed
        If the suffix is unknown, the file exists and `force` is not set, or it
        cannot be written.
    """
    if str(path) == "-":
        with _failing("-"):
            sys.stdout.buffer.flush()
            return PipeFile(os.dup(sys.stdout.buffer.fileno()), "-")
    return output_of(new_sound_file(Path(path), force=force))


def import_writing(path: str | Path) -> None:
    """Import what writes a file of this name, where its first chunk would have to wait for that."""
    if Path(path).suffix.lower() in SOUND_SUFFIXES:
        import soundfile  # noqa: F401


def output_of(file: NewFile) -> FileOutput:
    """Return what writes a file that `new_sound_file` has opened."""
    suffix = file.path.suffix.lower()
    if suffix in SOUND_SUFFIXES:
        return SoundFile(file, suffix)
    return RawFile(file) if file.regular else PipeFile(os.dup(file.fileno()), str(file.path), file)


def _finish(file: NewFile, *, whole: bool) -> str:
    """Put a file in place; return a line where a part of it was left beside the older one."""
    left = file.finish(whole=whole)
    return "" if left is None else f"{file.path} stays as it was; what came is in {left}"


class RawFile:
    """The audio bytes exactly as received, container headers removed."""

    def __init__(self, file: NewFile) -> None:
        self.path = str(file.path)
        self._file = file

    def write(self, frames: Frames, data: bytes, audio: AudioFormat) -> None:
        """Write `data`."""
        del frames, audio
        if data:
            with _failing(self.path):
                self._file.write(data)

    async def drained(self) -> None:
        """Return at once: a file takes everything."""

    def close(self, *, whole: bool = True) -> str:
        """Finish the file."""
        with _failing(self.path):
            return _finish(self._file, whole=whole)


class PipeFile:
    """The audio bytes as received, to a pipe or a device, or to standard output.

    A reader may stop to read, and a write would then block the player's loop for ever. So no more
    is written than the pipe takes at once; the rest waits, and `drained` waits for it.

    Parameters
    ----------
    descriptor : int
        Where to write; closed at the end.
    path : str
        Its name, ``-`` for standard output.
    file : NewFile, optional
        What it was opened as.
    """

    def __init__(self, descriptor: int, path: str, file: NewFile | None = None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._file = file
        self._waiting = bytearray()
        self._closed = False

    def write(self, frames: Frames, data: bytes, audio: AudioFormat) -> None:
        """Write as much of `data` as the pipe takes; keep the rest."""
        del frames, audio
        self._waiting += data
        with _failing(self.path):
            self._push()

    def _push(self) -> None:
        while self._waiting and self._is_ready():
            try:
                written = os.write(self._descriptor, self._waiting[:_AT_ONCE_BYTES])
            except BlockingIOError:
                return
            del self._waiting[:written]

    def _is_ready(self) -> bool:
        if sys.platform == "win32":  # only sockets can be asked there
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(0))

    async def drained(self) -> None:
        """Wait until the reader has taken what was written."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            ready = loop.create_future()
            loop.add_writer(self._descriptor, _set_done, ready)
            try:
                await ready
            finally:
                loop.remove_writer(self._descriptor)
            with _failing(self.path):
                self._push()

    def close(self, *, whole: bool = True) -> str:
        """Write what the reader takes at once, and close; standard output itself stays open."""
        del whole  # what was written has gone
        if self._closed:
            return ""
        self._closed = True
        try:
            with _failing(self.path):
                self._push()
        finally:
            os.close(self._descriptor)
            if self._file is not None:
                self._file.finish()
        return ""


def _set_done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class SoundFile:
    """The decoded frames, in a sound file that libsndfile writes.

    Its header is brought up to date each second, so that the file can be opened when the process
    was killed: libsndfile writes lengths only at the end.
    """

    def __init__(self, file: NewFile, suffix: str) -> None:
        self.path = str(file.path)
        self._file = file
        self._kind = SOUND_SUFFIXES[suffix]
        self._sound: Any = None
        self._audio: AudioFormat | None = None
        self._frames = 0
        self._told = 0  # frames that the header tells of
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
            self._frames += len(samples)
            assert self._audio is not None
            if self._frames - self._told >= self._audio.samplerate / 2:
                self._told = self._frames
                _tell_length(self._file.fileno(), self._kind, self._frames)

    async def drained(self) -> None:
        """Return at once: a file takes everything."""

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
            # Tried in memory first: a format that cannot hold this must not leave an empty file.
            soundfile.SoundFile(io.BytesIO(), "w", **kind).close()
            # By its descriptor: with a Python file, a full disk is a traceback in a callback.
            self._sound = soundfile.SoundFile(self._file.fileno(), "w", closefd=False, **kind)
            self._file.used = True
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

    def close(self, *, whole: bool = True) -> str:
        """Write the header's sizes and close."""
        if self._closed:
            return ""
        self._closed = True
        told = ""
        with _failing(self.path):
            try:
                if self._sound is not None:
                    self._sound.close()
            finally:
                told = _finish(self._file, whole=whole)
        return told


def _tell_length(descriptor: int, kind: str, frames: int) -> None:
    """Write into the header how long the file is by now, as it will be written at its end."""
    if not hasattr(os, "pread"):
        return
    head = os.pread(descriptor, _HEADER_BYTES, 0)
    if kind == "MP3" and head[:1] == b"\xff":
        # LAME keeps a frame of zeros for its tag: https://gabriel.mp3-tech.org/mp3infotag.html.
        # Without one, libmpg123 guesses the length from the first frame's size.
        mpeg1, mono = head[1] & 0x18 == 0x18, head[3] & 0xC0 == 0xC0
        at = 4 + (17 if mpeg1 else 9) if mono else 4 + (32 if mpeg1 else 17)
        count = max(0, frames // (1152 if mpeg1 else 576) - _HELD_BY_LAME)
        os.pwrite(descriptor, b"Xing\0\0\0\1" + count.to_bytes(4, "big"), at)
    elif kind == "FLAC":
        # RFC 9639, 8.2: the low 36 bits of the eight bytes at 10 are the samples in all. The
        # encoder holds a block until the next one has begun.
        block = int.from_bytes(head[8:10], "big")
        whole = (frames - 1) // block * block
        fields = int.from_bytes(head[18:26], "big") >> 36 << 36
        os.pwrite(descriptor, (fields | whole).to_bytes(8, "big"), 18)
    elif kind == "WAV":
        size = os.fstat(descriptor).st_size
        sizes = {4: size - 8}
        if (fact := head.find(b"fact")) > 0:
            sizes[fact + 8] = frames
        if (data := head.find(b"data")) > 0:
            sizes[data + 4] = size - data - 8
        for at, value in sizes.items():
            os.pwrite(descriptor, min(value, 0xFFFFFFFF).to_bytes(4, "little"), at)


@contextmanager
def _failing(path: str) -> Iterator[None]:
    """Raise the failures of writing as `FileFailed`."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # soundfile's are RuntimeErrors
        where = "standard output" if path == "-" else path
        why = getattr(error, "strerror", None) or error
        raise FileFailed(f"cannot write {where}: {why}") from error
