"""PortAudio's beginning and end: the only import of sounddevice."""

from __future__ import annotations

import atexit
import sys
import threading
from typing import TYPE_CHECKING, Final

from streamplay.errors import NoDevice
from streamplay.outputs import quiet
from streamplay.outputs.deadline import OutOfTime, within

if TYPE_CHECKING:
    from types import ModuleType

LOAD_SECONDS: Final = 5.0
"""PortAudio tries every device that it knows of; 50 ms are usual. An audio server that hangs
keeps it for ever."""

open_streams: Final[set[object]] = set()
"""PortAudio calls into what these hold: they live until their stream is closed, and what cannot
be closed lives for ever."""

_lock = threading.Lock()
_ended: list[bool] = []


def load() -> ModuleType:
    """Import sounddevice, with its failures made plain.

    Raises
    ------
    NoDevice
        If the PortAudio library is missing, or finds the audio system broken or hanging.
    """
    with _lock:
        module = sys.modules.get("sounddevice")
        return _begin() if module is None or not _ended else module


def _begin() -> ModuleType:
    quiet.hush()
    try:
        module = within(LOAD_SECONDS, quiet.import_sounddevice)
    except OutOfTime as error:
        raise NoDevice(
            f"the audio system has not answered within {LOAD_SECONDS:g} s",
            remedy="Is the audio server stopped? Restart it: systemctl --user restart pulseaudio",
        ) from error
    except OSError as error:
        remedy = "Install it: sudo apt-get install libportaudio2" if sys.platform == "linux" else ""
        raise NoDevice(f"the PortAudio library cannot be loaded: {error}", remedy=remedy) from error
    except Exception as error:  # sounddevice raises its own error where Pa_Initialize fails
        raise NoDevice(f"the audio system cannot be used: {error}") from error
    if not _ended:
        # Its own closes every stream that is still open, and waits for a callback or a server
        # that may never come back.
        atexit.unregister(module._exit_handler)  # noqa: SLF001 - there is no other name for it
        atexit.register(_end, module)
        _ended.append(False)
    return module


def _end(module: ModuleType) -> None:
    """End PortAudio with the process; where a stream is still open, the system does it."""
    if not open_streams:
        module._exit_handler()  # noqa: SLF001 - as above


def look_again() -> bool:
    """Have PortAudio look for devices anew; whether it could.

    It begins anew for that, which would end every stream of this process: so only
    where none of ours is open. Whoever calls this answers for streams that are
    not ours.
    """
    module = load()
    with _lock:
        if open_streams:
            return False
        try:
            module._terminate()  # noqa: SLF001 - there is no other name for it
            module._initialize()  # noqa: SLF001 - the same
        except module.PortAudioError as error:
            raise NoDevice(f"the audio system cannot be used: {error}") from error
        return True
