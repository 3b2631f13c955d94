"""How fast speech is received over real sockets, beside a plain loop.

    .venv/bin/python -m benchmarks.decode [--megabytes 26] [--rounds 9] [--encoding NAME]
                                          [--event-bytes N] [--profile]

streamplay receives with all its checks and the noise guard; the plain loop is httpx-sse, json,
base64 and numpy over httpx's own transport. Events of 4 kB and of 64 kB, s16 and f32; those of
`--varied` differ in more than their audio. Exit status 1 where streamplay reaches less than 1.5
times the loop's speed. `--profile` prints where streamplay's time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import cProfile
import json
import os
import pstats
import socket
import subprocess
import sys
import time
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
import numpy as np
from httpx_sse import EventSource

from streamplay.audio import AudioFormat
from streamplay.network.client import SpeechClient
from streamplay.request import SpeechRequest
from tests.support.sounds import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Way = Callable[[str, str], Coroutine[Any, Any, int]]

SIZES: Final = (4096, 65536)
GOAL: Final = 1.5
_MODEL: Final = "cartesia/sonic-2"  # returns what it is asked for: both encodings can be measured
_STRETCH_BYTES: Final = 1 << 18  # of audio, handed to the socket at once


def together(size: int) -> int:
    """Return how many events are handed to the socket at once."""
    return max(1, _STRETCH_BYTES // size)


def events(
    encoding: str, count: int, size: int = SIZES[0], *, varied: bool = False
) -> tuple[bytes, int]:
    """Return a stretch of events as HTTP chunks, and how many frames are in it."""
    sound = next(sound for sound in spoken(200) if sound.samplerate == 24000)
    expected = AudioFormat(encoding, 24000)
    speech = np.resize(sound.frames, (count * size // expected.frame_bytes, 1))
    data = expected.encode(speech)
    chunks = []
    for at in range(0, len(data), size):
        delta = base64.b64encode(data[at : at + size]).decode()
        event: dict[str, object] = {"object": "audio.tts.chunk", "model": _MODEL, "b64": delta}
        if varied:
            event = {"index": at} | event
        text = f"data: {json.dumps(event)}\n\n".encode()
        chunks.append(b"%x\r\n%b\r\n" % (len(text), text))
    return b"".join(chunks), len(speech)


def serve(options: argparse.Namespace) -> None:
    """Answer every request with the same events, as fast as the socket takes them."""
    size, count = options.event_bytes, options.events
    stretch, _ = events(options.encoding, together(size), size, varied=options.varied)
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    mark = b"data: [DONE]\n\n"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            with connection:
                while not connection.recv(65536).endswith(b"}"):
                    pass  # a request ends with its body, which is JSON
                connection.sendall(head)
                for _ in range(count // together(size)):
                    connection.sendall(stretch)
                connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(mark), mark))


@contextmanager
def server(encoding: str, count: int, size: int, *, varied: bool = False) -> Iterator[str]:
    """Run `serve` in a process of its own, and on a core of its own where that can be had."""
    arguments = ["--serve", "--encoding", encoding, "--events", str(count)]
    arguments += ["--event-bytes", str(size), *(["--varied"] if varied else [])]
    command = [sys.executable, "-m", "benchmarks.decode", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


async def plain(base_url: str, encoding: str) -> int:
    """Receive as the examples do: httpx-sse, json, base64, numpy."""
    frames = 0
    timeout = httpx.Timeout(30)
    async with (
        httpx.AsyncClient(timeout=timeout, trust_env=False) as client,
        client.stream("POST", f"{base_url}/audio/speech", json={"input": "x"}) as response,
    ):
        async for event in EventSource(response).aiter_sse():
            if event.data == "[DONE]":
                break
            data = base64.b64decode(json.loads(event.data)["b64"])
            if encoding == "pcm_s16le":
                samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
            else:
                samples = np.frombuffer(data, "<f4").astype(np.float32)
            frames += len(samples)
    return frames


async def ours(base_url: str, encoding: str) -> int:
    """Receive as streamplay does, all its checks and its guard included."""
    frames = 0
    request = SpeechRequest(
        model=_MODEL, input="x", voice="x", response_encoding=cast("Any", encoding)
    )
    client = SpeechClient(base_url=base_url)
    async with client, aclosing(client.stream(request)) as pieces:
        async for piece in pieces:
            frames += len(piece)
    return frames


def measure(encoding: str, size: int, options: argparse.Namespace) -> float:
    """Print both rates, and return their ratio: of the runs that were disturbed least.

    Both ways run in turns, and processor time is counted: what the waiting for the server
    takes is neither's.
    """
    each = together(size)
    stretches = max(1, options.megabytes * 1_000_000 // (each * size))
    count = stretches * each
    expected = stretches * events(encoding, each, size)[1]
    seconds: dict[Way, list[float]] = {plain: [], ours: []}
    with server(encoding, count, size, varied=options.varied) as base_url:
        if options.profile:
            profile(base_url, encoding)
        for _ in range(options.rounds):
            for way, taken in seconds.items():
                begun = time.process_time()
                assert asyncio.run(way(base_url, encoding)) == expected
                taken.append(time.process_time() - begun)
    for name, taken in (("plain", seconds[plain]), ("ours", seconds[ours])):
        rate = count * size / min(taken) / 1e6
        print(f"  {name:6} {1e6 * min(taken) / count:6.1f} µs an event, {rate:5.0f} MB/s")
    ratio = min(seconds[plain]) / min(seconds[ours])
    print(f"  ratio {ratio:.2f}", flush=True)
    return ratio


def profile(base_url: str, encoding: str) -> None:
    """Print the functions that take most of streamplay's time."""
    watched = cProfile.Profile()
    watched.enable()
    asyncio.run(ours(base_url, encoding))
    watched.disable()
    pstats.Stats(watched).sort_stats("tottime").print_stats(20)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=26, help="of audio, in a run (26)")
    parser.add_argument("--rounds", type=int, default=9, help="of both ways in turns (9)")
    parser.add_argument("--encoding", choices=("pcm_s16le", "pcm_f32le"), help="only this one")
    parser.add_argument("--event-bytes", type=int, help="only this size")
    parser.add_argument("--varied", action="store_true", help="events that differ in more")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--events", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:1] if not options.serve else cores)
    if options.serve:
        serve(options)
    ratios = []
    for encoding in [options.encoding] if options.encoding else ("pcm_s16le", "pcm_f32le"):
        for size in [options.event_bytes] if options.event_bytes else SIZES:
            print(f"{encoding}, events of {size} bytes over loopback:")
            ratios.append(measure(encoding, size, options))
    return 0 if min(ratios) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
