"""Which reader decodes what: by its media type, as `streamplay.stream.sniff.identify` names it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamplay.codecs.packets import CodecReader

_READERS: Final = {
    "audio/mpeg": ("mp3", "Mp3Reader"),
    "audio/aac": ("adts", "AdtsReader"),
    "audio/ogg": ("ogg", "OggReader"),
    "audio/flac": ("flac", "FlacReader"),
    "audio/mp4": ("mp4", "Mp4Reader"),
    "audio/webm": ("webm", "WebmReader"),
}
_FRAMED: Final = ("audio/mpeg", "audio/aac")
_WHOLE: Final = {
    "audio/wav": "compressed WAV",
    "audio/x-caf": "CAF",
    "audio/amr": "AMR",
    "audio/x-ms-wma": "Windows Media",
}

_BY_LIBSNDFILE: Final = ("audio/wav", "audio/x-caf")

COMPRESSED: Final = frozenset((*_READERS, *_WHOLE)) - {"audio/wav"}
"""The media types of what is decoded here."""


def reader_of(kind: str, *, first: int | None = None) -> CodecReader:
    """Return a reader of a media type of `COMPRESSED`, or of WAV that holds no samples.

    Parameters
    ----------
    kind : str
        The media type.
    first : int, optional
        For mp3 and ADTS: the byte at which the first frame is expected, with reason.

    Raises
    ------
    BadAudio
        If the decoder is not installed.
    """
    if kind in _WHOLE:
        from streamplay.codecs.whole import WholeReader  # seldom needed

        return WholeReader(_WHOLE[kind], by_libsndfile=kind in _BY_LIBSNDFILE)
    module, name = _READERS[kind]
    known = {"first": first} if kind in _FRAMED else {}
    reader: CodecReader = getattr(import_module(f"streamplay.codecs.{module}"), name)(**known)
    return reader
