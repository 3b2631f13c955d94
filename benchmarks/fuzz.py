"""Broken bodies, by the million, through wire and decoder.

    .venv/bin/python -m benchmarks.fuzz [--inputs 1000000] [--seed 1] [--only NUMBER]

Well-formed bodies are mutated, cut into pieces, and taken all the way from wire to frames. Of each:

- only the errors that tell of a broken stream are raised;
- however a body is cut, its events are the same, and so is its fault;
- what comes out is whole frames, finite and within full scale, and no more than came in;
- memory stays bounded, also for bodies without end.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import resource
import sys
import time
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from typing import TYPE_CHECKING, Final

import numpy as np

from streamplay.audio import ENCODINGS, AudioFormat
from streamplay.errors import StreamBroken
from streamplay.stream.decoder import Chunk, Decoder, FormatSource
from streamplay.stream.sse import MAX_EVENT_BYTES
from streamplay.stream.wire import Audio, Done, WireEvent, reader_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EVENTS: Final = "text/event-stream"
_BYTES: Final = ("audio/wav", "application/octet-stream", "audio/pcm", "")
_SOURCES: Final[tuple[FormatSource, ...]] = ("model", "request", "header", "user")
_MAX_EVENT: Final = 4096  # small, so that it is met often

_TOKENS: Final = (
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b":", b" ", b"\xef\xbb\xbf", b"\xff", b"\xe2\x80\xa8"),
    *(b"data:", b"data: ", b"event: error\n", b"id: 1\n", b"retry: 9\n", b": ping\n\n", b"[DONE]"),
    *(b'{"error":', b'"type":', b'"delta"', b"null", b"[[[[", b"1e999", b"NaN", b"\\ud800", b'"'),
    *(b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xc0"),
    *(b"=", b"==", b"-_", b"A" * 5000),
)

# What all of the way may hold of a body without end: an event of 1 MiB in lines of two bytes
# is a list of strings of nine times its size.
_MOST_HELD: Final = 12 << 20
_PIECE: Final = 65536


@dataclass(frozen=True, slots=True)
class Body:
    """One input."""

    content_type: str
    data: bytes
    expected: AudioFormat
    source: FormatSource


class Broken(AssertionError):
    """An input that something did not hold of."""


def body(seed: int, number: int) -> tuple[Body, random.Random]:
    """Return an input, always the same, and what to cut it with."""
    roll = random.Random(f"{seed} {number}")
    content_type = EVENTS if roll.random() < 0.6 else roll.choice(_BYTES)
    data = _speech_events(roll) if content_type == EVENTS else _speech_bytes(roll)
    for _ in range(roll.choice((0, 1, 1, 2, 4, 9))):
        data = _mutate(data, roll)
    told = AudioFormat(roll.choice(ENCODINGS), roll.choice((8000, 24000)), roll.choice((1, 1, 2)))
    return Body(content_type, data, told, roll.choice(_SOURCES)), roll


def check(one: Body, roll: random.Random) -> None:
    """Take one input all the way; raise `Broken` where something does not hold."""
    whole, fault = events(one, [one.data])
    pieces = list(cut(one.data, roll))
    if one.content_type == EVENTS and events(one, pieces) != (whole, fault):
        raise Broken("another cut gives other events")
    if not fault and not any(isinstance(event, Done) for event in whole):
        raise Broken("neither complete nor a fault")
    deltas = [event.data for event in whole if isinstance(event, Audio)]
    if one.content_type != EVENTS:
        deltas = pieces
    _check_frames(one, deltas)


def events(one: Body, pieces: Iterable[bytes]) -> tuple[list[WireEvent], str]:
    """Return the events of a body, and its fault's type."""
    reader = reader_for(one.content_type, max_event_bytes=_MAX_EVENT)
    found: list[WireEvent] = []
    try:
        for piece in pieces:
            found.extend(reader.feed(piece))
        found.extend(reader.finish())
    except StreamBroken as error:
        return found, type(error).__name__
    return found, ""


