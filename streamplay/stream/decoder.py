"""Audio bytes → whole frames, without I/O.

What arrives may be cut anywhere, may carry a header that knows its format better than the server
that sent it, and may be compressed. What the bytes are is decided by the bytes first, then by
what the server says, then by what was asked. What leaves is whole frames, finite and within full
scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamplay.audio import AudioFormat
from streamplay.codecs.readers import COMPRESSED, reader_of
from streamplay.errors import KEPT, BadAudio, Truncated
from streamplay.models import FormatSource
from streamplay.presentable import presentable
from streamplay.resample import Uniform
from streamplay.stream.headers import CompressedWav
from streamplay.stream.mpeg import tag_bytes
from streamplay.stream.riff import Walker, holds_header
from streamplay.stream.samples import Chunk, Samples, limited
from streamplay.stream.sniff import (
    RAW,
    expected_frame,
    hidden_frames,
    identify,
    media_type,
    no_sound,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamplay.audio import Frames
    from streamplay.codecs.packets import CodecReader
    from streamplay.stream.declared import Told

__all__ = ["Chunk", "Decoder", "FormatSource"]

_EVENTS: Final = "text/event-stream"

# Uncompressed audio in a container.
_CONTAINERS: Final = frozenset(("audio/wav", "audio/x-w64", "audio/aiff", "audio/x-au"))

# A server that names one of these types and sends something else is wrong. `_PROMISE_BYTES` are
# needed to be sure.
_ALIASES: Final = (
    "audio/mp3 audio/x-mp3 audio/mpeg3 audio/x-flac audio/opus application/ogg audio/x-aac "
    "audio/aacp audio/x-m4a audio/m4a video/mp4 video/webm"
)
_PROMISING: Final = COMPRESSED.union(_ALIASES.split())
_PROMISE_BYTES: Final = 4096

# Zeros in front: so many are silence, and no part of a file's mark.
_SILENCE_BYTES: Final = 8

# Readers of these pass over an ID3 tag by themselves, also over one whose length is wrong.
_TAGGED: Final = frozenset(("audio/mpeg", "audio/aac"))


class Decoder:
    """Turns a stream's deltas into frames.

    Parameters
    ----------
    expected : AudioFormat
        What the bytes should be, unless they are plainly something else.
    source : {'model', 'header', 'user', 'request', 'server'}
        Who says so. The user is believed over a header (which is removed all the same) and
        over every mark of compressed audio.
    content_type : str
        The response's header: a hint.
    end_is_told : bool
        Whether something else tells that all has come: the body's own framing, an end mark. Then
        a length in a header that was not reached is only a wrong number. Events have an end mark.

    Attributes
    ----------
    format : AudioFormat
        What leaves, as far as is known; rate and channels are fixed with the first frame.
    reading : AudioFormat
        What the bytes are that come: where the stream changes its rate or its channels, other
        than `format`. What leaves is converted.
    source : {'model', 'header', 'user', 'request', 'server', 'bytes'}
        Who said so.
    muted : int
        Frames that were received and silenced.
    warning : str
        What is doubtful about the audio, as a sentence for people; mostly nothing.
    """

    def __init__(
        self,
        expected: AudioFormat,
        source: FormatSource,
        *,
        content_type: str = "",
        end_is_told: bool = False,
    ) -> None:
        self.format = self.reading = expected
        self.source: FormatSource = source
        self.muted = 0
        self.warning = ""
        self._media = media_type(content_type)
        self._end_is_told = end_is_told or self._media == _EVENTS
        self._start: bytes | None = b""  # what has come, until it is known what it is
        self._silent = False  # so far only zeros have come
        self._walker = Walker()
        self._head: bytearray | None = None  # of a WAV file, until what is in it is known
        self._codec: CodecReader | None = None
        self._kept = bytearray()  # compressed bytes that no frames have come of yet
        self._samples = Samples()
        self._uniform: Uniform | None = None  # there is one once the format has changed
        self._begun = False  # frames have come, or are held

    def feed(self, data: bytes) -> Iterable[Chunk]:
        """Return the frames that one delta completes.

        Raises
        ------
        BadAudio
            Where the bytes cannot be decoded.
        UnexpectedContent
            Where they are no audio at all.
        WrongEncoding
            Where the bytes are certainly no sound as they were read, and what they are is not
            known or not allowed. From then on all is muted.
        """
        if data and self._is_bare(data):
            return self._samples.take(self, data)  # most deltas of most streams
        return self._feed(data, whole=False)

    def joins(self, data: bytes) -> bool:
        """Tell whether a delta is more of the same samples: it can be fed joined to the next."""
        whole = not len(data) % self.reading.frame_bytes  # else a byte may be missing behind it
        return whole and self._samples.is_open and self._is_bare(data)

    def finish(self) -> Iterator[Chunk]:
        """Yield what was held back; after a fault too: it came before the fault.

        Raises
        ------
        Truncated
            If the audio ended inside a frame, or before the end that its header told.
        BadAudio
            If nothing of it can be decoded.
        """
        yield from self._feed(b"", whole=True)
        if self._codec is not None:
            yield from self._finish_codec(self._codec)
            return
        for part in self._walker.finish():
            yield from self._samples.take(self, part)
        yield from self._samples.release(self)
        yield from self._rest()
        self._tell_missing(self._missing())

    def _is_bare(self, data: bytes) -> bool:
        """Tell whether a delta holds samples and nothing else, by all that is known."""
        known = self._start is None and self._codec is None and self._head is None
        return known and self._walker.passes(data)

    def _feed(self, data: bytes, *, whole: bool) -> Iterator[Chunk]:
        if self._start is not None:
            data, self._start = self._start + data, None
            zeros = len(data) - len(data.lstrip(b"\0"))
            if not self._silent and zeros < _SILENCE_BYTES:
                zeros = 0  # a box of MP4, a sample
            kind = self._kind(data[zeros:], whole=whole)
            if kind is None and (zeros < len(data) or not data):
                self._start = data
                return
            if kind not in (RAW, None):
                data = data[zeros:]
            data = self._choose(kind or RAW, data)
        if self._codec is None:
            yield from self._walk(data)
        else:
            yield from self._decode(self._codec, data)

    def _walk(self, data: bytes) -> Iterator[Chunk]:
        if self._head is not None:
            self._head += data
        try:
            for part in self._walker.feed(data):
                self._head = None
                yield from self._samples.take(self, part)
        except CompressedWav:
            if self._head is None or self.source == "user":
                raise
            head, self._head = self._head, None
            self._codec = reader_of("audio/wav")
            yield from self._decode(self._codec, bytes(head))
        except BadAudio:
            self._walker = Walker()  # what follows the fault is none of ours
            raise

    # What it is

    def _kind(self, start: bytes, *, whole: bool) -> str | None:
        kind = identify(start, self._media, whole=whole)
        promised = self._media in _PROMISING and self.source != "user"
        if kind != RAW or self.source == "user":
            return kind
        if promised:
            return None if not whole and len(start) < _PROMISE_BYTES else RAW
        return hidden_frames(start, whole=whole)

    def _choose(self, kind: str, start: bytes) -> bytes:
        """Begin to read what has come as what it is; return it without a tag in front."""
        if kind not in _TAGGED:
            start = start[tag_bytes(start) :]
        if kind in _CONTAINERS:
            self._walker = Walker(container=True)
            self._head = bytearray()
        elif self.source == "user":
            pass
        elif kind in COMPRESSED:
            self._codec = reader_of(kind, first=expected_frame(start, kind, self._media))
        elif kind != RAW:
            raise no_sound(kind, start)
        elif self._media in _PROMISING and not (
            self._samples.are_plain(self, start) or holds_header(start)
        ):
            raise BadAudio(
                f"the server says {presentable(self._media, limit=60)}, and that is not what came",
                remedy="Ask for another format, or say what the bytes are with --decode-as",
            )
        elif not start.strip(b"\0"):
            # Silence in most encodings. What follows it may yet be something else.
            self._silent, self._start = True, b""
        return start

    def tell(self, told: Told) -> Iterator[Chunk]:
        """Take what the server says of the audio from here on; yield what was held back.

        The user and a header know better.
        """
        if self.source != "header":
            audio, _ = told.settle(self.reading, self.source)
            yield from self.read_as(audio, "server")

    def read_as(self, told: AudioFormat, source: FormatSource) -> Iterator[Chunk]:
        """Read what follows as `told`, unless the user knows better; yield what was held back."""
        if self.source == "user":
            return
        if told != self.reading:
            yield from self._samples.renew(self)
            shape = told.samplerate, told.channels
            if self._begun and shape != (self.reading.samplerate, self.reading.channels):
                yield from self._convert_from(told)
            self.reading = told
        self.source = source
        if self._uniform is None:
            self.format = told

    def _convert_from(self, told: AudioFormat) -> Iterator[Chunk]:
        if self._uniform is None:
            self._uniform = Uniform((self.format.samplerate, self.format.channels))
            self.warning = (
                f"The audio changes from {_rate(self.reading)} to {_rate(told)}: "
                f"converted to {_rate(self.format)} from there on"
            )
        yield from self._rest()
        self._uniform.change((told.samplerate, told.channels))

    def _rest(self) -> Iterator[Chunk]:
        """Yield the frames that a resampler has held back."""
        if self._uniform is not None and len(rest := self._uniform.finish()):
            yield Chunk(rest, b"")

    def chunk(self, frames: Frames, data: bytes) -> Chunk:
        """Return what leaves of decoded frames, and of the bytes that they were."""
        return Chunk(frames if self._uniform is None else self._uniform.convert(frames), data)

    def length(self, frames: int) -> int:
        """Return how many frames of what leaves so many of what comes are."""
        return frames if self._uniform is None else self._uniform.length(frames)

    def found(self, encoding: str) -> None:
        """Read what follows in another encoding; rate and channels stay."""
        told = self.reading
        self.reading = AudioFormat(encoding, told.samplerate, told.channels)
        if self._uniform is None:
            self.format = self.reading

    def begin(self) -> None:
        """Note that frames have come: rate and channels of what leaves are fixed."""
        self._begun = True

    # Compressed audio

    def _decode(self, codec: CodecReader, data: bytes) -> Iterator[Chunk]:
        self._kept += data
        for frames in codec.feed_bytes(data):
            yield from self._compressed(codec, frames)

    def _compressed(self, codec: CodecReader, frames: Frames) -> Iterator[Chunk]:
        told = AudioFormat("pcm_f32le", codec.samplerate, codec.channels)
        if told != self.reading or self.source != "header":
            yield from self.read_as(told, "header")
        self._begun = True
        data, self._kept = bytes(self._kept), bytearray()
        yield self.chunk(limited(frames), data)

    def _finish_codec(self, codec: CodecReader) -> Iterator[Chunk]:
        for frames in codec.finish():
            yield from self._compressed(codec, frames)
        if self._kept and codec.samplerate:
            import numpy as np

            yield from self._compressed(codec, np.zeros((0, codec.channels), np.float32))
        yield from self._rest()
        if not codec.samplerate:
            raise BadAudio(
                f"the {codec.what} cannot be decoded"
                + (f" ({codec.incomplete})" if codec.incomplete else ""),
                remedy="Ask for another format, or for raw audio",
            )
        if codec.damaged:
            self.warning = f"{codec.damaged} packets of the {codec.what} were damaged and left out"
        self._tell_missing(codec.incomplete)

    # The end

    def _missing(self) -> str:
        """Tell what the end of the stream has cut off."""
        if self._walker.inside_header:
            return "the audio ended inside its header"
        if self._samples.cut(self) and not self._walker.is_filled:
            return f"the audio ended inside a frame: {self._samples.cut(self)}"
        if self._walker.missing:
            return f"the audio ended {self._walker.missing} bytes before the end its header told"
        return ""

    def _tell_missing(self, missing: str) -> None:
        if not missing:
            return
        wrong_number = not (self._walker.inside_header or self._samples.cut(self))
        if self._end_is_told and wrong_number:
            if self._media != _EVENTS:
                self.warning = self.warning or missing[0].upper() + missing[1:]
            return
        raise Truncated(missing, remedy=KEPT)


def _rate(audio: AudioFormat) -> str:
    layout = {1: "mono", 2: "stereo"}.get(audio.channels, f"{audio.channels} channels")
    return f"{audio.samplerate} Hz {layout}"
