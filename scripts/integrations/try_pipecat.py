"""A real `Pipeline` is heard through streamplay, interrupted, and its positions are compared.

Run by scripts/try-integrations in an environment of its own. In place of a speech service there
are frames, as a service sends them. What the sink recorded is the truth.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from scripts.integrations.truth import RATE, compare  # noqa: E402
from tests.support.nullsink import NullSink  # noqa: E402


async def pipeline(cuts: list[float]) -> list[tuple[float, bool]]:
    from pipecat.frames.frames import (
        InterruptionFrame,
        TTSAudioRawFrame,
        TTSStartedFrame,
        TTSStoppedFrame,
    )
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineParams, PipelineTask

    from streamplay import AsyncPlayer
    from streamplay.integrations.pipecat import StreamplayOutputTransport

    samples = np.full(480, 8000, np.int16).tobytes()
    async with AsyncPlayer(base_url="http://127.0.0.1:9/v1") as player:
        output = StreamplayOutputTransport(player)
        params = PipelineParams(audio_out_sample_rate=RATE)
        task = PipelineTask(Pipeline([output]), params=params, cancel_on_idle_timeout=False)
        running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
        await asyncio.sleep(1.0)
        for cut in cuts:
            frames = [TTSAudioRawFrame(samples, RATE, 1) for _ in range(50)]
            await task.queue_frames([TTSStartedFrame(), *frames, TTSStoppedFrame()])
            if cut:
                await asyncio.sleep(cut)
                await task.queue_frame(InterruptionFrame())
            await asyncio.sleep(1.6)
        await task.cancel()
        await running
        return [(heard.seconds, heard.interrupted) for heard in output.heard]


def main() -> int:
    sink = NullSink()
    os.environ.update(sink.environment)
    sink.start()
    cuts = [0.0, 0.35, 0.5, 0.8, 0.0]
    try:
        with sink.record() as recording:
            told = asyncio.run(pipeline(cuts))
    finally:
        sink.close()
    return compare("pipecat-ai", cuts, told, recording)


if __name__ == "__main__":
    sys.exit(main())
