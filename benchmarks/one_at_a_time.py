"""Servers that take one request at a time: gaps with `prefetch`, beside those without.

Each server speaks one text and refuses what comes meanwhile, in one of four ways. The same text
is said with the usual prefetch and with none, in turn. The gaps are the time from the first sound
to the end, without the sound itself: those with prefetch are to be no longer than those without.

    .venv/bin/python -m benchmarks.one_at_a_time [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from typing import TYPE_CHECKING, Any

from streamplay import AsyncPlayer
from streamplay.network import request_shapes
from streamplay.outputs import opening
from streamplay.outputs.silent import SilentOutput
from tests.support.rawserver import DONE, Connection, chunk, delta, head, refuse, running

if TYPE_CHECKING:
    from streamplay.receipt import Receipt

RATE = 24000
REFUSALS = {"503": 503, "409": 409, "429": 429, "dropped connection": 0}
SPEEDS = (1.2, 6.0)
"""Times real time: a server that just keeps up, and one that is well ahead."""

SENTENCES = ["This is the first of them.", "Here is another one, longer.", "The third.", "Four."]
SECONDS_PER_CHARACTER = 1 / 15
FIRST_BYTE_SECONDS = 0.15
PART_SECONDS = 0.1


class OneAtATime:
    """A script for a raw server that speaks one text at a time."""

    def __init__(self, status: int, speed: float) -> None:
        self.refused = 0
        self._status, self._speed = status, speed
        self._busy = asyncio.Lock()

    async def __call__(self, connection: Connection) -> None:
        """Answer the requests of one connection."""
        while True:
            request = await connection.request()
            if self._busy.locked():
                self.refused += 1
                if self._status:
                    await connection.send(refuse(self._status, {"error": "busy"}))
                    continue
                connection.close()
                return
            async with self._busy:
                await self._speak(connection, request.json["input"])

    async def _speak(self, connection: Connection, text: str) -> None:
        await asyncio.sleep(FIRST_BYTE_SECONDS)
        kind = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        await connection.send(head(200, kind))
        part = b"\1\2" * round(PART_SECONDS * RATE)
        for _ in range(max(1, round(len(text) * SECONDS_PER_CHARACTER / PART_SECONDS))):
            await connection.send(chunk(delta(part)))
            await asyncio.sleep(PART_SECONDS / self._speed)
        await connection.send(chunk(DONE), chunk(b""))


async def say(base_url: str, prefetch: int) -> Receipt:
    request_shapes.PROCESS.known.clear()  # nothing is known of the server yet
    async with AsyncPlayer(base_url=base_url, api="together", prefetch=prefetch) as player:
        return await (await player.say(iter([f"{each} " for each in SENTENCES]))).wait(60)


def gaps(receipt: Receipt) -> float:
    """Return the silence between the first sound and the end, in ms."""
    ms = receipt.ms
    assert ms.finished is not None
    assert ms.first_sound is not None
    return ms.finished - ms.first_sound - 1000 * receipt.frames.played / RATE


async def row(status: int, speed: float, rounds: int) -> dict[str, Any]:
    script = OneAtATime(status, speed)
    found: dict[int, list[float]] = {0: [], 2: []}
    complete, refused = True, 0
    async with running(script) as server:
        for _ in range(rounds):
            for prefetch in (0, 2):
                script.refused = 0
                receipt = await say(server.base_url, prefetch)
                complete = complete and receipt.complete
                refused = max(refused, script.refused)
                found[prefetch].append(gaps(receipt))
    medians = {f"gaps_ms_prefetch_{key}": round(statistics.median(found[key])) for key in found}
    return {"complete": complete, "refused_at_most": refused, **medians}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    vars(opening)["open_output"] = lambda rate, channels, **_: SilentOutput(rate, channels)
    rows = right = 0
    for name, status in REFUSALS.items():
        for speed in SPEEDS:
            facts = asyncio.run(row(status, speed, options.rounds))
            print(json.dumps({"refusal": name, "speed": speed, **facts}), flush=True)
            limit = facts["gaps_ms_prefetch_0"] + 5  # a block of the output
            rows += 1
            right += facts["complete"] and facts["gaps_ms_prefetch_2"] <= limit
    print(
        f"{'HOLDS' if right == rows else 'DOES NOT HOLD'}: {right} of {rows} servers were heard "
        f"whole, with gaps no longer than without prefetch"
    )
    sys.exit(right < rows)


if __name__ == "__main__":
    main()
