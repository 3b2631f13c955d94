"""The loop's side of a player: client, output and pump, and who speaks when."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Final

from streamplay.errors import OutputFailed
from streamplay.loop import aside
from streamplay.policy.store import Store
from streamplay.receipt import OutputFacts
from streamplay.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamplay.audio import AudioFormat
    from streamplay.network.client import SpeechClient
    from streamplay.network.early import EarlyRequest
    from streamplay.network.response import SpeechResponse
    from streamplay.options import Options
    from streamplay.outputs.base import Output
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.pump import Pump
    from streamplay.server.child import LocalServer
    from streamplay.speech.utterance import Utterance

DECODING: Final = ("numpy", "streamplay.stream.decoder")
"""What the first bytes of an answer need, and no request."""


class Session:
    """Owns what a player holds open. Everything runs on the player's loop.

    Parameters
    ----------
    options : Options
        The player's.
    clock : callable
        Seconds, monotonic.
    follow : bool
        Open the output at the first stream's own rate. A player with many
        streams opens once, and has the others resampled.
    early : EarlyRequest, optional
        The first request, which has left already.
    """

    def __init__(
        self,
        options: Options,
        clock: Callable[[], float],
        *,
        follow: bool,
        early: EarlyRequest | None = None,
    ) -> None:
        self.options = options
        self.clock = clock
        self.client: SpeechClient | None = None
        self.pump: Pump | None = None
        self.base_url = "local" if options.local else ""
        self._follow = follow
        self._early = early
        self._gain = 10 ** (options.volume / 20)
        self._paused = False
        self._server: LocalServer | None = None
        self._starting: asyncio.Future[str] | None = None
        self._opening: asyncio.Task[Pump] | None = None
        self._importing: asyncio.Task[None] | None = None
        self._responses: set[SpeechResponse] = set()
        self._pumping: asyncio.Task[None] | None = None
        self.notebook = Store(options.remember, options.tell)
        self._recovery = Recovery(self._open_again, options.tell)
        self.on_output_failed: Callable[[OutputFailed], None] = lambda _: None
        self.on_played: Callable[[Utterance], None] = lambda _: None

    async def connect(self) -> SpeechClient:
        """Return the client, made on the first call; start the built-in voice if it speaks."""
        if self.client is None:
            base_url = await self._start_server() if self.options.local else self.options.base_url
            self.client = self._make_client(base_url, self._early)
            self.base_url = self.base_url or self.client.endpoint.base_url
        return self.client

    async def fall_back(self) -> SpeechClient:
        """Speak with the built-in voice from now on."""
        if self.client is not None:
            await self.client.aclose()
        self.client = self._make_client(await self._start_server())
        self.base_url = "local"
        return self.client

    async def make_ready(self, audio: AudioFormat) -> None:
        """Open all that can be opened before anything is said, side by side."""
        opened: list[Awaitable[object]] = [self._warm(), self.import_decoding()]
        if self.options.play:
            opened.append(self.prepare(audio))
        # All have ended then: whoever closes after a failure finds nothing half open.
        for outcome in await asyncio.gather(*opened, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _warm(self) -> None:
        client = await self.connect()
        await client.warm()

    def begin(self, audio: AudioFormat) -> None:
        """Get ready at once where a request has left already."""
        if self._early is not None and self._early.leaving:
            self.get_ready(audio)

    def get_ready(self, audio: AudioFormat) -> None:
        """Import what decodes and open the output, where a request has left."""
        self.import_decoding()
        if self.options.play:
            self.prepare(audio)

    def import_decoding(self) -> asyncio.Task[None]:
        """Import what decodes on a thread: it would keep the loop from its first bytes."""
        if self._importing is None:
            self._importing = asyncio.create_task(aside(_import_decoding))
        return self._importing

    def prepare(self, audio: AudioFormat) -> asyncio.Task[Pump]:
        """Begin to open the output, beside whatever else goes on."""
        wanted = (audio.samplerate, audio.channels)
        if self._opening is None or _has_failed(self._opening):
            self._opening = asyncio.create_task(self._open(*wanted))
        elif self._may_look_again():
            self._opening = asyncio.create_task(self._look_again(*wanted))
        return self._opening

    def _may_look_again(self) -> bool:
        """Whether another device may be the default one by now, and nobody would hear us look."""
        follows = self.options.follow_default and self.options.device is None
        return follows and self.pump is not None and self.pump.resting

    async def _look_again(self, samplerate: int, channels: int) -> Pump:
        from streamplay.outputs.portaudio import look_again

        await self._close_pump()
        await aside(look_again)
        return await self._open(samplerate, channels)

    async def pump_for(self, audio: AudioFormat) -> Pump:
        """Return the pump of an open output, as near to `audio` as it may be.

        Raises
        ------
        OutputFailed
            If the output cannot be opened.
        """
        pump = await self.prepare(audio)
        wanted = (audio.samplerate, audio.channels)
        if pump.lost or (self._follow and pump.untouched and pump.asked != wanted):
            await self._close_output()
            pump = await self.prepare(audio)
        return pump

    def facts(self) -> OutputFacts:
        """Return where the sound goes, for a receipt."""
        if self.pump is None:
            return OutputFacts()
        output = self.pump.output
        latency = round(1000 * output.latency, 1)
        engine = self.pump.playout.engine
        return OutputFacts(output.kind, output.name, output.samplerate, latency, engine)

    @property
    def playout(self) -> AnyPlayout | None:
        """The playout of the output that is open."""
        return None if self.pump is None else self.pump.playout

    def set_gain(self, gain: float) -> None:
        """Approach another volume."""
        self._gain = gain
        if self.pump is not None:
            self.pump.playout.gain = gain

    def set_paused(self, *, paused: bool) -> None:
        """Pause or resume the playout."""
        self._paused = paused
        if self.pump is not None and paused:
            self.pump.playout.pause()
        elif self.pump is not None:
            self.pump.playout.resume()
        for response in self._responses:
            self.receiving(response)

    def receiving(self, response: SpeechResponse) -> None:
        """Note that an answer is on its way: its time limits rest during a pause."""
        if response not in self._responses:
            self._responses = {*self._responses, response}
        if self._paused:
            response.suspend()
        else:
            response.resume()

    def received(self, response: SpeechResponse) -> None:
        """Note that an answer has come, or is not wanted any more."""
        self._responses = self._responses - {response}

    async def close(self) -> None:
        """Give everything back."""
        await self.notebook.close()
        await self._close_output()
        if self.client is not None:
            await self.client.aclose()
        if self._starting is not None:
            # A server that is just coming up could not be ended.
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._server is not None:
            await aside(self._server.close)

    async def _close_output(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            # Whoever needed the output has been told why there is none.
            await asyncio.gather(opening, return_exceptions=True)
        await self._close_pump()

    async def _close_pump(self) -> None:
        pumping, self._pumping = self._pumping, None
        # Where the pump itself found the output lost, it is who closes it.
        if pumping is not None and pumping is not asyncio.current_task():
            pumping.cancel()
        pump, self.pump = self.pump, None
        if pump is not None:
            await pump.drained()
            pump.abandon()
            await aside(pump.output.close)

    async def _open(self, samplerate: int, channels: int) -> Pump:
        opening = aside(self._open_output, samplerate, channels)
        (output, pump), _ = await asyncio.gather(opening, self.notebook.read())
        pump.playout.gain = self._gain
        if self._paused:
            pump.playout.pause()
        try:
            await aside(output.start, pump.playout)
        except OutputFailed:
            await aside(output.close)
            raise
        self.pump = pump
        self._pumping = asyncio.create_task(self._run(pump))
        return pump

    def _open_output(self, samplerate: int, channels: int) -> tuple[Output, Pump]:
        """Import the audio side and open the device; on a thread, for both take their time."""
        from streamplay.playback import native
        from streamplay.playback.playout import Playout
        from streamplay.playback.pump import RESERVE_SECONDS, RING_SECONDS, Pump

        engine = native.choose(self.options.engine)
        output = self._open_device(samplerate, channels, silence=True)
        reserve = round(RESERVE_SECONDS * output.samplerate)
        capacity = round(RING_SECONDS * output.samplerate) + reserve
        make = native.NativePlayout if engine == "native" else Playout
        playout = make(output.samplerate, output.channels, capacity)
        asked, wake = (samplerate, channels), self.options.wake / 1000
        return output, Pump(output, playout, self.clock, asked=asked, wake=wake, reserve=reserve)

    def _open_again(self, samplerate: int, channels: int) -> Output:
        if self.options.follow_default:
            from streamplay.outputs.portaudio import look_again

            look_again()
        return self._open_device(samplerate, channels, silence=False)

    def _open_device(self, samplerate: int, channels: int, *, silence: bool) -> Output:
        from streamplay.outputs import open_output
        from streamplay.playback import native

        return open_output(
            samplerate,
            channels,
            device=self.options.device,
            latency=self.options.latency,
            engine=native.choose(self.options.engine),
            silence=silence,
            notify=self.options.tell,
        )

    async def _run(self, pump: Pump) -> None:
        while True:
            try:
                await pump.run()
            except Exception as error:  # noqa: BLE001 - after a bug too nobody is left waiting
                failure = error if isinstance(error, OutputFailed) else _bug(error)
                if failure is error and await self._recovery.go_on(pump, failure):
                    continue
                self.on_output_failed(failure)
                await self._close_output()
                return

    async def _start_server(self) -> str:
        from streamplay.server.child import LocalServer

        if self._server is None:
            # As a fallback it speaks for whoever was asked.
            self._server = LocalServer(() if self.options.local else ("--any-name",))
        self._starting = asyncio.ensure_future(aside(self._server.start))
        # Who no longer waits for it leaves it to `close`.
        return await asyncio.shield(self._starting)

    def _make_client(self, base_url: str | None, early: EarlyRequest | None = None) -> SpeechClient:
        from streamplay.network.client import SpeechClient

        options = self.options
        return SpeechClient(
            base_url=base_url,
            api=options.api,
            api_key=options.api_key,
            api_key_env=options.api_key_env,
            timeout=options.timeout,
            deadline=options.deadline,
            notify=options.notify,
            clock=self.clock,
            early=early,
        )


def _import_decoding() -> None:
    from streamplay.stream import sse

    for name in DECODING:
        import_module(name)
    sse.decoders()


def _bug(error: Exception) -> OutputFailed:
    failure = OutputFailed(f"the player failed with {error!r}", remedy="Please report this bug")
    failure.__cause__ = error
    return failure


def _has_failed(task: asyncio.Task[Pump]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
