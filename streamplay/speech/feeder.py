"""The feeder: one utterance that is sound already, into the pump."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from streamplay.errors import StreamBroken
from streamplay.speech.delivery import Delivery

if TYPE_CHECKING:
    from streamplay.speech.feed import Feed
    from streamplay.speech.utterance import Utterance
    from streamplay.stage import Stage


class Feeder:
    """Hands on the frames of a feed: what `Producer` is to a text."""

    def __init__(self, utterance: Utterance, feed: Feed, stage: Stage) -> None:
        self._account = utterance.account
        self._feed = feed
        self._stage = stage
        self._delivery = Delivery(utterance, stage)

    async def run(self) -> None:
        """Hand on all of it; what came when it failed is played to its end.

        Raises
        ------
        Exception
            What ended it; the caller's to keep for whoever waits.
        """
        feed, audio = self._feed, self._feed.audio
        await self._stage.import_decoding()
        self._account.began(self._stage.clock())
        try:
            async with aclosing(feed.blocks()) as blocks:
                async for frames in blocks:
                    data = bytes(len(frames) * audio.frame_bytes)
                    now = self._stage.clock()
                    await self._delivery.take(frames, data, audio, feed.source, now)
                    await asyncio.sleep(0)  # where all is there at once, others have their turn
        except StreamBroken:
            await self._delivery.flush()
            raise
        else:
            await self._delivery.flush()
        finally:
            self._delivery.close()
