"""A private sound server, and a program that plays on it, to do damage to."""

from __future__ import annotations

import json
import os
import signal
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


LATENCY = 0.05


PROGRAM = """
import json, sys, threading, time
asked = json.loads(sys.argv[1])
import streamplay
from streamplay.outputs import portaudio
portaudio.AGAIN_SECONDS = asked["again"]
from streamplay.outputs.device import DeviceOutput
from streamplay.playback.playout import Playout

calls = 0
def breaking(self, out, now, late=False, delay=0.0, *, whole=Playout.render):
    global calls
    calls += 1
    if calls == asked["raises"]:
        raise ValueError("on purpose")
    if calls == asked["blocks"]:
        threading.Event().wait()
    whole(self, out, now, late=late, delay=delay)
if asked["raises"] or asked["blocks"]:
    Playout.render = breaking
if asked["never"]:
    made = DeviceOutput._make_stream
    def silent(self, *args, **kwargs):
        stream = made(self, *args, **kwargs)
        stream.start = lambda: None
        return stream
    DeviceOutput._make_stream = silent

notices = []
def wait(speech):
    begun = time.perf_counter()
    try:
        receipt, error = speech.wait(60), None
    except streamplay.StreamPlayError as failure:
        receipt, error = failure.receipt, failure
    print(json.dumps({
        "seconds": time.perf_counter() - begun,
        "error": error and type(error).__name__, "message": str(error), "notices": notices,
        "complete": receipt.complete, "rate": receipt.output.samplerate,
        "played": receipt.frames.played, "flushed": receipt.frames.flushed,
        "received": receipt.frames.received,
    }), flush=True)

player = streamplay.Player(**asked["options"], notify=notices.append)
for index in range(asked["times"]):
    speech = player.say("hello", extra=asked["extra"])
    if asked["idle"] == index:
        wait(speech)
    else:
        while not speech.done and speech.receipt.frames.played < asked["until"]:
            time.sleep(0.005)
    if index in asked["damage"]:
        print("ready", flush=True)
        sys.stdin.readline()
    if asked["idle"] != index:
        wait(speech)
begun = time.perf_counter()
if asked["close"]:
    player.close()
print(json.dumps({"closed": time.perf_counter() - begun}), flush=True)
"""


class Card:
    """A private sound server, and a program that plays on it."""

    def __init__(self, sink: NullSink, base_url: str) -> None:
        self.sink = sink
        self._base_url = base_url
        self._program: subprocess.Popen[str] | None = None
        self.outcomes: list[dict[str, Any]] = []

    def play(self, seconds: float = 2.0, **asked: Any) -> None:
        """Begin to play; returns when it is the test's turn to do damage."""
        options = {"base_url": self._base_url, **asked.pop("options", {})}
        asked = {
            "options": options,
            "extra": counting(seconds),
            "damage": [0],
            "until": 6000,
            "times": 1,
            "idle": -1,
            "close": True,
            "raises": 0,
            "blocks": 0,
            "never": False,
            "again": 20,  # seconds in which a busy machine's audio server answers
            **asked,
        }
        self.run(PROGRAM, json.dumps(asked))
        if asked["damage"]:
            self.outcomes += map(json.loads, self.turn())

    def run(self, program: str, *words: str) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            env=os.environ | self.sink.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def turn(self) -> list[str]:
        """Return what the program told before it is the test's turn."""
        assert self._program is not None
        assert self._program.stdout is not None
        told = []
        while (line := self._program.stdout.readline().strip()) != "ready":
            assert line, self._program.communicate()
            told.append(line)
        return told

    def go_on(self) -> None:
        """Let the program go on."""
        assert self._program is not None
        assert self._program.stdin is not None
        self._program.stdin.write("\n")
        self._program.stdin.flush()

    def end(self) -> list[str]:
        """Let the program go on to its end, which is clean; return what it told."""
        assert self._program is not None
        try:
            out, err = self._program.communicate("\n", timeout=60)
        except subprocess.TimeoutExpired:
            pytest.fail("it does not end")
        # PortAudio itself prints the C expression that failed, and cannot be asked not to.
        ours = [line for line in err.splitlines() if not line.startswith("Expression '")]
        assert (self._program.returncode, ours) == (0, [])
        return out.splitlines()

    def outcome(self) -> list[dict[str, Any]]:
        """Return what became of each thing that was said, and of closing."""
        told = [*self.outcomes, *map(json.loads, self.end())]
        for each in told[:-1]:
            print(each)
            assert each["received"] == each["played"] + each["flushed"]
        return told

    def close(self) -> None:
        """End the program where a test has failed before."""
        if self._program is not None:
            self._program.kill()
            self._program.communicate()

    def pactl(self, *words: str) -> str:
        return subprocess.run(
            ["pactl", *words],
            env=os.environ | self.sink.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def another(self) -> None:
        """Plug in another device."""
        self.pactl("load-module", "module-null-sink", "sink_name=other", "norewinds=1")

    def playing_on(self) -> list[str]:
        """Return the names of the sinks on which something is played."""
        listed = (line.split() for line in self.pactl("list", "short", "sinks").splitlines())
        names = {number: name for number, name, *_ in listed}
        streams = self.pactl("list", "short", "sink-inputs").splitlines()
        return [names[stream.split()[1]] for stream in streams]

    def make_default(self, sink: str) -> None:
        """Have PulseAudio's clients ask for another sink from now on; what plays stays."""
        conf = Path(self.sink.environment["PULSE_CLIENTCONFIG"])
        conf.write_text(f"autospawn = no\ndefault-sink = {sink}\n")

    def unload(self) -> None:
        listed = self.pactl("list", "short", "modules").splitlines()
        self.pactl("unload-module", next(line.split()[0] for line in listed if f"={SINK} " in line))

    def signal(self, number: int) -> None:
        assert self.sink._server is not None
        self.sink._server.send_signal(number)

    def restart(self) -> None:
        assert self.sink._server is not None
        self.sink._server.kill()
        self.sink._server.wait()
        self.sink.start()


@pytest.fixture
def card(speech_server: LocalServer, unmeasured: None) -> Iterator[Card]:
    sink = NullSink()
    sink.start()
    card = Card(sink, speech_server.base_url)
    try:
        yield card
    finally:
        card.signal(signal.SIGCONT)
        card.close()
        sink.close()
