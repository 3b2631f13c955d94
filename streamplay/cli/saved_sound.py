"""Keeping the sound of a line: what ``/save FILE`` writes, in every format of ``say -o``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamplay.audio import AudioFormat

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK: Final = 1 << 15
"""Frames that are read and written at a time."""


def save_sound(sound: Path, path: Path) -> AudioFormat:
    """Write the frames of a WAVE file that `say` has kept to another file; return their format.

    Parameters
    ----------
    sound : Path
        16-bit or float samples.
    path : Path
        ``.wav .flac .ogg .mp3``, or ``.pcm .raw`` for the bare samples.

    Raises
    ------
    FileFailed
        If the file exists, is of no known kind, or cannot be written.
    """
    import soundfile

    from streamplay.outputs.recording import open_file

    written = open_file(path)
    whole = False
    try:
        with soundfile.SoundFile(sound) as file:
            kept, encoding = _KEPT[file.subtype == "PCM_16"]
            audio = AudioFormat(encoding, file.samplerate, file.channels)
            for block in file.blocks(_BLOCK, dtype=kept, always_2d=True):
                written.write(audio.decode(block.tobytes()), block.tobytes(), audio)
        whole = True
    finally:
        written.close(whole=whole)
    return audio


_KEPT: Final[dict[bool, tuple[Any, Any]]] = {
    True: ("int16", "pcm_s16le"),
    False: ("float32", "pcm_f32le"),
}
"""How samples are read, and what they are: 16 bits, or anything else."""
