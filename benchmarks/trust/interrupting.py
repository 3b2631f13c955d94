"""Players that are interrupted in every state: run by the row `interruptions`.

A server of this process answers over TCP and TLS, as events and as bytes, and stops where the state
asks for it. Players play to a silent clock four times as fast as real time, which keeps every block
that was rendered.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from benchmarks.soak import ENGINES, Ear
from benchmarks.trust.network_rows import trusting
from streamplay.playback.playout import FADE_SECONDS
from tests.support.rawserver import DONE, chunk, delta, head, running

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from benchmarks.trust.row import Run
    from streamplay import Player

RATE: Final = 24000
SPEED: Final = 4.0
BATCH: Final = 25
"""Interruptions of one player."""

STATES: Final = (
    *("before the headers", "before the body", "sounding", "all received", "in a stall", "paused"),
)

BLOCK: Final = 120
BOUND: Final = round(FADE_SECONDS * RATE) + BLOCK
"""Frames that may sound after an interruption: the fade, and the block that is being rendered."""

PIECE: Final = (np.full(2400, 3000, "<i2")).tobytes()
PATIENCE: Final = 20.0


class Cell(NamedTuple):
    """What is interrupted, and over what it comes."""

    state: str
    shape: str
    scheme: str


CELLS: Final = tuple(
    Cell(*each) for each in product(STATES, ("events", "bytes"), ("http", "https"))
)


@contextmanager
def serving() -> Iterator[dict[str, int]]:
    """Serve on a thread of its own; yield the ports of the schemes."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # tells each TLS connection that broke
    ready, ports = threading.Event(), dict[str, int]()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        with trusting() as tls:
            async with running(_answer) as plain, running(_answer, tls=tls) as secure:
                ports.update(http=plain.port, https=secure.port)
                ready.set()
                await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(PATIENCE)
    try:
        yield ports
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE)
        loop.close()


async def _answer(connection: Any) -> None:
    """Answer as the path asks; where the state is to last, until the client has gone."""
    while True:
        asked = await connection.request()
        _, state, shape, *_ = asked.target.split("/")
        await _answer_once(connection, state.replace("-", " "), shape)


async def _answer_once(connection: Any, state: str, shape: str) -> None:
    if state == "before the headers":
        await connection.gone()
    kind = "text/event-stream" if shape == "events" else "audio/pcm"
    await connection.send(head(200, {"Content-Type": kind, "Transfer-Encoding": "chunked"}))
    if state == "before the body":
        await connection.gone()
    pieces = {"in a stall": 1, "all received": 50}.get(state, 200)
    for number in range(pieces):
        await connection.send(chunk(delta(PIECE) if shape == "events" else PIECE))
        if state in ("sounding", "paused") and number > 3:
            await asyncio.sleep(0.02)
    if state == "in a stall":
        await connection.gone()
    await connection.send(chunk(DONE) if shape == "events" else b"", chunk(b""))


def interrupt_often(run: Run, cell: Cell, port: int, dice: random.Random) -> None:
    """Interrupt one player `BATCH` times in one state."""
    ear = Ear(speed=SPEED)
    path = f"{cell.state.replace(' ', '-')}/{cell.shape}/v1"
    base_url = f"{cell.scheme}://localhost:{port}/{path}"
    engine = dice.choice(ENGINES)
    with ear.player(base_url=base_url, engine=engine, model="m", voice="v") as player:
        for _ in range(BATCH):
            after = _interrupt_once(player, ear, cell, dice)
            run.facts["most frames after"] = max(run.facts.get("most frames after", 0), after)
            if after > BOUND:
                run.fault(f"{engine}, {cell}: {after} frames sounded afterwards")


def _interrupt_once(player: Player, ear: Ear, cell: Cell, dice: random.Random) -> int:
    """Return how many frames sounded after the interruption."""
    speech = player.say("tone")
    if cell.state.startswith("before"):
        time.sleep(dice.uniform(0, 0.02))
    else:
        until = time.monotonic() + PATIENCE
        while speech.receipt.ms.first_sound is None:
            assert time.monotonic() < until, f"{cell}: nothing is heard"
            time.sleep(0.001)
        # 100 ms have come where it stalls: they are heard in 25.
        time.sleep(dice.uniform(0, 0.02) + 0.03 * (cell.state == "in a stall"))
    if cell.state == "paused":
        player.pause()
        time.sleep(dice.uniform(0, 0.005))
    ear.take()
    player.interrupt()
    before = len(ear.blocks)
    receipt = speech.wait(timeout=PATIENCE)
    assert receipt.interrupted, f"{cell}: the receipt tells of no interruption"
    frames = receipt.frames
    heard = frames.played + frames.flushed + frames.trimmed + frames.muted + frames.unplayed
    assert frames.received == heard, f"{cell}: {frames}"
    time.sleep(4 * BLOCK / RATE / SPEED)
    rendered = ear.blocks[before:]
    player.resume()
    return int(np.count_nonzero(np.concatenate(rendered))) if rendered else 0
