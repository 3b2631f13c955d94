"""Opens the output that is asked for, or the silent clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.errors import NoDevice

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.outputs.base import Latency, NativeCallback, Output


def open_output(
    samplerate: int,
    channels: int,
    *,
    device: int | str | None = None,
    latency: Latency | None = None,
    callback: Callable[[int], NativeCallback] | None = None,
    silence: bool = True,
    notify: Callable[[str], None] = lambda _: None,
) -> Output:
    """Open the device asked for, or the default one, or the silent clock.

    Only where no device was asked for and `silence` allows it, the silent clock is opened
    instead, and `notify` is told. The other arguments are those of `DeviceOutput`.

    Raises
    ------
    NoDevice
        If `device` was asked for and cannot be used, or none can and `silence`
        is not allowed.
    """
    # Imported only here: a request leaves before the audio side is imported.
    from streamplay.outputs.device import DeviceOutput

    try:
        return DeviceOutput(samplerate, channels, device=device, latency=latency, callback=callback)
    except NoDevice as error:
        if device is not None or not silence:
            raise
        return stand_in(samplerate, channels, error, notify)


def stand_in(
    samplerate: int, channels: int, error: NoDevice, notify: Callable[[str], None]
) -> Output:
    """Return the silent clock, and tell `notify` why there is no device."""
    notify(f"no sound will be heard: {error.message}; playing to a silent clock instead")
    return silent_clock(samplerate, channels)


def silent_clock(samplerate: int, channels: int) -> Output:
    """Return a clock that takes sound at real time, and plays nothing."""
    from streamplay.outputs.silent import SilentOutput

    return SilentOutput(samplerate, channels)
