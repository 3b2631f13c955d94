"""The sound card, through PortAudio."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay.errors import DeviceLost, NoDevice, OutputFailed
from streamplay.outputs.deadline import OutOfTime, within
from streamplay.outputs.devices import Found, find, survey
from streamplay.outputs.portaudio import claim, load, release

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from streamplay.outputs.base import Latency, NativeCallback, Renderer

NATIVE_LATENCY: Final = 0.02
"""Seconds, unless asked for. A native callback waits for nothing."""

PYTHON_LATENCY: Final = 0.05
"""The same for a Python callback. It waits for the interpreter's lock, which a busy thread gives
up every 5 ms at the best: 20 ms underflowed under load, 50 ms ride over short holds."""

OPEN_SECONDS: Final = 3.0
"""To open or to start a device. Milliseconds are usual, a second where it has to be woken up."""

CLOSE_SECONDS: Final = 0.5
"""To close a device, which waits for a running callback and for the audio server."""

DETACH_SECONDS: Final = 0.1
"""For a running callback to end: it takes microseconds."""


class DeviceOutput:
    """A PortAudio output stream that asks a renderer for float32 blocks.

    Parameters
    ----------
    samplerate, channels : int
        What to open with; `samplerate` becomes the device's own where it
        refuses another, `channels` the most that it has.
    device : int or str, optional
        PortAudio's index, or a part of the name; the default device unless given.
    latency : float or {'low', 'high'}, optional
        Seconds, or what the device calls so; `NATIVE_LATENCY` or `PYTHON_LATENCY` unless given.
    callback : callable, optional
        Makes a native callback, given the number of channels; PortAudio calls Python unless given.

    Raises
    ------
    NoDevice
        If there is no such device, it is busy, or PortAudio itself is missing.
    OutputFailed
        If PortAudio had begun before this process was forked.
    """

    kind: Literal["device"] = "device"
    speed = 1.0

    def __init__(
        self,
        samplerate: int,
        channels: int = 1,
        *,
        device: int | str | None = None,
        latency: Latency | None = None,
        callback: Callable[[int], NativeCallback] | None = None,
    ) -> None:
        self._renderer: Renderer | None = None
        self._on_lost: Callable[[], object] = lambda: None
        self._inside = False
        self._closing = self._closed = self._stuck = False
        self._failure: OutputFailed | None = None
        # Before the list of devices is read: their indexes count for this PortAudio alone.
        sd = claim(self)
        try:
            found = find(survey(), device)
            self.name = found.info.name
            self.channels = min(channels, found.channels)
            self._native = None if callback is None else callback(self.channels)
            if latency is None:
                latency = PYTHON_LATENCY if self._native is None else NATIVE_LATENCY
            self._stream = self._open(sd, found, samplerate, latency)
        except BaseException:
            if not self._stuck:
                release(self)
            raise
        self.samplerate = round(self._stream.samplerate)
        self.latency = float(self._stream.latency)

    def _open(self, sd: ModuleType, found: Found, samplerate: int, latency: Latency) -> Any:
        rates = dict.fromkeys((samplerate, round(found.info.samplerate)))
        problem: Exception | None = None
        for rate in rates:
            make = partial(
                self._make_in_time,
                sd,
                samplerate=rate,
                channels=self.channels,
                dtype="float32",
                device=found.info.index,
                latency=latency,
                blocksize=0,
                finished_callback=self._finished,
                # The samples are limited already; dither would change what came.
                clip_off=True,
                dither_off=True,
            )
            try:
                return within(OPEN_SECONDS, make, late=self._close_late)
            except OutOfTime as error:
                self._stuck = True
                raise self._silent("does not open", OPEN_SECONDS) from error
            except sd.PortAudioError as error:
                problem = error
        raise NoDevice(
            f"the output device {self.name!r} cannot be opened: {problem}",
            remedy="Is another program holding it? List devices: streamplay devices",
        ) from problem

    def _close_late(self, stream: Any) -> None:
        """Close a stream that opened after `OPEN_SECONDS`, when nothing waits for it any more."""
        stream.close()
        release(self)

    def _silent(self, what: str, seconds: float) -> NoDevice:
        return NoDevice(
            f"the output device {self.name!r} {what} within {seconds:g} s",
            remedy="Choose another with device (--device), or restart the audio server",
        )

    def _make_in_time(self, sd: ModuleType, **arguments: Any) -> Any:
        try:
            return self._make_stream(sd, **arguments)
        except BaseException:
            if self._stuck:  # it failed when nothing waited for it any more
                release(self)
            raise

    def _make_stream(self, sd: ModuleType, **arguments: Any) -> Any:
        if self._native is None:
            return sd.RawOutputStream(callback=self._callback, **arguments)
        # A C callback passes through the base class alone; rtmixer does the same
        # (https://github.com/spatialaudio/python-rtmixer).
        return sd._StreamBase(  # noqa: SLF001
            kind="output",
            wrap_callback=None,
            callback=self._native.address,
            userdata=sd._ffi.cast("void*", self._native.userdata),  # noqa: SLF001
            **arguments,
        )

    @property
    def failure(self) -> OutputFailed | None:
        """Why it stopped by itself, if it did."""
        return self._failure

    def start(self, renderer: Renderer, on_lost: Callable[[], object] = lambda: None) -> None:
        """Start the stream; PortAudio's own thread calls the renderer from now on."""
        self._renderer, self._on_lost = renderer, on_lost
        if self._native is not None:
            self._native.attach(renderer, self.latency)
        try:
            within(OPEN_SECONDS, self._stream.start)
        except OutOfTime as error:
            self._stuck = True
            raise self._silent("does not start", OPEN_SECONDS) from error
        except load().PortAudioError as error:
            raise NoDevice(f"the output device {self.name!r} does not start: {error}") from error

    def detach(self) -> bool:
        """Let go of the renderer: whether this stream will not call it any more."""
        renderer, self._closing = self._renderer, True
        self._renderer = None
        until = time.monotonic() + DETACH_SECONDS
        while self._inside or not (self._native is None or self._native.detach()):
            if time.monotonic() > until:
                self._renderer = renderer  # a callback that is running may still need it
                return False
            time.sleep(0.001)
        return True

    def close(self) -> None:
        """Stop and close the stream; idempotent.

        A stream that cannot be closed in time is left to the end of the process; it calls no
        renderer any more.
        """
        if self._closed:
            return
        self._closing = self._closed = True
        if self._stuck or not self._close_in_time():
            self.detach()
        else:
            release(self)

    def _close_in_time(self) -> bool:
        try:
            within(CLOSE_SECONDS, self._stream.close, late=lambda _: release(self))
        except OutOfTime:
            return False
        return True

    def _callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        del frames
        self._inside = True
        renderer = self._renderer
        block = memoryview(out).cast("B").cast("f")
        # ALSA's first callbacks tell no DAC time; the stream's latency is as good there.
        delay = times.outputBufferDacTime - times.currentTime or self.latency
        try:
            if renderer is None:
                out[:] = bytes(len(out))
            else:
                renderer.render(
                    block, time.perf_counter(), late=status.output_underflow, delay=delay
                )
        except BaseException as error:
            # sounddevice would print it and go on: end the stream, with a failure that says why.
            self._failure = OutputFailed(f"the playout failed in the callback: {error!r}")
            out[:] = bytes(len(out))
            raise load().CallbackAbort from error
        finally:
            self._inside = False

    def _finished(self) -> None:
        if not self._closing and self._failure is None:
            self._failure = DeviceLost(
                f"the output device {self.name!r} went away while playing",
                remedy="Plug it in again, or choose another with device (--device)",
            )
        if self._failure is not None:
            self._on_lost()
