from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay.audio import AudioFormat
from streamplay.errors import DeviceLost, FileFailed
from streamplay.options import Options
from streamplay.playback.session import Session
from streamplay.playback.virtual import play_in_blocks
from streamplay.policy.jitter import policy
from streamplay.replay import PITCHES, replay
from streamplay.trace import TraceWriter, load
from tests.support.arrivals import RATE, trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamplay.policy.jitter import Policy
    from streamplay.trace import Trace
    from tests.support.nullsink import NullSink

STALLED = [(0.1, 2400), (0.15, 2400), (0.75, 4800)]
HEADER = '{"streamplay_trace": 1, "samplerate": 24000}'


def write(path: Path, recorded: Trace) -> str:
    writer = TraceWriter(path, force=True)
    audio = AudioFormat(recorded.encoding, recorded.samplerate, recorded.channels)
    writer.begin(
        base_url=f"https://{recorded.host}/v1",
        model=recorded.model,
        voice=recorded.voice,
        chars=recorded.characters,
        audio=audio,
    )
    for now, frames in recorded.arrivals:
        writer.arrival(now, frames)
    writer.end(recorded.ended, recorded.how)
    return str(path)


# Reading


def test_what_was_written_is_read(tmp_path: Path) -> None:
    recorded = trace(STALLED, chars=7, how="ConnectionLost")
    assert load(tmp_path / write(tmp_path / "a", recorded)) == recorded
    assert not recorded.complete
    assert recorded.frames == 9600
    assert recorded.safe_start == pytest.approx(0.45)


def test_what_a_later_version_adds_is_passed_over_and_a_missing_end_is_told(tmp_path: Path) -> None:
    lines = [HEADER, "", '{"t": 1, "frames": 5, "new": 1}', '{"t": 2, "mark": "new"}', ""]
    (tmp_path / "a").write_text("\n".join(lines))
    recorded = load(tmp_path / "a")
    assert recorded.arrivals == ((1.0, 5),)
    assert (recorded.ended, recorded.how) == (1.0, "Truncated")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "line 1 is no JSON object"),
        (["{"], "line 1 is no JSON object"),
        (["[1]"], "line 1 is no JSON object"),
        (["{}"], "line 1: streamplay_trace is None, not 1"),
        (['{"streamplay_trace": 2}'], "streamplay_trace is 2"),
        (['{"streamplay_trace": 1}'], "line 1: samplerate is None, and no count"),
        (['{"streamplay_trace": 1, "samplerate": 0}'], "samplerate is 0"),
        ([HEADER, '{"t": 0, "frames": true}'], "line 2: frames is True, and no count"),
        ([HEADER, '{"t": 0, "frames": 0}'], "frames is 0"),
        ([HEADER, '{"frames": 1}'], "line 2: t is None, and no time"),
        ([HEADER, '{"t": NaN, "frames": 1}'], "t is nan"),
        ([HEADER, '{"t": -1, "frames": 1}'], "t is -1"),
        ([HEADER, '{"t": 2, "frames": 1}', '{"t": 1, "end": "complete"}'], "back from 2 to 1"),
        ([HEADER, '{"t": 2, "end": "x"}', '{"t": 3, "frames": 1}'], "line 3 comes after its end"),
    ],
)
def test_what_is_no_trace_is_told_by_its_line(
    tmp_path: Path, lines: Sequence[str], says: str
) -> None:
    (tmp_path / "a").write_text("\n".join(lines))
    with pytest.raises(FileFailed) as caught:
        load(tmp_path / "a")
    assert says in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe")
    with pytest.raises(FileFailed, match="it is no text"):
        load(tmp_path / "a")
    with pytest.raises(FileFailed, match="cannot read the trace"):
        load(tmp_path / "nothing")


# The command


# Heard


def heard(recorded: Trace, prebuffer: float | str = 0) -> Any:
    async def run() -> Any:
        session = Session(Options(), time.perf_counter, follow=True)
        try:
            return await replay(recorded, session, lambda rate: policy(prebuffer, rate))
        finally:
            await session.close()

    return asyncio.run(run())


def test_what_is_heard_has_every_frame_and_the_gap_of_the_trace(null_sink: NullSink) -> None:
    with null_sink.record() as recording:
        played = heard(trace(STALLED))
    foretold = play_in_blocks(trace(STALLED), policy(0, RATE))
    assert len(played.gaps) == len(foretold.gaps) == 1
    sound = recording.played[:, 0]
    silent = np.flatnonzero(np.diff(np.flatnonzero(sound)) > 0.1 * RATE)
    assert len(silent) == 1  # one gap, and nothing is cut at either end of it
    gap = round(played.gap * RATE)
    # The first and the last frames of the tone may be digital silence themselves.
    assert len(sound) == pytest.approx(9600 + gap, abs=8)


def test_a_device_that_is_lost_ends_it_though_more_is_to_come(null_sink: NullSink) -> None:
    async def run() -> None:
        session = Session(Options(), time.perf_counter, follow=True)
        lost = DeviceLost("it was unplugged")

        def losing(rate: int) -> Policy:
            asyncio.get_running_loop().call_later(0.1, lambda: session.pump.abandon(lost))
            return policy(0, rate)

        recorded = trace([(0.0, 2400), (0.05, 2400), (3600.0, 2400)])
        try:
            with pytest.raises(DeviceLost):
                await replay(recorded, session, losing)
        finally:
            await session.close()

    asyncio.run(run())


def test_each_second_of_the_tone_is_whole_periods_so_that_seconds_join() -> None:
    assert all(pitch == round(pitch) for pitch in PITCHES)