def _check_frames(one: Body, deltas: list[bytes]) -> None:
    decoder = Decoder(one.expected, one.source, content_type=one.content_type)
    given = 0
    for chunk in _chunks(decoder, deltas):
        given += len(chunk.data)
        converted = "converted to" in decoder.warning  # from one rate to another
        if not converted and len(chunk.frames) * decoder.format.frame_bytes != len(chunk.data):
            raise Broken("frames and bytes do not match")
        if chunk.frames.dtype != np.float32 or not chunk.frames.flags.c_contiguous:
            raise Broken("not float32 in one piece")
        if len(chunk.frames) and not np.abs(chunk.frames).max() <= 1:
            raise Broken("not finite, or beyond full scale")
    converted = "converted to" in decoder.warning
    muted = 0 if converted else decoder.muted * decoder.format.frame_bytes
    if given + muted > sum(map(len, deltas)):
        raise Broken("more came out than came in")


def _chunks(decoder: Decoder, deltas: list[bytes]) -> Iterator[Chunk]:
    with suppress(StreamBroken):
        for delta in deltas:
            yield from decoder.feed(delta)
    with suppress(StreamBroken):
        yield from decoder.finish()


def cut(data: bytes, roll: random.Random) -> Iterator[bytes]:
    """Cut `data` into pieces: a few anywhere, or all of one small size."""
    if roll.random() < 0.1:
        size = roll.choice((1, 2, 3, 7))
        places = list(range(0, len(data), size))
    else:
        places = [0, *sorted(roll.randrange(len(data) + 1) for _ in range(roll.randrange(6)))]
    yield from (data[a:b] for a, b in pairwise([*places, len(data)]))


# Seeds


def _speech_events(roll: random.Random) -> bytes:
    lines = []
    for _ in range(roll.randrange(1, 5)):
        delta = _speech_bytes(roll) if roll.random() < 0.3 else roll.randbytes(roll.randrange(40))
        text = base64.b64encode(delta).decode()
        event = roll.choice(
            (
                {"object": "audio.tts.chunk", "model": "m", "b64": text},
                {"type": "delta", "audio": text},
                {"type": "conversation.item.audio_output.delta", "item_id": "1", "delta": text},
                {"type": "speech.audio.delta", "audio": text},
                {"data": {"object": "audio.tts.chunk", "b64": text}},
                {
                    "type": "conversation.item.word_timestamps",
                    "words": ["a"],
                    "start_seconds": [0],
                    "end_seconds": [0.5],
                },
                {"type": "ping"},
                {"error": {"message": "no"}},
            )
        )
        lines.append(f"data: {json.dumps(event)}")
    lines.append(roll.choice(("data: [DONE]", 'data: {"type":"done"}', ": no end")))
    end = roll.choice(("\n", "\n", "\r\n", "\r"))
    return "".join(line + end + end for line in lines).encode()


def _speech_bytes(roll: random.Random) -> bytes:
    audio = _audio(roll)
    if roll.random() < 0.4:
        return audio
    tag, bits = roll.choice(((1, 16), (1, 16), (3, 32), (7, 8), (6, 8), (1, 24)))
    channels = roll.choice((1, 1, 2))
    form = tag.to_bytes(2, "little") + channels.to_bytes(2, "little")
    form += (24000).to_bytes(4, "little") + bytes(6) + bits.to_bytes(2, "little")
    size = roll.choice((len(audio), len(audio), 0, 0xFFFFFFFF, 7))
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + form
    tail = roll.choice((b"", b"", b"LIST\4\0\0\0abcd", b"id3 \3\0\0\0abc\0"))
    return header + b"data" + size.to_bytes(4, "little") + audio + tail


def _audio(roll: random.Random) -> bytes:
    """Return rubbish, or now and then enough of a sound for the guard to judge."""
    if roll.random() < 0.9:
        return roll.randbytes(roll.randrange(200))
    time = np.arange(roll.randrange(3000))
    wave = roll.random() * np.sin(time * roll.random()).astype(np.float32).reshape(-1, 1)
    return AudioFormat(roll.choice(ENCODINGS), 24000).encode(wave)[roll.randrange(3) :]


def _mutate(data: bytes, roll: random.Random) -> bytes:
    at = roll.randrange(len(data) + 1)
    to = min(len(data), at + roll.choice((1, 1, 2, 4, 30)))
    way = roll.randrange(6)
    if way == 0:
        return data[:at] + roll.choice(_TOKENS) + data[at:]
    if way == 1:
        return data[:at] + roll.choice(_TOKENS) + data[to:]
    if way == 2:
        return data[:at] + roll.randbytes(to - at) + data[to:]
    if way == 3:
        return data[:at] + data[to:]
    if way == 4:
        return data[:to] + data[at:]
    return data[:at]


# Bodies without end


