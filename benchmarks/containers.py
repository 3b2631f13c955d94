"""What is heard of each container, wherever it comes from and whatever the server says of it.

For every container of `tests.support.encoded.KINDS`: seconds heard of seconds sent, as a body
with the right type, with a wrong one, as ``application/octet-stream``, in server-sent events, from
a file and from standard input; after how many bytes the first frame is heard, and of what the
file has; the most memory that is held while a number in its header is the largest there is.
Everything goes over real sockets and pipes. Fails where less is heard than was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, cast

from streamplay.audio import AudioFormat
from streamplay.errors import StreamBroken
from streamplay.network.client import SpeechClient
from streamplay.request import SpeechRequest
from streamplay.speech.source import file_source
from streamplay.stream.decoder import Decoder
from streamplay.stream.wire import Words
from tests.support.encoded import KINDS, RATE, encoded
from tests.support.rawserver import DONE, chunked, delta, replies, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

EXPECTED: Final = AudioFormat("pcm_s16le", RATE)
PIECE: Final = 1000
WAYS: Final = ("body", "wrong type", "octet-stream", "events", "file", "stdin")

# A number that tells a length, by the bytes before it and how far behind them it stands. What
# decodes the rest itself is libsndfile or FFmpeg.
LENGTHS: Final = {
    "WAV": (b"data", 4),
    "RF64": (b"ds64", 16),
    "W64": (b"data\xf3\xac\xd3\x11", 16),
    "AIF": (b"SSND", 4),
    "AU": (b".snd", 8),
    "mp3": (b"Xing", 8),
    "Ogg": (b"OggS", 6),
    "FLAC": (b"fLaC", 18),
    "M4A": (b"stsz", 12),
    "MP4": (b"trun", 8),
    "Matroska": (b"\x1f\x43\xb6\x75", 4),
    "WebM": (b"\x1f\x43\xb6\x75", 4),
}


def answered(body: bytes, media: str, *, events: bool = False) -> float:
    """Return the seconds that are heard of an answer."""
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    answer = chunked([*map(delta, pieces), DONE]) if events else chunked(pieces, kind=media)

    async def main() -> float:
        request = SpeechRequest(model="m", voice="v", input="Hello")
        async with (
            running(replies(answer)) as server,
            SpeechClient(base_url=server.base_url) as client,
            client.open(request) as response,
        ):
            frames = 0
            async for chunk in response.chunks():
                frames += 0 if isinstance(chunk, Words) else len(chunk.frames)
            return frames / response.format.samplerate

    return asyncio.run(main())


class _Pipe(io.RawIOBase):
    """Standard input: what cannot be looked for a place in."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as much as a pipe may give at a time."""
        return self._data.readinto(buffer[:PIECE])


def from_stream(stream: Path | BinaryIO) -> float:
    """Return the seconds that `play` makes of a file or of standard input."""
    source = file_source(stream, "sound", None)
    return sum(len(frames) for frames in source.frames) / source.samplerate


def heard(name: str, seconds: float, folder: Path) -> Iterator[float]:
    """Yield the seconds that are heard in each of `WAYS`."""
    body = encoded(name, seconds)
    wrong = "audio/wav" if not KINDS[name].media.endswith("wav") else "audio/mpeg"
    yield answered(body, KINDS[name].media)
    yield answered(body, wrong)
    yield answered(body, "application/octet-stream")
    yield answered(body, "", events=True)
    file = folder / "sound"
    file.write_bytes(body)
    yield from_stream(file)
    yield from_stream(cast("BinaryIO", io.BufferedReader(_Pipe(body))))


def first_after(name: str, seconds: float) -> int:
    """Return after how many bytes the first frame is decoded."""
    body, decoder = encoded(name, seconds), Decoder(EXPECTED, "request")
    for at in range(len(body)):
        if any(len(chunk.frames) for chunk in decoder.feed(body[at : at + 1])):
            return at + 1
    return len(body)


def peak_with_lying_number(name: str, seconds: float) -> int | None:
    """Return the most memory held, in bytes, while a length in the header is 2**32 - 1."""
    mark, place = next((found for key, found in LENGTHS.items() if name.startswith(key)), (b"", 0))
    body = bytearray(encoded(name, seconds))
    at = body.find(mark) + place
    if not mark or at < place:
        return None
    body[at : at + 4] = b"\xff\xff\xff\xff"
    tracemalloc.start()
    try:
        decoder = Decoder(EXPECTED, "request")
        for start in range(0, len(body), PIECE):
            for _ in decoder.feed(bytes(body[start : start + PIECE])):
                pass
        for _ in decoder.finish():
            pass
    except StreamBroken:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.containers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of sound in each (2)")
    parser.add_argument("names", nargs="*", help="containers; without any: all")
    args = parser.parse_args()
    print(f"Seconds heard of {args.seconds:g} sent, pieces of {PIECE} bytes")
    heads = (*WAYS, "first frame", "of bytes", "peak")
    print(f"{'':17}" + "".join(f"{head:>13}" for head in heads))
    short = 0
    with TemporaryDirectory() as folder:
        for name in args.names or KINDS:
            decodes = list(heard(name, args.seconds, Path(folder)))
            short += sum(one < args.seconds for one in decodes)
            peak = peak_with_lying_number(name, args.seconds)
            cells = [f"{one:.3f}" for one in decodes]
            cells.append(str(first_after(name, args.seconds)))
            cells.append(str(len(encoded(name, args.seconds))))
            cells.append("" if peak is None else f"{peak / 1e6:.1f} MB")
            print(f"{name:17}" + "".join(f"{cell:>13}" for cell in cells))
    print(f"{short} of {len(WAYS) * len(args.names or KINDS)} heard less than was sent")
    return bool(short)


if __name__ == "__main__":
    sys.exit(main())
