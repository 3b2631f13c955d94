"""Devices that go away, hang, refuse or break: on a real sound server, each in its own process."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from streamplay.outputs.watchdog import FIRST_SECONDS, LOOK_SECONDS, QUIET_SECONDS, Watchdog
from tests.support.cards import LATENCY, Card
from tests.support.nullsink import SINK


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
def test_a_server_that_hangs_is_lost_and_does_not_hold_up_the_exit(card: Card, engine: str) -> None:
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


def test_a_server_that_hangs_between_two_utterances_holds_up_nothing(card: Card) -> None:
    card.play(0.3, idle=0, times=3, again=1.5, options={"follow_default": True})
    card.signal(signal.SIGSTOP)
    first, second, third, _ = card.outcome()
    assert first["complete"]
    assert second["error"] == "DeviceLost"
    assert third["complete"]
    assert "playing to a silent clock instead" in third["notices"][0]


@engines
def test_a_close_that_blocks_holds_up_nothing(card: Card, engine: str) -> None:
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
def test_a_callback_that_never_returns_does_not_hold_up_the_exit(card: Card, call: int) -> None:
    card.play(6, blocks=call, damage=[], options={"engine": "python"})
    lost(card.outcome()[0], at_least=0)


@engines
def test_a_device_that_refuses_the_rate_is_played_at_its_own(card: Card, engine: str) -> None:
    """Debian's a52 plugin takes one rate; how it sounds does not matter here."""
    with (Path(card.sink.environment["ALSA_CONFIG_PATH"])).open("a") as conf:
        conf.write('pcm.fixed { type a52 rate 44100 channels 2 slavepcm "pulse" }\n')
    card.play(1, damage=[], options={"engine": engine, "device": "fixed"})
    told = card.outcome()[0]
    assert told["rate"] == 44100
    assert (told["complete"], told["played"], told["received"]) == (True, 24000, 24000)
