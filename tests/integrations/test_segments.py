from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from streamplay import AsyncPlayer
from streamplay.integrations.segments import SegmentHeard, Segments, at_once
from tests.integrations.frameworks import until

if TYPE_CHECKING:
    from tests.support.nullsink import NullSink

RATE = 24000
SECOND = np.ones((RATE, 1), np.int16) * 1000


def test_segments_are_heard_in_order_and_each_is_told_once(null_sink: NullSink) -> None:
    async def run() -> tuple[int, list[SegmentHeard]]:
        began: list[None] = []
        ended: list[SegmentHeard] = []
        async with AsyncPlayer(local=True) as player:
            segments = Segments(player, lambda: began.append(None), ended.append)
            for frames in (SECOND[:6000], SECOND[:3000]):
                for start in range(0, len(frames), 480):
                    await segments.put_frames(frames[start : start + 480], RATE)
                segments.end_segment()
            await until(lambda: len(ended) == 2)
        return len(began), ended

    with null_sink.record() as recording:
        began, ended = asyncio.run(run())
    assert began == 2
    assert ended == [SegmentHeard(0.25, interrupted=False), SegmentHeard(0.125, interrupted=False)]
    assert np.count_nonzero(recording.played) == 9000


def test_a_cut_tells_what_was_heard_and_the_next_segment_plays(null_sink: NullSink) -> None:
    async def run() -> tuple[float, list[SegmentHeard]]:
        began = asyncio.Event()
        ended: list[SegmentHeard] = []
        async with AsyncPlayer(local=True) as player:
            segments = Segments(player, began.set, ended.append)
            await segments.put_frames(SECOND, RATE)
            await began.wait()
            await asyncio.sleep(0.1)
            heard = segments.cut()
            await segments.put_frames(SECOND[:2400], RATE)
            segments.end_segment()
            await until(lambda: len(ended) == 2)
        return heard, ended

    heard, ended = asyncio.run(run())
    assert ended[0].interrupted
    assert 0 < ended[0].seconds < 1
    assert ended[0].seconds == pytest.approx(heard, abs=0.05)
    assert ended[1] == SegmentHeard(0.1, interrupted=False)


def test_a_cut_before_the_player_is_open_is_told_too(null_sink: NullSink) -> None:
    async def run() -> list[SegmentHeard]:
        ended: list[SegmentHeard] = []
        player = AsyncPlayer(local=True)
        segments = Segments(player, lambda: None, ended.append)
        await segments.put_frames(SECOND, RATE)
        segments.cut()
        await segments.aclose()
        await player.close()
        return ended

    (heard,) = asyncio.run(run())
    assert heard.interrupted
    assert heard.seconds < 1


def test_a_segment_that_cannot_be_played_is_told_with_its_error() -> None:
    async def run() -> list[SegmentHeard]:
        ended: list[SegmentHeard] = []
        player = AsyncPlayer(local=True)
        await player.close()
        segments = Segments(player, lambda: None, ended.append)
        await segments.put_frames(SECOND, RATE)
        await until(lambda: ended)
        return ended

    (heard,) = asyncio.run(run())
    assert type(heard.error).__name__ == "PlayerClosed"


def test_what_suspends_is_not_run_at_once() -> None:
    with pytest.raises(RuntimeError):
        at_once(asyncio.sleep(1))
