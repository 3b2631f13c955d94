"""Keeps the audio libraries from writing on standard error, and standard error where it is.

What matters of what they say comes back as an error or a count. Moving file descriptor 2 aside,
as is often done, would swallow what every other thread writes meanwhile: so the libraries are
asked to be silent, each in its own way. PortAudio cannot be asked: where one of its calls fails,
Debian's build prints the C expression, and `PaUtil_SetDebugPrintFunction` is not exported.
"""

from __future__ import annotations

import builtins
import ctypes
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

# They call their handlers on the audio thread too, where nothing of Python may run: so a handler
# is a C function that changes nothing.


@cache
def hush() -> None:
    """Silence ALSA and JACK."""
    if sys.platform != "linux":
        return
    harmless = ctypes.CDLL(None).abs
    with suppress(OSError):
        ctypes.CDLL("libportaudio.so.2")  # and with it what it is linked with
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(harmless)
    with suppress(OSError, AttributeError):
        # Only where PortAudio is linked with it.
        jack = ctypes.CDLL("libjack.so.0", mode=os.RTLD_NOW | os.RTLD_NOLOAD)
        jack.jack_set_error_function(harmless)
        jack.jack_set_info_function(harmless)


def import_sounddevice() -> ModuleType:
    """Import sounddevice without its moving file descriptor 2 while PortAudio begins.

    Raises
    ------
    OSError
        If the PortAudio library is missing.
    Exception
        If PortAudio finds the audio system broken.
    """
    present = sys.modules.get("sounddevice")
    spec = None if present else find_spec("sounddevice")
    if present is not None or spec is None or spec.loader is None:
        import sounddevice

        return sounddevice  # type: ignore[no-any-return]
    module = module_from_spec(spec)
    # A module's own builtins are looked at first, by its import statements too. It does without
    # where `os.dup` fails.
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import_without_dup}
    sys.modules["sounddevice"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["sounddevice"]
        raise
    return module


def _import_without_dup(name: str, *args: Any, **kwargs: Any) -> ModuleType:
    if name != "os":
        return builtins.__import__(name, *args, **kwargs)
    limited = ModuleType("os")
    limited.__dict__.update(vars(os))
    limited.__dict__["dup"] = _refuse
    return limited


def _refuse(descriptor: int) -> int:
    raise OSError(f"file descriptor {descriptor} stays where it is")
