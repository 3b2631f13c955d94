"""Signals during a benchmark: stop, cut off, end."""

from __future__ import annotations

import signal

import pytest

from streamplay.bench.interrupts import CUT, Interrupts


def test_each_ctrl_c_asks_for_more_and_the_third_ends_the_process() -> None:
    before, told = signal.getsignal(signal.SIGINT), list[int]()
    with Interrupts() as interrupts, interrupts.telling(told.append):
        assert not interrupts.stopped
        signal.raise_signal(signal.SIGINT)
        assert interrupts.stopped
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert told == [1, CUT]
    assert signal.getsignal(signal.SIGINT) is before


def test_to_be_terminated_cuts_off_at_once_and_ends_every_wait() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGTERM)
        interrupts.wait(60)
        assert interrupts.received == signal.SIGTERM
        told = list[int]()
        with interrupts.telling(told.append):
            assert told == [CUT]
