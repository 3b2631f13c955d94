"""Whether ALSA's configuration can be shown to PortAudio, which ends the process at some.

PortAudio lists ALSA's devices under ``assert(devIdx < numDeviceNames)`` (19.6 and 19.7,
src/hostapi/alsa/pa_linux_alsa.c, BuildDeviceList), which holds where ``default`` or ``dmix`` is
among them, and Debian builds it with assertions. So libasound without its data, as in a small
container, or a configuration that defines nothing aborts every program that initialises PortAudio.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_LIBRARY: Final = "libasound.so.2"
_NEEDED: Final = (b"pcm.default", b"pcm.dmix")


def is_configured() -> bool:
    """Return whether ALSA has a default device; True where it cannot be asked."""
    if sys.platform != "linux":
        return True
    try:
        library = ctypes.CDLL(_LIBRARY)
        search = library.snd_config_search
        top = ctypes.c_void_p.in_dll(library, "snd_config")
        library.snd_config_update()  # PortAudio does the same; what cannot be read is not there
    except (OSError, AttributeError, ValueError):
        return True
    search.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    found = ctypes.c_void_p()
    return bool(top) and any(search(top, name, ctypes.byref(found)) >= 0 for name in _NEEDED)
