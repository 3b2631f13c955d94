"""The events of an utterance: one checked sequence, over every fault of the local server."""

from __future__ import annotations

import threading
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamplay import Player
from streamplay.events import (
    End,
    Event,
    Failed,
    Finished,
    FirstByte,
    FirstSound,
    Handing,
    History,
    Interrupted,
    Listener,
    PieceFinished,
    Requested,
    Resumed,
    ServerChanged,
    Stalled,
    Waiting,
    Word,
)
from streamplay.server.scenario import FAULTS
from tests.support.speaking import (
    PATIENCE,
    Silent,
    asking,
    being_heard,
    counting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamplay.server.child import LocalServer
    from streamplay.speech.utterance import Utterance

TEXT = "One two three. Four five."


class Machine:
    """The sequence that docs/events.md promises; raises where an event must not come."""

    def __init__(self) -> None:
        self.requested = self.finished = 0
        self.byte = self.sound = self.stalled = self.over = False
        self.at = 0.0

    def take(self, event: Event) -> None:
        assert not self.over, f"{event} after the end"
        assert event.at >= self.at or isinstance(event, FirstByte)
        self.at = max(self.at, event.at)
        match event:
            case Requested():
                assert event.piece == self.requested
                self.requested += 1
            case FirstByte():
                assert self.requested
                assert not self.byte
                self.byte = True
            case FirstSound():
                assert self.byte
                assert not self.sound
                self.sound = True
            case Word():
                assert self.sound
                assert event.piece == self.finished < self.requested
                assert 0 <= event.start <= event.stop
            case Waiting() | ServerChanged():
                waits = self.sound and not self.stalled
                assert waits or isinstance(event, ServerChanged)
            case Stalled():
                assert self.sound
                assert not self.stalled
                self.stalled = True
            case Resumed():
                assert self.stalled
                assert event.seconds > 0
                self.stalled = False
            case PieceFinished():
                assert self.sound
                assert event.piece == self.finished < self.requested
                self.finished += 1
            case Finished() | Interrupted() | Failed():
                self.over = True
            case _:
                raise AssertionError(event)


def checked(utterance: Utterance) -> list[Event]:
    """Return the events of an utterance that ends, held to the promise and to its receipt."""
    events = list(utterance.events())
    machine = Machine()
    for event in events:
        assert event.utterance is utterance
        machine.take(event)
    assert machine.over
    end, receipt = events[-1], utterance.receipt
    assert isinstance(end, End)
    assert end.receipt == receipt
    assert isinstance(end, Failed) == (receipt.error is not None)
    assert isinstance(end, Interrupted) == (receipt.interrupted and receipt.error is None)
    assert machine.requested == len(utterance._state.pieces)
    assert machine.sound == (receipt.frames.played > 0)
    assert sum(isinstance(event, Resumed) for event in events) >= receipt.stalls.count
    if isinstance(end, Finished):
        assert machine.finished == sum(piece.frames != 0 for piece in utterance._state.pieces)
    return events


def names(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


# The sequence


def test_a_plain_utterance(player: Player) -> None:
    # Whole before it starts: on a busy machine the card would be faster than the server.
    events = checked(player.say("hello", extra=counting(0.3), prebuffer=1000))
    order = ["Requested", "FirstByte", "FirstSound", "PieceFinished", "Finished"]
    assert names(events) == order


@pytest.mark.parametrize("stream", [True, False])
def test_a_sound_tells_all_that_a_text_tells(player: Player, stream: bool) -> None:
    frames = [np.full(2400, 1000, np.int16)] * 2
    events = checked(player.play(iter(frames) if stream else frames[0], 24000))
    order = ["Requested", "FirstByte", "FirstSound", "PieceFinished", "Finished"]
    # On a busy machine the thread that takes the frames may be late.
    assert [name for name in names(events) if name not in {"Stalled", "Resumed"}] == order
    heard = events[-1].utterance.heard()
    assert (heard.text, heard.exact, heard.offset) == ("", True, 0)


def test_a_text_that_is_late_is_waited_for_and_stalls_nothing(live: Player) -> None:
    go_on = threading.Event()

    def text() -> Iterator[str]:
        yield "One sentence. "
        assert go_on.wait(PATIENCE)
        yield "And another."

    utterance = live.say(text(), extra=counting(0.2))
    told = []
    for event in utterance.events():
        told.append(event)
        if isinstance(event, Waiting):
            go_on.set()
    said = names(checked(utterance))
    at = said.index("Waiting")
    assert said[at - 1] == "PieceFinished"
    assert said[at + 1] == "Requested"
    assert "Stalled" not in said
    assert said.count("Waiting") == 1


def test_a_sound_that_is_late_stalls(live: Player) -> None:
    def late() -> Iterator[NDArray[np.int16]]:
        yield np.full(4800, 1000, np.int16)
        time.sleep(1.0)
        yield np.full(4800, 1000, np.int16)

    said = names(checked(live.play(late(), 24000)))
    assert "Stalled" in said
    assert "Resumed" in said


def test_every_piece_is_requested_and_finished_in_order(player: Player) -> None:
    events = checked(player.say(iter(["One. ", "Two. ", "Three."]), extra=counting(0.2)))
    texts = [event.text for event in events if isinstance(event, PieceFinished)]
    asked = [event.text for event in events if isinstance(event, Requested)]
    assert texts == asked
    assert " ".join(texts) == "One. Two. Three."


@pytest.mark.parametrize("words", ["none", "word"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("impatient", "fast")
def test_the_sequence_holds_over_every_fault(
    speech_server: LocalServer, fault: str, words: str
) -> None:
    with Player(base_url=speech_server.base_url, timeout=0.3, alignment=words) as player:
        checked(player.say(TEXT, extra=asking(fault=fault, at_event=3)))


@pytest.mark.parametrize("status", [400, 401, 402, 404, 429, 500])
@pytest.mark.usefixtures("impatient")
def test_a_refusal_is_requested_and_fails(player: Player, status: int) -> None:
    events = checked(player.say(TEXT, extra=counting(1, status=status)))
    assert names(events)[0] == "Requested"
    assert names(events)[-1] == "Failed"
    assert "FirstSound" not in names(events)


def test_a_stall_is_told_while_it_lasts(live: Player) -> None:
    utterance = live.say(TEXT, extra=counting(1, stalls=["300:900"]), prebuffer=0)
    for event in utterance.events():
        if isinstance(event, Stalled):
            assert utterance.receipt.stalls.count == 0  # it is not over yet
            break
    else:
        pytest.fail("it did not stall")
    resumed = [event for event in checked(utterance) if isinstance(event, Resumed)]
    assert [each.seconds for each in resumed] == [
        pytest.approx(utterance.receipt.stalls.total_ms / 1000)
    ]


def test_what_is_interrupted_tells_what_was_heard(live: Player) -> None:
    utterance = live.say(TEXT, extra=counting(10))
    queued = live.say("never", extra=counting(1))
    being_heard(utterance, 2000)
    live.interrupt()
    end = checked(utterance)[-1]
    assert isinstance(end, Interrupted)
    assert end.heard.frames == utterance.receipt.frames.played
    assert isinstance(checked(queued)[-1], Interrupted)


def test_what_is_not_played_is_not_heard(speech_server: LocalServer) -> None:
    with Player(base_url=speech_server.base_url, play=False) as player:
        events = list(player.say("hello", extra=counting(0.3)).events())
    assert names(events) == ["Requested", "FirstByte", "Finished"]


# Words


def test_a_word_is_told_when_it_is_heard(live: Player) -> None:
    utterance = live.say("One two, three. Four five six.", alignment="word")
    happened = ((event, utterance.position) for event in utterance.events())
    told = [(event, position) for event, position in happened if isinstance(event, Word)]
    assert [word.text for word, _ in told] == ["One", "two", "three", "Four", "five", "six"]
    for word, position in told:
        assert position > word.start * 24000 - 1  # never before
    for (one, _), (other, _) in pairwise(told):
        assert one.start <= other.start
    checked(utterance)


def test_the_words_that_were_heard_are_told_and_no_others(live: Player) -> None:
    utterance = live.say("One two three four five six seven eight nine.", alignment="word")
    being_heard(utterance, 24000)
    heard = live.interrupt()
    words = [event.text for event in checked(utterance) if isinstance(event, Word)]
    assert heard.exact
    assert 0 <= len(words) - len(heard.text.split()) <= 1  # the last has begun


# Who listens


def test_a_callback_is_told_of_all_utterances(speech_server: LocalServer, fast: Silent) -> None:
    told: list[Event] = []
    with Player(base_url=speech_server.base_url, on_event=told.append) as player:
        said = [player.say("hello", extra=counting(0.1)) for _ in range(3)]
    for each in said:
        assert [event for event in told if event.utterance is each] == checked(each)


def test_who_comes_late_and_who_comes_together_are_told_the_same(player: Player) -> None:
    utterance = player.say("hello", extra=counting(0.3))
    told: list[list[Event]] = []
    threads = [
        threading.Thread(target=lambda: told.append(list(utterance.events()))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    utterance.wait(PATIENCE)
    assert told == [checked(utterance)] * 3


def test_a_listener_that_raises_or_is_slow_is_reported_and_delays_no_sound(
    speech_server: LocalServer, silent: Silent
) -> None:
    notices: list[str] = []
    gate = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, Requested):
            gate.wait(PATIENCE)
        raise ValueError("not today")

    with Player(base_url=speech_server.base_url, on_event=listen, notify=notices.append) as player:
        utterance = player.say("hello", extra=counting(0.4))
        assert utterance.wait(PATIENCE).stalls.count == 0
        assert notices == []
        gate.set()
    assert sorted(notice.split(" for ")[0].split(" at ")[0][:15] for notice in notices) == [
        "on_event raised",
        "on_event took 0",
    ]


def test_a_callback_may_interrupt_and_say_more(speech_server: LocalServer, silent: Silent) -> None:
    done = threading.Event()
    more: list[Utterance] = []

    def listen(event: Event) -> None:
        if isinstance(event, FirstSound) and not more:
            more.append(player.say("more", extra=counting(0.1)))
            event.utterance.cancel()
        if isinstance(event, Finished):
            done.set()

    with Player(base_url=speech_server.base_url, on_event=listen) as player:
        first = player.say("hello", extra=counting(10))
        assert done.wait(PATIENCE)
        assert first.receipt.interrupted
        assert more[0].receipt.complete


def test_a_callback_that_never_returns_does_not_keep_a_player_from_closing(
    speech_server: LocalServer, fast: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamplay.core.LISTENER_PATIENCE_SECONDS", 0.01)
    gate = threading.Event()
    with Player(base_url=speech_server.base_url, on_event=lambda _: gate.wait(PATIENCE)) as player:
        player.say("hello", extra=counting(0.1))
    gate.set()


def test_a_history_tells_nobody_twice() -> None:
    whose: Any = "an utterance"
    history = History(lambda: whose)
    told: list[Event] = []
    history.subscribe(told.append)
    assert history.add(partial(FirstSound, at=1.0))
    history.unsubscribe(told.append)
    assert not history.add(partial(FirstSound, at=2.0))
    assert told == [FirstSound(utterance=whose, at=1.0)]


def test_a_listener_hands_over_what_is_left_when_it_is_closed() -> None:
    told: list[Any] = []
    notices: list[str] = []

    def slow(event: Event) -> None:
        time.sleep(0.01)
        told.append(event)
        raise SystemExit(1)  # it would end the thread, and nothing more would be told

    listener = Listener(Handing(slow, notices.append))
    events: list[Any] = [object() for _ in range(5)]
    for event in events:
        listener.put(event)
    listener.close(PATIENCE)
    assert told == events
    assert notices == ["on_event raised SystemExit(1) at object"]


def test_the_page_on_events_names_them_all() -> None:
    page = (Path(__file__).parent.parent / "docs" / "events.md").read_text(encoding="utf-8")
    kinds = {kind.__name__ for kind in Event.__subclasses__()}
    assert {kind for kind in kinds if f"| `{kind}` |" in page} == kinds
