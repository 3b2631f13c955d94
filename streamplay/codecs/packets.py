"""Packets of one codec → frames: the only module that imports PyAV (FFmpeg's libavcodec).

Only its decoders are used: containers are taken apart by the modules beside this one, which push
bytes and hold what a packet needs. FFmpeg's own demuxers pull, probe kilobytes ahead, and believe
the totals of a header.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from streamplay.errors import BadAudio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from streamplay.audio import Frames

_EXTRA: Final = "streamplay[codecs]"

_MOST_CHANNELS: Final = 8


class PacketDecoder:
    """Decodes the packets of one stream, or of several streams one after another.

    Parameters
    ----------
    what : str
        What is decoded, for people: "mp3", "Ogg Opus".

    Attributes
    ----------
    samplerate, channels : int
        Of the frames that left last; 0 before the first.
    damaged : int
        Packets that could not be decoded, and were left out.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.samplerate = 0
        self.channels = 0
        self.damaged = 0
        self._av = import_av(what)
        self._context: Any = None

    def open(
        self, codec: str, extradata: bytes = b"", *, samplerate: int = 0, channels: int = 0
    ) -> None:
        """Begin a stream.

        Parameters
        ----------
        codec : str
            FFmpeg's name of the decoder.
        extradata : bytes
            What it has to know before the first packet.
        samplerate, channels : int
            For a codec whose packets do not tell them.

        Raises
        ------
        BadAudio
            If FFmpeg refuses that.
        """
        av = self._av
        try:
            context = av.CodecContext.create(codec, "r")
            context.thread_count = 1  # threads would hold back as many packets
            if extradata:
                context.extradata = extradata
            if samplerate:
                context.sample_rate = samplerate
            if channels:
                context.layout = _LAYOUTS.get(channels, f"{channels}c")
            context.open(strict=False)
        except (av.error.FFmpegError, ValueError) as error:
            raise BadAudio(
                f"the {self.what} has a header that cannot be read ({_reason(error)})",
                remedy="Ask for another format, or for raw audio",
            ) from error
        self._context = context

    def decode(self, packet: bytes) -> Iterator[Frames]:
        """Yield the frames of one packet; a damaged one gives none, and is counted."""
        av = self._av
        if not packet:
            return  # to FFmpeg an empty packet is the end
        try:
            decoded = self._context.decode(av.Packet(packet))
        except av.error.FFmpegError:
            self.damaged += 1
            return
        for frame in decoded:
            yield self.taken(frame)

    def drain(self) -> Iterator[Frames]:
        """Yield what the decoder still holds. Ends the stream: `open` begins another."""
        context, self._context = self._context, None
        if context is None:
            return
        try:
            decoded = context.decode(None)
        except self._av.error.FFmpegError:
            return
        for frame in decoded:
            yield self.taken(frame)

    def taken(self, frame: Any) -> Frames:
        """Return the samples of a frame of FFmpeg's; note its rate and its channels.

        Raises
        ------
        BadAudio
            If it has more channels than can be played.
        """
        rate, channels = frame.sample_rate, len(frame.layout.channels)
        # Looked at first: PyAV's `to_ndarray` reads beyond its table of eight planes, and the
        # process would end with it.
        if not 1 <= channels <= _MOST_CHANNELS:
            raise BadAudio(f"the {self.what} has {channels} channels, more than can be played")
        frames = _samples(frame)
        self.samplerate, self.channels = rate, channels
        return frames


class CodecReader(ABC):
    """Reads compressed audio: bytes, cut anywhere, → frames.

    Attributes
    ----------
    what : str
        What is read, for people: "mp3", "Ogg".
    incomplete : str
        After `finish`: what the end has cut off, as a sentence; mostly nothing.
    """

    what: str

    def __init__(self) -> None:
        self._packets = PacketDecoder(self.what)
        self.incomplete = ""

    @property
    def samplerate(self) -> int:
        """Hz, of the frames that were yielded last; 0 before the first."""
        return self._packets.samplerate

    @property
    def channels(self) -> int:
        """Samples in each of them; 0 before the first."""
        return self._packets.channels

    @property
    def damaged(self) -> int:
        """Packets that could not be decoded, and were left out."""
        return self._packets.damaged

    @abstractmethod
    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes: ``float32 (n, channels)``.

        Raises
        ------
        BadAudio
            If the stream cannot be read on; what came before has been yielded.
        """

    @abstractmethod
    def finish(self) -> Iterator[Frames]:
        """Yield what was held back; nothing follows."""


_LAYOUTS: Final = {1: "mono", 2: "stereo"}


def preload() -> None:
    """Import PyAV, if it is installed, before it is needed: it takes as long as two of numpy."""
    with suppress(ImportError):
        import_module("av")


def import_av(what: str) -> ModuleType:
    """Import PyAV.

    Raises
    ------
    BadAudio
        If it is not installed; the error names `what` came, and the extra.
    """
    try:
        import av
    except ImportError as error:
        raise BadAudio(
            f"the audio is {what}, and the decoder for that is not installed",
            remedy=f"pip install '{_EXTRA}', or ask for raw or wav",
        ) from error
    return av


def _samples(frame: Any) -> Frames:
    """Return a frame of FFmpeg's as ``float32 (n, channels)``, full scale ±1.0."""
    import numpy as np

    array = frame.to_ndarray()
    channels = len(frame.layout.channels)
    # Planar: (channels, n). Packed: (1, n × channels).
    array = array.T if frame.format.is_planar else array.reshape(-1, channels)
    if array.dtype == np.uint8:
        array = array.astype(np.int16) - 128
        return np.ascontiguousarray(array, np.float32) * np.float32(1 / 128)
    if array.dtype.kind == "i":
        scale = np.float32(2.0 ** (1 - 8 * array.dtype.itemsize))
        return np.ascontiguousarray(array, np.float32) * scale
    return np.array(array, np.float32, order="C")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error).rstrip(".")
