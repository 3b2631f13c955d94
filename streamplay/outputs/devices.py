"""Finds the output device that is asked for by index, name or host API, or the default one."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamplay.errors import NoDevice
from streamplay.outputs.portaudio import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REMEDY = "List devices: streamplay devices"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One output device, as `streamplay devices` lists it."""

    index: int
    name: str
    hostapi: str
    samplerate: float
    latency_ms: float
    default: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A device with what is needed to open it."""

    info: DeviceInfo
    channels: int
    leads: bool
    """Whether it is its host API's default device."""


def list_devices() -> list[DeviceInfo]:
    """Return the output devices, in PortAudio's order.

    Raises
    ------
    NoDevice
        If PortAudio cannot be used at all.
    """
    return [found.info for found in survey()]


def survey() -> list[Found]:
    """Return every output device with what is needed to open it, in PortAudio's order."""
    sd = load()
    apis = sd.query_hostapis()
    try:
        default = int(sd.query_devices(kind="output")["index"])
    except (sd.PortAudioError, ValueError):
        default = -1
    return [
        Found(
            DeviceInfo(
                index=facts["index"],
                name=facts["name"],
                hostapi=apis[facts["hostapi"]]["name"],
                samplerate=facts["default_samplerate"],
                latency_ms=round(facts["default_low_output_latency"] * 1000, 1),
                default=facts["index"] == default,
            ),
            channels=facts["max_output_channels"],
            leads=facts["index"] == apis[facts["hostapi"]]["default_output_device"],
        )
        for facts in sd.query_devices()
        if facts["max_output_channels"] > 0
    ]


def devices_stamp(platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> object:
    """Return what changes when devices come or go, at the cost of a few system calls.

    Linux: the cards that the kernel knows, the sockets of PulseAudio and PipeWire, which PortAudio
    reaches through ALSA, and the files in which ALSA and PulseAudio's clients are told which device
    is the default one. None: nothing tells cheaply.
    """
    if not platform.startswith("linux"):
        return None
    home, folder = environ.get("HOME", ""), environ.get("XDG_RUNTIME_DIR", "")
    settings = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    named = environ.get("PULSE_SERVER", "")
    files = [
        f"{folder}/pulse/native",
        f"{folder}/pipewire-0",
        named.removeprefix("unix:") if named.startswith("unix:") else "",
        environ.get("ALSA_CONFIG_PATH") or "/etc/asound.conf",
        f"{home}/.asoundrc",
        f"{settings}/alsa/asoundrc",
        environ.get("PULSE_CLIENTCONFIG") or f"{settings}/pulse/client.conf",
    ]
    return _content("/proc/asound/cards"), tuple(map(_identity, files))


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as os.stat below
            return file.read(4096)
    except OSError:
        return b""


def _identity(path: str) -> tuple[int, ...]:
    try:
        facts = os.stat(path)  # noqa: PTH116 - called before each utterance
    except OSError:
        return ()
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns


def find(devices: Sequence[Found], asked: int | str | None) -> Found:
    """Return the one device that `asked` names.

    Parameters
    ----------
    devices : sequence of Found
        All that there are.
    asked : int or str, optional
        An index; a name, or words of it and of its host API's name, in any case
        (``usb alsa``); a host API, for its default device. The default device unless given.

    Raises
    ------
    NoDevice
        If none matches, or more than one; the error names all that match.
    """
    if isinstance(asked, str) and asked.isascii() and asked.isdigit():
        asked = int(asked)
    if asked is None:
        matches = [each for each in devices if each.info.default]
        if not matches:
            raise NoDevice("there is no output device on this machine")
    elif isinstance(asked, int):
        matches = [each for each in devices if each.info.index == asked]
    else:
        matches = _named(devices, asked.lower().split())
    if not matches:
        raise NoDevice(f"there is no output device {asked!r}", remedy=_REMEDY)
    if len(matches) > 1:
        listed = ", ".join(_label(each.info) for each in matches)
        raise NoDevice(
            f"the output device {asked!r} may be any of {listed}",
            remedy="Name one by its index, or with its system as well",
        )
    return matches[0]


def _named(devices: Sequence[Found], words: Sequence[str]) -> list[Found]:
    """Return the devices of exactly this name, or else those whose name has all of the words."""
    name = " ".join(words)
    exact = [
        each
        for each in devices
        if name in {each.info.name.lower(), f"{each.info.name} {each.info.hostapi}".lower()}
        or (each.leads and name == each.info.hostapi.lower())
    ]
    if exact or not words:
        return exact
    return [
        each
        for each in devices
        if all(word in f"{each.info.name} {each.info.hostapi}".lower() for word in words)
    ]


def _label(info: DeviceInfo) -> str:
    return f"{info.index} {info.name!r} ({info.hostapi})"
