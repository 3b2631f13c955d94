"""The sound card, through PortAudio: the only import of sounddevice."""

from __future__ import annotations

import ctypes
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from streamplay import native
from streamplay.errors import DeviceLost, NoDevice

if TYPE_CHECKING:
    from types import ModuleType

    from streamplay.errors import OutputFailed
    from streamplay.outputs.base import Renderer

Latency = float | Literal["low", "high"]

Engine = Literal["native", "python"]

DEFAULT_LATENCY: Final[dict[Engine, float]] = {"native": 0.02, "python": 0.05}
"""Seconds, by what runs in the callback. A Python callback waits for the interpreter's lock,
which a busy thread gives up every 5 ms at the best: 20 ms underflowed under load, 50 ms
rides over short holds. The native one waits for nothing."""

DRAIN_FACTOR: Final = 1.5
"""Silence to be fed after the last frame, in units of the latency. PortAudio on ALSA
drops the device's buffer when a stream is closed; 1.5 lost none when measured."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One output device, as `devices` lists it."""

    index: int
    name: str
    hostapi: str
    samplerate: float
    latency_ms: float
    default: bool


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
        Seconds, or the device's own idea; `DEFAULT_LATENCY` unless given.
    engine : {'native', 'python'}
        What runs in the callback. A native one renders a `NativePlayout` only.

    Raises
    ------
    NoDevice
        If there is no such device, it is busy, or PortAudio itself is missing.
    """

    kind: Literal["device"] = "device"

    def __init__(
        self,
        samplerate: int,
        channels: int = 1,
        *,
        device: int | str | None = None,
        latency: Latency | None = None,
        engine: Engine = "python",
    ) -> None:
        sd = load()
        self.engine = engine
        self._seat = native.Seat()
        self._renderer: Renderer | None = None
        self._closing = False
        self._failure: OutputFailed | None = None
        facts = _find(sd, device)
        self.name = str(facts["name"])
        if latency is None:
            latency = DEFAULT_LATENCY[engine]
        self.channels = min(channels, facts["max_output_channels"])
        self._stream = self._open(sd, facts, samplerate, self.channels, latency)
        self.samplerate = round(self._stream.samplerate)
        self.latency = float(self._stream.latency)

    def _open(
        self,
        sd: ModuleType,
        facts: dict[str, Any],
        samplerate: int,
        channels: int,
        latency: Latency,
    ) -> Any:
        rates = dict.fromkeys((samplerate, round(facts["default_samplerate"])))
        problem: Exception | None = None
        for rate in rates:
            try:
                return self._make_stream(
                    sd,
                    samplerate=rate,
                    channels=channels,
                    dtype="float32",
                    device=facts["index"],
                    latency=latency,
                    blocksize=0,
                    finished_callback=self._finished,
                    # The samples are limited already; dither would change what came.
                    clip_off=True,
                    dither_off=True,
                )
            except sd.PortAudioError as error:
                problem = error
        raise NoDevice(
            f"the output device {self.name!r} cannot be opened: {problem}",
            remedy="Is another program holding it? List devices: streamplay devices",
        ) from problem

    def _make_stream(self, sd: ModuleType, **arguments: Any) -> Any:
        if self.engine == "python":
            return sd.RawOutputStream(callback=self._callback, **arguments)
        # A C callback passes through the base class alone; rtmixer does the same
        # (https://github.com/spatialaudio/python-rtmixer).
        return sd._StreamBase(  # noqa: SLF001
            kind="output",
            wrap_callback=None,
            callback=native.callback_address(),
            userdata=sd._ffi.cast("void*", ctypes.addressof(self._seat)),  # noqa: SLF001
            **arguments,
        )

    @property
    def failure(self) -> OutputFailed | None:
        """Why it stopped by itself, if it did."""
        return self._failure

    def start(self, renderer: Renderer) -> None:
        """Start the stream; PortAudio's own thread calls the renderer from now on."""
        self._renderer = renderer
        if isinstance(renderer, native.NativePlayout):
            self._seat.target, self._seat.latency = renderer.address, self.latency
        _running.add(self)
        try:
            self._stream.start()
        except load().PortAudioError as error:
            raise NoDevice(f"the output device {self.name!r} does not start: {error}") from error

    def close(self) -> None:
        """Stop and close the stream; idempotent."""
        if self._closing:
            return
        self._closing = True
        self._stream.close()
        _running.discard(self)

    def _callback(self, out: Any, frames: int, times: Any, status: Any) -> None:
        del frames
        renderer = self._renderer
        assert renderer is not None
        block = memoryview(out).cast("B").cast("f")
        # ALSA's first callbacks tell no DAC time; the stream's latency is as good there.
        delay = times.outputBufferDacTime - times.currentTime or self.latency
        renderer.render(block, time.perf_counter(), late=status.output_underflow, delay=delay)

    def _finished(self) -> None:
        if not self._closing:
            self._failure = DeviceLost(
                f"the output device {self.name!r} went away while playing",
                remedy="Plug it in again, or choose another with device (--device)",
            )


_running: Final[set[DeviceOutput]] = set()
"""PortAudio calls into what these hold: they live until their stream is closed."""


def load() -> ModuleType:
    """Import sounddevice, with its failures made plain.

    Raises
    ------
    NoDevice
        If the PortAudio library is missing or finds the audio system broken.
    """
    try:
        import sounddevice
    except OSError as error:
        remedy = "Install it: sudo apt-get install libportaudio2" if sys.platform == "linux" else ""
        raise NoDevice(f"the PortAudio library cannot be loaded: {error}", remedy=remedy) from error
    except Exception as error:  # sounddevice raises its own error where Pa_Initialize fails
        raise NoDevice(f"the audio system cannot be used: {error}") from error
    _hush_alsa()
    module: ModuleType = sounddevice
    return module


@cache
def _hush_alsa() -> None:
    """Keep ALSA from writing on standard error: what matters comes back as an error or a count.

    It calls its handler on the audio thread too, where nothing of Python may
    run; so the handler is a C function that changes nothing.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            harmless = ctypes.CDLL(None).abs
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(harmless)


def list_devices() -> list[DeviceInfo]:
    """Return the output devices, in PortAudio's order.

    Raises
    ------
    NoDevice
        If PortAudio cannot be used at all.
    """
    sd = load()
    apis = sd.query_hostapis()
    default = _default_index(sd)
    return [
        DeviceInfo(
            index=facts["index"],
            name=facts["name"],
            hostapi=apis[facts["hostapi"]]["name"],
            samplerate=facts["default_samplerate"],
            latency_ms=round(facts["default_low_output_latency"] * 1000, 1),
            default=facts["index"] == default,
        )
        for facts in sd.query_devices()
        if facts["max_output_channels"] > 0
    ]


def _default_index(sd: ModuleType) -> int:
    try:
        return int(sd.query_devices(kind="output")["index"])
    except (sd.PortAudioError, ValueError):
        return -1


def _find(sd: ModuleType, device: int | str | None) -> dict[str, Any]:
    if isinstance(device, str) and device.isdecimal():
        device = int(device)
    try:
        facts: dict[str, Any] = sd.query_devices(device, kind="output")
    except (sd.PortAudioError, ValueError) as error:
        if device is None:
            raise NoDevice("there is no output device on this machine") from error
        raise NoDevice(
            f"there is no output device {device!r}: {error}",
            remedy="List devices: streamplay devices",
        ) from error
    return facts
