"""One of several processes that share a load: reads its part, prints what it measured.

Standard input: a line of JSON with the run's setup; when it has said that it is ready, ``start``
and the moment at which the schedule begins, by the clock that all processes share; at any time
``stop`` and ``cut``, as `streamplay.bench.interrupts` counts them. Its end cuts everything off.
Standard output: ``ready``, then one pickled `LoadRun`.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any, Final

from streamplay.bench import setup
from streamplay.bench.interrupts import CUT, Interrupts
from streamplay.bench.load import Runner, Share, raise_descriptor_limit

if TYPE_CHECKING:
    from streamplay.bench.load import LoadRun

READY = b"ready\n"


_LONGEST_LINE: Final = 256 << 20  # of the setup: it holds every text


async def _input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def run() -> LoadRun:
    """Make the part of the load that the first line names."""
    # Not by sys.stdin: its buffer would keep the lines behind the first.
    lines = await _input()
    order: dict[str, Any] = json.loads(await lines.readline())
    made, interrupts = setup.of_dict(order["setup"]), Interrupts()

    async def start() -> float:
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        return await begin

    async def listen() -> None:
        while words := (await lines.readline()).split():
            if words[0] == b"start":
                begin.set_result(float(words[1]))
            elif not interrupts.stopped:
                interrupts.add()
            while words[0] == b"cut" and interrupts.count < CUT:
                interrupts.add()
        while interrupts.count < CUT:  # our parent is gone
            interrupts.add()
        if not begin.done():
            begin.set_result(0.0)

    begin: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    listening = asyncio.create_task(listen())
    share = Share(index=order["index"], processes=made.load.processes, start=start)
    local = order["local"]
    runner = Runner(made.targets, made.load, local=local, interrupts=interrupts, share=share)
    try:
        return await runner()
    finally:
        listening.cancel()


def main() -> None:
    """Measure, and print the result."""
    raise_descriptor_limit()
    done = asyncio.run(run())
    pickle.dump(done, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
