"""What `streamplay bench` itself costs, and how many streams one core carries.

    .venv/bin/python -m benchmarks.load [--first 100] [--seconds 6] [--only NAME] [--streams N,N]

Each client keeps N streams open at real-time pace, from a server in another process that sends
100 ms of audio at a time as events: streamplay's measurement, which decodes and measures
everything, in one process and in two; and plain loops over httpx, over httpx on `httpx-aiohttp`
(pip install httpx-aiohttp), and over aiohttp, which read bytes and nothing else. The client has
the first core, the server all others. N is doubled until the event loop's lag at p99 passes 5 ms,
the limit of a valid run, and then narrowed down to 15 %; `--streams` tries just these.

Printed: the processor time of a stream (share of one core), the lag, memory a stream, what the
server and other processes used, and the most streams that held. It says so where the server's
core was used up first, or other processes used much of the machine.

On a machine of two cores two processes share them with the server: their figure is a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import resource
import time
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from benchmarks.machine import Machine
from streamplay.bench import processes, target
from streamplay.bench.capacity import next_rate
from streamplay.bench.interrupts import Interrupts
from streamplay.bench.lag import LAG_LIMIT_MS, Lag
from streamplay.bench.load import Runner, between_users, raise_descriptor_limit
from streamplay.bench.plan import Load
from streamplay.bench.setup import Setup

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from multiprocessing.connection import Connection

    from streamplay.bench.load import LoadRun

    Client = Callable[[str, int, float], "Found"]

BODY = {"model": "canopylabs/orpheus-3b-0.1-ft", "voice": "tara", "stream": True}
TEXT = "One sentence that is said again and again."
PACE = 0.1


@dataclass(frozen=True)
class Found:
    """What a client has found: its lag, its processor time, its memory, and how many failed."""

    lag: dict[str, float]
    cpu: float
    kilobytes: int
    failed: int = 0


# The server: the same events for every stream, by one timer, so that it costs little.


def serve(pipe: Connection, seconds: float) -> None:
    """Answer every request with 100 ms of audio at a time, in real time, for so many seconds."""
    raise_descriptor_limit()
    asyncio.run(_serve(pipe, round(seconds / PACE)))


def _event() -> bytes:
    import base64
    import math
    import struct

    tone = (round(8000 * math.sin(math.tau * 440 * n / 24000)) for n in range(2400))
    audio = base64.b64encode(b"".join(struct.pack("<h", sample) for sample in tone)).decode()
    data = json.dumps({"object": "audio.tts.chunk", "b64": audio})
    text = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(text), text)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class _Stream(asyncio.Protocol):
    """One connection: each request is answered by the wheel of timers."""

    def __init__(self, wheel: list[dict[_Stream, int]], chunks: int) -> None:
        self._wheel = wheel
        self._chunks = chunks
        self._request = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._request.endswith(b"}"):  # a request ends with its body, which is JSON
            self._request = b""
            self.transport.write(_HEAD)
            slot = int(asyncio.get_running_loop().time() / PACE * len(self._wheel))
            self._wheel[slot % len(self._wheel)][self] = self._chunks


async def _serve(pipe: Connection, chunks: int) -> None:
    wheel: list[dict[_Stream, int]] = [{} for _ in range(100)]
    loop, event = asyncio.get_running_loop(), _event()
    server = await loop.create_server(lambda: _Stream(wheel, chunks), "127.0.0.1", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])
    tick = int(loop.time() / PACE * len(wheel))
    while True:
        tick += 1
        await asyncio.sleep(max(0.0, tick * PACE / len(wheel) - loop.time()))
        slot = wheel[tick % len(wheel)]
        for stream, left in list(slot.items()):
            if stream.transport.is_closing():
                del slot[stream]
            elif left:
                slot[stream] = left - 1
                stream.transport.write(event)
            else:
                del slot[stream]
                stream.transport.write(_END)


@contextlib.contextmanager
def server(seconds: float) -> Iterator[tuple[str, int]]:
    """Run the server in another process, off the first core; give its base URL and process id."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(theirs, seconds), daemon=True)
    process.start()
    pin(process.pid or 0, sorted(os.sched_getaffinity(0))[1:] if CORES > 1 else [0])
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1", process.pid or 0
    finally:
        process.kill()
        process.join()


# The clients, each in a process of its own.


def ours(base_url: str, streams: int, seconds: float) -> Found:
    setup = _setup(base_url, streams, seconds, 1)
    return _measured(asyncio.run(Runner(setup.targets, setup.load)()), _kilobytes())


def ours_in_two(base_url: str, streams: int, seconds: float) -> Found:
    pin(0, range(CORES))
    run = processes.run(_setup(base_url, streams, seconds, 2), Interrupts())
    return _measured(run, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 2)


def _setup(base_url: str, streams: int, seconds: float, count: int) -> Setup:
    load = Load(
        requests=None, duration=seconds, concurrency=streams, texts=(TEXT,), warmup=0,
        processes=count,
    )  # fmt: skip
    return Setup(target.read([], {"base_url": base_url}), load)


def _measured(run: LoadRun, kilobytes: int) -> Found:
    failed = sum(not sample.complete for sample in run.samples)
    return Found(run.lag.facts(), run.lag.cpu_seconds, kilobytes, failed)


