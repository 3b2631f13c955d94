from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pytest

from streamplay.errors import Truncated
from streamplay.playback.changes import Changes
from streamplay.speech.prefetch import Fetch
from streamplay.stream.decoder import Chunk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamplay.errors import StreamPlayError
    from streamplay.network.response import SpeechResponse

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
        fetch.receive(answer)
        told: list[Any] = []
        try:
            async for item, _ in fetch.arrivals():
                told.append(item)
        except Truncated as error:
            told.append(type(error))
        return told

    assert asyncio.run(receive()) == [CHUNK, Truncated]
    assert response.asked_again == int(ahead)
