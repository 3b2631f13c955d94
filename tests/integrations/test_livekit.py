from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import AsyncPlayer
from tests.integrations import frameworks
from tests.integrations.frameworks import AudioFrame, until

if TYPE_CHECKING:
    from tests.support.nullsink import NullSink

RATE = 24000


@pytest.fixture(autouse=True)
def _frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    frameworks.install(monkeypatch)


def frame(count: int = 480) -> AudioFrame:
    data = memoryview(np.full(count, 1000, np.int16).tobytes())
    return AudioFrame(data, RATE, 1, count)


def run(use: Any) -> Any:
    async def within() -> Any:
        from streamplay.integrations.livekit import StreamplayAudioOutput

        async with AsyncPlayer(local=True) as player:
            output = StreamplayAudioOutput(player)
            try:
                return await use(output)
            finally:
                await output.aclose()

    return asyncio.run(within())


async def ended(output: Any, count: int) -> None:
    await until(lambda: output.finished >= count)


def test_a_segment_is_heard_to_its_end(null_sink: NullSink) -> None:
    async def use(output: Any) -> Any:
        for _ in range(10):
            await output.capture_frame(frame())
        output.flush()
        await ended(output, 1)
        return output.sample_rate, output.can_pause, output.told

    with null_sink.record() as recording:
        rate, can_pause, told = run(use)
    assert (rate, can_pause) == (RATE, True)
    assert [kind for kind, _ in told] == ["started", "finished"]
    assert told[1][1] == (0.2, False)
    assert np.count_nonzero(recording.played) == 4800


def test_clear_buffer_is_silent_and_tells_the_position(null_sink: NullSink) -> None:
    async def use(output: Any) -> Any:
        await output.capture_frame(frame(2 * RATE))
        await until(lambda: output.told)
        output.clear_buffer()
        await ended(output, 1)
        return output.told[-1]

    with null_sink.record() as recording:
        _, (position, interrupted) = run(use)
    assert interrupted
    # The fade is shaped; whatever is not silence was heard.
    assert position * RATE == pytest.approx(np.count_nonzero(recording.played), abs=480)


def test_a_pause_holds_the_sound(null_sink: NullSink) -> None:
    async def use(output: Any) -> Any:
        await output.capture_frame(frame(RATE // 2))
        output.flush()
        output.pause()
        await asyncio.sleep(0.1)
        held = output.finished
        output.resume()
        await ended(output, 1)
        return held, output.told[-1][1]

    assert run(use) == (0, (0.5, False))
