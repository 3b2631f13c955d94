"""MP4, M4A, fragmented MP4 and QuickTime (ISO/IEC 14496-12, -14): bytes → frames.

Where the table of samples (``moov``) comes first, or the file is in fragments, each sample is
decoded as it comes. Where it comes last, as encoders write it unless told otherwise, the file is
held until then. Tables are read within the box that holds them: their counts allocate nothing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from streamplay.codecs.mp4_tables import read_fragment, read_track
from streamplay.codecs.packets import CodecReader
from streamplay.codecs.push_parser import Script
from streamplay.codecs.whole import MAX_FILE_BYTES
from streamplay.errors import BadAudio, TooLarge

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from streamplay.audio import Frames
    from streamplay.codecs.mp4_tables import AudioTrack, Sample

_MOST_TABLES: Final = 16 << 20
"""Bytes of a ``moov`` or ``moof``: a day of speech takes less."""

_MOST_SKIPPED: Final = 8192
"""Frames of silence that encoders put in front: with HE-AAC 5186 at the most."""


class Mp4Reader(CodecReader):
    """Reads MP4, of one file or of several one after another."""

    what = "MP4"

    def __init__(self) -> None:
        super().__init__()
        self._script = _Boxes(self)
        self._track: AudioTrack | None = None
        self._skip: int | None = None  # frames; None until the rate is known
        self._decoded = 0  # frames, those that are skipped left out
        self._left = 0  # samples of the file still to come, where their number is told

    def feed_bytes(self, data: bytes) -> Iterator[Frames]:
        """Yield the frames that `data` completes."""
        for sample in self._script.feed_bytes(data):
            yield from self._decode(sample)

    def finish(self) -> Iterator[Frames]:
        """Yield what was held back."""
        for sample in self._script.finish():
            yield from self._decode(sample)
        yield from self._packets.drain()
        self.incomplete = self._script.incomplete

    def begin(self, track: AudioTrack) -> None:
        """Decode the samples of a file, or of the next one."""
        self._track, self._skip = track, None
        self._decoded, self._left = 0, len(track.samples)
        self._packets.open(track.codec.name, track.codec.extradata)

    def _decode(self, sample: bytes) -> Iterator[Frames]:
        self._left -= 1
        for frames in self._packets.decode(sample):
            if self._skip is None:
                self._skip = self._skipped()
            skipped = min(self._skip, len(frames))
            self._skip -= skipped
            sound = frames[skipped:]
            behind = self._behind(len(sound), len(frames))
            self._decoded += len(sound)
            if len(sound) > behind:
                yield sound[: len(sound) - behind]

    def _skipped(self) -> int:
        assert self._track is not None
        skip = self._track.skip
        told = round(skip * self._packets.samplerate) if skip >= 0 else self._track.codec.skip
        return told if told <= _MOST_SKIPPED else 0

    def _behind(self, sound: int, packet: int) -> int:
        """Tell how much of the last samples' sound fills them up, and is not meant."""
        assert self._track is not None
        if not self._track.length or self._left not in (0, 1):
            return 0
        behind = self._decoded + sound - round(self._track.length * self._packets.samplerate)
        return min(sound, behind) if 0 < behind <= 2 * packet else 0


class _Boxes(Script[bytes]):
    """Takes the samples of the audio track out of the boxes.

    Attributes
    ----------
    incomplete : str
        What the end has cut off.
    """

    def __init__(self, reader: Mp4Reader) -> None:
        super().__init__()
        self.incomplete = ""
        self._reader = reader
        self._base = 0  # where the present file begins
        self._track: AudioTrack | None = None
        self._plan: list[Sample] = []  # samples still to come, the next one last
        self._held: list[
            tuple[int, bytearray]
        ] = []  # of data whose table has not come: place, bytes

    def steps(self) -> Iterator[bytes | None]:
        while (yield from self.wait(8)):
            begin = self.position
            size, name = struct.unpack(">I4s", self.take(8))
            if size == 1 and (yield from self.wait(8)):
                (size,) = struct.unpack(">Q", self.take(8))
            yield from self._box(name, begin, begin + size if size else 1 << 62)
            if self.whole and size and self.position < begin + size:
                self.incomplete = "the MP4 ended inside a box"
        if self._track is None:
            self.incomplete = "the MP4 ended before the table of its samples"
        elif self._plan:
            self.incomplete = "the MP4 ended before its last sample"

    def _box(self, name: bytes, begin: int, end: int) -> Iterator[bytes | None]:
        if name == b"ftyp" and begin:
            self._track, self._plan, self._held = None, [], []
            self._base = begin  # another file: its places count from here
        if name == b"mdat":
            yield from self._samples(end)
        elif name == b"moov" or (name == b"moof" and self._track is not None):
            body = yield from self._whole(name, end - self.position)
            self._plan_of(name, body, begin)
            for place, data in self._held:
                yield from self._held_samples(place, data)
            self._held = []
        else:
            yield from self.skip(end - self.position)

    def _whole(self, name: bytes, size: int) -> Generator[bytes | None, None, bytes]:
        if not 0 <= size <= _MOST_TABLES:
            raise BadAudio(f"the MP4 has a table ({name.decode()}) of {size} bytes")
        return self.take(size) if (yield from self.wait(size)) else self.take(len(self.data))

    def _plan_of(self, name: bytes, body: bytes, begin: int) -> None:
        """Note which samples come, and where."""
        if name == b"moof":
            assert self._track is not None
            samples = read_fragment(body, self._track, begin - self._base)
        else:
            self._track = read_track(body)
            if self._track is None:
                raise BadAudio(
                    "the MP4 has no audio that is known",
                    remedy="Ask for another format, or for raw audio",
                )
            samples = self._track.samples
            self._reader.begin(self._track)
        samples = [(self._base + place, size) for place, size in samples]
        self._plan = sorted([*self._plan, *samples] if name == b"moof" else samples, reverse=True)

    def _samples(self, end: int) -> Iterator[bytes | None]:
        """Take the samples from the data that come; hold the data where their table is to come."""
        if self._track is None:
            yield from self._hold(end)
        while self._plan and self._plan[-1][0] < end:
            place, size = self._plan[-1]
            if place >= self.position:  # otherwise a table that is wrong
                if not (yield from self.skip(place - self.position)):
                    return
                if not (yield from self.wait(size)):
                    self.data.clear()
                    return
                yield self.take(size)
            self._plan.pop()
        yield from self.skip(end - self.position)

    def _hold(self, end: int) -> Iterator[bytes | None]:
        while self.position < end and (yield from self.wait(1)):
            place = self.position
            data = self.take(end - place)
            if self._held and self._held[-1][0] + len(self._held[-1][1]) == place:
                self._held[-1][1].extend(data)
            else:
                self._held.append((place, bytearray(data)))
            if self.position > MAX_FILE_BYTES:
                raise TooLarge(
                    f"the MP4 is larger than {MAX_FILE_BYTES} bytes, and its table comes last",
                    remedy="Ask for another format, or for raw audio",
                )

    def _held_samples(self, place: int, data: bytearray) -> Iterator[bytes]:
        while self._plan and self._plan[-1][0] < place + len(data):
            at, size = self._plan.pop()
            if at >= place:
                yield bytes(data[at - place : at - place + size])
