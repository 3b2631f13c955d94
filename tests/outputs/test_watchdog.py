"""Devices that go away, hang, refuse or break: on a real sound server, each in its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamplay.outputs.watchdog import FIRST_SECONDS, LOOK_SECONDS, QUIET_SECONDS, Watchdog
from tests.support.nullsink import SINK, NullSink
from tests.support.speaking import counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.server.child import LocalServer

LATENCY = 0.05


def quiet_for(watch: Watchdog, rendered: int, *, start: float = 0.0, step: float = 0.01) -> float:
    """Return after how long a watch that sees nothing new says so."""
    now = start
    while watch.look(rendered, now) is None:
        now += step
        assert now < start + 60
    return now - start


def test_a_device_that_was_never_heard_of_is_given_longer() -> None:
    assert quiet_for(Watchdog(LATENCY), 0) == pytest.approx(FIRST_SECONDS + LATENCY, abs=0.03)


def test_a_device_that_stops_is_noticed_within_a_second() -> None:
    watch = Watchdog(LATENCY)
    watch.look(100, 0.0)
    assert quiet_for(watch, 100) == pytest.approx(QUIET_SECONDS + LATENCY, abs=0.03)
    assert QUIET_SECONDS + LATENCY < 1


def test_every_call_begins_the_count_anew() -> None:
    watch = Watchdog(LATENCY)
    for second in range(100):
        assert watch.look(second + 1, 0.7 * second) is None


def test_a_watchdog_that_was_kept_from_looking_is_no_witness() -> None:
    watch = Watchdog(LATENCY)
    watch.look(100, 0.0)
    assert watch.look(100, 1000.0) is None
    looks = 1
    while watch.look(100, 1000.0 * (looks + 1)) is None:
        looks += 1
    assert looks >= (QUIET_SECONDS + LATENCY) / LOOK_SECONDS - 1


def test_what_passed_while_nothing_was_to_be_played_does_not_count() -> None:
    watch = Watchdog(LATENCY)
    watch.look(100, 0.0)
    for now in range(5):
        watch.look(100, now / 10)
    watch.rest()
    assert quiet_for(watch, 100, start=50.0) == pytest.approx(QUIET_SECONDS + LATENCY, abs=0.03)


# Over a real sound server

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
def card(speech_server: LocalServer) -> Iterator[Card]:
    sink = NullSink()
    sink.start()
    card = Card(sink, speech_server.base_url)
    try:
        yield card
    finally:
        card.signal(signal.SIGCONT)
        card.close()
        sink.close()


engines = pytest.mark.parametrize("engine", ["native", "python"])


def lost(told: dict[str, Any], at_least: int = 6000) -> None:
    assert told["error"] == "DeviceLost", told
    assert "Heard: " in told["message"]
    assert told["played"] >= at_least
    assert told["flushed"] > 0


@engines
def test_a_sink_that_is_unloaded_is_lost_and_tells_what_was_heard(card: Card, engine: str) -> None:
    card.play(6, options={"engine": engine})
    card.unload()
    lost(card.outcome()[0])


@engines
def test_a_server_that_is_killed_is_lost(card: Card, engine: str) -> None:
    card.play(6, options={"engine": engine})
    card.signal(signal.SIGKILL)
    lost(card.outcome()[0])


@engines
def test_a_server_that_is_killed_and_restarted_goes_on(card: Card, engine: str) -> None:
    card.play(4, options={"engine": engine})
    card.restart()
    told = card.outcome()[0]
    assert (told["complete"], told["played"]) == (True, told["received"])
    assert "going on at 'default'" in told["notices"][0]


@engines
def test_a_server_that_hangs_is_lost_and_keeps_nobody_from_ending(card: Card, engine: str) -> None:
    card.play(6, options={"engine": engine})
    card.signal(signal.SIGSTOP)
    lost(card.outcome()[0])


def test_a_sink_that_is_suspended_is_lost(card: Card) -> None:
    card.play(6)
    card.pactl("suspend-sink", SINK, "1")
    lost(card.outcome()[0])


def test_a_stream_that_is_moved_plays_on(card: Card) -> None:
    card.play(4)
    card.another()
    playing = card.pactl("list", "short", "sink-inputs").split()[0]
    card.pactl("move-sink-input", playing, "other")
    told = card.outcome()[0]
    assert (told["complete"], told["played"]) == (True, told["received"])


def test_where_the_sink_is_unloaded_another_plays_on(card: Card) -> None:
    card.play(4)
    card.another()
    card.unload()
    told = card.outcome()[0]
    assert (told["complete"], told["played"]) == (True, told["received"])


def test_a_device_that_was_asked_for_is_opened_again_and_no_other(card: Card) -> None:
    with (Path(card.sink.environment["ALSA_CONFIG_PATH"])).open("a") as conf:
        conf.write(f"pcm.mine {{ type pulse device {SINK} }}\n")
    card.play(4, options={"device": "mine"})
    card.restart()
    told = card.outcome()[0]
    assert told["complete"]
    assert "going on at 'mine'" in told["notices"][0]


def test_a_server_that_died_while_nothing_was_said_is_found_again(card: Card) -> None:
    card.play(0.3, idle=0, times=2, until=0)
    card.restart()
    first, second, _ = card.outcome()
    assert first["complete"]
    assert second["complete"]


@pytest.mark.parametrize("follows", [True, False])
def test_a_default_device_that_has_changed_is_followed_where_that_is_allowed(
    card: Card, follows: bool
) -> None:
    card.play(2, idle=0, times=2, damage=[0, 1], options={"follow_default": follows})
    card.another()
    card.make_default("other")
    card.go_on()
    card.outcomes += map(json.loads, card.turn())
    assert card.playing_on() == (["other"] if follows else [SINK])
    first, second, _ = card.outcome()
    for told in (first, second):
        assert (told["complete"], told["played"], told["notices"]) == (True, 48000, [])


def test_where_the_server_itself_moves_what_plays_on_the_default_nothing_is_lost(
    card: Card,
) -> None:
    """PulseAudio takes along what was not asked to play anywhere else."""
    card.play(2, idle=0, times=2, damage=[0, 1])
    card.another()
    card.pactl("set-default-sink", "other")
    card.go_on()
    card.outcomes += map(json.loads, card.turn())
    assert card.playing_on() == ["other"]
    first, second, _ = card.outcome()
    assert (first["complete"], second["complete"]) == (True, True)


def test_a_server_that_hangs_while_the_default_is_looked_up_keeps_nobody(card: Card) -> None:
    card.play(0.3, idle=0, times=2, again=1.5, options={"follow_default": True})
    card.signal(signal.SIGSTOP)
    first, second, _ = card.outcome()
    assert (first["complete"], second["complete"]) == (True, True)
    assert "playing to a silent clock instead" in second["notices"][0]


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
def test_a_server_that_hangs_while_portaudio_begins_anew_keeps_nobody(
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


@engines
def test_a_close_that_blocks_keeps_nobody(card: Card, engine: str) -> None:
    card.play(0.3, idle=0, options={"engine": engine})
    card.signal(signal.SIGSTOP)
    told, closed = card.outcome()
    assert told["complete"]
    assert closed["closed"] > 0


def test_a_program_that_does_not_close_ends_though_its_server_hangs(card: Card) -> None:
    card.play(0.3, idle=0, close=False)
    card.signal(signal.SIGSTOP)
    assert card.outcome()[0]["complete"]


@engines
def test_a_first_call_that_never_comes_is_a_device_lost(card: Card, engine: str) -> None:
    card.play(6, never=True, damage=[], options={"engine": engine})
    lost(card.outcome()[0], at_least=0)


def test_a_callback_that_raises_ends_in_an_error_that_says_so(card: Card) -> None:
    card.play(6, raises=60, damage=[], options={"engine": "python"})
    told = card.outcome()[0]
    assert told["error"] == "OutputFailed"
    assert "on purpose" in told["message"]


def test_a_callback_that_raised_before_anything_was_said_is_replaced(card: Card) -> None:
    card.play(1, raises=1, damage=[], options={"engine": "python"})
    assert card.outcome()[0]["complete"]


@pytest.mark.parametrize("call", [1, 40])
def test_a_callback_that_never_returns_keeps_nobody_from_ending(card: Card, call: int) -> None:
    card.play(6, blocks=call, damage=[], options={"engine": "python"})
    lost(card.outcome()[0], at_least=0)


@engines
def test_a_device_that_refuses_the_rate_is_played_at_its_own(card: Card, engine: str) -> None:
    """Debian's a52 plugin takes one rate; what it makes of the sound nobody has to hear."""
    with (Path(card.sink.environment["ALSA_CONFIG_PATH"])).open("a") as conf:
        conf.write('pcm.fixed { type a52 rate 44100 channels 2 slavepcm "pulse" }\n')
    card.play(1, damage=[], options={"engine": engine, "device": "fixed"})
    told = card.outcome()[0]
    assert told["rate"] == 44100
    assert (told["complete"], told["played"], told["received"]) == (True, 24000, 24000)
