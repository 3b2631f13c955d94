"""Keeps the audio libraries from writing on standard error, and standard error where it is.

What matters of what they say comes back as an error or a count. Moving file descriptor 2 aside,
as is often done, would swallow what every other thread writes meanwhile: so the libraries are
asked to be silent, each in its own way. Where PortAudio was built without a way to ask it (as on
Debian: https://github.com/PortAudio/portaudio/issues/739), a device that fails leaves its lines.
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

# They call their handlers on the audio thread too, where nothing of Python may run: so a handler
# is a C function that changes nothing.


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
    """Import sounddevice; where it is new, without its moving file descriptor 2 for PortAudio.

    Raises
    ------
    OSError
        If the PortAudio library is missing.
    Exception
        If PortAudio finds the audio system broken.
    """
    finder = _Finder()
    # Never the same list: whoever imports on another thread is in the midst of it, and would pass
    # over a finder where one before it is taken away.
    sys.meta_path = [finder, *sys.meta_path]
    try:
        import sounddevice
    finally:
        sys.meta_path = [each for each in sys.meta_path if each is not finder]
    return sounddevice  # type: ignore[no-any-return] # it has no types


class _Finder:
    """Finds sounddevice as it would be found anyway, and has it loaded with care."""

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
    """Runs a module that gets no copy of a file descriptor, as if none were left.

    sounddevice then begins without moving any. One that cannot do without is run as it is.
    """

    def exec_module(self, module: ModuleType) -> None:
        # A module's own builtins are looked at first, by its import statements too.
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
        try:
            super().exec_module(module)
        except _NoCopyError:
            del module.__dict__["__builtins__"]
            super().exec_module(module)


class _NoCopyError(OSError):
    """The answer to whoever wants to move standard error."""


def _import(name: str, *args: Any, **kwargs: Any) -> ModuleType:
    found = builtins.__import__(name, *args, **kwargs)
    return _limited() if found is os else found


@cache
def _limited() -> ModuleType:
    """Return the module `os`, but for `dup`."""
    limited = ModuleType("os")
    limited.__dict__.update(vars(os), dup=_refuse)
    return limited


def _refuse(descriptor: int) -> int:
    raise _NoCopyError(f"file descriptor {descriptor} stays where it is")
