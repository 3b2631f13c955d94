"""PortAudio's beginning and end: the only import of sounddevice."""

from __future__ import annotations

import atexit
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from streamplay.errors import NoDevice
from streamplay.outputs import quiet
from streamplay.outputs.deadline import OutOfTime, within

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

T = TypeVar("T")

LOAD_SECONDS: Final = 5.0
"""PortAudio tries every device that it knows of; 50 ms are usual. An audio server that hangs
keeps it for ever."""

AGAIN_SECONDS: Final = 1.5
"""The same where it has begun before, and someone waits for sound."""

open_streams: Final[set[object]] = set()
"""PortAudio calls into what these hold: they live until their stream is closed, and what cannot
be closed lives for ever."""

_lock = threading.Lock()
_inside = threading.Lock()
"""Held by the thread that begins or ends PortAudio, for as long as that takes."""
_begun: list[ModuleType] = []


def load() -> ModuleType:
    """Import sounddevice, with its failures made plain.

    Raises
    ------
    NoDevice
        If the PortAudio library is missing, or finds the audio system broken or hanging.
    """
    with _lock:
        if not _begun or _inside.locked():
            _begun[:] = [_begin()]
        return _begun[0]


def _begin() -> ModuleType:
    quiet.hush()
    try:
        module = _in_time(LOAD_SECONDS, quiet.import_sounddevice)
    except OSError as error:
        remedy = "Install it: sudo apt-get install libportaudio2" if sys.platform == "linux" else ""
        raise NoDevice(f"the PortAudio library cannot be loaded: {error}", remedy=remedy) from error
    except NoDevice:
        raise
    except Exception as error:  # sounddevice raises its own error where Pa_Initialize fails
        raise NoDevice(f"the audio system cannot be used: {error}") from error
    _replace_end(module)
    return module


def _replace_end(module: ModuleType) -> None:
    """End PortAudio with the process, but leave that to the system where something of it hangs.

    sounddevice's own handler would close every stream that is still open, and wait for a callback
    or a server that may never come back.
    """
    end = getattr(module, "_exit_handler", None)
    if end is not None:
        atexit.unregister(end)
        atexit.unregister(_end)
        atexit.register(_end, end)


def _end(end: Callable[[], None]) -> None:
    if not open_streams and not _inside.locked():
        end()


def look_again() -> bool:
    """Have PortAudio look for devices anew; whether it could.

    It begins anew for that, which would end every stream of this process: so only
    where none of ours is open. Whoever calls this answers for streams that are
    not ours.

    Raises
    ------
    NoDevice
        If the audio system is broken, or hangs.
    """
    module = load()
    with _lock:
        if open_streams:
            return False
        try:
            _in_time(AGAIN_SECONDS, partial(_begin_anew, module))
        except module.PortAudioError as error:
            raise NoDevice(f"the audio system cannot be used: {error}") from error
        return True


def _begin_anew(module: ModuleType) -> None:
    # There are no other names for any of these.
    if module._initialized:  # noqa: SLF001 - not where it could not begin the last time
        module._terminate()  # noqa: SLF001 - as above
    module._initialize()  # noqa: SLF001 - as above


def _in_time(seconds: float, function: Callable[[], T]) -> T:
    """Do what PortAudio may hang in; nobody else gets near it until it comes back."""
    if _inside.locked():
        raise _hanging(seconds)
    try:
        return within(seconds, partial(_alone, function))
    except OutOfTime as error:
        raise _hanging(seconds) from error


def _hanging(seconds: float) -> NoDevice:
    return NoDevice(
        f"the audio system has not answered within {seconds:g} s",
        remedy="Is the audio server stopped? Restart it: systemctl --user restart pulseaudio",
    )


def _alone(function: Callable[[], T]) -> T:
    with _inside:
        return function()
