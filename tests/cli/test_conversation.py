"""A conversation: whether its lines can be heard."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from streamplay.cli.conversation import HANDED_OVER, Conversation
from streamplay.cli.lines import LineState
from streamplay.cli.live import PlainScreen
from streamplay.cli.user_files import UserFiles
from streamplay.network import retry
from tests.support.speaking import counting, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamplay.server.child import LocalServer
    from tests.support.speaking import Returning


def test_it_knows_while_nothing_can_be_heard(
    speech_server: LocalServer, returning: Returning, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    options = {"base_url": speech_server.base_url, "extra": counting(0.1)}
    screen = PlainScreen(interactive=False)
    conversation = Conversation(options, screen, UserFiles(None, told.append), notify=told.append)
    conversation.open()
    try:
        assert conversation.wait_until_open() is None
        assert conversation.no_sound == "no sound can be heard: there is no output device"
        conversation.say("One.")
        conversation.wait_until_idle()
        assert conversation.no_sound
        returning.absent = False
        conversation.say("Two.")
        conversation.wait_until_idle()
        wait_until(lambda: not conversation.no_sound)
    finally:
        conversation.close(cut=True)
    assert len(told) == 2
    assert capsys.readouterr().err == ""


@pytest.fixture
def told() -> list[str]:
    """What the notices of `unheard` were."""
    return []


@pytest.fixture
def unheard(told: list[str]) -> Iterator[Conversation]:
    """A conversation whose player is none: its lines wait."""
    screen = PlainScreen(interactive=False)
    conversation = Conversation({}, screen, UserFiles(None, told.append), notify=told.append)
    yield conversation
    conversation._player = None
    conversation.close(cut=True)


def open_for_good(conversation: Conversation) -> None:
    conversation._player = SimpleNamespace(say=lambda *_, **__: object())  # type: ignore[assignment]


def test_what_is_tried_again_is_in_the_status_and_told_only_where_it_takes_long(
    unheard: Conversation, told: list[str]
) -> None:
    unheard.say("One.")
    assert unheard.trouble == ""  # the player is not open
    open_for_good(unheard)
    unheard._on_notice(retry.notice("it refuses", 2, 0.4))
    assert (unheard.trouble, told) == ("again in 0 s: it refuses", [])
    unheard._on_notice(retry.notice("it is busy", 2, 20.0))
    assert unheard.trouble == "again in 20 s: it is busy"
    assert told == ["it is busy; attempt 2 of 4 in 20.0 s"]


def test_a_silent_server_is_told_of_with_its_seconds(unheard: Conversation) -> None:
    open_for_good(unheard)
    unheard.say("One.")
    assert unheard.trouble == ""
    unheard.going[0].since -= 7
    unheard._quiet_since -= 7
    assert unheard.trouble == "no answer for 7 s"
    unheard.going[0].state = LineState.SPEAKING
    assert unheard.trouble == ""


def test_the_line_that_cut_in_is_heard_first(unheard: Conversation) -> None:
    for text in ("One.", "Two."):
        unheard.say(text)
    unheard.say("Now.", now=True)
    assert [line.text for line in unheard.going] == ["Now.", "One.", "Two."]
    unheard.going[1].state = LineState.SPEAKING
    assert [line.text for line in unheard.going] == ["One.", "Now.", "Two."]


def test_the_player_has_a_few_lines_at_a_time_and_each_is_heard(unheard: Conversation) -> None:
    given: list[str] = []

    def say(text: str, **_: object) -> object:
        given.append(text)
        return object()

    unheard._player = SimpleNamespace(say=say)  # type: ignore[assignment]
    texts = [f"Line {number}." for number in range(3 * HANDED_OVER)]
    for text in texts:
        unheard.say(text)
    assert given == texts[:HANDED_OVER]
    for line in unheard.going:
        unheard._end(line, LineState.HEARD)
    assert (given, unheard.is_busy) == (texts, False)
