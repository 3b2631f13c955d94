"""What a player holds open for sound: the output, its pump, and another output where one is lost.

It knows nothing of servers or text. Where a device is lost while it plays, the playout outlives
it: what the playout holds is played at another device, from where the lost one stopped asking.
At most what the lost device had taken and not yet made audible is missing: one latency of it.

Where there is no device, and none was asked for, the silent clock stands in for it. A device is
then looked for on a thread before each utterance, and takes the playout over from the clock.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from streamplay.errors import DeviceLost, NoDevice, OutputFailed
from streamplay.loop import aside, in_thread
from streamplay.playback.changes import SharedChanges
from streamplay.playback.device_search import DeviceSearch
from streamplay.receipt import OutputFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from streamplay.audio import AudioFormat
    from streamplay.outputs.base import Output
    from streamplay.playback.device_search import OutputOptions
    from streamplay.playback.native import AnyPlayout
    from streamplay.playback.pump import Pump

PATIENCE_SECONDS: Final = 1.0
"""For an audio server to come back. With the second that it takes to notice, two at most."""

RETRY_SECONDS: Final = 0.1

MIN_SECONDS: Final = 0.5
"""A device that is lost so soon after another was lost is not replaced: the next would be too."""

LOOK_PATIENCE_SECONDS: Final = 1.0
"""The longest that an utterance waits for the search for a device: 0.1 s are usual, a sound server
that hangs takes 3 s. After that it goes to the silent clock, then to the device that comes."""

LOOKED_SECONDS: Final = 0.3
"""A search for the same utterance that is older is repeated: it began with the request, and the
frames may come much later."""

FOLLOW_SECONDS: Final = 5.0
"""For so long after it was initialised PortAudio is not initialised again (60 ms, which may be more
than a near server takes); and where nothing tells that devices have come or gone, the default
device is not opened again (8 ms), which follows the system's default. On Linux the sound server
moves an open stream to another default device by itself."""


class Session:
    """Opens the output, and opens it again. Everything runs on the player's loop.

    Parameters
    ----------
    options : OutputOptions
        The player's.
    clock : callable
        Seconds, monotonic.
    follow : bool
        Open the output at the first stream's own rate. A player with many
        streams opens once, and has the others resampled.

    Attributes
    ----------
    pump : Pump or None
        That of the output that is open.
    changes : SharedChanges
        Notified when an output is opened or closed.
    """

    def __init__(self, options: OutputOptions, clock: Callable[[], float], *, follow: bool) -> None:
        self.pump: Pump | None = None
        self.changes = SharedChanges()
        self._options = options
        self._clock = clock
        self._follow = follow
        self._gain = 10 ** (options.volume / 20)
        self._paused = False
        self._opening: asyncio.Task[Pump] | None = None
        self._pumping: asyncio.Task[None] | None = None
        self._search = DeviceSearch(options)
        self._looking: asyncio.Task[None] | None = None
        self._looked = self._opened = self._followed = -inf
        self._stamp: object = None  # of the devices that PortAudio knows
        self._swapping = False
        self._recovery = Recovery(self._open_again, options.tell)

    @property
    def playout(self) -> AnyPlayout | None:
        """The playout of the output that is open."""
        return None if self.pump is None else self.pump.playout

    def prepare(self, audio: AudioFormat) -> asyncio.Task[Pump]:
        """Begin to open the output, or to look for another, beside everything else that goes on."""
        wanted = (audio.samplerate, audio.channels)
        if self._opening is None or _has_failed(self._opening):
            self._opening = asyncio.create_task(self._open(*wanted))
        elif self._is_silent():
            self._look_for_device()
        elif self._may_follow():
            self._opening = asyncio.create_task(self._follow_default(*wanted))
        return self._opening

    async def pump_for(self, audio: AudioFormat) -> Pump:
        """Return the pump of an open output, as near to `audio` as it may be.

        A caller that is cancelled leaves the opening to `close`.

        Raises
        ------
        OutputFailed
            If the output cannot be opened.
        """
        wanted = (audio.samplerate, audio.channels)
        opening = self.prepare(audio)
        pump = await asyncio.shield(opening)
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=LOOK_PATIENCE_SECONDS)
            opening = self._opening or opening
            pump = await asyncio.shield(opening)
        if pump.lost or (self._follow and pump.untouched and pump.asked != wanted):
            if self._opening is opening:
                self._opening = asyncio.create_task(self._reopen(*wanted))
            pump = await asyncio.shield(self._opening or self.prepare(audio))
        self._looked = -inf
        return pump

    def facts(self) -> OutputFacts:
        """Return where the sound goes, for a receipt."""
        if self.pump is None:
            return OutputFacts()
        output = self.pump.output
        latency = round(1000 * output.latency, 1)
        engine = self.pump.playout.engine
        return OutputFacts(output.kind, output.name, output.samplerate, latency, engine)

    def set_gain(self, gain: float) -> None:
        """Approach another volume: a factor of the amplitude."""
        self._gain = gain
        if self.pump is not None:
            self.pump.playout.gain = gain

    def set_paused(self, *, paused: bool) -> None:
        """Pause or resume the playout."""
        self._paused = paused
        if self.pump is not None:
            self.pump.set_paused(paused=paused)

    async def close(self) -> None:
        """Close the output; `prepare` opens another."""
        looking, self._looking = self._looking, None
        if looking is not None:
            if not self._swapping:  # else the device is there in a moment, and is closed below
                looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        opening, self._opening = self._opening, None
        if opening is not None:
            # An utterance that needed the output has been told why there is none.
            await asyncio.gather(opening, return_exceptions=True)
        await self._close_pump()

    def _may_follow(self) -> bool:
        """Whether another device may be the default one by now, and looking interrupts nothing."""
        follows = self._options.follow_default and self._options.device is None
        if not follows or self.pump is None or not self.pump.resting:
            return False
        from streamplay.outputs.devices import devices_stamp

        stamp = devices_stamp()
        if stamp is None:
            return self._clock() - self._opened >= FOLLOW_SECONDS
        return stamp != self._stamp

    async def _follow_default(self, samplerate: int, channels: int) -> Pump:
        """Open the device that is the default one now, also one that has come since."""
        from streamplay.outputs.devices import devices_stamp
        from streamplay.outputs.portaudio import look_again

        await self._close_pump()
        stamp, now = devices_stamp(), self._clock()
        known = stamp is not None and stamp == self._stamp
        if not known and now - self._followed >= FOLLOW_SECONDS:
            with suppress(NoDevice):  # told when the device is opened
                await aside(look_again)
            self._followed, self._stamp = now, stamp
        return await self._open(samplerate, channels)

    async def _reopen(self, samplerate: int, channels: int) -> Pump:
        await self._close_pump()
        return await self._open(samplerate, channels)

    # Where the silent clock stands in for a device

    def _is_silent(self) -> bool:
        return self.pump is not None and self._search.is_stand_in(self.pump.output)

    def _look_for_device(self) -> None:
        """Begin to look for a device, unless that goes on or has just ended."""
        looking = self._looking is not None and not self._looking.done()
        if self.pump is not None and not looking and self._clock() - self._looked > LOOKED_SECONDS:
            self._looking = asyncio.create_task(self._find_device(self.pump))

    async def _find_device(self, pump: Pump) -> None:
        playout = pump.playout
        # Not `aside`: a look that hangs must not hold up the end of the loop.
        finding = in_thread(self._search.open_device, playout.samplerate, playout.channels)
        try:
            await _ended(finding)
        except asyncio.CancelledError:
            finding.add_done_callback(_close_again)
            raise
        finally:
            self._looked = self._clock()
        if isinstance(finding.exception(), OutputFailed):
            return
        output = finding.result()
        self._swapping = True
        try:
            await self._take(pump, output)
        finally:
            self._swapping = False

    async def _take(self, pump: Pump, output: Output) -> None:
        """Have a device that was found play what `pump` holds, from now on."""
        playout = pump.playout
        if (output.samplerate, output.channels) != (playout.samplerate, playout.channels):
            await aside(output.close)
            if self.pump is pump and (pump.untouched or pump.resting):
                self._opening = asyncio.create_task(self._reopen(*pump.asked))
                await asyncio.shield(self._opening)
            return
        if self.pump is pump:
            taken = await aside(_swap, pump, output)
            if self.pump is pump:
                pump.go_on(taken)
                self.changes.notify()
                if taken is output:
                    self._search.note_started(output)
                else:
                    self._search.note_stand_in(taken)
                return
            output = taken
        output.detach()
        await aside(output.close)

    async def _close_pump(self) -> None:
        pumping, self._pumping = self._pumping, None
        # `_recover` itself closes an output that is lost.
        if pumping is not None and pumping is not asyncio.current_task():
            pumping.cancel()
        pump, self.pump = self.pump, None
        self.changes.notify()
        if pump is not None:
            await pump.drained()
            pump.abandon()
            await aside(pump.output.close)

    async def _open(self, samplerate: int, channels: int) -> Pump:
        output, pump = await aside(self._open_output, samplerate, channels)
        pump.playout.gain = self._gain
        pump.set_paused(paused=self._paused)
        try:
            await aside(output.start, pump.playout, pump.wake)
        except OutputFailed:
            await aside(output.close)
            raise
        self._search.note_started(output)
        self.pump, self._opened = pump, self._clock()
        # What was asked for while the output started: until now there was no pump to tell.
        pump.playout.gain = self._gain
        pump.set_paused(paused=self._paused)
        self.changes.notify()
        self._begin_pumping(pump)
        return pump

    def _open_output(self, samplerate: int, channels: int) -> tuple[Output, Pump]:
        """Import the audio side and open the device; on a thread, because both take their time."""
        from streamplay.outputs import portaudio
        from streamplay.outputs.devices import devices_stamp
        from streamplay.playback import native
        from streamplay.playback.playout import Playout
        from streamplay.playback.pump import RESERVE_SECONDS, RING_SECONDS, Pump

        if not portaudio.has_begun():
            self._stamp = devices_stamp()
        engine = native.choose(self._options.engine)
        output = self._search.open(samplerate, channels)
        reserve = round(RESERVE_SECONDS * output.samplerate)
        capacity = round(RING_SECONDS * output.samplerate) + reserve
        make = native.NativePlayout if engine == "native" else Playout
        playout = make(output.samplerate, output.channels, capacity)
        asked, wake = (samplerate, channels), self._options.wake / 1000
        return output, Pump(output, playout, self._clock, asked=asked, wake=wake, reserve=reserve)

    def _open_again(self, samplerate: int, channels: int) -> Output:
        output = self._search.open_device(samplerate, channels)
        self._search.note_started(output, told=True)
        return output

    def _begin_pumping(self, pump: Pump) -> None:
        self._pumping = asyncio.create_task(pump.run())
        self._pumping.add_done_callback(partial(self._pumping_ended, pump))

    def _pumping_ended(self, pump: Pump, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._pumping = asyncio.create_task(self._recover(pump, error))

    async def _recover(self, pump: Pump, error: BaseException) -> None:
        """Go on at another output; where there is none, end what was to be heard."""
        # After a bug in the pump too, every utterance must end.
        if self._swapping and self._looking is not None:
            # The clock has been stopped, and a device is going to play in its place.
            await asyncio.wait({self._looking})
            self._begin_pumping(pump)
            return
        failure = error if isinstance(error, OutputFailed) else _bug(error)
        if failure is error and await self._recovery.go_on(pump, failure):
            self._begin_pumping(pump)
            return
        if failure is error:
            self._search.note_lost()
        pump.abandon(failure)
        await self.close()


class Recovery:
    """Replaces the output under a pump.

    Parameters
    ----------
    reopen : callable
        Opens an output, given a samplerate and channels; blocks, and raises
        `OutputFailed`.
    tell : callable
        Is told in one line where the sound goes on.
    """

    def __init__(self, reopen: Callable[[int, int], Output], tell: Callable[[str], None]) -> None:
        self._reopen = reopen
        self._tell = tell
        self._pump: Pump | None = None
        self._since = 0

    async def go_on(self, pump: Pump, error: OutputFailed) -> bool:
        """Whether the sound goes on; on the loop."""
        lost = pump.output
        # While a callback may still use the playout, no other callback may.
        if not isinstance(error, DeviceLost) or self._is_hopeless(pump) or not lost.detach():
            return False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await aside(lost.close)  # a card may be opened once
                output = await self._open(pump)
        except TimeoutError:
            return False
        self._pump, self._since = pump, pump.playout.rendered
        pump.go_on(output)
        self._tell(f"{error.message}; going on at {output.name!r}")
        return True

    def _is_hopeless(self, pump: Pump) -> bool:
        """Whether another output would be lost as well, and the listener has waited enough."""
        playout = pump.playout
        if self._pump is pump:
            return playout.rendered - self._since < MIN_SECONDS * playout.samplerate
        # It is there, and has not asked once in all the time that a device may take to wake up.
        return playout.rendered == 0 and pump.output.failure is None

    async def _open(self, pump: Pump) -> Output:
        while True:
            opening = asyncio.ensure_future(aside(self._open_alike, pump))
            try:
                return await asyncio.shield(opening)
            except OutputFailed:
                await asyncio.sleep(RETRY_SECONDS)
            except asyncio.CancelledError:
                opening.add_done_callback(_close_again)
                raise

    def _open_alike(self, pump: Pump) -> Output:
        playout = pump.playout
        output = self._reopen(playout.samplerate, playout.channels)
        if (output.samplerate, output.channels) != (playout.samplerate, playout.channels):
            output.close()
            raise OutputFailed(f"{output.name!r} takes {output.samplerate} Hz alone")
        playout.moved()
        try:
            output.start(playout, pump.wake)
        except OutputFailed:
            output.close()
            raise
        return output


def _swap(pump: Pump, output: Output) -> Output:
    """Start `output` on the playout of `pump` in place of the silent clock; return what plays.

    Where `output` does not start, another silent clock plays.
    """
    from streamplay.outputs.opening import silent_clock

    playout = pump.playout
    pump.output.detach()
    playout.moved()
    try:
        output.start(playout, pump.wake)
    except OutputFailed:
        output.detach()
        output.close()
        output = silent_clock(playout.samplerate, playout.channels)
        output.start(playout, pump.wake)
    return output


async def _ended(future: Future[Output]) -> None:
    """Wait for a future of a thread; cancelled, leave it alone."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[Output]) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(ended.set)

    future.add_done_callback(tell)
    await ended.wait()


def _close_again(opening: asyncio.Future[Output] | Future[Output]) -> None:
    """Close an output that was opened when nothing waited for it any more."""
    if not opening.cancelled() and opening.exception() is None:
        output = opening.result()
        output.detach()
        output.close()


def _bug(error: BaseException) -> OutputFailed:
    failure = OutputFailed(f"the player failed with {error!r}", remedy="Please report this bug")
    failure.__cause__ = error
    return failure


def _has_failed(task: asyncio.Task[Pump]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
