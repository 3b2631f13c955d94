"""What `streamplay bench` itself costs, and how many streams one core carries.

    .venv/bin/python -m benchmarks.load [--first 50] [--seconds 6]

Each of three clients keeps N streams open at real-time pace, from a server in another process that
sends 100 ms of audio at a time: streamplay's measurement, and plain loops over httpx and aiohttp
that read bytes and nothing else. Client and server have a core each, where there are two. N is
doubled until the event loop's lag at p99 passes 5 ms, the limit of a valid run, and then narrowed
down to 15 %. Printed: the processor time of a stream (share of one core), the lag, what the server
and other processes used, and the most streams that held. It says so where the server's core was
used up first, or other processes used much of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from benchmarks.machine import Machine
from benchmarks.truth_server import Truth
from streamplay.bench import target
from streamplay.bench.capacity import next_rate
from streamplay.bench.lag import LAG_LIMIT_MS, Lag
from streamplay.bench.load import Runner, raise_descriptor_limit
from streamplay.bench.plan import Load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    Client = Callable[[str, int, float], Coroutine[Any, Any, Lag]]

BODY = {"model": "canopylabs/orpheus-3b-0.1-ft", "voice": "tara", "stream": True}
TEXT = "One sentence that is said again and again."


async def ours(base_url: str, streams: int, seconds: float) -> Lag:
    targets = target.read([], {"base_url": base_url})
    load = Load(requests=None, duration=seconds, concurrency=streams, texts=(TEXT,), warmup=1)
    run = await Runner(targets, load)()
    failed = sum(not sample.complete for sample in run.samples)
    if failed:
        print(f"  {failed} of {len(run.samples)} requests failed")
    return run.lag


async def plain_httpx(base_url: str, streams: int, seconds: float) -> Lag:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def say() -> None:
            body = BODY | {"input": TEXT}
            async with client.stream("POST", f"{base_url}/audio/speech", json=body) as answer:
                async for _ in answer.aiter_raw():
                    pass

        return await keep_up(say, streams, seconds)


async def plain_aiohttp(base_url: str, streams: int, seconds: float) -> Lag:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def say() -> None:
            body = BODY | {"input": TEXT}
            async with client.post(f"{base_url}/audio/speech", json=body) as answer:
                async for _ in answer.content.iter_any():
                    pass

        return await keep_up(say, streams, seconds)


async def keep_up(say: Callable[[], Awaitable[None]], streams: int, seconds: float) -> Lag:
    until = time.perf_counter() + seconds

    async def user(number: int) -> None:
        # As streamplay's do; but all of them are there for most of the time.
        await asyncio.sleep(number * min(1 / 100, seconds / 4 / streams))
        while time.perf_counter() < until:
            await say()

    async with Lag() as lag:
        await asyncio.gather(*(user(number) for number in range(streams)))
    return lag


CLIENTS: dict[str, Client] = {
    "streamplay": ours,
    "plain httpx": plain_httpx,
    "plain aiohttp": plain_aiohttp,
}


def probe(client: Client, streams: int, seconds: float) -> tuple[Lag, Machine]:
    """Keep so many streams open; the client on the first core, the server on the second."""
    behaviour: dict[str, Any] = {"pace": 1.0, "chunks": round(10 * seconds / 2), "stall_share": 0.0}
    with Machine() as machine, Truth(**behaviour) as server:
        with suppress(AttributeError, OSError):
            os.sched_setaffinity(server.pid, {1})
        lag = asyncio.run(client(server.base_url, streams, seconds))
    return lag, machine


def most(name: str, client: Client, first: int, seconds: float) -> str:
    """Raise the streams until the lag passes the limit; print each step, return what was found."""
    tried: list[tuple[float, bool]] = []
    busy = False
    while (wanted := next_rate(first, tried)) is not None:
        streams = round(wanted)
        lag, machine = probe(client, streams, seconds)
        facts = lag.facts()
        held = facts["p99"] <= LAG_LIMIT_MS
        tried.append((wanted, held))
        busy |= machine.busy
        print(
            f"{name:<14}{streams:>8}{lag.cpu_seconds / machine.seconds / streams:>15.3%}"
            f"{facts['p50']:>9.2f}{facts['p99']:>9.2f}{facts['max']:>9.2f}"
            f"{machine.server:>9.0%}{machine.others or 0:>9.0%}",
            flush=True,
        )
        if machine.server > SERVER_FULL:
            return f"at least {_best(tried)}: the server's core is used up{BUSY_TOO * busy}"
    return f"{_best(tried)}{BUSY_TOO * busy}"


def _best(tried: list[tuple[float, bool]]) -> int:
    return round(max((streams for streams, held in tried if held), default=0))


SERVER_FULL = 0.9
BUSY_TOO = " (NOT to be relied on: others used much of the machine)"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--first", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=6.0)
    args = parser.parse_args()
    raise_descriptor_limit()
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {0})
    print(
        f"{'client':<14}{'streams':>8}{'core a stream':>15}{'lag p50':>9}{'p99':>9}{'max':>9}"
        f"{'server':>9}{'others':>9}"
    )
    found = {name: most(name, client, args.first, args.seconds) for name, client in CLIENTS.items()}
    print(f"most streams on one core with a lag of {LAG_LIMIT_MS:g} ms or less at p99:")
    for name, says in found.items():
        print(f"{name:<14}{says}")


if __name__ == "__main__":
    main()
