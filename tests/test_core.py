"""What both players share: the order in which utterances are heard, as it is told to the user."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from streamplay.core import PlayerCore, check_request
from streamplay.errors import InvalidRequest, PlayerClosed
from streamplay.options import Options
from streamplay.speech.utterance import Utterance
from tests.support.speaking import PATIENCE, Silent, counting, open_things, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamplay.events import Event
    from streamplay.server.child import LocalServer


@pytest.fixture
def core(speech_server: LocalServer, silent: Silent) -> Iterator[PlayerCore]:
    core = PlayerCore(Options(base_url=speech_server.base_url), Utterance)
    core.make_ready().result(PATIENCE)
    yield core
    core.close(cut=True)


def said(core: PlayerCore, text: str, *, first: bool = False) -> Utterance:
    state = core.utterance_of_text(text, {"extra": counting(5)}, first=first)
    handle = core.add(state)
    assert isinstance(handle, Utterance)
    return handle


def test_what_is_given_first_comes_behind_what_is_said_and_others_given_first(
    core: PlayerCore,
) -> None:
    assert (core.speaking, core.queue) == (None, ())
    one, two = said(core, "one"), said(core, "two")
    three = said(core, "three", first=True)
    four, five = said(core, "four", first=True), said(core, "five")
    assert core.speaking is one
    assert core.queue == (three, four, two, five)
    assert core.interrupt().cut == (one, three, four, two, five)


def test_first_of_all_is_said_at_once(core: PlayerCore) -> None:
    assert core.speaking is None
    one = said(core, "one", first=True)
    assert core.speaking is one


def test_a_handle_that_the_user_dropped_is_made_anew(core: PlayerCore) -> None:
    said(core, "one")
    told: list[Event | None] = []
    core.watch(told.append)
    speaking = core.speaking
    assert isinstance(speaking, Utterance)
    assert speaking.text == "one"
    core.interrupt()
    wait_until(lambda: told)
    core.unwatch(told.append)


def test_closing_is_silent_before_its_thread_has_started(
    core: PlayerCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = said(core, "one")
    with monkeypatch.context() as patch:
        patch.setattr(core._closing, "_run_aside", lambda _: None)
        core.begin_closing(cut=True)
        assert one.receipt.interrupted
    core._closing.begun = False


def test_a_pause_does_not_wait_for_the_loop(core: PlayerCore) -> None:
    one, gate = said(core, "one"), threading.Event()
    wait_until(lambda: one.receipt.frames.played)
    pump = core._resources.session.pump
    assert pump is not None
    core.call_soon(lambda: gate.wait(PATIENCE))
    core.set_paused(paused=True)
    assert pump.playout.paused
    core.set_paused(paused=False)
    core.set_paused(paused=True)
    gate.set()
    core.make_ready().result(PATIENCE)
    assert pump.playout.paused


def test_what_is_added_to_a_closed_player_leaves_no_file_behind(
    core: PlayerCore, tmp_path: Path
) -> None:
    before = open_things()
    state = core.utterance_of_text("one", {"output": tmp_path / "one.wav"})
    core.close()
    with pytest.raises(PlayerClosed):
        core.add(state)
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: open_things() <= before)


def test_a_wrong_field_opens_nothing() -> None:
    before = open_things()
    with pytest.raises(InvalidRequest, match="on_event"):
        check_request(Options(on_event=open_later))
    with pytest.raises(InvalidRequest, match="on_event"):
        PlayerCore(Options(on_event=open_later), Utterance)
    assert open_things() == before


async def open_later(_: Event) -> None:
    raise AssertionError
