from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import AsyncPlayer
from tests.integrations import frameworks
from tests.integrations.frameworks import (
    BotStoppedSpeakingFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    until,
)

if TYPE_CHECKING:
    from tests.support.nullsink import NullSink

RATE = 24000


@pytest.fixture(autouse=True)
def _frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    frameworks.install(monkeypatch)


def frame(count: int = 480) -> OutputAudioRawFrame:
    return OutputAudioRawFrame(np.full(count, 1000, np.int16).tobytes(), RATE, 1)


def run(use: Any) -> Any:
    async def within() -> Any:
        from streamplay.integrations.pipecat import StreamplayOutputTransport

        async with AsyncPlayer(local=True) as player:
            output = StreamplayOutputTransport(player)
            await output.start(object())  # type: ignore[arg-type]
            try:
                return await use(output)
            finally:
                await output.cleanup()

    return asyncio.run(within())


async def ended(output: Any, count: int) -> None:
    await until(lambda: len(output.heard) >= count)


def test_a_turn_is_heard_to_its_end(null_sink: NullSink) -> None:
    async def use(output: Any) -> Any:
        assert output.is_ready
        for _ in range(10):
            assert await output.write_audio_frame(frame())
        stopped = BotStoppedSpeakingFrame()
        await output.push_frame(stopped)
        await ended(output, 1)
        return output.heard[0].seconds, output.heard[0].interrupted, stopped in output.passed

    with null_sink.record() as recording:
        assert run(use) == (0.2, False, True)
    assert np.count_nonzero(recording.played) == 4800


def test_an_interruption_is_silent_and_its_position_is_what_was_heard(
    null_sink: NullSink,
) -> None:
    async def use(output: Any) -> Any:
        writing = asyncio.create_task(output.write_audio_frame(frame(2 * RATE)))
        await until(lambda: output.position >= 0.1)
        assert not writing.done()  # it takes no more than a little ahead of what is heard
        interruption = InterruptionFrame()
        await output.process_frame(interruption, None)
        writing.cancel()
        await ended(output, 1)
        return output.heard[0], interruption in output.passed

    with null_sink.record() as recording:
        heard, passed = run(use)
    assert passed
    assert heard.interrupted
    assert heard.seconds * RATE == pytest.approx(np.count_nonzero(recording.played), abs=480)
