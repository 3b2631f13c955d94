"""A real `AgentSession` is heard through streamplay, interrupted, and its positions are compared.

Run by scripts/try-integrations in an environment of its own. The session has no model: what it
says is given as frames, 20 ms each, faster than real time. What the sink recorded is the truth.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import os  # noqa: E402

import numpy as np  # noqa: E402

from scripts.integrations.truth import RATE, compare  # noqa: E402
from tests.support.nullsink import NullSink  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def tone(seconds: float) -> AsyncIterator[object]:
    from livekit import rtc

    samples = np.full(480, 8000, np.int16)
    for _ in range(round(seconds / 0.02)):
        yield rtc.AudioFrame(samples.tobytes(), RATE, 1, 480)
        await asyncio.sleep(0.005)


async def session(cuts: list[float]) -> list[tuple[float, bool]]:
    from livekit.agents import Agent, AgentSession

    from streamplay import AsyncPlayer
    from streamplay.integrations.livekit import StreamplayAudioOutput

    told: list[tuple[float, bool]] = []
    async with AsyncPlayer(base_url="http://127.0.0.1:9/v1") as player:
        output = StreamplayAudioOutput(player)
        output.on(
            "playback_finished", lambda ev: told.append((ev.playback_position, ev.interrupted))
        )
        agent_session = AgentSession()
        agent_session.output.audio = output
        await agent_session.start(Agent(instructions="none"))
        for cut in cuts:
            said = agent_session.say("a tone", audio=tone(1.0), allow_interruptions=True)
            if cut:
                await asyncio.sleep(cut)
                said.interrupt()
            await said
            await asyncio.sleep(0.4)
        await agent_session.aclose()
    return told


def main() -> int:
    sink = NullSink()
    os.environ.update(sink.environment)
    sink.start()
    cuts = [0.0, 0.35, 0.5, 0.8, 0.0]
    try:
        with sink.record() as recording:
            told = asyncio.run(session(cuts))
    finally:
        sink.close()
    return compare("livekit-agents", cuts, told, recording)


if __name__ == "__main__":
    sys.exit(main())
