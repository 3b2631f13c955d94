"""Which server speaks: a player's clients, the built-in voice, what replaces a failing server.

A player has one server, and others that stand in for it where ``fallback`` names them. Which one
speaks is decided by `streamplay.failover.Failover`; here it is asked, connected to and, after it
has failed, looked for in the background where that costs nothing: by opening a connection, or by
asking for its list of models.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Final

from streamplay.errors import (
    ConnectFailed,
    ConnectionLost,
    NetworkFailed,
    ServerFailed,
    ServerRefused,
    StreamPlayError,
    TimedOut,
)
from streamplay.failover import PROBES, STAY_SECONDS, Failover
from streamplay.loop import aside
from streamplay.rules.alternatives import LOCAL
from streamplay.speech_servers import Change, servers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from streamplay.head_start import HeadStart
    from streamplay.network.api import SpeechApi
    from streamplay.network.early import EarlyRequest
    from streamplay.network.early_response import MakeTransport
    from streamplay.network.response import SpeechResponse
    from streamplay.network.timeouts import Limits
    from streamplay.options import Options
    from streamplay.request import SpeechRequest
    from streamplay.server.child import LocalServer
    from streamplay.speech_servers import SpeechServer

    Probe = Callable[[SpeechApi], Coroutine[Any, Any, bool]]

DECODING: Final = ("numpy", "streamplay.stream.decoder")
"""Modules that the first bytes of an answer need, and that no request needs."""

PROBE_SECONDS: Final = 3.0
"""What a probe waits for a server."""


class Backend:
    """Owns the clients of a player and the built-in voice's process. On the player's loop.

    Parameters
    ----------
    options : Options
        The player's.
    clock : callable
        Seconds, monotonic.
    begun : HeadStart, optional
        What was begun before the player was made.

    Attributes
    ----------
    base_url : str
        The server that speaks now; ``local`` for the built-in voice, empty before `connect`
        where the options name no server.
    """

    def __init__(
        self, options: Options, clock: Callable[[], float], begun: HeadStart | None = None
    ) -> None:
        self._options = options
        self._clock = clock
        self._begun = begun
        self._servers = servers_of(options)
        self._failover = Failover(len(self._servers))
        self._local: LocalServer | None = None if begun is None else begun.voice
        self._starting: asyncio.Future[str] | None = None
        self._importing: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        self._is_standby_ready = False
        self._responses: set[SpeechResponse] = set()
        self._paused = False

    @property
    def base_url(self) -> str:
        """The server that speaks now."""
        return self.current.name

    @property
    def current(self) -> SpeechServer:
        """The server that is asked now."""
        return self._servers[self._failover.current]

    @property
    def has_alternatives(self) -> bool:
        """Whether another server may speak in this player."""
        return len(self._servers) > 1

    @property
    def has_early(self) -> bool:
        """Whether a request has left already."""
        return self._begun is not None and self._begun.is_request_leaving

    async def connect(self) -> SpeechApi:
        """Return the client of the server that speaks now; start the built-in voice if that does.

        Raises
        ------
        ConnectFailed
            If the built-in voice cannot be started.
        InvalidRequest
            If the server cannot be asked as it is named.
        """
        return await self._connect(self.current)

    async def _connect(self, server: SpeechServer) -> SpeechApi:
        base_url = server.options.base_url
        if server.name == LOCAL:
            base_url = await self._start_local()
            if server.client is not None and server.client.endpoint.base_url != base_url:
                client, server.client = server.client, None  # its process had ended
                await client.aclose()
        if server.client is None:
            early = None if server.number or self._begun is None else self._begun.request
            server.client = self._make_client(server, base_url, early)
            server.name = server.name or server.client.endpoint.base_url
        return server.client

    async def warm(self) -> None:
        """Connect to the server before anything is to be said, and get what stands in ready."""
        try:
            client = await self.connect()
        except ConnectFailed:
            if not self.may_fall_back(self.current):
                raise
        else:
            await client.warm()
        self.get_standby_ready()

    def get_standby_ready(self) -> None:
        """Begin to start, or to connect to, the first server that stands in; once."""
        if self.has_alternatives and not self._is_standby_ready:
            self._is_standby_ready = True
            self._begin(self._warm(self._servers[1]))

    async def _warm(self, server: SpeechServer) -> None:
        with suppress(StreamPlayError):  # told when it is asked
            await (await self._connect(server)).warm()

    def open(
        self,
        server: SpeechServer,
        request: SpeechRequest,
        limits: Limits,
        others: Callable[[], Awaitable[bool]],
    ) -> SpeechResponse:
        """Return the response of a connected server to a request: see `SpeechApi.open`.

        Where another one can speak, it is given less time, and is not asked a second time.
        """
        assert server.client is not None, "it is connected to before it speaks"
        may_fall_back = self.may_fall_back(server)
        server.client.retries = not may_fall_back
        after = self._options.fallback_after
        if may_fall_back and after is not None:
            connect, first_byte = min(after, limits.connect), min(after, limits.first_byte)
            limits = replace(limits, connect=connect, first_byte=first_byte, per_character=0.0)
        return server.client.open(request, limits, others)

    # Standing in

    def may_fall_back(self, server: SpeechServer) -> bool:
        """Whether another server would speak if this one failed."""
        return server is not self.current or self._failover.has_next(self._clock())

    async def fall_back(self, server: SpeechServer, error: StreamPlayError) -> Change | None:
        """Have the next server speak after `server` has failed with `error`.

        Returns
        -------
        Change or None
            None: another piece or utterance has changed the server meanwhile.

        Raises
        ------
        StreamPlayError
            How the last server failed, where no other is left.
        """
        async with self._changing:
            if server is not self.current:
                return None
            failed, why = server, error
            while server is self.current:
                await self._give_up(server, error)
                following = self.current
                if following is server:
                    raise error
                try:
                    (await self._connect(following)).endpoint.require_key()
                except StreamPlayError as failure:
                    server, error = following, failure
                    self._options.tell(f"{failure.message}: {following.shown} cannot stand in")
            return Change(failed, self.current, why)

    async def _give_up(self, server: SpeechServer, error: StreamPlayError) -> None:
        wait = error.retry_after if isinstance(error, ServerRefused) else None
        self._failover.failed(self._clock(), wait=wait)
        if server.name == LOCAL and isinstance(error, NetworkFailed) and self._local is not None:
            await aside(self._local.close)  # its process may have ended: the next start makes one
        probe = None if server.client is None else _probe_after(error)
        if server is not self.current and server.name != LOCAL and probe is not None:
            self._begin(self._until_reached(server, probe))

    async def try_again(self, *, in_text: bool) -> Change | None:
        """Have a server before the current one speak again, where its time has come.

        Parameters
        ----------
        in_text : bool
            In the middle of a text: only where a probe has reached it.
        """
        before, reached = self.current, self._failover.has_reached
        if self._failover.try_again(self._clock(), only_reached=in_text) is None:
            return None
        return Change(before, self.current, reached=self.current.number in reached)

    @property
    def staying(self) -> str:
        """What to add to the notice of the last change, where it was one too many."""
        if not self._failover.is_staying:
            return ""
        return f", for {STAY_SECONDS / 60:g} minutes: two changes within one"

    def spoke(self, server: SpeechServer) -> None:
        """Note that a server has answered with audio."""
        self._failover.spoke(server.number)

    async def _until_reached(self, server: SpeechServer, probe: Probe) -> None:
        """Look for a server that has failed until it is there, or speaks again anyway."""
        waits = iter(PROBES)
        wait = next(waits)
        while server.number < self._failover.current:
            await asyncio.sleep(wait)
            with suppress(StreamPlayError, TimeoutError):
                async with asyncio.timeout(PROBE_SECONDS):
                    if server.client is not None and await probe(server.client):
                        self._failover.reached(server.number)
                        return
            wait = next(waits, PROBES[-1])

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    # What all servers share

    def import_decoding(self) -> asyncio.Task[None]:
        """Begin to import what decodes, on a thread: the loop stays free for the first bytes."""
        if self._importing is None:
            compressed = self._options.format not in ("raw", "wav", "mulaw")
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
        """Close the clients, and end the built-in voice."""
        for task in tuple(self._beside):
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        for server in self._servers:
            if server.client is not None:
                await server.client.aclose()
        if self._starting is not None:
            # A server that is just coming up could not be ended.
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._local is not None:
            await aside(self._local.close)

    async def _start_local(self) -> str:
        from streamplay.server.child import LocalServer

        if self._local is None:
            # As a fallback it accepts the model and voice that another server was asked for.
            self._local = LocalServer(() if self._options.local else ("--any-name",))
        if self._starting is None or self._starting.done():
            self._starting = asyncio.ensure_future(aside(self._local.start))
        # A caller that is cancelled leaves the start to `close`.
        return await asyncio.shield(self._starting)

    def _make_client(
        self, server: SpeechServer, base_url: str | None, early: EarlyRequest | None
    ) -> SpeechApi:
        from streamplay.network.api import SpeechApi
        from streamplay.network.transport import HttpTransport

        named = server.options.server
        named["base_url"] = base_url
        client = SpeechApi(
            **named,
            notify=self._options.notify,
            clock=self._clock,
            transport=_transport_after(early) if early else HttpTransport,
        )
        if server.options.local:
            client.endpoint.flags = "--local"  # its address ends with this process
        return client


def _probe_after(error: StreamPlayError) -> Probe | None:
    """Return how to find out at no cost that a server is there again; None: only speech tells."""
    timed_out = isinstance(error, TimedOut)
    connecting = isinstance(error, TimedOut) and error.waiting_for == "connect"
    if connecting or isinstance(error, (ConnectFailed, ConnectionLost)):
        return _connects
    return _lists if timed_out or isinstance(error, ServerFailed) else None


async def _connects(client: SpeechApi) -> bool:
    return await client.warm()


async def _lists(client: SpeechApi) -> bool:
    await client.models()
    return True


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
