from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamplay.notices import Notices

if TYPE_CHECKING:
    import pytest


def test_a_notice_is_passed_on() -> None:
    told: list[str] = []
    Notices(told.append)("a line")
    Notices(None)("another")
    assert told == ["a line"]


def test_what_notify_raises_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def notify(_: str) -> None:
        raise KeyError("x")

    Notices(notify)("a line")
    assert caplog.record_tuples == [("streamplay", logging.ERROR, "notify raised at: a line")]
