"""Containers of uncompressed audio in a stream of bytes, without I/O: WAV, RF64, W64, AIFF, AU.

Servers put a header at the start of the body, or of each delta, or between two, with sizes that
are true, zero, 0xFFFFFFFF, or any other number (they cannot know how much will follow). So a size
is a hint: where more audio follows, it is heard; where another header stands inside what should
be audio, it is taken out. What is certainly no audio behind it (``LIST``, ``id3 ``) is never
passed on as such.

`streamplay.stream.headers` names the sources of the layouts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from streamplay.audio import AudioFormat
from streamplay.errors import BadAudio
from streamplay.stream.headers import (
    AU_HEADER_BYTES,
    aiff_format,
    au_format,
    rifx_format,
    wav_format,
)
from streamplay.stream.mpeg import TAG_HEADER_BYTES, tag_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

_MAGIC_BYTES: Final = 12  # "RIFF", a size that tells nothing here, "WAVE"
_MARK: Final = b"WAVE"
_WAV: Final = re.compile(rb"(?:RIFF|RF64|BW64).{4}WAVE", re.DOTALL)

# A size from here on was made up by a writer that could not seek back: 0xFFFFFFFF
# by the letter, 0x7FFFF000 and its like by sox and others.
_UNKNOWN_FROM: Final = 0x7FFF0000

_PLAUSIBLE_BELOW: Final = 1 << 28
"""Of a larger size (an hour and a half of s16 at 24 kHz) nothing is missing where less has come."""

# The longest `fmt ` known is 40 bytes, `COMM` has a name of 255; a larger one is no header, and
# would be held.
_LONGEST_FORMAT: Final = 1024

# Behind the audio: a chunk of an unknown name is one if it is not longer. Audio that a size told
# too short goes on there, and may by chance begin like a name.
_LONGEST_UNKNOWN: Final = 1 << 20
_NAMES: Final = (
    b"LIST id3 ID3 bext fact cue  smpl inst JUNK PAD  iXML _PMX afsp acid plst PEAK levl axml chna "
    b"disp NAME AUTH (c)  ANNO COMT MARK INST APPL CHAN FLLR "
)
_KNOWN: Final = frozenset(_NAMES[at : at + 4] for at in range(0, len(_NAMES), 5))
_TAG_V1_BYTES: Final = 128


class Layout(NamedTuple):
    """How one kind of container lays out its chunks.

    Parameters
    ----------
    name_bytes, size_bytes : int
        Of a chunk's head: its name, its size.
    order : {'little', 'big'}
        Of the size's bytes.
    align : int
        Chunks begin at multiples of so many bytes.
    own : int
        How much of the size is the head's own.
    form, audio : bytes
        The names of the chunks that tell the format and hold the audio.
    prefix : int
        Bytes in front of the audio, inside its chunk.
    read : callable
        Reads the format from its chunk's body.
    shortest : int
        Bytes that this takes.
    """

    name_bytes: int
    size_bytes: int
    order: Literal["little", "big"]
    align: int
    own: int
    form: bytes
    audio: bytes
    prefix: int
    read: Callable[[bytes], AudioFormat]
    shortest: int = 16

    @property
    def head_bytes(self) -> int:
        """Bytes of a chunk's name and size."""
        return self.name_bytes + self.size_bytes

    def read_head(self, data: bytearray) -> tuple[bytes, int]:
        """Read the name and the size of a chunk: of what follows its head."""
        size = int.from_bytes(data[self.name_bytes : self.head_bytes], self.order)
        return bytes(data[: self.name_bytes]), max(0, size - self.own)


_RIFF: Final = Layout(4, 4, "little", 2, 0, b"fmt ", b"data", 0, wav_format)
_RIFX: Final = Layout(4, 4, "big", 2, 0, b"fmt ", b"data", 0, rifx_format)
_W64_TAIL: Final = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_W64: Final = Layout(
    16, 8, "little", 8, 24, b"fmt " + _W64_TAIL, b"data" + _W64_TAIL, 0, wav_format
)
_AIFF: Final = Layout(4, 4, "big", 2, 0, b"COMM", b"SSND", 8, aiff_format, 18)

_AU: Final = b".snd"

# How each begins, and how much of that is in front of its chunks.
_STARTS: Final = (
    (_WAV, _MAGIC_BYTES, _RIFF),
    (re.compile(rb"riff\x2e\x91\xcf\x11.{16}wave", re.DOTALL), 40, _W64),
    (re.compile(rb"FORM.{4}AIF[FC]", re.DOTALL), 12, _AIFF),
    (re.compile(rb"RIFX.{4}WAVE", re.DOTALL), 12, _RIFX),
    (re.compile(re.escape(_AU)), 0, None),
)
_LONGEST_START: Final = 40

Part = bytes | AudioFormat | None
"""What a step gives: audio, the format of what follows, or None where more has to come."""