_WAV: Final = b"RIFF\0\0\0\0WAVE"
_FMT: Final = b"fmt \x10\0\0\0\1\0\1\0\xc0\x5d\0\0\x80\xbb\0\0\2\0\x10\0"

# How each begins, and what comes then, again and again.
_ENDLESS: Final = {
    "line": (EVENTS, b"", b"x"),
    "line of data": (EVENTS, b"data: ", b"A"),
    "lines of one event": (EVENTS, b"", b"data:xy\n"),
    "lines of no data": (EVENTS, b"", b"data\n"),
    "comments": (EVENTS, b"", b": ping\n"),
    "unknown fields": (EVENTS, b"", b"x: y\n"),
    "ids": (EVENTS, b"", b"id: 1\n\n"),
    "nested JSON": (EVENTS, b"data: ", b"["),
    "blank lines": (EVENTS, b"", b"\r\n"),
    "events that mean nothing": (EVENTS, b"", b'data: {"type":"x"}\n\n'),
    "data after the end": (EVENTS, b"data: [DONE]\n\n", b"data: x"),
    "format chunk": ("audio/wav", _WAV + b"fmt \0\0\0\x7f", b"\0"),
    "chunk to skip": ("audio/wav", _WAV + b"LIST\xff\xff\xff\xff", b"\0"),
    "small chunks": ("audio/wav", _WAV, b"LIST\0\0\0\0"),
    "rubbish after the audio": ("audio/wav", _WAV + _FMT + b"data\2\0\0\0ab", b"\xff"),
    "audio": ("audio/wav", _WAV + _FMT + b"data\xff\xff\xff\xff", b"\0"),
    "NaN": ("audio/pcm", b"", b"\xff"),
}


def check_memory(pieces: int = 40, scale: int = 1) -> Iterator[tuple[str, int]]:
    """Feed bodies without end; yield the most memory that each held; raise `Broken` beyond it.

    All sizes, the bounds among them, are divided by `scale`.
    """
    for name, (content_type, first, again) in _ENDLESS.items():
        piece = again * (_PIECE // scale // len(again))
        one = Body(content_type, b"", AudioFormat("pcm_f32le", 24000), "model")
        tracemalloc.start()
        _drain(one, chain([first], map(bytes, repeat(bytearray(piece), pieces))), scale)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if held > _MOST_HELD // scale:
            raise Broken(f"endless {name}: {held} bytes held")
        yield name, held


def _drain(one: Body, pieces: Iterable[bytes], scale: int) -> None:
    reader = reader_for(one.content_type, max_event_bytes=MAX_EVENT_BYTES // scale)
    decoder = Decoder(one.expected, one.source, content_type=one.content_type)
    with suppress(StreamBroken):
        for piece in pieces:
            for event in reader.feed(piece):
                if isinstance(event, Audio):
                    for _ in decoder.feed(event.data):
                        pass


def run(seed: int, inputs: int, first: int = 0) -> dict[str, int]:
    """Check so many inputs; return how often each outcome came."""
    outcomes: dict[str, int] = {}
    for number in range(first, first + inputs):
        one, roll = body(seed, number)
        try:
            check(one, roll)
        except Exception:
            print(f"input {number} of seed {seed}: {one}", file=sys.stderr)
            raise
        fault = events(one, [one.data])[1] or "complete"
        outcomes[fault] = outcomes.get(fault, 0) + 1
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first; another one, others (1)")
    parser.add_argument("--only", type=int, help="only the input of this number")
    options = parser.parse_args()
    if options.only is not None:
        print(body(options.seed, options.only)[0])
        print(run(options.seed, 1, options.only))
        return
    for name, held in check_memory():
        print(f"endless {name}: {held / 1e6:.1f} MB at most")
    begun, before = time.monotonic(), 0
    total: dict[str, int] = {}
    for first in range(0, options.inputs, 10_000):
        count = min(10_000, options.inputs - first)
        for name, times in run(options.seed, count, first).items():
            total[name] = total.get(name, 0) + times
        before = before or _resident()
    grown = _resident() - before
    print(f"{options.inputs} inputs in {time.monotonic() - begun:.0f} s: {total}")
    print(f"memory grew by {grown / 1e6:.1f} MB after the first ten thousand")
    if grown > _MOST_HELD:
        raise Broken("memory grows")


def _resident() -> int:
    """Return the most memory that was resident, in bytes (macOS counts in them, Linux in KiB)."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main()
