"""Keeps the audio libraries from writing to standard error, without redirecting it.

Their failures reach streamplay as errors and counts anyway. Redirecting file descriptor 2, as is
often done, would lose what other threads write meanwhile. So each library's own message handler
is replaced. A PortAudio built without one (as on Debian:
https://github.com/PortAudio/portaudio/issues/739) still prints a few lines when a device fails.
"""

from __future__ import annotations

import builtins
import ctypes
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# The libraries call their handlers on the audio thread too, where Python must not run: so a handler
# is a C function without effect.


@cache
def hush() -> None:
    """Silence ALSA, JACK, and PortAudio where its build can be asked."""
    if sys.platform != "linux":
        return
    harmless = ctypes.CDLL(None).abs
    with suppress(OSError, AttributeError):
        # Loaded with what it is linked with. Few builds export this.
        ctypes.CDLL("libportaudio.so.2").PaUtil_SetDebugPrintFunction(harmless)
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(harmless)
    with suppress(OSError, AttributeError):
        # Only where PortAudio is linked with it.
        jack = ctypes.CDLL("libjack.so.0", mode=os.RTLD_NOW | os.RTLD_NOLOAD)
        jack.jack_set_error_function(harmless)
        jack.jack_set_info_function(harmless)


def import_sounddevice() -> ModuleType:
    """Import sounddevice, and keep it from redirecting file descriptor 2 while it does.

    Raises
    ------
    OSError
        If the PortAudio library is missing.
    Exception
        If PortAudio finds the audio system broken.
    """
    finder = _Finder()
    # A new list: an import on another thread may be iterating over the old one, and would skip a
    # finder where one before it is removed.
    sys.meta_path = [finder, *sys.meta_path]
    try:
        import sounddevice
    finally:
        sys.meta_path = [each for each in sys.meta_path if each is not finder]
    return sounddevice  # type: ignore[no-any-return] # it has no types


class _Finder:
    """Finds sounddevice where it would be found anyway, and loads it with `_Loader`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "sounddevice":
            return None
        others = [each for each in sys.meta_path if each is not self]
        found = (each.find_spec(name, path, target) for each in others)
        spec = next(filter(None, found), None)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Executes a module for which `os.dup` fails, as if no descriptors were left.

    sounddevice then initialises PortAudio without redirecting any. A version that cannot is
    executed as it is.
    """

    def exec_module(self, module: ModuleType) -> None:
        # Import statements use the `__import__` of the module's own builtins.
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
        try:
            super().exec_module(module)
        except _NoCopyError:
            del module.__dict__["__builtins__"]
            super().exec_module(module)


class _NoCopyError(OSError):
    """Raised where a module duplicates a descriptor."""


def _import(name: str, *args: Any, **kwargs: Any) -> ModuleType:
    found = builtins.__import__(name, *args, **kwargs)
    return _limited() if found is os else found


@cache
def _limited() -> ModuleType:
    """Return the module `os` with a `dup` that fails."""
    limited = ModuleType("os")
    limited.__dict__.update(vars(os), dup=_refuse)
    return limited


def _refuse(descriptor: int) -> int:
    raise _NoCopyError(f"file descriptor {descriptor} stays where it is")