class Walker:
    """Takes the headers out of a stream of deltas.

    Parameters
    ----------
    container : bool
        Whether it begins with a container of whatever kind; otherwise with audio, in which a
        WAV header may stand.

    Attributes
    ----------
    inside_header : bool
        Whether a header has begun, and its audio has not.
    """

    def __init__(self, *, container: bool = False) -> None:
        self.inside_header = False
        self._data = bytearray()
        self._whole = False
        self._left: int | None = None  # of the audio; None: no known end
        self._told = 0  # the size of the audio, by its header
        self._free = not container  # bare audio, and nothing held
        self._steps = self._parse(container=container)

    @property
    def missing(self) -> int:
        """Bytes of audio that the last header promised and that have not come."""
        return (self._left or 0) if self._told < _PLAUSIBLE_BELOW else 0

    @property
    def is_filled(self) -> bool:
        """Whether the audio of the last header has come to the end that was told."""
        return self._left == 0

    def feed(self, delta: bytes) -> Iterator[bytes | AudioFormat]:
        """Yield the audio of one delta; before it, a header's format where there is one.

        Raises
        ------
        BadAudio
            Where a header cannot be read, or names what cannot be decoded.
        """
        if self.passes(delta):
            if delta:
                yield delta
            return
        self._data += delta
        yield from self._run()

    def passes(self, delta: bytes) -> bool:
        """Tell whether a delta is audio from its first byte to its last, by all that is known."""
        # The search for four bytes takes a hundredth of the pattern's time.
        return self._free and not self._data and _MARK not in delta and not _held(delta)

    def finish(self) -> Iterator[bytes | AudioFormat]:
        """Yield what was held back."""
        self._whole = True
        yield from self._run()

    def _run(self) -> Iterator[bytes | AudioFormat]:
        for part in self._steps:
            if part is None:
                return
            yield part

    def _parse(self, *, container: bool) -> Iterator[Part]:
        layout: Layout | None = None
        if container:
            layout = yield from self._start()
        while not self._whole or self._data:
            if layout is None:
                self._free = True
                yield from self._audio(None)
                self._free, layout = False, self._next_header()
            else:
                layout = yield from self._file(layout)

    # Each of these takes what it can of the data, and yields None where more has to come.

    def _await(self, count: int) -> Generator[Part, None, bool]:
        """Wait for so many bytes; tell whether they have come, or the stream has ended before."""
        while len(self._data) < count:
            if self._whole:
                return False
            yield None
        return True

    def _take(self, count: int) -> bytes:
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken

    def _skip(self, count: int) -> Iterator[Part]:
        while count:
            count -= len(self._take(count))
            if count and not (yield from self._await(1)):
                return

    def _start(self) -> Generator[Part, None, Layout | None]:
        """Take what a container begins with; return how its chunks are laid out, if it has any."""
        self.inside_header = True
        yield from self._await(_LONGEST_START)
        for pattern, size, layout in _STARTS:
            if pattern.match(self._data):
                self._take(size)
                if layout is None:
                    yield from self._au()
                return layout
        self.inside_header = False
        return None

    def _au(self) -> Iterator[Part]:
        """Take a file of AU, and those behind it."""
        while True:
            self.inside_header = True
            if not (yield from self._await(AU_HEADER_BYTES)):
                self._data.clear()
                return
            head = self._take(AU_HEADER_BYTES)
            told = au_format(head)
            begin, size = (int.from_bytes(head[at : at + 4], "big") for at in (4, 8))
            yield from self._skip(max(0, begin - AU_HEADER_BYTES))
            yield told
            self.inside_header = False
            yield from self._audio(_known(size))
            yield from self._await(len(_AU))
            if not self._data.startswith(_AU):
                return

    def _file(self, layout: Layout) -> Generator[Part, None, Layout | None]:
        """Take a file behind its beginning; return the layout of the next one, None for audio."""
        self.inside_header, self._left = True, None
        told: AudioFormat | None = None
        long = size = 0
        name = b""
        while (yield from self._await(layout.head_bytes)):
            name, size = layout.read_head(self._data)
            self._take(layout.head_bytes)
            if name == layout.audio:
                break
            if name in (layout.form, b"ds64"):
                body = yield from self._form(size, layout)
                if not body:
                    break
                if name == b"ds64":
                    long = int.from_bytes(body[8:16], "little")
                else:
                    told = told or layout.read(body)
            else:
                yield from self._skip(size)
            yield from self._skip_padding(size, layout)
        if name != layout.audio:  # the stream ended before
            self._data.clear()
            return None
        if told is None:
            raise BadAudio("the header has audio before its format")
        yield from self._skip(layout.prefix)
        yield told
        self.inside_header = False
        size = long if long and size >= _UNKNOWN_FROM else size - layout.prefix
        return (yield from self._file_audio(layout, size))

    def _skip_padding(self, size: int, layout: Layout) -> Iterator[Part]:
        """Pass over what fills a chunk up, where its writer has filled it up."""
        padding = -size % layout.align
        if padding and (yield from self._await(4)):
            padding *= bytes(self._data[:4]) not in (layout.audio[:4], layout.form[:4], *_KNOWN)
        yield from self._skip(padding)

    def _form(self, size: int, layout: Layout) -> Generator[Part, None, bytes]:
        """Take a chunk that is read; nothing where the stream ends inside."""
        if not layout.shortest <= size <= _LONGEST_FORMAT:
            raise BadAudio(f"the header's format chunk is {size} bytes long")
        return self._take(size) if (yield from self._await(size)) else b""

    def _file_audio(self, layout: Layout, size: int) -> Generator[Part, None, Layout | None]:
        while True:
            yield from self._audio(_known(size))
            other = self._next_header() or (yield from self._behind(layout, size))
            if other is not None or not self._goes_on(layout):
                return other
            size = layout.read_head(self._data)[1] - layout.prefix
            self._take(layout.head_bytes + layout.prefix)

    def _goes_on(self, layout: Layout) -> bool:
        """Tell whether another chunk of audio comes, in the same format."""
        head = self._data[: layout.head_bytes + layout.prefix]
        return head.startswith(layout.audio) and len(head) == layout.head_bytes + layout.prefix

    def _audio(self, size: int | None) -> Iterator[Part]:
        """Give audio on: so many bytes, or until a header stands in front."""
        self._left, self._told = size, size or 0
        while self._left != 0:
            data = self._data
            end = len(data) if self._left is None else min(self._left, len(data))
            bound = end + _MAGIC_BYTES - 1
            header = _WAV.search(data, 0, bound) if data.find(_MARK, 0, bound) >= 0 else None
            held = 0 if self._whole else _held(data)
            end = header.start() if header else min(end, len(data) - held)
            if end:
                self._left = None if self._left is None else self._left - end
                yield self._take(end)
            elif header or (self._whole and not data):
                break
            elif not end and not self._whole:
                yield None

    def _next_header(self) -> Layout | None:
        """Take what a WAV file begins with, where one stands in front."""
        if not _WAV.match(self._data):
            return None
        self._take(_MAGIC_BYTES)
        return _RIFF

    def _behind(self, layout: Layout, size: int) -> Generator[Part, None, Layout | None]:
        """Pass over what follows the audio and is none; return the layout of the next file."""
        padding = -size % layout.align
        while (yield from self._await(1)):
            ahead = max(layout.head_bytes + layout.prefix, TAG_HEADER_BYTES)
            yield from self._await(_LONGEST_START if self._may_begin() else ahead)
            if self._is_padding(padding):
                self._take(padding)
                padding = 0
                continue
            for pattern, start, other in _STARTS:
                if other is not None and pattern.match(self._data):
                    self._take(start)
                    return other
            skipped = 0 if self._goes_on(layout) else self._chunk_bytes(layout)
            if not skipped:
                return None
            yield from self._skip(skipped)
            padding = -skipped % layout.align
        return None

    def _may_begin(self) -> bool:
        return bytes(self._data[:1]) in (b"R", b"B", b"F", b"r")

    def _is_padding(self, padding: int) -> bool:
        return bool(padding) and not any(self._data[:padding])

    def _chunk_bytes(self, layout: Layout) -> int:
        """Return how much of what follows is a chunk or a tag, and no audio; 0 if nothing is."""
        tag = tag_bytes(bytes(self._data[:TAG_HEADER_BYTES]))
        if tag:
            return tag
        if self._data.startswith(b"TAG"):
            return _TAG_V1_BYTES
        if len(self._data) < layout.head_bytes:
            return 0 if any(self._data) else len(self._data)
        name, size = layout.read_head(self._data)
        known = name[:4] in _KNOWN or (_is_name(name[:4]) and size <= _LONGEST_UNKNOWN)
        return layout.head_bytes + size if known else 0


def holds_header(data: bytes) -> bool:
    """Tell whether a WAV header stands somewhere in there."""
    return _WAV.search(data) is not None


def _known(size: int) -> int | None:
    """Return a size that may be true."""
    return size if 0 < size < _UNKNOWN_FROM or size > 0xFFFFFFFF else None


def _held(data: bytes | bytearray) -> int:
    """Return how many of the last bytes may be the begin of a WAV header."""
    tail = bytes(data[-(_MAGIC_BYTES - 1) :])
    if b"R" not in tail and b"B" not in tail:
        return 0
    for at in range(len(tail)):
        if tail[at] in b"RB" and _may_be_magic(tail[at:]):
            return len(tail) - at
    return 0


def _may_be_magic(begin: bytes) -> bool:
    marks = (b"RIFF", b"RF64", b"BW64")
    return any(mark.startswith(begin[:4]) for mark in marks) and b"WAVE".startswith(begin[8:])


def _is_name(name: bytes | bytearray) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)
