"""Which HTTP client carries the audio: the figures behind `streamplay/network/transport.py`.

    .venv/bin/python -m benchmarks.transports [--streams 120,240,480] [--seconds 6] [--starts 9]

Many streams: one client process keeps N paced streams open (100 ms of 24 kHz s16 in a chunk, from
a server in another process), and reads their bytes. Printed: the event loop's lag at p99, and the
client's processor time. One stream: a new interpreter imports the client and sends one request;
printed: processor time, and the time from its start until the server has the request.

The clients: ours; httpx over its own transport; httpx over `httpx-aiohttp` where that is installed
(pip install httpx-aiohttp); aiohttp alone. Each round runs all of them, one after the other, so
that a busy machine is the same for all; compare within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import multiprocessing
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from streamplay.bench.lag import Lag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from multiprocessing.connection import Connection

    Read = Callable[[int], Awaitable[None]]

CHUNK = b"12c0\r\n" + bytes(4800) + b"\r\n"
PACE = 0.1
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n"

ONE = {
    "ours": """
import asyncio
from streamplay.network.client import SpeechClient
from streamplay.request import SpeechRequest
async def main():
    async with SpeechClient(base_url="{url}") as client:
        async with client.open(SpeechRequest(input="Hello")) as response:
            async for _ in response.events(): pass
asyncio.run(main())
""",
    "httpx": """
import asyncio, httpx
async def main():
    async with httpx.AsyncClient() as client:
        async with client.stream("POST", "{url}/audio/speech", json=dict(input="Hello")) as answer:
            async for _ in answer.aiter_raw(): pass
asyncio.run(main())
""",
    "httpx-aiohttp": """
import asyncio, httpx_aiohttp
async def main():
    async with httpx_aiohttp.HttpxAiohttpClient() as client:
        async with client.stream("POST", "{url}/audio/speech", json=dict(input="Hello")) as answer:
            async for _ in answer.aiter_raw(): pass
asyncio.run(main())
""",
    "aiohttp": """
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession() as client:
        async with client.post("{url}/audio/speech", json=dict(input="Hello")) as answer:
            async for _ in answer.content.iter_any(): pass
asyncio.run(main())
""",
}


# The server


async def _serve(seconds: float, port: Connection) -> None:
    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        begun = time.monotonic()
        for index in range(round(seconds / PACE)):
            writer.write(CHUNK)
            await asyncio.sleep(max(0.0, begun + (index + 1) * PACE - time.monotonic()))
        writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(stream, "127.0.0.1", 0, backlog=2048)
    port.send(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def serve(seconds: float, port: Connection) -> None:
    asyncio.run(_serve(seconds, port))


# The clients: each returns what reads one stream


async def ours(url: str) -> AsyncIterator[Read]:
    from streamplay.network.endpoint import find_endpoint
    from streamplay.network.transport import HttpTransport

    transport = HttpTransport(find_endpoint({}, base_url=url), time.perf_counter)

    async def read(_: int) -> None:
        exchange = await transport.send("POST", "/x", transport.begin(), content=b"{}")
        async for _piece in exchange.pieces():
            pass

    yield read
    await transport.aclose()


async def httpx_own(url: str) -> AsyncIterator[Read]:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def read(_: int) -> None:
            async with client.stream("POST", url + "/x", content=b"{}") as answer:
                async for _piece in answer.aiter_raw():
                    pass

        yield read


async def httpx_over_aiohttp(url: str) -> AsyncIterator[Read]:
    import httpx
    import httpx_aiohttp

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    transport = httpx_aiohttp.AiohttpTransport(limits=limits)
    async with httpx.AsyncClient(transport=transport, timeout=60) as client:

        async def read(_: int) -> None:
            async with client.stream("POST", url + "/x", content=b"{}") as answer:
                async for _piece in answer.aiter_raw():
                    pass

        yield read


async def aiohttp_alone(url: str) -> AsyncIterator[Read]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as client:

        async def read(_: int) -> None:
            async with client.post(url + "/x", data=b"{}") as answer:
                async for _piece in answer.content.iter_any():
                    pass

        yield read


CLIENTS = {
    "ours": ours,
    "httpx": httpx_own,
    "httpx-aiohttp": httpx_over_aiohttp,
    "aiohttp": aiohttp_alone,
}


async def _many(name: str, url: str, streams: int) -> tuple[float | None, float, int]:
    failed = 0
    maker = CLIENTS[name](url)
    read = await anext(maker)

    async def one(index: int) -> None:
        nonlocal failed
        await asyncio.sleep(index * 1.0 / streams)  # a second for all of them to begin
        try:
            await read(index)
        except Exception:  # noqa: BLE001 - counted, whatever it is
            failed += 1

    async with Lag() as lag:
        await asyncio.gather(*(one(index) for index in range(streams)))
    await anext(maker, None)
    return lag.facts()["p99"], lag.cpu_seconds, failed


def many(name: str, url: str, streams: int, result: Connection) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result.send(asyncio.run(_many(name, url, streams)))


def measure_many(names: list[str], counts: list[int], seconds: float) -> None:
    context = multiprocessing.get_context("spawn")
    ours_end, theirs = context.Pipe()
    server = context.Process(target=serve, args=(seconds, theirs), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours_end.recv()}/v1"
    try:
        for streams in counts:
            for name in names:
                end, other = context.Pipe()
                client = context.Process(target=many, args=(name, url, streams, other), daemon=True)
                client.start()
                lag, cpu, failed = end.recv()
                client.join()
                note = f"  ({failed} failed)" if failed else ""
                print(
                    f"{streams:5} streams  {name:14} lag p99 {lag:8.1f} ms  CPU {cpu:6.2f} s{note}"
                )
    finally:
        server.terminate()


def start_one(name: str) -> tuple[float, float]:
    """Return milliseconds from a process's start until its request has come, and its CPU time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        begun = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-c", ONE[name].format(url=url)])
        connection, _ = listener.accept()
        with connection:
            came = b""
            while b"Hello" not in came:
                came += connection.recv(65536)
            arrived = time.perf_counter()
            connection.sendall(HEAD + CHUNK * 50 + b"0\r\n\r\n")
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    return 1000 * (arrived - begun), 1000 * (used.ru_utime + used.ru_stime)


def measure_starts(names: list[str], rounds: int) -> None:
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            seen[name].append(start_one(name))
    for name in names:
        request, cpu = (statistics.median(column) for column in zip(*seen[name], strict=True))
        print(
            f"one stream     {name:14} request after {request:6.1f} ms  CPU {cpu:6.1f} ms (medians)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", default="120,240,480")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--starts", type=int, default=9)
    args = parser.parse_args()
    names = [
        name for name in CLIENTS if "-" not in name or importlib.util.find_spec("httpx_aiohttp")
    ]
    measure_starts(names, args.starts)
    measure_many(names, [int(count) for count in args.streams.split(",")], args.seconds)


if __name__ == "__main__":
    main()
