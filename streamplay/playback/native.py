"""The native twin of the playout: `_playout.c`, loaded where it was built.

Python calls it with the interpreter's lock held (`ctypes.PyDLL`): a call takes well under a
microsecond, and to release the lock could cost a whole switch interval to get it back. PortAudio's
thread calls it without Python.
"""

from __future__ import annotations

import ctypes
import weakref
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from streamplay.errors import InvalidRequest
from streamplay.playback.playout import FADE_IN_SECONDS, FADE_SECONDS, SKIPS, Playout
from streamplay.playback.ring import BLOCKS, SLOTS, Echoed, Kind, Note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamplay.audio import Block, Frames

_PATHS: Final = tuple(Path(__file__).with_name(name) for name in ("_playout.so", "_playout.dll"))


class _Note(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int64),
        ("position", ctypes.c_int64),
        ("frames", ctypes.c_int64),
        ("time", ctypes.c_double),
        ("delay", ctypes.c_double),
    ]


class _Mark(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_int64),
        ("frames", ctypes.c_int64),
        ("heard_at", ctypes.c_double),
    ]


class _Seat(ctypes.Structure):
    """What PortAudio hands to the callback: the playout that it renders, and its stream's facts."""

    _fields_ = [
        ("target", ctypes.c_void_p),
        ("latency", ctypes.c_double),
        ("channels", ctypes.c_int32),
        ("inside", ctypes.c_int32),
    ]


_POINTER = ctypes.c_void_p
_INT = ctypes.c_int64
_SIGNATURES: Final = {
    "playout_new": (_POINTER, ctypes.c_double, ctypes.c_int, _INT, ctypes.c_int, ctypes.c_int),
    "playout_free": (None, _POINTER),
    "playout_written": (_INT, _POINTER),
    "playout_position": (_INT, _POINTER),
    "playout_rendered": (_INT, _POINTER),
    "playout_starved": (_INT, _POINTER),
    "playout_lost": (_INT, _POINTER),
    "playout_level": (None, _POINTER, _INT),
    "playout_end": (None, _POINTER),
    "playout_pause": (None, _POINTER, ctypes.c_int),
    "playout_gain": (None, _POINTER, ctypes.c_double),
    "playout_moved": (None, _POINTER),
    "playout_detach": (ctypes.c_int, ctypes.POINTER(_Seat)),
    "playout_skip": (None, _POINTER, ctypes.POINTER(_INT), _INT),
    "playout_write": (_INT, _POINTER, _POINTER, _INT),
    "playout_notes": (ctypes.c_int, _POINTER, ctypes.POINTER(_Note), ctypes.c_int),
    "playout_echo": (ctypes.c_int, _POINTER, _INT),
    "playout_echo_capacity": (_INT, _POINTER),
    "playout_echo_lost": (_INT, _POINTER),
    "playout_echoed": (ctypes.c_int, _POINTER, _POINTER, ctypes.POINTER(_Mark)),
    "playout_render": (
        *(None, _POINTER, _POINTER, _INT),
        *(ctypes.c_double, ctypes.c_int, ctypes.c_double),
    ),
}


@cache
def library() -> ctypes.PyDLL | None:
    """Return the native library, or None where it was not built."""
    path = next((path for path in _PATHS if path.exists()), None)
    if path is None:
        return None
    try:
        loaded = ctypes.PyDLL(str(path))
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        # Built for another machine, or of an earlier source: the Python twin is used.
        return None
    return loaded


def choose(engine: Literal["auto", "native", "python"]) -> Literal["native", "python"]:
    """Return the engine to use where `engine` is asked for.

    Raises
    ------
    InvalidRequest
        If the native one is asked for and was not built.
    """
    if engine == "python" or (engine == "auto" and library() is None):
        return "python"
    if library() is None:
        allowed = "auto or python, or install it where there is a C compiler"
        raise InvalidRequest("engine", "the native playout was not built", allowed=allowed)
    return "native"


class Callback:
    """The PortAudio callback of one stream: a `streamplay.outputs.base.NativeCallback`.

    Parameters
    ----------
    channels : int
        Of the stream: for the silence while no playout is attached.
    """

    def __init__(self, channels: int) -> None:
        loaded = library()
        assert loaded is not None, "ask library() first"
        self._library = loaded
        self._seat = _Seat(channels=channels)

    @property
    def address(self) -> int:
        """Of the function in the native library."""
        return ctypes.cast(self._library.playout_callback, ctypes.c_void_p).value or 0

    @property
    def userdata(self) -> int:
        """The address of what this stream's callback is handed."""
        return ctypes.addressof(self._seat)

    def attach(self, renderer: object, latency: float) -> None:
        """Render from a `NativePlayout` from now on."""
        assert isinstance(renderer, NativePlayout), "no interpreter runs in this callback"
        self._seat.latency = latency
        self._seat.target = renderer.address

    def detach(self) -> bool:
        """Let go of the playout: whether no call that uses it is running any more."""
        return bool(self._library.playout_detach(self._seat))


class NativeJournal:
    """The reading side of a native playout's `streamplay.playback.ring.Journal`."""

    def __init__(self, loaded: ctypes.PyDLL, address: int) -> None:
        self._library = loaded
        self._address = address
        self._notes = (_Note * SLOTS)()

    @property
    def lost(self) -> int:
        """Notes that found the journal full."""
        return int(self._library.playout_lost(self._address))

    def read_notes(self) -> list[Note]:
        """Return all notes since the last call, oldest first."""
        count = self._library.playout_notes(self._address, self._notes, SLOTS)
        return [
            Note(Kind(note.kind), note.position, note.frames, note.time, note.delay)
            for note in self._notes[:count]
        ]


