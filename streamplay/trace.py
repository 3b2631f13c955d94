"""Arrival traces: when how many frames came, as JSON lines.

One header line, one line an arrival, one end line. Neither the key nor the text
is in it. The format is versioned by ``streamplay_trace``.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from streamplay.errors import FileFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.audio import AudioFormat

VERSION: Final = 1


class TraceWriter:
    """Writes one arrival trace, line by line as the audio arrives.

    Raises
    ------
    FileFailed
        If the file cannot be created or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: IO[str] = path.open("w", encoding="utf-8")
        except OSError as error:
            raise FileFailed(
                f"cannot write the trace {path}: {error.strerror}",
                remedy="Choose another file for record (--record)",
            ) from error
        self._begun = False

    def begin(
        self, *, base_url: str, model: str, voice: str, chars: int, audio: AudioFormat
    ) -> None:
        """Write the header, once: before the first arrival."""
        if self._begun:
            return
        self._begun = True
        host = urlsplit(base_url).hostname or base_url
        self._line(
            streamplay_trace=VERSION,
            host=host,
            model=model,
            voice=voice,
            chars=chars,
            encoding=audio.encoding,
            samplerate=audio.samplerate,
            channels=audio.channels,
        )

    def arrival(self, seconds: float, frames: int) -> None:
        """Write that `frames` had been decoded `seconds` after the request was begun."""
        self._line(t=round(seconds, 6), frames=frames)

    def end(self, seconds: float, how: str) -> None:
        """Write how it ended, ``complete`` or the error's type, and close the file."""
        if self._file.closed:
            return
        with self._failing(), self._file:
            self._line(t=round(seconds, 6), end=how)

    def _line(self, **values: Any) -> None:
        with self._failing():
            self._file.write(json.dumps(values, ensure_ascii=False) + "\n")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn the failures of writing into `FileFailed`; a full disk is told when closing."""
        try:
            yield
        except OSError as error:
            raise FileFailed(f"cannot write the trace {self.path}: {error.strerror}") from error
