"""A conversation: whether its lines can be heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamplay.cli.conversation import Conversation
from streamplay.cli.live import PlainScreen
from streamplay.cli.user_files import UserFiles
from tests.support.speaking import counting, wait_until

if TYPE_CHECKING:
    import pytest

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
