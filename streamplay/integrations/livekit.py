"""LiveKit Agents' audio output on streamplay: an `AgentSession` is heard through an `AsyncPlayer`.

Needs the extra ``livekit``: ``pip install 'streamplay[livekit]'``.

Examples
--------
>>> async with AsyncPlayer(local=True) as player:  # doctest: +SKIP
...     session = AgentSession(...)
...     session.output.audio = StreamplayAudioOutput(player)
...     await session.start(agent)
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from streamplay.integrations.segments import Segments, at_once

if TYPE_CHECKING:
    from livekit import rtc

    from streamplay.aio import AsyncPlayer
    from streamplay.integrations.segments import SegmentHeard


class StreamplayAudioOutput(AudioOutput):
    """An audio output that knows what has really been heard.

    ``playback_finished`` has the position that had left the loudspeaker, by the device's own
    time; an interruption (`clear_buffer`) is silent within a block and its fade.

    Parameters
    ----------
    player : AsyncPlayer
        Who plays; it stays open when the session ends.
    sample_rate : int
        Which rate to ask the session for.
    """

    def __init__(self, player: AsyncPlayer, *, sample_rate: int = 24000) -> None:
        super().__init__(
            label="streamplay",
            capabilities=AudioOutputCapabilities(pause=True),
            sample_rate=sample_rate,
        )
        self._player = player
        self._segments = Segments(player, self._on_started, self._on_ended)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take a frame: 16-bit samples, as they come or faster."""
        await super().capture_frame(frame)
        samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels).copy()
        await self._segments.put_frames(samples, frame.sample_rate)

    def flush(self) -> None:
        """Mark the end of a segment; it is heard to its end."""
        super().flush()
        self._segments.end_segment()

    def clear_buffer(self) -> None:
        """Fall silent now."""
        self._segments.cut()

    def pause(self) -> None:
        """Hold the sound, with a fade."""
        super().pause()
        at_once(self._player.pause())

    def resume(self) -> None:
        """Let the sound return, with a fade."""
        super().resume()
        at_once(self._player.resume())

    async def aclose(self) -> None:
        """Fall silent, and wait until every segment has been told of."""
        await self._segments.aclose()

    def _on_started(self) -> None:
        self.on_playback_started(created_at=time.time())

    def _on_ended(self, heard: SegmentHeard) -> None:
        interrupted = heard.interrupted or heard.error is not None
        self.on_playback_finished(playback_position=heard.seconds, interrupted=interrupted)
