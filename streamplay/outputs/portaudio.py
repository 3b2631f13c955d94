"""Initialises and terminates PortAudio: the only import of sounddevice."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from streamplay.errors import NoDevice, OutputFailed
from streamplay.outputs import alsa, quiet
from streamplay.outputs.deadline import OutOfTime, within

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

T = TypeVar("T")

LOAD_SECONDS: Final = 5.0
"""Pa_Initialize tries every device that it knows of; 50 ms are usual. Before an audio server that
hangs it never returns."""

AGAIN_SECONDS: Final = 1.5
"""The same when it is initialised again, while a listener waits for sound."""

open_streams: Final[set[object]] = set()
"""The outputs that have a stream, or are opening one: see `claim`. PortAudio calls into what these
hold, so they are kept alive until their stream is closed. What cannot be closed is kept for ever.
"""

_lock = threading.Lock()
_inside = threading.Lock()
"""Held by the thread that initialises or terminates PortAudio, for as long as that takes."""
_begun: list[ModuleType] = []
_forked: list[int] = []
"""This process, where PortAudio had begun before it was forked."""


def has_begun() -> bool:
    """Whether PortAudio has been initialised, so that its list of devices may be old."""
    return bool(_begun)


def load() -> ModuleType:
    """Import sounddevice; its failures are `NoDevice`, with a remedy.

    Raises
    ------
    NoDevice
        If the PortAudio library is missing, or finds the audio system broken or hanging.
    OutputFailed
        If PortAudio had begun before this process was forked.
    """
    with _lock:
        return _load()


def claim(output: object) -> ModuleType:
    """Do the same, and keep PortAudio from being initialised again before `release`."""
    with _lock:
        module = _load()
        open_streams.add(output)
        return module


def release(output: object) -> None:
    """Note that the stream of `output` has been closed, or never came to be."""
    open_streams.discard(output)


def _load() -> ModuleType:
    if _forked:
        # libpulse, for one, refuses every connection in a forked child (PA_ERR_FORKED), and what
        # belongs to the parent's streams must not be ended here.
        raise OutputFailed(
            "sound cannot be played here: PortAudio had begun before this process was forked",
            remedy="Fork before the first Player, or start the process by 'spawn'",
        )
    if not _begun or _inside.locked():
        _begun[:] = [_begin()]
    return _begun[0]


def _after_fork() -> None:
    """In the child: no thread of the parent runs here to release a lock."""
    global _lock, _inside
    if _begun or _inside.locked() or "sounddevice" in sys.modules:
        _forked[:] = [os.getpid()]
    _lock, _inside = threading.Lock(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _begin() -> ModuleType:
    quiet.hush()
    if not alsa.is_configured():
        raise NoDevice(
            "ALSA's configuration has no default device",
            remedy="Check ALSA_CONFIG_PATH, or install it: sudo apt-get install libasound2-data",
        )
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
    """Terminate PortAudio at the process's exit, unless something of it hangs.

    sounddevice's own exit handler closes every stream that is still open, and so waits for a
    callback or an audio server that may never return.
    """
    end = getattr(module, "_exit_handler", None)
    if end is not None:
        atexit.unregister(end)
        atexit.unregister(_end)
        atexit.register(_end, end)


def _end(end: Callable[[], None]) -> None:
    if not (open_streams or _inside.locked() or _forked):
        end()


def look_again() -> bool:
    """Initialise PortAudio again, so that it sees new devices; whether that was possible.

    That ends every PortAudio stream of this process, so it is not done while one of ours is open or
    being opened. The caller answers for streams of other code.

    Raises
    ------
    NoDevice
        If the audio system is broken, or hangs.
    OutputFailed
        If PortAudio had begun before this process was forked.
    """
    with _lock:
        module = _load()
        if open_streams:
            return False
        try:
            _in_time(AGAIN_SECONDS, partial(_begin_anew, module))
        except module.PortAudioError as error:
            raise NoDevice(f"the audio system cannot be used: {error}") from error
        return True


def _begin_anew(module: ModuleType) -> None:
    # sounddevice has no public names for these.
    if module._initialized:  # noqa: SLF001 - false where the last attempt failed
        module._terminate()  # noqa: SLF001 - as above
    module._initialize()  # noqa: SLF001 - as above


def _in_time(seconds: float, function: Callable[[], T]) -> T:
    """Call a function that may hang in PortAudio; other calls fail until it has returned."""
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
