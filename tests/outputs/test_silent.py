from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from streamplay.errors import DeviceLost
from streamplay.outputs.silent import SilentOutput

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.audio import Block

RATE = 8000


class Renderer:
    """Fills each block with its number, and notes how it was asked."""

    def __init__(self, enough: int = 0, *, slow: Callable[[int], float] = lambda _: 0.0) -> None:
        self.sizes: list[int] = []
        self.times: list[float] = []
        self.late: list[bool] = []
        self.delays: list[float] = []
        self.enough = threading.Event()
        self._enough = enough
        self._slow = slow

    def render(self, out: Block, now: float, *, late: bool = False, delay: float = 0.0) -> None:
        for index in range(len(out)):
            out[index] = len(self.sizes)
        self.sizes.append(len(out))
        self.times.append(now)
        self.late.append(late)
        self.delays.append(delay)
        if len(self.sizes) >= self._enough:
            self.enough.set()
        time.sleep(self._slow(len(self.sizes)))


def run(output: SilentOutput, renderer: Renderer) -> float:
    """Let it ask for enough blocks; return how many seconds of its own clock that took."""
    output.start(renderer)
    assert renderer.enough.wait(20)
    output.close()
    return renderer.times[-1] - renderer.times[0]


def test_it_asks_at_the_rate_of_a_device() -> None:
    renderer = Renderer(60)
    seconds = run(SilentOutput(RATE, blocksize=40, latency=0.02), renderer)
    # Never faster than its clock, but for the latency that it asks ahead.
    assert (len(renderer.sizes) - 1) * 40 / RATE <= seconds + 0.02 + 0.005


def test_it_asks_ahead_by_its_latency_and_no_further() -> None:
    renderer = Renderer(40)
    run(SilentOutput(RATE, blocksize=40, latency=0.05), renderer)
    assert 0 < max(renderer.delays) <= 0.05 + 0.001
    assert min(renderer.delays) >= 0


def test_a_higher_speed_takes_less_of_its_time() -> None:
    renderer = Renderer(200)
    seconds = run(SilentOutput(RATE, blocksize=40, latency=0.02, speed=20.0), renderer)
    assert seconds + 0.002 >= 199 * 40 / RATE / 20


def test_at_infinite_speed_it_waits_for_nothing_and_is_never_late() -> None:
    renderer = Renderer(2000)
    run(SilentOutput(RATE, speed=float("inf")), renderer)
    assert not any(renderer.late)


def test_a_slow_callback_is_an_underflow_and_the_clock_goes_on() -> None:
    renderer = Renderer(30, slow=lambda n: 0.2 if n == 10 else 0.0)
    seconds = run(SilentOutput(RATE, blocksize=40, latency=0.02), renderer)
    assert renderer.late[10]
    assert not renderer.late[0]
    assert renderer.delays[10] == 0
    assert seconds >= 0.2 + 15 * 0.005  # what was missed is not made up for


@pytest.mark.parametrize(("channels", "blocksize", "samples"), [(1, None, 40), (2, 33, 66)])
def test_blocks_have_the_size_asked_for_or_5_ms(
    channels: int, blocksize: int | None, samples: int
) -> None:
    renderer = Renderer(3)
    run(SilentOutput(RATE, channels, blocksize=blocksize, speed=10.0), renderer)
    assert set(renderer.sizes) == {samples}


def test_a_tap_gets_each_block_before_the_next_is_asked_for() -> None:
    renderer, tapped = Renderer(100), []
    output = SilentOutput(
        RATE, 2, blocksize=16, speed=float("inf"), tap=lambda block: tapped.append(list(block))
    )
    run(output, renderer)
    assert tapped == [[float(n)] * 32 for n in range(len(renderer.sizes))]


def test_it_dies_like_an_unplugged_device_when_told_to() -> None:
    renderer = Renderer(7)
    output = SilentOutput(RATE, speed=float("inf"), fail_after=7)
    assert output.failure is None
    output.start(renderer)
    assert output._thread is not None
    output._thread.join(20)
    assert len(renderer.sizes) == 7
    assert isinstance(output.failure, DeviceLost)
    assert str(output.failure) == "the silent clock stopped after 7 blocks"


def test_closing_is_idempotent_and_asks_for_nothing_more() -> None:
    renderer = Renderer(5)
    output = SilentOutput(RATE, speed=50.0)
    output.close()
    output = SilentOutput(RATE, speed=50.0)
    run(output, renderer)
    asked = len(renderer.sizes)
    output.close()
    time.sleep(0.02)
    assert len(renderer.sizes) == asked
    assert output.failure is None


def test_it_can_be_closed_from_its_own_callback() -> None:
    closed = threading.Event()
    output = SilentOutput(RATE, speed=50.0, tap=lambda _: (output.close(), closed.set()))
    output.start(Renderer())
    assert closed.wait(20)
    output.close()


def test_it_says_what_it_is() -> None:
    output = SilentOutput(RATE, 2, latency=0.03)
    assert (output.kind, output.name) == ("silent", "silent clock")
    assert (output.samplerate, output.channels, output.latency) == (RATE, 2, 0.03)