class NativeEcho:
    """The reading side of a native playout's `streamplay.playback.ring.Echo`."""

    def __init__(self, loaded: ctypes.PyDLL, address: int, channels: int) -> None:
        self._library = loaded
        self._address = address
        self._frame = 4 * channels
        self._marks = (_Mark * BLOCKS)()
        self._samples = bytearray()

    @property
    def lost(self) -> int:
        """Frames that found it full."""
        return int(self._library.playout_echo_lost(self._address))

    def start(self, capacity: int) -> None:
        """Begin to keep up to `capacity` frames; as many as at first, when asked again."""
        if not self._library.playout_echo(self._address, capacity):
            raise MemoryError(f"no room for {capacity} frames")
        held = self._library.playout_echo_capacity(self._address)
        self._samples = bytearray(held * self._frame)

    def stop(self) -> None:
        """Keep nothing more."""
        self._library.playout_echo(self._address, 0)

    def read_blocks(self) -> list[Echoed]:
        """Return what was kept since the last call, oldest first."""
        if not self._samples:
            return []
        buffer = (ctypes.c_char * len(self._samples)).from_buffer(self._samples)
        count = self._library.playout_echoed(self._address, buffer, self._marks)
        taken, at = [], 0
        for mark in self._marks[:count]:
            stop = at + mark.frames * self._frame
            taken.append(Echoed(mark.index, mark.heard_at, bytes(self._samples[at:stop])))
            at = stop
        return taken


class NativePlayout:
    """A `streamplay.playback.playout.Playout` whose `render` needs no interpreter.

    Parameters, attributes and methods are described there.

    Raises
    ------
    MemoryError
        If there is no room for the ring.
    """

    engine: Literal["native", "python"] = "native"

    def __init__(self, samplerate: int, channels: int, capacity: int) -> None:
        loaded = library()
        assert loaded is not None, "ask library() first"
        fade = max(1, round(FADE_SECONDS * samplerate))
        fade_in = max(1, round(FADE_IN_SECONDS * samplerate))
        address = loaded.playout_new(samplerate, channels, capacity, fade, fade_in)
        if not address:
            raise MemoryError(f"no room for a ring of {capacity} frames")
        self.samplerate = samplerate
        self.channels = channels
        self.capacity = capacity
        self.fade = fade
        self.address: int = address
        self.journal = NativeJournal(loaded, address)
        self.echo = NativeEcho(loaded, address, channels)
        self._library = loaded
        self._paused = False
        self._gain = 1.0
        self._start_level = 1
        # The output that lets PortAudio call it keeps it alive until its stream is closed. At
        # the interpreter's exit a stream may still be running: nothing is freed then.
        weakref.finalize(self, loaded.playout_free, address).atexit = False

    # The loop's side

    @property
    def space(self) -> int:
        """Frames that `write` would take now."""
        return self.capacity - (self.written - self.position)

    @property
    def written(self) -> int:
        """Position of the next frame to be written."""
        return int(self._library.playout_written(self.address))

    @property
    def position(self) -> int:
        """Position of the next frame to be handed over."""
        return int(self._library.playout_position(self.address))

    @property
    def rendered(self) -> int:
        """Frames of output rendered so far, silence included."""
        return int(self._library.playout_rendered(self.address))

    @property
    def starved(self) -> int:
        """Frames of silence rendered so far because the ring was dry."""
        return int(self._library.playout_starved(self.address))

    @property
    def start_level(self) -> int:
        """Frames that must be ahead before sound starts or resumes."""
        return self._start_level

    @start_level.setter
    def start_level(self, frames: int) -> None:
        self._start_level = frames
        self._library.playout_level(self.address, frames)

    @property
    def gain(self) -> float:
        """Amplitude factor that is being approached."""
        return self._gain

    @gain.setter
    def gain(self, factor: float) -> None:
        self._gain = factor
        self._library.playout_gain(self.address, factor)

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for."""
        return self._paused

    def write_frames(self, frames: Frames) -> int:
        """Put as many frames as fit, ``float32 (n, channels)``; return how many."""
        return int(self._library.playout_write(self.address, frames.ctypes.data, len(frames)))

    def end(self) -> None:
        """Note that nothing is to follow what was written so far, for now."""
        self._library.playout_end(self.address)

    def skip(self, stretches: Sequence[tuple[int, int]]) -> None:
        """Ask that frames not be heard: of each stretch, from its start up to its stop."""
        kept = stretches[:SKIPS]
        numbers = (_INT * (2 * len(kept)))(*(number for stretch in kept for number in stretch))
        self._library.playout_skip(self.address, numbers, len(kept))

    def moved(self) -> None:
        """Note that one callback has ended in the middle of a stream, and another will go on."""
        self._library.playout_moved(self.address)

    def pause(self) -> None:
        """Ask for silence, with a fade, until `resume`."""
        self._paused = True
        self._library.playout_pause(self.address, 1)

    def resume(self) -> None:
        """Ask for sound to return, with a fade."""
        self._paused = False
        self._library.playout_pause(self.address, 0)

    # The callback's side, for outputs that are not PortAudio

    def render(self, out: Block, now: float, *, late: bool = False, delay: float = 0.0) -> None:
        """Fill one block, whole."""
        buffer = (ctypes.c_float * len(out)).from_buffer(out)
        frames = len(out) // self.channels
        self._library.playout_render(self.address, buffer, frames, now, late, delay)


AnyPlayout = Playout | NativePlayout
"""Either twin."""
