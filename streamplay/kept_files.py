"""The files that an utterance leaves behind, opened before its request is sent.

Light to import: `streamplay say` opens them before it sends its early request, and before anything
that could write sound is imported.
"""

from __future__ import annotations

from pathlib import Path

from streamplay.errors import FileFailed
from streamplay.files import NewFile

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    import os
    from typing import Final

    Name = str | os.PathLike[str] | None

RAW_SUFFIXES: Final = (".pcm", ".raw")
SOUND_SUFFIXES: Final = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
"""libsndfile's name for each."""

SUBTITLE_SUFFIXES: Final = (".srt", ".vtt")


class KeptFiles:
    """Files that are known to be writable, and are not changed until something is written.

    Parameters
    ----------
    output : path, optional
        For the sound; ``-`` is standard output, which is not opened here.
    record : path, optional
        For the arrival trace.
    subtitles : path, optional
        For the subtitles.
    force : bool
        Take the place of what is there.

    Attributes
    ----------
    sound, trace, subtitles : NewFile or None
        Those that were named.

    Raises
    ------
    FileFailed
        If one cannot be written; none is left open then.
    """

    def __init__(
        self,
        *,
        output: Name = None,
        record: Name = None,
        subtitles: Name = None,
        force: bool = False,
    ) -> None:
        self.sound: NewFile | None = None
        self.trace: NewFile | None = None
        self.subtitles: NewFile | None = None
        try:
            if output is not None and str(output) != "-":
                self.sound = new_sound_file(Path(output), force=force)
            if record is not None:
                self.trace = new_trace_file(Path(record), force=force)
            if subtitles is not None:
                self.subtitles = new_subtitle_file(Path(subtitles), force=force)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close those that are still open; one in which nothing was written is removed."""
        for file in (self.sound, self.trace, self.subtitles):
            if file is not None:
                file.finish(whole=False)


def new_sound_file(path: Path, *, force: bool = False) -> NewFile:
    """Open a file for sound; `path` ends in one of the suffixes above.

    Raises
    ------
    FileFailed
        If the suffix is unknown, or the file cannot be written; see `NewFile`.
    """
    suffix = path.suffix.lower()
    if suffix not in RAW_SUFFIXES and suffix not in SOUND_SUFFIXES:
        known = " ".join((*SOUND_SUFFIXES, *RAW_SUFFIXES))
        raise FileFailed(f"{path}: unknown kind of file", remedy=f"Use one of {known}, or -")
    file = NewFile(path, force=force)
    if suffix in SOUND_SUFFIXES and not file.regular:
        file.finish()
        raise FileFailed(
            f"cannot write {path}: it is a pipe or a device, and {suffix} needs a file",
            remedy="Use a name that ends in .pcm or .raw",
        )
    return file


def new_trace_file(path: Path, *, force: bool = False) -> NewFile:
    """Open a file for an arrival trace: see `NewFile`."""
    return NewFile(path, force=force, what="the trace")


def new_subtitle_file(path: Path, *, force: bool = False) -> NewFile:
    """Open a file for subtitles, ``.srt`` or ``.vtt``.

    Raises
    ------
    FileFailed
        If the suffix is another, or the file cannot be written; see `NewFile`.
    """
    if path.suffix.lower() not in SUBTITLE_SUFFIXES:
        raise FileFailed(
            f"{path}: unknown kind of subtitles",
            remedy=f"Use {' or '.join(SUBTITLE_SUFFIXES)}",
        )
    return NewFile(path, force=force, what="the subtitles")
