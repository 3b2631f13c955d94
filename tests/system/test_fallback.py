"""Servers that fail, and others that go on: nothing is lost, and nothing said twice."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import streamplay
from streamplay import AsyncPlayer, Player, backend
from streamplay.cli import main
from streamplay.errors import ModelNotFound, TimedOut
from streamplay.events import PieceFinished, ServerChanged, Word
from streamplay.server.scenario import FAULTS
from tests.support.rawserver import unused_port
from tests.support.server import serving
from tests.support.speaking import (
    PATIENCE,
    Silent,
    account_for,
    being_heard,
    failure,
    receipt_of,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from streamplay import Utterance
    from streamplay.receipt import Receipt
    from streamplay.server.child import LocalServer

RATE = 24000
TEXT = "These words are said in order, and none of them is lost. Nothing is said twice either."
NOWHERE = f"http://127.0.0.1:{unused_port()}/v1"


def words_of(text: str) -> list[str]:
    return [word.strip(".,") for word in text.split()]


def told_words(utterance: Utterance) -> list[str]:
    return [event.text for event in utterance.events() if isinstance(event, Word)]


def changes(utterance: Utterance) -> list[ServerChanged]:
    return [event for event in utterance.events() if isinstance(event, ServerChanged)]


def check_whole(utterance: Utterance, text: str = TEXT) -> Receipt:
    """Hold an utterance to the promise: all of its words are told once, in order, to the end."""
    receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.complete
    assert receipt.error is None
    heard = utterance.heard()
    assert heard.text.split() == text.split()
    assert heard.exact
    assert heard.offset == len(text)
    assert told_words(utterance) == words_of(text)
    return receipt


def stand_in(server: LocalServer, voice: str = "leo") -> str:
    """Return the same server as an alternative: a model that is named gets no `extra`."""
    return f"{server.base_url}#model=canopylabs/orpheus-3b-0.1-ft&voice={voice}"


@pytest.fixture
def falling(speech_server: LocalServer, fast: Silent) -> Iterator[Player]:
    """A player whose first server obeys the scenario that is asked for; the second never fails."""
    options: Any = {"base_url": speech_server.base_url, "fallback": stand_in(speech_server)}
    with Player(**options, alignment="word") as player:
        yield player


def asking(**scenario: Any) -> dict[str, Any]:
    return {"extra_params": {"scenario": scenario}}


BEFORE = [{"status": status} for status in (400, 401, 429, 503)]
BEFORE += [{"fault": "no-answer"}, {"signal": "silence", "seconds": 0}]


@pytest.mark.parametrize("scenario", BEFORE, ids=str)
def test_another_server_speaks_where_one_refuses(falling: Player, scenario: dict[str, Any]) -> None:
    utterance = falling.say(TEXT, extra=asking(**scenario))
    check_whole(utterance)
    (change,) = changes(utterance)
    assert (change.offset, change.exact) == (0, True)
    assert change.error is not None


LOSING = [each for each in FAULTS if each not in {"no-answer", "no-mark", "data-after-mark"}]


@pytest.mark.parametrize("fault", LOSING)
def test_a_fault_in_the_middle_loses_no_word_and_says_none_twice(
    falling: Player, fault: str
) -> None:
    scenario = {"fault": fault, "at_event": 50, "pace": 30 * (len(fault) % 2)}
    limits = {"timeout": 0.3} if fault == "freeze" else {}
    utterance = falling.say(TEXT, extra=asking(**scenario), **limits)
    receipt = check_whole(utterance)
    (change,) = changes(utterance)
    assert change.exact
    (piece,) = utterance._state.pieces
    assert piece.frames == receipt.frames.played


@pytest.mark.parametrize("at", [1, 9, 70])
def test_wherever_it_breaks_off_the_text_goes_on_at_a_word(falling: Player, at: int) -> None:
    utterance = falling.say(TEXT, extra=asking(fault="end-between-chunks", at_event=at))
    check_whole(utterance)
    (change,) = changes(utterance)
    assert change.offset == 0 or TEXT[change.offset - 1] == " "


def test_pieces_that_are_under_way_go_on_too(falling: Player) -> None:
    """The first of three pieces breaks off; what has come whole of the others is heard as it is."""
    text = "One is said here. Then two is said. Then three, and this is the last one."
    parts = (text[at : at + 7] for at in range(0, len(text), 7))
    scenario = {"fault": "end-between-chunks", "at_event": 20}
    check_whole(utterance := falling.say(parts, extra=asking(**scenario)), text)
    assert len(changes(utterance)) == 1
    told = [event.text for event in utterance.events() if isinstance(event, PieceFinished)]
    assert [each.text for each in utterance._state.pieces] == told


def test_a_text_that_comes_slowly_survives_its_server(falling: Player) -> None:
    go_on = threading.Event()

    def tokens() -> Iterator[str]:
        yield "One is said here. And "
        assert go_on.wait(PATIENCE)
        yield "two goes on."

    utterance = falling.say(tokens(), extra=asking(fault="reset", at_event=10))
    wait_until(lambda: changes_so_far(utterance))
    go_on.set()
    check_whole(utterance, "One is said here. And two goes on.")


def changes_so_far(utterance: Utterance) -> int:
    return len(utterance._state.changes)


def test_where_all_fail_the_last_error_is_raised_and_what_was_heard_is_known(
    speech_server: LocalServer, fast: Silent
) -> None:
    notices: list[str] = []
    options: Any = {"fallback": [NOWHERE, f"{speech_server.base_url}#model=no/such&voice=x"]}
    with Player(base_url=speech_server.base_url, notify=notices.append, **options) as player:
        fault = asking(fault="end-between-chunks", at_event=30)
        utterance = player.say(TEXT, extra=fault, alignment="word")
        error = failure(utterance)
    assert isinstance(error, ModelNotFound)
    receipt = receipt_of(error)
    assert receipt.base_url == speech_server.base_url
    assert (receipt.model, receipt.attempts, receipt.complete) == ("no/such", 3, False)
    heard = utterance.heard()
    assert 0 < len(heard.text) < len(TEXT)
    assert heard.exact
    assert TEXT.startswith(heard.text)
    assert len(changes(utterance)) == 2
    assert [notice.partition("; ")[2] for notice in notices] == [
        f"going on with {NOWHERE}",
        f"going on with {speech_server.base_url}, for 10 minutes: two changes within one",
    ]


def test_the_same_server_may_stand_in_for_itself(speech_server: LocalServer, fast: Silent) -> None:
    url = speech_server.base_url
    fault = asking(fault="end-between-chunks", at_event=15)
    with Player(base_url=url, fallback=[url, stand_in(speech_server)], alignment="word") as player:
        utterance = player.say(TEXT, extra=fault)  # the second entry obeys the scenario too
        check_whole(utterance)
        assert len(changes(utterance)) == 2


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_an_interruption_while_the_server_changes_is_silent_and_tells_what_was_heard(
    speech_server: LocalServer, silent: Silent, how: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as never_answers:
        slow = f"http://127.0.0.1:{never_answers.getsockname()[1]}/v1"
        options: Any = {"base_url": speech_server.base_url, "fallback": slow}
        with Player(**options, alignment="word") as player:
            fault = asking(fault="end-between-chunks", at_event=25)
            utterance = player.say(TEXT, extra=fault)
            behind = player.say("Not heard.")
            wait_until(lambda: changes_so_far(utterance))
            being_heard(utterance, RATE // 2)
            heard = player.interrupt() if how == "interrupt" else utterance.cancel()
            behind.cancel()
            receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.interrupted
    assert heard.exact
    assert TEXT.startswith(heard.text)
    assert heard.rest == TEXT[heard.offset :]


def test_a_pause_while_the_server_changes_holds_the_sound(falling: Player, fast: Silent) -> None:
    fault = asking(fault="end-between-chunks", at_event=25, pace=20)
    utterance = falling.say(TEXT, extra=fault)
    being_heard(utterance)
    falling.pause()
    wait_until(lambda: changes_so_far(utterance))
    wait_until(lambda: utterance._state.received)
    played = utterance.receipt.frames.played
    falling.resume()
    check_whole(utterance)
    assert played < utterance.receipt.frames.played


def test_what_is_said_first_is_heard_first_while_the_server_changes(falling: Player) -> None:
    fault = asking(fault="end-between-chunks", at_event=25, pace=20)
    utterance = falling.say(TEXT, extra=fault)
    queued = falling.say("Queued behind it.")
    being_heard(utterance)
    first = falling.say("Said before that.", first=True)
    sound = falling.play(np.full(2400, 0.1, np.float32), RATE)
    ended: list[str] = []
    for name, each in (("text", utterance), ("queued", queued), ("first", first), ("sound", sound)):
        each.on_done(partial(ended.append, name))
    check_whole(utterance)
    assert first.wait(PATIENCE).complete
    assert queued.wait(PATIENCE).complete
    assert sound.wait(PATIENCE).complete
    assert ended == ["text", "first", "queued", "sound"]
    assert sound.receipt.frames.played == 2400


def test_offsets_are_of_the_given_text_with_clean_too(falling: Player) -> None:
    given = (
        "**These** words are said [in order](https://me:x@example.com/page), and *none* is lost."
    )
    fault = asking(fault="end-between-chunks", at_event=20)
    utterance = falling.say(iter([given]), extra=fault, clean=True)
    receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.complete
    words = [event for event in utterance.events() if isinstance(event, Word)]
    assert [event.text for event in words] == words_of(
        "These words are said in order and none is lost"
    )
    assert all(given[event.offset :].startswith(event.text) for event in words)
    assert utterance.heard().offset == len(given)
    (change,) = changes(utterance)
    assert given[change.offset - 1] in " *["


def test_an_utterance_that_cannot_be_interrupted_goes_on(falling: Player) -> None:
    fault = asking(fault="end-between-chunks", at_event=20)
    utterance = falling.say(TEXT, extra=fault, interruptible=False)
    being_heard(utterance)
    falling.interrupt()
    check_whole(utterance)


def test_without_the_times_of_words_the_place_is_told_as_estimated(falling: Player) -> None:
    fault = asking(fault="end-between-chunks", at_event=40)
    utterance = falling.say(TEXT, extra=fault, alignment=None)
    receipt = account_for(utterance.wait(PATIENCE))
    assert receipt.complete
    assert not utterance.heard().exact
    assert utterance.heard().text == TEXT
    (change,) = changes(utterance)
    assert not change.exact
    assert 0 < change.offset < len(TEXT)


def test_an_async_player_and_its_text_survive_too(speech_server: LocalServer, fast: Silent) -> None:
    async def tokens() -> AsyncIterator[str]:
        for part in ("One is said ", "here. And two", " goes on. ", "Three."):
            await asyncio.sleep(0)
            yield part

    async def main() -> tuple[Receipt, list[str]]:
        fault = asking(fault="end-between-chunks", at_event=15)
        options: Any = {"base_url": speech_server.base_url, "fallback": stand_in(speech_server)}
        async with AsyncPlayer(**options, alignment="word") as player:
            utterance = await player.say(tokens(), extra=fault)
            words = [event.text async for event in utterance.events() if isinstance(event, Word)]
            return await utterance.wait(), words

    receipt, words = asyncio.run(main())
    assert account_for(receipt).complete
    assert words == words_of("One is said here. And two goes on. Three.")


def test_a_stream_of_another_rate_goes_on_at_the_rate_of_the_first(
    speech_server: LocalServer, fast: Silent, tmp_path: Path
) -> None:
    options: Any = {"base_url": speech_server.base_url, "model": "cartesia/sonic"}
    options |= {"voice": "nonfiction man", "sample_rate": 16000}
    with Player(**options, fallback=stand_in(speech_server), alignment="word") as player:
        fault = asking(fault="end-between-chunks", at_event=20)
        utterance = player.say(TEXT, extra=fault, output=tmp_path / "kept.wav")
        receipt = check_whole(utterance)
    assert receipt.format.samplerate == 16000
    samples, rate = soundfile.read(tmp_path / "kept.wav")
    assert (rate, len(samples)) == (16000, receipt.frames.received)


def test_a_server_that_is_silent_gives_way_after_so_many_seconds(
    speech_server: LocalServer, fast: Silent
) -> None:
    options: Any = {"base_url": speech_server.base_url, "fallback": stand_in(speech_server)}
    with Player(**options, fallback_after=0.2, alignment="word") as player:
        utterance = player.say(TEXT, extra=asking(first_byte_ms=60_000))
        check_whole(utterance)
        (change,) = changes(utterance)
    assert isinstance(change.error, TimedOut)
    assert change.error.seconds == 0.2


def test_a_server_that_falls_silent_in_the_middle_gives_way_once_nothing_is_heard(
    speech_server: LocalServer, fast: Silent
) -> None:
    options: Any = {"base_url": speech_server.base_url, "fallback": stand_in(speech_server)}
    with Player(**options, fallback_after=1.0, alignment="word") as player:
        utterance = player.say(TEXT, extra=asking(fault="freeze", at_event=30))
        receipt = check_whole(utterance)
        (change,) = changes(utterance)
    assert isinstance(change.error, TimedOut)
    assert change.error.waiting_for == "chunk"
    # The clock runs many times as fast as real time: a moment's delay of this machine can
    # be a stall of its own beside the one that the server makes.
    assert receipt.stalls.longest_ms > 0.9 * receipt.stalls.total_ms > 0


def test_the_first_server_speaks_again_once_it_is_there(
    speech_server: LocalServer, fast: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "PROBES", (0.01,))
    notices: list[str] = []

    async def main() -> list[Receipt]:
        port = unused_port()
        options: Any = {"base_url": f"http://127.0.0.1:{port}/v1", "notify": notices.append}
        async with AsyncPlayer(**options, fallback=stand_in(speech_server)) as player:
            first = await (await player.say("One.")).wait()
            async with serving(port=port):
                standby = player._core._resources.backend._failover
                await asyncio.to_thread(wait_until, lambda: standby.has_reached)
                again = await (await player.say("Two.")).wait()
            return [first, again]

    first, again = asyncio.run(main())
    assert (first.base_url, first.complete) == (speech_server.base_url, True)
    assert (again.base_url != first.base_url, again.complete) == (True, True)
    assert notices[-1] == f"{again.base_url} is there again: speaking with it"


def test_the_command_falls_back_in_the_middle_of_its_text(
    speech_server: LocalServer, fast: Silent, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = json.dumps({"scenario": {"fault": "end-between-chunks", "at_event": 20}})
    server = ["--base-url", speech_server.base_url, "--extra", f"extra_params={fault}"]
    assert main(["say", TEXT, *server, "--fallback", stand_in(speech_server), "--json"]) == 0
    told = capsys.readouterr()
    receipt = json.loads(told.out)
    assert (receipt["complete"], receipt["attempts"], receipt["error"]) == (True, 2, None)
    (notice,) = [line for line in told.err.splitlines() if "going on" in line]
    assert notice.endswith(", from about where it was")
    assert main(["say", TEXT, *server, "--fallback", "nowhere"]) == 2


def test_say_falls_back_in_the_middle_of_its_text(speech_server: LocalServer, fast: Silent) -> None:
    fault = asking(fault="end-between-chunks", at_event=20)
    receipt = streamplay.say(
        TEXT, base_url=speech_server.base_url, fallback=stand_in(speech_server), extra=fault
    )
    assert account_for(receipt).complete
