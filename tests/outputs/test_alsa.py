"""Configurations of ALSA at which PortAudio would end the process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.programs import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")

PROGRAM = """
from streamplay.errors import NoDevice
from streamplay.outputs.devices import list_devices
try:
    list_devices()
except NoDevice as error:
    print(error)
"""


def test_alsa_without_a_default_device_is_an_error_and_no_abort(tmp_path: Path) -> None:
    configuration = tmp_path / "asound.conf"
    configuration.write_text("pcm.other { type null }\n")
    for path in (str(configuration), "/dev/null"):
        told = run(PROGRAM, ALSA_CONFIG_PATH=path)
        assert told.startswith("ALSA's configuration has no default device. Check ALSA_CONFIG_PATH")
