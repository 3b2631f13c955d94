"""What all utterances of a player share: the server, the output, what was learned of servers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from streamplay.backend import Backend
from streamplay.playback.session import Session
from streamplay.policy.store import Store
from streamplay.rules.alternatives import LOCAL
from streamplay.speech.loudness import Loudness

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from streamplay.audio import AudioFormat
    from streamplay.head_start import HeadStart
    from streamplay.options import Options
    from streamplay.speech_servers import SpeechServer


class Resources:
    """Opened with a player and closed with it. Everything runs on the player's loop.

    Parameters
    ----------
    options : Options
        The player's.
    follow : bool
        Open the output at the first stream's own rate: see `Session`.
    begun : HeadStart, optional
        What was begun before the player was made.
    """

    def __init__(self, options: Options, *, follow: bool, begun: HeadStart | None = None) -> None:
        self.options = options
        self.clock = time.perf_counter
        self.backend = Backend(options, self.clock, begun)
        self.session = Session(options, self.clock, follow=follow)
        self.store = Store(options.remember, options.tell)
        self.loudness = Loudness()

    def begin(self, audio: AudioFormat) -> None:
        """Get ready at once where a request has left already."""
        if self.backend.has_early:
            self.get_ready(audio)

    def get_ready(self, audio: AudioFormat) -> None:
        """Begin to import what decodes and to open the output, once a request has left."""
        self.backend.import_decoding()
        if self.options.play:
            self.session.prepare(audio)
        self.backend.get_standby_ready()

    async def make_ready(self, audio: AudioFormat) -> None:
        """Open all that can be opened before anything is said, side by side."""
        backend = self.backend
        opened: list[Awaitable[object]] = [backend.warm(), backend.import_decoding()]
        if self.options.play:
            opened += [self.session.prepare(audio), self.store.read()]
        # Wait for all of them: closing after a failure must find nothing half open.
        for outcome in await asyncio.gather(*opened, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def connect(self) -> None:
        """Have the server that speaks now ready; its client knows what `remember` tells of it."""
        client = await self.backend.connect()
        await self.store.read()
        client.learned.recall(self.store.of_server(client.endpoint.base_url))

    def keep_learned(self, server: SpeechServer) -> None:
        """Add what was learned of a server to what is written next."""
        client = server.client
        facts = None if client is None else client.learned.facts()
        if client is not None and facts is not None and server.name != LOCAL:
            self.store.learn_server(client.endpoint.base_url, facts)

    def set_paused(self, *, paused: bool) -> None:
        """Hold the sound and the time limits of responses, or let them go on."""
        self.session.set_paused(paused=paused)
        self.backend.set_paused(paused=paused)

    async def close(self) -> None:
        """Give everything back."""
        await self.store.close()
        await self.session.close()
        await self.backend.close()