def plain_httpx(base_url: str, streams: int, seconds: float) -> Found:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx.AsyncClient(limits=limits, timeout=60, trust_env=False)
    return asyncio.run(_over_httpx(client, base_url, streams, seconds))


def httpx_aiohttp(base_url: str, streams: int, seconds: float) -> Found:
    import httpx
    from httpx_aiohttp import AiohttpTransport

    async def run() -> Found:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        transport = AiohttpTransport(limits=limits)
        client = httpx.AsyncClient(transport=transport, timeout=60, trust_env=False)
        return await _over_httpx(client, base_url, streams, seconds)

    return asyncio.run(run())


async def _over_httpx(client: Any, base_url: str, streams: int, seconds: float) -> Found:
    async with client:

        async def say() -> None:
            body = BODY | {"input": TEXT}
            async with client.stream("POST", f"{base_url}/audio/speech", json=body) as answer:
                async for _ in answer.aiter_raw():
                    pass

        return await keep_up(say, streams, seconds)


def plain_aiohttp(base_url: str, streams: int, seconds: float) -> Found:
    import aiohttp

    async def run() -> Found:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

            async def say() -> None:
                body = BODY | {"input": TEXT}
                async with client.post(f"{base_url}/audio/speech", json=body) as answer:
                    async for _ in answer.content.iter_any():
                        pass

            return await keep_up(say, streams, seconds)

    return asyncio.run(run())


async def keep_up(say: Callable[[], Awaitable[None]], streams: int, seconds: float) -> Found:
    until, failed = time.perf_counter() + seconds, 0

    async def user(number: int) -> None:
        nonlocal failed
        # As streamplay's do.
        await asyncio.sleep(number * between_users(streams))
        while time.perf_counter() < until:
            try:
                await say()
            except Exception:  # noqa: BLE001  each client has its own
                failed += 1
                return

    async with Lag() as lag:
        await asyncio.gather(*(user(number) for number in range(streams)))
    return Found(lag.facts(), lag.cpu_seconds, _kilobytes(), failed)


def _kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


CLIENTS: dict[str, Client] = {
    "streamplay": ours,
    "streamplay ×2": ours_in_two,
    "httpx": plain_httpx,
    "httpx-aiohttp": httpx_aiohttp,
    "aiohttp": plain_aiohttp,
}


def work(pipe: Connection, name: str, base_url: str, streams: int, seconds: float) -> None:
    """Run a client on the first core, once with one stream for its memory, then with all."""
    raise_descriptor_limit()
    pin(0, [0])
    pipe.send(CLIENTS[name](base_url, streams, seconds))


CORES = os.cpu_count() or 1


def pin(process: int, cores: Any) -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(process, set(cores))


def probe(name: str, streams: int, seconds: float) -> tuple[Found, Machine]:
    """Keep so many streams open, from a process of its own."""
    spawn = get_context("spawn")
    with Machine() as machine, server(seconds) as (base_url, _):
        mine, theirs = spawn.Pipe()
        client = spawn.Process(target=work, args=(theirs, name, base_url, streams, seconds * 2))
        client.start()
        theirs.close()
        try:
            found: Found = mine.recv()
        finally:
            client.join()
    return found, machine


def most(name: str, options: argparse.Namespace) -> str:
    """Raise the streams until the lag passes the limit; print each step, return what was found."""
    single, _ = probe(name, 1, 1.0)
    tried: list[tuple[float, bool]] = []
    wanted_ones = iter([float(part) for part in options.streams.split(",") if part])
    while True:
        wanted = next(wanted_ones, None) if options.streams else next_rate(options.first, tried)
        if wanted is None:
            return f"{_best(tried)}"
        streams = round(wanted)
        found, machine = probe(name, streams, options.seconds)
        held = found.lag["p99"] <= LAG_LIMIT_MS and not found.failed
        tried.append((wanted, held))
        memory = (found.kilobytes - single.kilobytes) / streams
        busy = found.cpu / (2 * options.seconds) / streams
        print(
            f"{name:<14}{streams:>8}{busy:>15.3%}{found.lag['p50']:>9.2f}{found.lag['p99']:>9.2f}"
            f"{found.lag['max']:>9.2f}{memory:>8.0f}{found.failed:>8}{machine.says:>45}",
            flush=True,
        )


def _best(tried: list[tuple[float, bool]]) -> int:
    return round(max((streams for streams, held in tried if held), default=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each stream (6)")
    parser.add_argument("--streams", default="", help="try just these, between commas")
    parser.add_argument("--only", default="", help=f"of {', '.join(CLIENTS)}, between commas")
    args = parser.parse_args()
    raise_descriptor_limit()
    names = [name for name in CLIENTS if not args.only or name in args.only.split(",")]
    if "httpx-aiohttp" in names and importlib.util.find_spec("httpx_aiohttp") is None:
        names.remove("httpx-aiohttp")
        print("httpx-aiohttp is not installed: left out")
    print(
        f"{'client':<14}{'streams':>8}{'core a stream':>15}{'lag p50':>9}{'p99':>9}{'max':>9}"
        f"{'kB each':>8}{'failed':>8}"
    )
    found = {name: most(name, args) for name in names}
    print(f"most streams with a lag of {LAG_LIMIT_MS:g} ms or less at p99, and none failed:")
    for name, says in found.items():
        print(f"{name:<14}{says}")


if __name__ == "__main__":
    main()
