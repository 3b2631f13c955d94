"""Where sound goes: a device, a silent clock, a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.errors import NoDevice
from streamplay.outputs.base import DRAIN_FACTOR, Engine, Latency

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.outputs.base import Output

__all__ = ["DRAIN_FACTOR", "Engine", "Latency", "open_output"]


def open_output(
    samplerate: int,
    channels: int,
    *,
    device: int | str | None = None,
    latency: Latency | None = None,
    engine: Engine = "python",
    silence: bool = True,
    notify: Callable[[str], None] = lambda _: None,
) -> Output:
    """Open the device asked for, or the default one, or the silent clock.

    Only where no device was asked for, and `silence` allows it, is the silent clock
    an answer, and it is told.

    Raises
    ------
    NoDevice
        If `device` was asked for and cannot be used, or none can and `silence`
        is not allowed.
    """
    # Only now: a request leaves before the audio side is imported.
    from streamplay.outputs.device import DeviceOutput
    from streamplay.outputs.silent import SilentOutput

    try:
        return DeviceOutput(samplerate, channels, device=device, latency=latency, engine=engine)
    except NoDevice as error:
        if device is not None or not silence:
            raise
        notify(f"no sound will be heard: {error.message}; playing to a silent clock instead")
        return SilentOutput(samplerate, channels)
