"""Which device is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamplay.errors import NoDevice
from streamplay.outputs.devices import DeviceInfo, Found, devices_stamp, find

if TYPE_CHECKING:
    from pathlib import Path


def device(
    index: int, name: str, hostapi: str, *, default: bool = False, leads: bool = False
) -> Found:
    return Found(DeviceInfo(index, name, hostapi, 48000, 10.0, default), 2, leads)


# As a Windows machine with a headset shows them: one device under three systems.
DEVICES = [
    device(0, "Speakers (Realtek)", "MME", default=True, leads=True),
    device(2, "Headset (USB Audio)", "MME"),
    device(3, "Speakers (Realtek)", "Windows WASAPI", leads=True),
    device(5, "Headset (USB Audio)", "Windows WASAPI"),
    device(7, "HDMI", "Windows WASAPI"),
    device(8, "HDMI 2", "Windows WASAPI"),
]


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (None, 0),
        (5, 5),
        ("5", 5),
        ("headset wasapi", 5),
        ("Headset (USB Audio) MME", 2),
        ("mme", 0),
        ("Windows WASAPI", 3),
        ("hdmi", 7),
        ("hdmi 2", 8),
    ],
)
def test_a_device_is_found_by_index_name_words_and_host_api(asked: Any, index: int) -> None:
    assert find(DEVICES, asked).info.index == index


@pytest.mark.parametrize(
    ("asked", "indices"), [("headset", {2, 5}), ("Speakers (Realtek)", {0, 3}), ("usb", {2, 5})]
)
def test_an_ambiguous_name_lists_what_matches(asked: str, indices: set[int]) -> None:
    with pytest.raises(NoDevice) as caught:
        find(DEVICES, asked)
    for each in DEVICES:
        label = f"{each.info.index} {each.info.name!r} ({each.info.hostapi})"
        assert (label in caught.value.message) == (each.info.index in indices)
    assert "index" in caught.value.remedy


@pytest.mark.parametrize("asked", ["bluetooth", 1, "99", "", "  ", -1])
def test_what_is_not_there_says_how_to_list_what_is(asked: Any) -> None:
    with pytest.raises(NoDevice) as caught:
        find(DEVICES, asked)
    assert "streamplay devices" in caught.value.remedy


def test_without_a_default_device_there_is_none() -> None:
    with pytest.raises(NoDevice, match="no output device on this machine"):
        find(DEVICES[1:], None)


def test_the_stamp_changes_when_a_sound_server_comes_or_another_default_is_set(
    tmp_path: Path,
) -> None:
    here = {
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PULSE_SERVER": f"unix:{tmp_path}/other",
        "ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf"),
        "PULSE_CLIENTCONFIG": str(tmp_path / "client.conf"),
    }
    stamps = [devices_stamp("linux", here)]
    for name in ("pipewire-0", "other", "alsa.conf", ".asoundrc", "client.conf"):
        (tmp_path / name).touch()
        stamps.append(devices_stamp("linux", here))
        assert devices_stamp("linux", here) == stamps[-1]
    assert len(set(stamps)) == 6
    (tmp_path / "client.conf").unlink()
    assert devices_stamp("linux", here) == stamps[4]
    assert devices_stamp("win32", here) is None
