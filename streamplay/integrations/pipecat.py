"""Pipecat's output transport on streamplay: a pipeline is heard through an `AsyncPlayer`.

Needs the extra ``pipecat``: ``pip install 'streamplay[pipecat]'``.

Examples
--------
>>> async with AsyncPlayer(local=True) as player:  # doctest: +SKIP
...     output = StreamplayOutputTransport(player)
...     pipeline = Pipeline([..., tts, output, ...])
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pipecat.frames.frames import BotStoppedSpeakingFrame, InterruptionFrame
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from streamplay.integrations.segments import Segments

if TYPE_CHECKING:
    from pipecat.frames.frames import Frame, OutputAudioRawFrame, StartFrame
    from pipecat.processors.frame_processor import FrameDirection

    from streamplay.aio import AsyncPlayer
    from streamplay.integrations.segments import SegmentHeard

AHEAD_SECONDS: Final = 0.25
"""How much audio is taken ahead of what is heard. Pipecat believes that what a transport has
taken is being heard: more would let it think that the bot has stopped speaking too early."""


class StreamplayOutputTransport(BaseOutputTransport):
    """An output transport whose interruption is `AsyncPlayer.interrupt`.

    Parameters
    ----------
    player : AsyncPlayer
        Who plays; it stays open when the pipeline ends.
    params : TransportParams, optional
        Pipecat's; its audio output is enabled unless given.

    Attributes
    ----------
    heard : list of SegmentHeard
        What was heard of each turn of the bot, in order.
    """

    def __init__(
        self, player: AsyncPlayer, params: TransportParams | None = None, **kwargs: Any
    ) -> None:
        super().__init__(params or TransportParams(audio_out_enabled=True), **kwargs)
        self.heard: list[SegmentHeard] = []
        self._segments = Segments(player, _ignore, self.heard.append)

    @property
    def position(self) -> float:
        """Seconds heard of what is being said."""
        return self._segments.position

    async def start(self, frame: StartFrame) -> None:
        """Begin to take audio."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Take 16-bit samples; return when little enough is ahead of what is heard."""
        samples = np.frombuffer(frame.audio, np.int16).reshape(-1, frame.num_channels).copy()
        await self._segments.put_frames(samples, frame.sample_rate)
        wait = self._segments.ahead - AHEAD_SECONDS
        if wait > 0:
            await asyncio.sleep(wait)
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Fall silent at once where the pipeline is interrupted."""
        if isinstance(frame, InterruptionFrame):
            self._segments.cut()
        await super().process_frame(frame, direction)

    async def push_frame(self, frame: Frame, *args: Any, **kwargs: Any) -> None:
        """Note the end of what the bot says, and pass the frame on."""
        if isinstance(frame, BotStoppedSpeakingFrame):
            self._segments.end_segment()
        await super().push_frame(frame, *args, **kwargs)

    async def cleanup(self) -> None:
        """Fall silent, and let go of everything but the player."""
        await self._segments.aclose()
        await super().cleanup()


def _ignore() -> None:
    """Do nothing: Pipecat itself tells when the bot begins to speak."""
