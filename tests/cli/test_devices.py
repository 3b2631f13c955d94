"""`streamplay devices`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamplay.cli import main

if TYPE_CHECKING:
    import pytest

    from tests.support.nullsink import NullSink


def test_the_devices_are_listed(null_sink: NullSink, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json"]) == 0
    devices = json.loads(capsys.readouterr().out)
    keys = {"index", "name", "hostapi", "samplerate", "latency_ms", "default"}
    assert all(set(device) == keys for device in devices)
    assert [device["default"] for device in devices].count(True) == 1
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(devices)
    assert sum(line.endswith("yes") for line in lines) == 1


def test_no_device_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamplay.outputs.devices.list_devices", list)
    assert main(["devices"]) == 0
    assert capsys.readouterr() == (
        "",
        "streamplay: there is no output device: sound goes to a silent clock\n",
    )
