"""The device asked for, the default one, or the silent clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import NoDevice
from streamplay.outputs import device
from streamplay.outputs.opening import open_output
from streamplay.outputs.silent import SilentOutput

if TYPE_CHECKING:
    from streamplay.outputs.device import DeviceOutput
    from tests.support.nullsink import NullSink


RATE = 24000


def test_the_default_device_is_preferred_to_silence(null_sink: NullSink) -> None:
    told: list[str] = []
    output = open_output(RATE, 1, notify=told.append)
    output.close()
    assert output.kind == "device"
    assert told == []


def no_device(*_: Any, **__: Any) -> DeviceOutput:
    raise NoDevice("there is none")


def test_where_none_was_asked_for_silence_is_an_answer_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "DeviceOutput", no_device)
    told: list[str] = []
    output = open_output(RATE, 2, notify=told.append)
    assert isinstance(output, SilentOutput)
    assert (output.samplerate, output.channels) == (RATE, 2)
    assert len(told) == 1
    assert "there is none" in told[0]


def test_where_one_was_asked_for_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "DeviceOutput", no_device)
    with pytest.raises(NoDevice):
        open_output(RATE, 1, device="mine", notify=pytest.fail)
