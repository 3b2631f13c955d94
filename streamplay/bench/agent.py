"""The measurement in a separate process: reads jobs as lines of JSON, prints what it measured.

For load generators that have another event loop (Locust uses gevent, which replaces the sockets):
their loop must not delay the moment at which the arrival of a byte is noted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from streamplay.bench import target as targets_of
from streamplay.bench.lag import Lag
from streamplay.bench.load import raise_descriptor_limit
from streamplay.bench.observe import import_decoding, observe
from streamplay.bench.plan import Job
from streamplay.bench.runner import local_server
from streamplay.bench.sample import measure
from streamplay.errors import InvalidRequest
from streamplay.policy.learning import Memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from streamplay.bench.target import Target
    from streamplay.network.api import SpeechApi


class Agent:
    """Makes the requests that it reads, without waiting for earlier ones.

    Parameters
    ----------
    targets : sequence of Target
        The targets that jobs may name.
    local : str, optional
        The base URL of the built-in voice's server, if a target is local.
    """

    def __init__(self, targets: Sequence[Target], local: str | None = None) -> None:
        self._targets = targets
        self._local = local
        self._memories = [Memory() for _ in targets]
        self._apis: list[SpeechApi] = []

    async def run(self, lines: AsyncIterator[str]) -> None:
        """Read jobs until the input ends; print a line for each, and the lag at the end.

        The first line that is printed says that the agent is ready, and how many targets it has.
        """
        import_decoding()
        lag = Lag()
        async with AsyncExitStack() as stack, lag:
            for target in self._targets:
                self._apis.append(await stack.enter_async_context(target.client(self._local)))
            _print({"targets": len(self._targets)})
            async with asyncio.TaskGroup() as group:
                async for line in lines:
                    group.create_task(self._do(json.loads(line)))
        _print({"lag": lag.facts(), "cpu_seconds": lag.cpu_seconds})

    async def _do(self, order: Mapping[str, Any]) -> None:
        index = order["target"]
        target, job = self._targets[index], Job(order["id"], index, order["text"])
        request = target.request(job.text)
        sample = await observe(self._apis[index], request, job, order["intended"])
        values: dict[str, float | None] = {}
        if sample.complete:
            values = measure(sample, self._memories[index], target.base_url, target.model)
        _print(
            {
                "id": order["id"],
                "target": target.name,
                "error": sample.error,
                "message": sample.message,
                "bytes": sample.body_bytes,
                "total": 1000 * (sample.ended - sample.intended),
                "values": values,
            }
        )


def _print(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def _lines() -> AsyncIterator[str]:
    """Yield the lines of standard input as they arrive."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode()


def main(words: Sequence[str]) -> None:
    """Run until standard input ends; `words` name the targets."""
    raise_descriptor_limit()
    try:
        targets = targets_of.read(words, {})
    except InvalidRequest as error:
        sys.exit(str(error))
    with local_server(targets) as local:
        asyncio.run(Agent(targets, local).run(_lines()))


if __name__ == "__main__":
    main(sys.argv[1:])
