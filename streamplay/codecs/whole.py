"""What cannot be read as it comes: CAF, WMA, AMR, ADPCM in WAV. Held until its end, then decoded.

FFmpeg's own demuxer reads it, from memory.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from streamplay.codecs.packets import CodecReader, import_av
from streamplay.errors import BadAudio, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.audio import Frames

MAX_FILE_BYTES: Final = 64_000_000
"""As much as is held: over an hour at 128 kbit/s."""


class WholeReader(CodecReader):
    """Reads a whole file of a kind that FFmpeg knows.

    Parameters
    ----------
    what : str
        Its name for people.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__()
        self._data = bytearray()

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
        av = import_av(self.what)
        try:
            with av.open(BytesIO(self._data), metadata_errors="replace") as file:
                for frame in file.decode(audio=0):
                    yield self._packets.fitted(frame)
        except (av.error.FFmpegError, IndexError) as error:
            reason = str(getattr(error, "strerror", "") or "there is no audio in it").rstrip(".")
            raise BadAudio(
                f"the {self.what} file cannot be decoded ({reason})",
                remedy="Ask for another format, or for raw audio",
            ) from error
