"""Subtitles of one utterance, written when all of it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.errors import FileFailed
from streamplay.speech.cues import Timeline, timed_sentences
from streamplay.words.subtitles import as_srt, as_vtt, cues_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.files import NewFile
    from streamplay.speech.transcript import Piece


class SubtitleFile:
    """A file that is known to be writable, and gets its subtitles at the end.

    Parameters
    ----------
    file : NewFile
        One that `new_subtitle_file` has opened.
    """

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._path = file.path
        self._suffix = file.path.suffix.lower()

    def write(
        self,
        pieces: Sequence[Piece],
        samplerate: int,
        end: int,
        language: str,
        *,
        in_file: bool,
    ) -> None:
        """Write the subtitles of what has come: see `Timeline`."""
        timeline = Timeline(pieces, samplerate, end, in_file=in_file)
        cues = cues_of(timed_sentences(timeline, language))
        text = as_srt(cues) if self._suffix == ".srt" else as_vtt(cues)
        try:
            self._file.write(text.encode())
        except OSError as error:
            raise FileFailed(f"cannot write {self._path}: {error.strerror or error}") from error

    def close(self, *, whole: bool = True) -> str:
        """Put the file in place; return a line where a part was left beside an older one."""
        left = self._file.finish(whole=whole)
        return "" if left is None else f"{self._path} stays as it was; what came is in {left}"
