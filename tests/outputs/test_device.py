"""The device: which one is opened, how, and what is said where there is none."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay.errors import DeviceLost, InvalidRequest, NoDevice
from streamplay.options import Options
from streamplay.outputs.device import DeviceOutput
from streamplay.outputs.devices import list_devices
from streamplay.outputs.portaudio import load
from tests.support.programs import run
from tests.support.speaking import wait_until

if TYPE_CHECKING:
    from streamplay.audio import Block
    from tests.support.nullsink import NullSink

RATE = 24000


class Steady:
    """Renders one value, and counts."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value
        self.rendered = 0
        self.delays: list[float] = []

    def render(self, out: Block, now: float, *, late: bool = False, delay: float = 0.0) -> None:
        for index in range(len(out)):
            out[index] = self.value
        self.rendered += len(out)
        self.delays.append(delay)


def test_the_devices_are_listed_in_portaudios_order_with_one_default(null_sink: NullSink) -> None:
    devices = list_devices()
    assert [device.index for device in devices] == sorted(device.index for device in devices)
    assert [device.name for device in devices if device.default] == ["default"]
    assert {device.hostapi for device in devices} == {"ALSA"}
    assert all(device.samplerate > 0 and device.latency_ms > 0 for device in devices)


def test_a_device_is_found_by_its_index_its_name_and_a_part_of_it(null_sink: NullSink) -> None:
    pulse = next(device for device in list_devices() if device.name == "pulse")
    for asked in (pulse.index, str(pulse.index), "pulse", "PULS"):
        output = DeviceOutput(RATE, device=asked)
        assert (output.name, output.samplerate, output.channels) == ("pulse", RATE, 1)
        output.close()


def test_without_a_name_the_default_device_is_opened(null_sink: NullSink) -> None:
    output = DeviceOutput(RATE)
    output.close()
    assert output.name == "default"
    assert output.kind == "device"


@pytest.mark.parametrize("asked", ["no such loudspeaker", 999, "999", -7, ""])
def test_an_unknown_device_is_no_device_with_a_remedy(null_sink: NullSink, asked: Any) -> None:
    with pytest.raises(NoDevice) as caught:
        DeviceOutput(RATE, device=asked)
    assert "streamplay devices" in caught.value.remedy


@pytest.mark.parametrize("latency", [0.01, 0.1, "low", "high", None])
def test_the_latency_is_what_was_asked_for_or_the_devices_own(
    null_sink: NullSink, latency: Any
) -> None:
    output = DeviceOutput(RATE, latency=latency)
    output.close()
    assert 0 < output.latency < 1
    if isinstance(latency, float):
        assert output.latency == pytest.approx(latency, rel=0.2)


@pytest.mark.parametrize("latency", [-1, float("nan"), float("inf"), "medium"])
def test_an_impossible_latency_is_told_before_anything_is_opened(latency: Any) -> None:
    with pytest.raises(InvalidRequest, match="latency"):
        Options(latency=latency)


def test_what_is_rendered_is_heard(null_sink: NullSink) -> None:
    renderer = Steady(0.25)
    with null_sink.record() as recording:
        output = DeviceOutput(RATE, latency=0.1)
        output.start(renderer)
        wait_until(lambda: renderer.rendered > RATE // 4)
        output.close()
    assert set(np.unique(recording.played)) <= {0, 8192}
    assert (recording.played == 8192).sum() > RATE // 10
    assert all(delay > 0 for delay in renderer.delays)


def test_closing_twice_is_closing_once(null_sink: NullSink) -> None:
    output = DeviceOutput(RATE)
    output.start(Steady())
    output.close()
    output.close()
    assert output.failure is None


def test_a_device_that_stops_by_itself_is_lost(null_sink: NullSink) -> None:
    output = DeviceOutput(RATE)
    output.start(Steady())
    output._stream.stop()
    wait_until(lambda: output.failure)
    output.close()
    assert isinstance(output.failure, DeviceLost)
    assert "default" in output.failure.message


def test_a_device_takes_no_more_channels_than_it_has(null_sink: NullSink) -> None:
    output = DeviceOutput(RATE, channels=1000)
    output.close()
    assert output.channels == max(
        device["max_output_channels"]
        for device in load().query_devices()
        if device["name"] == "default"
    )


class Refusing:
    """Stands for a PortAudio whose device takes its own rate alone, or nothing at all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, takes: set[int]) -> None:
        self._real = load()._StreamBase.__init__
        self._takes = takes
        self.asked: list[int] = []
        refusing = self

        def begin(stream: Any, *args: Any, samplerate: int, **kwargs: Any) -> None:
            refusing.asked.append(samplerate)
            if samplerate not in refusing._takes:
                raise load().PortAudioError("Invalid sample rate")
            refusing._real(stream, *args, samplerate=samplerate, **kwargs)

        monkeypatch.setattr(load()._StreamBase, "__init__", begin)
        # What was never opened has nothing to close.
        monkeypatch.setattr(load()._StreamBase, "_ptr", load()._ffi.NULL, raising=False)


def test_a_device_that_refuses_the_rate_is_opened_at_its_own(
    null_sink: NullSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Refusing(monkeypatch, takes={44100})
    output = DeviceOutput(16000)
    output.close()
    assert refusing.asked == [16000, 44100]
    assert output.samplerate == 44100


def test_a_device_that_refuses_everything_is_no_device(
    null_sink: NullSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    Refusing(monkeypatch, takes=set())
    with pytest.raises(NoDevice, match="Invalid sample rate"):
        DeviceOutput(16000)


def test_a_device_that_does_not_start_is_no_device(
    null_sink: NullSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = DeviceOutput(RATE)

    def refuse() -> None:
        raise load().PortAudioError("busy")

    monkeypatch.setattr(output._stream, "start", refuse)
    with pytest.raises(NoDevice, match="does not start"):
        output.start(Steady())
    output.close()


# Where no device was asked for


# Machines unlike this one


ASK = """
from streamplay.errors import NoDevice
from streamplay.outputs.opening import open_output
from streamplay.outputs.devices import list_devices
for ask in (list_devices, lambda: open_output(24000, 1, device="mine")):
    try:
        print(ask())
    except NoDevice as error:
        print("NoDevice:", error)
print(open_output(24000, 1, notify=print).kind)
"""


@pytest.mark.skipif(Path("/proc/asound").exists(), reason="this machine has a card")
def test_a_machine_without_a_card_says_so_and_nothing_else() -> None:
    nowhere = {"ALSA_CONFIG_PATH": "/usr/share/alsa/alsa.conf", "PULSE_SERVER": "unix:/nowhere"}
    listed, asked, told, kind = run(ASK, **nowhere).splitlines()
    assert listed == "[]"
    assert asked.startswith("NoDevice: there is no output device 'mine'")
    assert "there is no output device on this machine" in told
    assert kind == "silent"


# Silence on standard error


def test_a_device_that_runs_dry_says_nothing_on_standard_error(
    null_sink: NullSink, capfd: pytest.CaptureFixture[str]
) -> None:
    """The callback is late on purpose: ALSA would write of an underrun, from C."""
    told = threading.Event()

    class Late(Steady):
        def render(self, out: Block, now: float, *, late: bool = False, delay: float = 0.0) -> None:
            before, after = self.rendered, self.rendered + len(out)
            super().render(out, now)
            if before <= RATE // 10 < after:
                time.sleep(0.5)
            if late:
                told.set()

    output = DeviceOutput(RATE, latency=0.02)
    output.start(Late())
    wait_until(told.is_set)
    output.close()
    assert capfd.readouterr().err == ""
