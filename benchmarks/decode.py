"""How fast speech is received over real sockets, beside a plain loop.

    .venv/bin/python -m benchmarks.decode [--events 6400] [--rounds 9] [--encoding NAME]

streamplay receives with all its checks and the noise guard; the plain loop is httpx-sse, json,
base64 and numpy. Exit status 1 where streamplay reaches less than 0.8 of the loop's speed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
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

EVENT_BYTES: Final = 4096
_MODEL: Final = "cartesia/sonic-2"  # returns what it is asked for: both encodings can be measured
_TOGETHER: Final = 64  # events handed to the socket at once


def events(encoding: str, count: int) -> tuple[bytes, int]:
    """Return a stretch of events as HTTP chunks, and how many frames are in it."""
    sound = next(sound for sound in spoken(200) if sound.samplerate == 24000)
    expected = AudioFormat(encoding, 24000)
    speech = np.resize(sound.frames, (count * EVENT_BYTES // expected.frame_bytes, 1))
    data = expected.encode(speech)
    chunks = []
    for at in range(0, len(data), EVENT_BYTES):
        delta = base64.b64encode(data[at : at + EVENT_BYTES]).decode()
        event = {"object": "audio.tts.chunk", "model": _MODEL, "b64": delta}
        text = f"data: {json.dumps(event)}\n\n".encode()
        chunks.append(b"%x\r\n%b\r\n" % (len(text), text))
    return b"".join(chunks), len(speech)


def serve(encoding: str, count: int) -> None:
    """Answer every request with the same events, as fast as the socket takes them."""
    stretch, _ = events(encoding, _TOGETHER)
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
                for _ in range(count // _TOGETHER):
                    connection.sendall(stretch)
                connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(mark), mark))


@contextmanager
def server(encoding: str, count: int) -> Iterator[str]:
    """Run `serve` in a process of its own, and on a core of its own where that can be had."""
    arguments = ["--serve", "--encoding", encoding, "--events", str(count)]
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


def measure(encoding: str, count: int, rounds: int) -> float:
    """Print both rates, and return their ratio: of the runs that were disturbed least.

    Both ways run in turns, and processor time is counted: what the waiting for the server
    takes is neither's.
    """
    _, frames = events(encoding, _TOGETHER)
    expected = frames * (count // _TOGETHER)
    seconds: dict[Way, list[float]] = {plain: [], ours: []}
    with server(encoding, count) as base_url:
        for _ in range(rounds):
            for way, taken in seconds.items():
                begun = time.process_time()
                assert asyncio.run(way(base_url, encoding)) == expected
                taken.append(time.process_time() - begun)
    for name, taken in (("plain", seconds[plain]), ("ours", seconds[ours])):
        rate = count * EVENT_BYTES / min(taken) / 1e6
        print(f"  {name:6} {1e6 * min(taken) / count:6.1f} µs an event, {rate:5.0f} MB/s")
    ratio = min(seconds[plain]) / min(seconds[ours])
    print(f"  ratio {ratio:.2f}")
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=6400, help="of 4 kB, in a run (6400)")
    parser.add_argument("--rounds", type=int, default=9, help="of both ways in turns (9)")
    parser.add_argument("--encoding", choices=("pcm_s16le", "pcm_f32le"), help="only this one")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:1] if not options.serve else cores)
    if options.serve:
        serve(options.encoding, options.events)
    ratios = []
    for encoding in [options.encoding] if options.encoding else ("pcm_s16le", "pcm_f32le"):
        print(f"{encoding}, {options.events} events of {EVENT_BYTES} bytes over loopback:")
        ratios.append(measure(encoding, options.events, options.rounds))
    return 0 if min(ratios) >= 0.8 else 1


if __name__ == "__main__":
    sys.exit(main())
