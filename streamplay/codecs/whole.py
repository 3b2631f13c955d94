"""What cannot be read as it comes: CAF, ADPCM in WAV, WMA, AMR. Held until its end, then decoded.

The first two by libsndfile, which is installed in any case, for it writes recordings; the others by
FFmpeg's own demuxers. Both read from memory.
"""

from __future__ import annotations

import re
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from streamplay.codecs.packets import CodecReader, import_av
from streamplay.errors import BadAudio, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

MAX_FILE_BYTES: Final = 64_000_000
"""As much as is held: over an hour at 128 kbit/s."""

# How a file begins, and one behind it: libsndfile reads one.
_FILES: Final = re.compile(rb"RIFF.{4}WAVEfmt |caff\x00\x01\x00\x00desc", re.DOTALL)

_BLOCK: Final = 4096  # frames decoded at a time: what came before a fault is kept


class WholeReader(CodecReader):
    """Reads a whole file.

    Parameters
    ----------
    what : str
        Its name for people.
    by_libsndfile : bool
        Who decodes it.
    """

    def __init__(self, what: str, *, by_libsndfile: bool) -> None:
        self.what = what
        self._data = bytearray()
        self._by_libsndfile = by_libsndfile
        self._format = 0, 0
        if by_libsndfile:
            self.incomplete = ""
        else:
            super().__init__()

    @property
    def samplerate(self) -> int:
        """Hz; 0 before the first frame."""
        return self._format[0]

    @property
    def channels(self) -> int:
        """Samples in a frame; 0 before the first."""
        return self._format[1]

    @property
    def damaged(self) -> int:
        """None: a damaged file is decoded up to its fault."""
        return 0

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Hold `data`.

        Raises
        ------
        TooLarge
            If that is more than a file may have.
        """
        if len(self._data) + len(data) > MAX_FILE_BYTES:
            raise TooLarge(
                f"the {self.what} file is larger than {MAX_FILE_BYTES} bytes",
                remedy="Ask for raw audio, which is played as it comes",
            )
        self._data += data
        yield from ()

    def finish(self) -> Iterator[Frames]:
        """Decode all of it."""
        yield from self._read() if self._by_libsndfile else self._decode()

    def _read(self) -> Iterator[Frames]:
        import soundfile

        begins = [found.start() for found in _FILES.finditer(self._data)] or [0]
        for begin, end in pairwise([0, *begins[1:], len(self._data)]):
            try:
                with soundfile.SoundFile(BytesIO(self._data[begin:end])) as file:
                    while len(frames := file.read(_BLOCK, "float32", always_2d=True)):
                        self._format = file.samplerate, file.channels
                        yield frames
            except soundfile.LibsndfileError as error:
                raise self._failed(error.error_string) from error

    def _decode(self) -> Iterator[Frames]:
        av = import_av(self.what)
        try:
            with av.open(BytesIO(self._data), metadata_errors="replace") as file:
                for frame in file.decode(audio=0):
                    frames = self._packets.taken(frame)
                    self._format = self._packets.samplerate, self._packets.channels
                    yield frames
        except (av.error.FFmpegError, IndexError) as error:
            reason = str(getattr(error, "strerror", "") or "there is no audio in it")
            raise self._failed(reason) from error

    def _failed(self, reason: str) -> BadAudio:
        return BadAudio(
            f"the {self.what} file cannot be decoded ({reason.rstrip('.')})",
            remedy="Ask for another format, or for raw audio",
        )
