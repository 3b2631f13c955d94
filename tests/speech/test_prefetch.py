from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pytest

from streamplay import Player
from streamplay.errors import Truncated
from streamplay.options import Options
from streamplay.playback.changes import Changes
from streamplay.speech.prefetch import Fetch
from streamplay.speech_servers import SpeechServer
from streamplay.stream.decoder import Chunk
from tests.support.rawserver import DONE, answer, delta, refuse, running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamplay.errors import StreamPlayError
    from streamplay.network.response import SpeechResponse
    from streamplay.receipt import Receipt
    from tests.support.rawserver import Connection

CHUNK = Chunk(np.zeros((1, 1), np.float32), b"\1\2")


class EndsEarly:
    """An answer that is there at once, end and all: its end is seen before any of it is heard."""

    def __init__(self) -> None:
        self.asked_again = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        yield CHUNK
        raise Truncated("it ended early")

    async def try_again(self, error: StreamPlayError) -> bool:
        assert isinstance(error, Truncated)
        self.asked_again += 1
        return False


@pytest.mark.parametrize("ahead", [False, True])
def test_what_ends_early_is_asked_for_again_only_where_nobody_waits_for_it(ahead: bool) -> None:
    response = EndsEarly()

    async def receive() -> list[Any]:
        answer = cast("SpeechResponse", response)
        fetch = Fetch("text", time.perf_counter, Changes(), alone=True, ahead=ahead)
        fetch.receive(answer, SpeechServer(0, Options()))
        told: list[Any] = []
        try:
            async for item, _ in fetch.arrivals():
                told.append(item)
        except Truncated as error:
            told.append(type(error))
        return told

    assert asyncio.run(receive()) == [CHUNK, Truncated]
    assert response.asked_again == int(ahead)


@pytest.mark.parametrize("status", [503, 409, 429, 0])
def test_a_server_that_takes_one_request_at_a_time_is_asked_for_one_at_a_time(status: int) -> None:
    """Three pieces at once are two too many; then the player knows, and asks for no more."""
    refused = 0

    async def main() -> Receipt:
        busy = asyncio.Lock()

        async def one_at_a_time(connection: Connection) -> None:
            nonlocal refused
            request = await connection.request()
            if refused and "Two" in request.json["input"]:
                await asyncio.sleep(0.02)  # the third piece would be there before it
            if busy.locked():
                refused += 1
                if status:
                    await connection.send(refuse(status, {"error": "busy"}, connection="close"))
                connection.close()
                return
            async with busy:
                await asyncio.sleep(0.05)
                await connection.send(answer(delta(b"\1\2" * 999) + DONE, connection="close"))
            connection.close()

        def talk(base_url: str) -> Receipt:
            with Player(base_url=base_url, api="together", play=False, prefetch=2) as player:
                return player.say(iter(["One is here. Two is here. Three is here. Four. "])).wait()

        async with running(one_at_a_time) as server:
            return await asyncio.to_thread(talk, server.base_url)

    receipt = asyncio.run(main())
    assert receipt.complete
    assert receipt.frames.received == 999 * receipt.requests
    assert receipt.requests >= 3
    assert 1 <= refused <= 2
