"""Which server speaks: the client of a player, the built-in voice, and falling back to it."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Final

from streamplay.loop import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.network.api import SpeechApi
    from streamplay.network.early import EarlyRequest
    from streamplay.network.early_response import MakeTransport
    from streamplay.network.response import SpeechResponse
    from streamplay.options import Options
    from streamplay.server.child import LocalServer

DECODING: Final = ("numpy", "streamplay.stream.decoder")
"""Modules that the first bytes of an answer need, and that no request needs."""


class Backend:
    """Owns the client of a player and the built-in voice's process. On the player's loop.

    Parameters
    ----------
    options : Options
        The player's.
    clock : callable
        Seconds, monotonic.
    early : EarlyRequest, optional
        The first request, where it was sent before the player was made.

    Attributes
    ----------
    base_url : str
        The server that speaks now; ``local`` for the built-in voice, empty before `connect`
        where the options name no server.
    """

    def __init__(
        self, options: Options, clock: Callable[[], float], early: EarlyRequest | None = None
    ) -> None:
        self.base_url = "local" if options.local else ""
        self._options = options
        self._clock = clock
        self._early = early
        self._client: SpeechApi | None = None
        self._server: LocalServer | None = None
        self._starting: asyncio.Future[str] | None = None
        self._importing: asyncio.Task[None] | None = None
        self._responses: set[SpeechResponse] = set()
        self._paused = False

    @property
    def has_early(self) -> bool:
        """Whether a request has left already."""
        return self._early is not None and self._early.leaving

    async def connect(self) -> SpeechApi:
        """Return the client, made on the first call; start the built-in voice if it speaks."""
        if self._client is None:
            base_url = self._options.base_url
            if self._options.local:
                base_url = await self._start_server()
            self._client = self._make_client(base_url, self._early)
            self.base_url = self.base_url or self._client.endpoint.base_url
        return self._client

    async def warm(self) -> None:
        """Connect to the server before anything is to be said."""
        client = await self.connect()
        await client.warm()

    async def fall_back(self) -> SpeechApi:
        """Speak with the built-in voice from now on."""
        if self._client is not None:
            await self._client.aclose()
        self._client = self._make_client(await self._start_server())
        self.base_url = "local"
        return self._client

    def import_decoding(self) -> asyncio.Task[None]:
        """Begin to import what decodes, on a thread: the loop stays free for the first bytes."""
        if self._importing is None:
            compressed = self._options.format not in ("raw", "wav")
            self._importing = asyncio.create_task(aside(lambda: _import_decoding(compressed)))
        return self._importing

    def set_paused(self, *, paused: bool) -> None:
        """Suspend the time limits of all responses during a pause: it holds up reading."""
        self._paused = paused
        for response in self._responses:
            self.receiving(response)

    def receiving(self, response: SpeechResponse) -> None:
        """Note that a response is being received: its time limits rest during a pause."""
        self._responses = {*self._responses, response}
        if self._paused:
            response.suspend()
        else:
            response.resume()

    def received(self, response: SpeechResponse) -> None:
        """Note that nothing more of a response is wanted."""
        self._responses = self._responses - {response}

    async def close(self) -> None:
        """Close the client, and end the built-in voice."""
        if self._client is not None:
            await self._client.aclose()
        if self._starting is not None:
            # A server that is just coming up could not be ended.
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._server is not None:
            await aside(self._server.close)

    async def _start_server(self) -> str:
        from streamplay.server.child import LocalServer

        if self._server is None:
            # As a fallback it accepts the model and voice that another server was asked for.
            self._server = LocalServer(() if self._options.local else ("--any-name",))
        self._starting = asyncio.ensure_future(aside(self._server.start))
        # A caller that is cancelled leaves the start to `close`.
        return await asyncio.shield(self._starting)

    def _make_client(self, base_url: str | None, early: EarlyRequest | None = None) -> SpeechApi:
        from streamplay.network.api import SpeechApi
        from streamplay.network.transport import HttpTransport

        server = self._options.server
        server["base_url"] = base_url
        return SpeechApi(
            **server,
            notify=self._options.notify,
            clock=self._clock,
            transport=_transport_after(early) if early else HttpTransport,
        )


def _transport_after(early: EarlyRequest) -> MakeTransport:
    from streamplay.network.early_response import transport_after

    return transport_after(early)


def _import_decoding(compressed: bool) -> None:
    from streamplay.stream import sse

    for name in DECODING:
        import_module(name)
    sse.decoders()
    if compressed:
        from streamplay.codecs.packets import preload

        preload()
