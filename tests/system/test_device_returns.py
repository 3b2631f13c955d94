"""A device that goes away and comes back, on a real sound server: where each utterance goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.nullsink import SINK, NullSink
from tests.support.speaking import counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.server.child import LocalServer

PROGRAM = """
import json, sys
import numpy as np
import streamplay
from streamplay.outputs import portaudio
portaudio.AGAIN_SECONDS = 20  # a busy machine answers late
from streamplay.playback import session
session.LOOK_PATIENCE_SECONDS = session.PATIENCE_SECONDS = 20
options, extra = map(json.loads, sys.argv[1:])
told = []
with streamplay.Player(**options, notify=told.append) as player:
    print("ready", flush=True)
    for line in sys.stdin:
        core = player._core._resources.session
        if line == "gone\\n":  # a busy machine tells late that its sound server has gone
            while core.pump and core.pump.output.failure is None:
                pass
            print(flush=True)
            continue
        sound = np.ones(2400, np.float32) / 4
        said = player.say("hello", extra=extra) if line == "say\\n" else player.play(sound, 24000)
        try:
            where = said.wait(60).output.kind
        except streamplay.StreamPlayError as error:
            where = type(error).__name__
        while core.pump and not core.pump.resting:
            pass
        print(json.dumps([where, told]), flush=True)
        told.clear()
"""


class Device:
    """A private sound server that goes and comes back, and a program that speaks when told to."""

    def __init__(self, base_url: str) -> None:
        self.sink = NullSink()
        self.sink.start()
        with Path(self.sink.environment["ALSA_CONFIG_PATH"]).open("a") as conf:
            conf.write(f"pcm.mine {{ type pulse device {SINK} }}\n")
        self._base_url = base_url
        self._program: subprocess.Popen[str] | None = None

    def begin(self, **options: Any) -> None:
        self._program = subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRAM),
                *(json.dumps({"base_url": self._base_url, **options}), json.dumps(counting(0.1))),
            ],
            env=os.environ | self.sink.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # PortAudio's own lines
            text=True,
        )
        assert self._program.stdout is not None
        assert self._program.stdout.readline() == "ready\n"

    def say(self, what: str = "say") -> tuple[str, list[str]]:
        """Have it speak; return where the sound went, and the notices."""
        assert self._program is not None
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        print(what, file=self._program.stdin, flush=True)
        where, told = json.loads(self._program.stdout.readline())
        return where, told

    def go(self) -> None:
        assert self.sink._server is not None
        self.sink._server.kill()
        self.sink._server.wait()
        self.sink._server = None
        if self._program is not None:
            assert self._program.stdin is not None
            assert self._program.stdout is not None
            print("gone", file=self._program.stdin, flush=True)
            self._program.stdout.readline()

    def close(self) -> None:
        if self._program is not None:
            self._program.kill()
            self._program.communicate()
        self.sink.close()


@pytest.fixture
def device(speech_server: LocalServer) -> Iterator[Device]:
    device = Device(speech_server.base_url)
    yield device
    device.close()


@pytest.mark.parametrize("what", ["say", "play"])
def test_a_device_that_was_there_is_found_again_in_the_running_portaudio(
    device: Device, what: str
) -> None:
    device.begin()
    assert device.say(what) == ("device", [])
    device.go()
    where, told = device.say(what)
    assert where == "silent"
    assert [line.partition(":")[0] for line in told] == ["no sound will be heard"]
    assert device.say(what) == ("silent", [])
    device.sink.start()
    assert device.say(what) == ("device", ["sound goes on at 'default'"])
    assert device.say(what) == ("device", [])


def test_a_device_that_comes_after_the_start_is_found_where_portaudio_may_begin_anew(
    device: Device,
) -> None:
    device.go()
    device.begin(follow_default=True)
    where, told = device.say()
    assert (where, len(told)) == ("silent", 1)
    assert "follow_default" not in told[0]
    device.sink.start()
    assert device.say() == ("device", ["sound goes on at 'default'"])


def test_a_device_that_comes_after_the_start_is_not_found_else_and_the_option_is_named(
    device: Device,
) -> None:
    device.go()
    device.begin()
    where, told = device.say()
    assert (where, len(told)) == ("silent", 1)
    assert "follow_default=True" in told[0]
    device.sink.start()
    assert device.say() == ("silent", [])


@pytest.mark.parametrize("follows", [True, False])
def test_without_the_device_that_was_asked_for_each_utterance_fails_until_it_is_back(
    device: Device, follows: bool
) -> None:
    device.begin(device="mine", follow_default=follows)
    assert device.say() == ("device", [])
    device.go()
    where, told = device.say()
    assert where == "NoDevice"
    assert [line.partition(":")[0] for line in told] == ["no sound can be heard"]
    assert device.say() == ("NoDevice", [])
    device.sink.start()
    assert device.say() == ("device", ["sound goes on at 'mine'"])
