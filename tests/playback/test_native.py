"""The native playout and its twin in Python: the same commands, the same everything.

The twin is the reference; its own behaviour is held in test_playout.py. Here both
get any sequence of commands and blocks, and every sample (bit for bit), every
note, and every counter must agree.
"""

from __future__ import annotations

import ctypes
import gc
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy._core import _multiarray_umath

from streamplay.errors import InvalidRequest
from streamplay.playback import native
from streamplay.playback.native import NativePlayout
from streamplay.playback.playout import Playout
from streamplay.playback.ring import RESERVED, SLOTS
from tests.playback.test_playout import STRETCHES, apart

RATE = 8000  # 40 frames of fade out, 64 of fade in: small, so that any block may cut them
CAPACITY = 500

COMMANDS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 700)),
    st.tuples(st.just("render"), st.integers(1, 300)),
    st.tuples(st.just("render"), st.integers(1, 300)),
    st.tuples(st.just("late"), st.integers(1, 60)),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("level"), st.integers(1, 600)),
    st.tuples(st.just("echo"), st.booleans()),
    st.tuples(st.just("echoed"), st.none()),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("resume"), st.none()),
    st.tuples(st.just("gain"), st.sampled_from([0.0, 0.25, 1.0, 3.0])),
    st.tuples(st.just("skip"), STRETCHES),
)


class Twins:
    """Gives both the same, and compares what can be seen of them."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.both: tuple[Any, Any] = (
            Playout(RATE, channels, CAPACITY),
            NativePlayout(RATE, channels, CAPACITY),
        )
        self.now = 0.0
        self.random = np.random.default_rng(1)

    def do(self, command: str, argument: Any) -> None:
        getattr(self, command)(argument)
        ours, theirs = self.both
        for fact in ("written", "position", "rendered", "starved", "space", "paused"):
            assert getattr(ours, fact) == getattr(theirs, fact), fact
        assert ours.journal.read_notes() == theirs.journal.read_notes()
        assert ours.echo.lost == theirs.echo.lost

    def write(self, count: int) -> None:
        frames = self.random.uniform(-1, 1, (count, self.channels)).astype(np.float32)
        taken = {twin.write_frames(frames) for twin in self.both}
        assert len(taken) == 1

    def render(self, count: int, *, late: bool = False) -> None:
        self.now += count / RATE
        blocks = []
        for twin in self.both:
            block = np.full(count * self.channels, np.nan, np.float32)
            twin.render(block.data.cast("B").cast("f"), self.now, late=late, delay=0.125)
            blocks.append(block)
        assert blocks[0].tobytes() == blocks[1].tobytes()

    def late(self, count: int) -> None:
        self.render(count, late=True)

    def end(self, _: None) -> None:
        for twin in self.both:
            twin.end()

    def level(self, frames: int) -> None:
        for twin in self.both:
            twin.start_level = frames

    def echo(self, on: bool) -> None:
        for twin in self.both:
            twin.echo.start(CAPACITY) if on else twin.echo.stop()

    def echoed(self, _: None) -> None:
        ours, theirs = self.both
        assert ours.echo.read_blocks() == theirs.echo.read_blocks()

    def pause(self, _: None) -> None:
        for twin in self.both:
            twin.pause()

    def resume(self, _: None) -> None:
        for twin in self.both:
            twin.resume()

    def gain(self, factor: float) -> None:
        for twin in self.both:
            twin.gain = factor

    def skip(self, ways: list[tuple[int, int]]) -> None:
        for twin in self.both:
            twin.skip(apart(self.both[0].position, ways))


@pytest.mark.no_cover
@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2), st.lists(COMMANDS, max_size=60))
def test_both_twins_do_the_same(channels: int, commands: list[tuple[str, Any]]) -> None:
    twins = Twins(channels)
    for command, argument in commands:
        twins.do(command, argument)


def test_a_full_journal_loses_the_same_notes_in_both() -> None:
    twins = Twins(1)
    frames = np.zeros((1, 1), np.float32)
    for _ in range(SLOTS + 10):
        for twin in twins.both:
            twin.write_frames(frames)
        twins.render(1)
    lost = {twin.journal.lost for twin in twins.both}
    assert lost == {10 + RESERVED}
    assert twins.both[0].journal.read_notes() == twins.both[1].journal.read_notes()


def test_the_state_of_a_request_can_be_read_back() -> None:
    for twin in Twins(1).both:
        twin.start_level, twin.gain = 7, 0.5
        assert (twin.start_level, twin.gain, twin.capacity) == (7, 0.5, CAPACITY)


def test_no_room_for_the_ring_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(MemoryError):
        NativePlayout(RATE, 1, 1 << 60)


def test_many_are_made_and_freed() -> None:
    for _ in range(2000):
        NativePlayout(RATE, 2, 48000)  # 2000 × 384 kB would not fit if they were kept
    gc.collect()


class _Times(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("adc", "current", "dac")]


@pytest.mark.parametrize(("current", "dac", "delay"), [(1.0, 1.25, 0.25), (0.0, 0.0, 0.02)])
def test_the_callback_fills_the_device_s_buffer(current: float, dac: float, delay: float) -> None:
    """As PortAudio calls it: no interpreter between."""
    playout = NativePlayout(RATE, 1, CAPACITY)
    frames = np.linspace(-0.5, 0.5, 100, dtype=np.float32).reshape(-1, 1)
    playout.write_frames(frames)
    playout.end()
    ours = native.Callback(1)
    ours.attach(playout, 0.02)
    out = np.full(150, np.nan, np.float32)
    prototype = ctypes.CFUNCTYPE(
        *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong),
        *(ctypes.POINTER(_Times), ctypes.c_ulong, ctypes.c_void_p),
    )
    callback = prototype(ours.address)
    times = _Times(0.0, current, dac)
    assert callback(None, out.ctypes.data, 150, times, 0, ours.userdata) == 0
    assert out[:100].tobytes() == frames.tobytes()
    assert not out[100:].any()
    (note,) = playout.journal.read_notes()
    assert math.isclose(note.delay, delay)
    assert ours.detach()
    rendered = playout.rendered
    assert callback(None, out.ctypes.data, 150, times, 0, ours.userdata) == 0
    assert (out.any(), playout.rendered) == (False, rendered)


def test_without_a_library_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    native.library.cache_clear()
    broken = tmp_path / "broken.so"
    other = Path(_multiarray_umath.__file__)  # a library, but none of ours
    for paths in ((), (broken,), (other,)):
        broken.write_bytes(b"no library")
        monkeypatch.setattr(native, "_PATHS", paths)
        assert native.library() is None
        assert native.choose("auto") == native.choose("python") == "python"
        with pytest.raises(InvalidRequest):
            native.choose("native")
        native.library.cache_clear()
