"""PortAudio's beginning and end, on a sound server that hangs."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.nullsink import NullSink

if TYPE_CHECKING:
    from tests.support.cards import Card
    from tests.support.nullsink import NullSink
from typing import TYPE_CHECKING

from streamplay.outputs.devices import list_devices
from tests.support.programs import run

if TYPE_CHECKING:
    from tests.support.nullsink import NullSink
from typing import TYPE_CHECKING

from streamplay.outputs import portaudio

LOOKING = """
import sys
from streamplay.errors import NoDevice
from streamplay.outputs import portaudio
from streamplay.outputs.portaudio import load, look_again
patience, portaudio.AGAIN_SECONDS = portaudio.AGAIN_SECONDS, 20  # a busy machine answers late
def turn():
    print("ready", flush=True)
    sys.stdin.readline()
def ask(question):
    try:
        print(question() and "there")
    except NoDevice as error:
        print(error.message)
ask(look_again)
turn()
portaudio.AGAIN_SECONDS = patience
ask(look_again)
ask(load)
turn()
portaudio.AGAIN_SECONDS = 20
if sys.argv[1:]:
    while True:
        try:
            load().query_devices("pulse")
            break
        except NoDevice:
            pass
    ask(look_again)
"""


@pytest.mark.parametrize("returns", [True, False])
def test_a_server_that_hangs_while_portaudio_begins_anew_holds_up_nothing(
    card: Card, returns: bool
) -> None:
    card.run(LOOKING, *["returns"] * returns)
    assert card.turn() == ["there"]
    card.signal(signal.SIGSTOP)
    card.go_on()
    assert ["has not answered" in line for line in card.turn()] == [True, True]
    if returns:
        card.signal(signal.SIGCONT)
    assert card.end() == ["there"] * returns


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


def test_without_the_portaudio_library_there_is_no_device_and_a_remedy() -> None:
    gone = "import ctypes.util; ctypes.util.find_library = lambda name: None\n"
    listed, asked, told, kind = run(gone + ASK).splitlines()
    for line in (listed, asked):
        assert line.startswith("NoDevice: the PortAudio library cannot be loaded")
    if sys.platform == "linux":
        assert "apt-get install libportaudio2" in listed
    assert told.startswith("no sound will be heard")
    assert kind == "silent"


def test_a_broken_audio_system_is_no_device() -> None:
    broken = (
        "import sys, types\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'sounddevice': raise RuntimeError('Error initializing PortAudio')\n"
        "sys.meta_path.insert(0, Broken())\n"
    )
    listed, _, _, kind = run(broken + ASK).splitlines()
    assert listed == ("NoDevice: the audio system cannot be used: Error initializing PortAudio")
    assert kind == "silent"


def test_portaudio_looks_again_only_while_nothing_of_ours_is_open(null_sink: NullSink) -> None:
    before = list_devices()
    stream = object()
    portaudio.open_streams.add(stream)
    try:
        assert not portaudio.look_again()
    finally:
        portaudio.open_streams.discard(stream)
    if not portaudio.open_streams:
        assert portaudio.look_again()
    assert list_devices() == before
